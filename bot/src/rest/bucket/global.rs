//! The bot's limit over all routes: no second, wherever it begins, has more requests than allowed.
//!
//! Discord counts a request when it arrives. When that was, only its answer tells, and only within limits: until then it
//! counts. From its answer on it counts for a second, less what both ways together take at least: it arrived at least its
//! way back before its answer, and a request that is sent now arrives at least its way there later. Where the network or
//! Discord stalls and then takes many requests at once, those of more than a second arrive within one: they are all still
//! counted here, so no more are added.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Urgency;

/// A second by Discord's clock, and a little for the difference of two clocks.
const SPAN: Duration = Duration::from_millis(1_005);
/// Until its answer is there, a request counts this long: no slow upload stops all others for ever.
const HOLD: Duration = Duration::from_secs(3);
/// How soon to ask again while only answers can tell more.
const PROBE: Duration = Duration::from_millis(10);
/// Below Discord's 50.
const DEFAULT_PER_SECOND: u32 = 49;
/// Out of so many turns one is kept for what must be shown.
const RESERVED_OF: usize = 4;

/// Requests that count.
#[derive(Debug)]
pub(super) struct Global {
    limit: usize,
    /// When those went out that have no answer yet, oldest first.
    under_way: VecDeque<Instant>,
    /// When those were answered that may still count.
    answered: Vec<Instant>,
    /// The quickest answer so far: both ways together took no longer.
    quickest: Option<Duration>,
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
            under_way: VecDeque::new(),
            answered: Vec::new(),
            quickest: None,
            blocked_until: None,
        }
    }

    /// How long there is no turn; nothing if there is one.
    pub(super) fn wait(&mut self, urgency: Urgency, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        let counts = self.counts_after_answer();
        self.answered.retain(|at| *at + counts > now);
        while self.under_way.front().is_some_and(|at| *at + HOLD <= now) {
            self.under_way.pop_front();
        }
        let allowed = match urgency {
            Urgency::Must => self.limit,
            Urgency::May => (self.limit - self.limit / RESERVED_OF).max(1),
        };
        let over = (self.under_way.len() + self.answered.len() + 1)
            .checked_sub(allowed)
            .filter(|over| *over > 0)?;
        let unanswered = self.under_way.iter();
        let mut frees: Vec<Instant> = unanswered
            .map(|at| (*at + SPAN).max(now + PROBE))
            .chain(self.answered.iter().map(|at| *at + counts))
            .collect();
        frees.sort_unstable();
        let free_at = frees.get(over - 1).map_or(now, |at| *at);
        Some(
            free_at
                .saturating_duration_since(now)
                .max(Duration::from_millis(1)),
        )
    }

    pub(super) fn take(&mut self, now: Instant) {
        self.under_way.push_back(now);
    }

    pub(super) fn give_back(&mut self) {
        self.under_way.pop_back();
    }

    /// A request that went out at `sent` was answered, or given up, at `now`.
    pub(super) fn answered(&mut self, sent: Instant, now: Instant) {
        // Its turn was taken before it went out.
        let turn = self.under_way.iter().rposition(|at| *at <= sent);
        if self.under_way.remove(turn.unwrap_or(0)).is_none() {
            return;
        }
        let took = now.saturating_duration_since(sent);
        let quickest = self.quickest.map_or(took, |quickest| quickest.min(took));
        self.quickest = Some(quickest);
        self.answered.push(now);
    }

    /// How long an answered request counts against one that is sent now. The next answer may be a little quicker than the
    /// quickest so far.
    fn counts_after_answer(&self) -> Duration {
        let ways = self.quickest.unwrap_or_default() / 8 * 7;
        SPAN.saturating_sub(ways)
    }

    /// Changes how many requests a second may go out; those that went out count as before.
    pub(super) fn allow(&mut self, per_second: u32) {
        self.limit = per_second.max(1) as usize;
    }

    pub(super) fn block(&mut self, until: Instant) {
        self.blocked_until = Some(self.blocked_until.map_or(until, |end| end.max(until)));
    }
}
