//! One service class: what it was served, what it holds, and whether promises or bounds in it are in danger.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::line::{Line, View};
use super::parties::Parties;
use super::rank::LineKey;
use super::rows::{Rows, Ticket};
use crate::decaying::{Decaying, full_s};
use crate::moment::Moment;
use crate::tier::TierRule;

/// What a lane is served counts for about so many seconds.
const SERVED_MEMORY_S: f64 = 300.0;

/// Jobs by a moment that concerns them. Those that are gone are dropped when they come to the top.
type Moments = BinaryHeap<Reverse<(Moment, Ticket)>>;

#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    /// Microseconds of GPU time divided by weight.
    pub virtual_time: u64,
    pub weight: f64,
    pub lines: Vec<(LineKey, Line)>,
    pub count: usize,
    /// Of the jobs that may start, in microseconds.
    pub cost: u64,
    /// Of that, what members ask for within their shares.
    pub within: u64,
    /// Whether nobody was past his bound when it was last looked.
    pub calm: bool,
    nervous: Moments,
    overdue: Moments,
    served: Decaying,
    busy_since: Moment,
}

impl Lane {
    /// A job waits whose promise is in danger from one moment on, and which is past its bound from another.
    pub fn watch(&mut self, ticket: Ticket, nervous: Option<Moment>, overdue: Moment) {
        if let Some(since) = nervous {
            self.nervous.push(Reverse((since, ticket)));
        }
        self.overdue.push(Reverse((overdue, ticket)));
    }

    /// Where a line is among its lines.
    pub fn line_at(&self, key: LineKey) -> Option<usize> {
        self.lines.binary_search_by_key(&key, |(key, _)| *key).ok()
    }

    /// A line, made where there is none.
    pub fn line_or_new(&mut self, key: LineKey) -> &mut Line {
        let found = self.lines.binary_search_by_key(&key, |(key, _)| *key);
        let at = found.unwrap_or_else(|at| {
            self.lines.insert(at, (key, Line::default()));
            at
        });
        &mut self.lines[at].1
    }

    /// The rules have changed: every moment is told again.
    pub fn forget_moments(&mut self) {
        self.nervous.clear();
        self.overdue.clear();
    }

    /// Everybody is listed anew.
    pub fn list_all(
        &mut self,
        lane: usize,
        rows: &Rows,
        tiers: &[TierRule],
        parties: &mut Parties,
    ) {
        for (key, line) in &mut self.lines {
            let view = View {
                lane,
                key: *key,
                rows,
                tiers,
            };
            line.list_all(&view, parties);
        }
    }

    /// Its first job waits, while others may have gone on: no time is banked.
    pub fn begins(&mut self, others: Option<u64>, now: Moment) {
        self.virtual_time = self.virtual_time.max(others.unwrap_or(0));
        (self.served, self.busy_since) = (Decaying::default(), now);
    }

    /// A job of it starts that takes `cost` microseconds of GPU time.
    pub fn starts(&mut self, cost: u64, now: Moment) {
        let share = cost as f64 / self.weight.max(f64::MIN_POSITIVE);
        self.virtual_time = self.virtual_time.saturating_add(share as u64);
        self.served.add(cost as f64 / 1e6, now, SERVED_MEMORY_S);
    }

    /// GPU-seconds that it was given in a second while it had jobs, lately; 0 where that says nothing yet.
    pub fn served_rate(&self, now: Moment) -> f64 {
        let age_s = now.since(self.busy_since);
        if age_s < SERVED_MEMORY_S / 10.0 {
            return 0.0;
        }
        self.served.at(now, SERVED_MEMORY_S) / full_s(age_s, SERVED_MEMORY_S)
    }

    /// Whether a promise in it is in danger and can still be kept. `danger` says since when that is so of a job that waits.
    pub fn any_nervous(&mut self, now: Moment, danger: impl Fn(Ticket) -> Option<Moment>) -> bool {
        any_due(&mut self.nervous, now, danger)
    }

    /// Whether any member in it is past his bound. `bound` says when that is so of the member of a job that waits.
    pub fn any_overdue(&mut self, now: Moment, bound: impl Fn(Ticket) -> Option<Moment>) -> bool {
        any_due(&mut self.overdue, now, bound)
    }
}

/// Whether the moment of any job has come. `moment` says it anew, or that the job does not matter any more.
fn any_due(moments: &mut Moments, now: Moment, moment: impl Fn(Ticket) -> Option<Moment>) -> bool {
    while let Some(Reverse((at, ticket))) = moments.peek().copied() {
        if at > now {
            return false;
        }
        match moment(ticket) {
            Some(at) if at <= now => return true,
            Some(later) => {
                moments.pop();
                moments.push(Reverse((later, ticket)));
            }
            None => {
                moments.pop();
            }
        }
    }
    false
}
