//! What members are told while they wait and watch. Nobody misses one that is lost: the next says more, and ends are
//! told durably. So the coordinator never waits for the broker here.

use std::collections::HashMap;

use easel_broker::{Broker, Message};
use easel_domain::JobId;
use easel_domain::message::ProgressNote;
use futures::future::join_all;
use tokio::sync::mpsc;

use crate::metric;
use crate::term::TermEnd;

/// Notes that may wait. Beyond it they are dropped and counted.
const WAITING: usize = 1_024;
/// Notes that are sent at the same time.
const AT_ONCE: usize = 64;

/// A note and the shard whose process shows it.
pub(crate) type Said = (u32, ProgressNote);

/// Says things without waiting.
#[derive(Debug, Clone)]
pub(crate) struct Mentions(mpsc::Sender<Said>);

/// For one term.
pub(crate) fn channel() -> (Mentions, mpsc::Receiver<Said>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Mentions(sender), receiver)
}

impl Mentions {
    /// Says it soon, or never.
    pub fn say(&self, shard: u32, note: ProgressNote) {
        if self.0.try_send((shard, note)).is_err() {
            metrics::counter!(metric::MENTIONS_DROPPED).increment(1);
        }
    }
}

/// Sends notes until nobody can say any more.
pub(crate) async fn run(broker: Broker, mut inbox: mpsc::Receiver<Said>) -> TermEnd {
    let mut batch = Vec::with_capacity(AT_ONCE);
    while inbox.recv_many(&mut batch, AT_ONCE).await > 0 {
        let sent = newest(&mut batch)
            .into_iter()
            .map(|(shard, note)| send(&broker, shard, note));
        join_all(sent).await;
    }
    TermEnd::Drained
}

async fn send(broker: &Broker, shard: u32, note: ProgressNote) {
    let target = broker.names().progress(shard).target();
    let Ok(message) = Message::new(target, &note) else {
        return;
    };
    if let Err(error) = broker.publish(message.optional()).await {
        tracing::debug!("a progress note was not sent: {error}");
    }
}

/// Of each job the last note only: what is sent at the same time may arrive in any order.
fn newest(batch: &mut Vec<Said>) -> Vec<Said> {
    let last: HashMap<JobId, usize> = batch
        .iter()
        .enumerate()
        .map(|(place, (_, note))| (note.job_id, place))
        .collect();
    batch
        .drain(..)
        .enumerate()
        .filter(|(place, (_, note))| last.get(&note.job_id) == Some(place))
        .map(|(_, said)| said)
        .collect()
}

#[cfg(test)]
mod tests {
    use easel_domain::message::ProgressState;

    use super::*;

    fn note(job: u128, percent: u8) -> Said {
        let note = ProgressNote {
            job_id: JobId(uuid::Uuid::from_u128(job)),
            channel_id: None,
            state: ProgressState::Running {
                percent,
                preview: None,
            },
        };
        (0, note)
    }

    #[test]
    fn of_several_notes_on_a_job_the_last_is_sent() {
        let mut batch = vec![note(1, 10), note(2, 20), note(1, 30)];
        assert_eq!(newest(&mut batch), [note(2, 20), note(1, 30)]);
        assert!(batch.is_empty());
    }

    #[tokio::test]
    async fn a_note_too_many_is_dropped_and_holds_up_nobody() {
        let (mentions, mut said) = channel();
        for number in 0..=WAITING {
            mentions.say(0, note(number as u128, 1).1);
        }
        let mut taken = Vec::new();
        assert_eq!(said.recv_many(&mut taken, usize::MAX).await, WAITING);
        assert_eq!(taken[0], note(0, 1));
    }
}
