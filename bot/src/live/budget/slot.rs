//! What is remembered of one message.

use std::time::{Duration, Instant};

use easel_domain::DiscordId;

use super::queue::Rank;
use super::{EditKind, Lane};

/// So many edits of a message are followed by another after a quarter of the interval: who has just asked looks at the
/// message, and a short job has its preview in time. Together with the answer that stays within the five requests in five
/// seconds that an interaction's token was seen to have.
const EARLY_EDITS: u32 = 2;
/// Where a message is between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for nothing.
    Resting,
    /// It waits for this moment.
    Timed(Instant),
    /// Its row is to be read.
    ToRead(Rank),
    /// It waits for a turn.
    ToSend(EditKind, Lane, Rank),
    /// A task has it.
    Busy,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) channel: Option<DiscordId>,
    pub(super) lane: Lane,
    /// The row has something that was not read.
    pub(super) durable: bool,
    /// The row was read, and what it wants is not sent.
    pub(super) read: bool,
    pub(super) progress: bool,
    pub(super) stage: Stage,
    pub(super) not_before: Instant,
    pub(super) last_edit: Option<Instant>,
    pub(super) edits: u32,
    pub(super) wanted_since: Instant,
}

impl Slot {
    pub(super) fn new(channel: Option<DiscordId>, now: Instant) -> Self {
        Self {
            channel,
            lane: Lane::default(),
            durable: false,
            read: false,
            progress: false,
            stage: Stage::Resting,
            not_before: now,
            last_edit: None,
            edits: 0,
            wanted_since: now,
        }
    }

    pub(super) fn wants(&self) -> bool {
        self.durable || self.read || self.progress
    }

    /// From when on it may have what it wants.
    pub(super) fn due(&self, early: Duration, interval: Duration) -> Option<Instant> {
        if self.durable || self.read {
            return Some(self.not_before);
        }
        if !self.progress {
            return None;
        }
        let interval = if self.edits <= EARLY_EDITS {
            early
        } else {
            interval
        };
        let spaced = self
            .last_edit
            .map_or(self.not_before, |last| last + interval);
        Some(spaced.max(self.not_before))
    }
}
