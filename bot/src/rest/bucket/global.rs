//! The bot's limit over all routes: no second, wherever it begins, has more requests than allowed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Urgency;

/// Discord counts a second by its own clock and when requests arrive: ours is a little longer, for those that are late.
const SPAN: Duration = Duration::from_millis(1_030);
/// Below Discord's 50.
const DEFAULT_PER_SECOND: u32 = 49;
/// Out of so many turns one is kept for what must be shown.
const RESERVED_OF: usize = 4;

/// Requests of the last second.
#[derive(Debug)]
pub(super) struct Global {
    limit: usize,
    sent: VecDeque<Instant>,
    blocked_until: Option<Instant>,
}

impl Default for Global {
    fn default() -> Self {
        Self::new(DEFAULT_PER_SECOND)
    }
}

impl Global {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            limit: per_second.max(1) as usize,
            sent: VecDeque::new(),
            blocked_until: None,
        }
    }

    /// How long there is no turn; nothing if there is one.
    pub(super) fn wait(&mut self, urgency: Urgency, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        while self.sent.front().is_some_and(|at| *at + SPAN <= now) {
            self.sent.pop_front();
        }
        let allowed = match urgency {
            Urgency::Must => self.limit,
            Urgency::May => (self.limit - self.limit / RESERVED_OF).max(1),
        };
        let over = (self.sent.len() + 1)
            .checked_sub(allowed)
            .filter(|over| *over > 0)?;
        let free_at = self.sent.get(over - 1).map_or(now, |at| *at + SPAN);
        Some(
            free_at
                .saturating_duration_since(now)
                .max(Duration::from_millis(1)),
        )
    }

    pub(super) fn take(&mut self, now: Instant) {
        self.sent.push_back(now);
    }

    pub(super) fn give_back(&mut self) {
        self.sent.pop_back();
    }

    pub(super) fn block(&mut self, until: Instant) {
        self.blocked_until = Some(self.blocked_until.map_or(until, |end| end.max(until)));
    }
}
