//! Events that come late, or after the next one.

use std::time::Duration;

use time::OffsetDateTime;

use super::World;
use super::dispatch::Dispatch;

/// An event that waits to be overtaken waits no longer.
const OVERTAKEN_AT_LAST: Duration = Duration::from_secs(1);

/// An event that is held back.
pub(crate) struct Held {
    until: OffsetDateTime,
    /// Whether it goes out as soon as another one did.
    behind_next: bool,
    event: Dispatch,
}

impl World {
    /// Holds an event back for so long.
    pub(super) fn hold(&mut self, event: Dispatch, for_ms: u64) {
        self.held.push(Held {
            until: self.now + Duration::from_millis(for_ms),
            behind_next: false,
            event,
        });
    }

    /// Holds an event back until another one overtook it.
    pub(super) fn hold_behind_next(&mut self, event: Dispatch) {
        self.held.push(Held {
            until: self.now + OVERTAKEN_AT_LAST,
            behind_next: true,
            event,
        });
    }

    /// Sends what waited to be overtaken.
    pub(super) fn let_go_behind(&mut self) {
        let behind: Vec<Held> = self.held.extract_if(.., |held| held.behind_next).collect();
        for held in behind {
            self.send_to_all(&held.event);
        }
    }

    /// Sends what was held back long enough.
    pub(crate) fn let_go(&mut self) {
        let now = self.now;
        let due: Vec<Held> = self.held.extract_if(.., |held| held.until <= now).collect();
        for held in due {
            self.send_to_all(&held.event);
        }
    }

    /// When the next event is to be let go.
    pub(super) fn next_held(&self) -> Option<OffsetDateTime> {
        self.held.iter().map(|held| held.until).min()
    }
}
