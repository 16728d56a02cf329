//! When a window ends, as far as one process can know.

use std::time::{Duration, Instant};

/// Headers are rounded.
const ROUNDING: Duration = Duration::from_millis(20);

/// The span in which a window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// Not before.
    pub(super) earliest: Instant,
    /// Not after.
    pub(super) latest: Instant,
}

impl Ends {
    /// What a reply that arrived `now` says of a request that went out at `sent`: it was counted in between.
    pub(super) fn told(sent: Instant, now: Instant, reset_after: Duration) -> Self {
        Self {
            earliest: sent + reset_after,
            latest: now + reset_after,
        }
    }

    /// Whether both can be of one window.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.earliest <= other.latest + ROUNDING && other.earliest <= self.latest + ROUNDING
    }

    /// What two replies about one window say together.
    pub(super) fn narrowed(self, other: Self) -> Self {
        let latest = self.latest.min(other.latest);
        Self {
            earliest: self.earliest.max(other.earliest).min(latest),
            latest,
        }
    }
}
