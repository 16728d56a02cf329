//! What a handler wants done about its message.

use std::time::Duration;

use crate::Message;

/// One step, performed in the order of the list. The list must hold exactly one settlement (every variant but
/// [`Action::Publish`]). If a publish fails, what follows it is not done and the message is requeued: at least once.
#[derive(Debug, Clone)]
pub enum Action {
    /// Settle: done with it. Return this only after the commit.
    Ack,
    /// Settle: give it back at once, for another consumer.
    Requeue,
    /// Settle: hold it for this long (at most a minute), then give it back. It counts against the prefetch meanwhile.
    RetryLater(Duration),
    /// Settle: move it to `easel.dead` with this reason, a few fixed words.
    DeadLetter(&'static str),
    /// Publish and wait for the confirm.
    Publish(Message),
}

impl Action {
    /// The usual list.
    pub fn ack() -> Vec<Self> {
        vec![Self::Ack]
    }
}
