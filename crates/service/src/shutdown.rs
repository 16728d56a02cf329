//! Two stages of stopping.

use tokio_util::sync::CancellationToken;

/// The two tokens that every long-lived task watches.
///
/// *Soft*: take no new work, finish what is held. *Hard*: give back what is held and stop at once. Hard implies soft.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Neither stage reached.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token of the first stage.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// The token of the second stage.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Begins the first stage.
    pub fn drain(&self) {
        self.soft.cancel();
    }

    /// Begins the second stage (and with it the first).
    pub fn stop(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Whether the first stage has begun.
    pub fn is_draining(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Whether the second stage has begun.
    pub fn is_stopping(&self) -> bool {
        self.hard.is_cancelled()
    }
}
