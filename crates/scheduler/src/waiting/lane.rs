//! One service class: what it was served, what it holds, and whether promises or bounds in it are in danger.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use easel_domain::JobId;

use super::line::Line;
use super::rank::LineKey;
use crate::decaying::{Decaying, full_s};
use crate::moment::Moment;

/// What a lane is served counts for about so many seconds.
const SERVED_MEMORY_S: f64 = 300.0;

/// Jobs by a moment that concerns them. Those that are gone are dropped when they come to the top.
type Moments = BinaryHeap<Reverse<(Moment, JobId)>>;

#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    /// Microseconds of GPU time divided by weight.
    pub virtual_time: u64,
    pub weight: f64,
    pub lines: Vec<(LineKey, Line)>,
    pub count: usize,
    /// Of the jobs that may start, in microseconds.
    pub cost: u64,
    nervous: Moments,
    overdue: Moments,
    served: Decaying,
    busy_since: Moment,
}

impl Lane {
    /// A job waits whose promise is in danger from one moment on, and which is past its bound from another.
    pub fn watch(&mut self, id: JobId, nervous: Option<Moment>, overdue: Moment) {
        if let Some(since) = nervous {
            self.nervous.push(Reverse((since, id)));
        }
        self.overdue.push(Reverse((overdue, id)));
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
    pub fn any_nervous(&mut self, now: Moment, danger: impl Fn(JobId) -> Option<Moment>) -> bool {
        any_due(&mut self.nervous, now, danger)
    }

    /// Whether any member in it is past his bound. `bound` says when that is so of the member of a job that waits.
    pub fn any_overdue(&mut self, now: Moment, bound: impl Fn(JobId) -> Option<Moment>) -> bool {
        any_due(&mut self.overdue, now, bound)
    }
}

/// Whether the moment of any job has come. `moment` says it anew, or that the job does not matter any more.
fn any_due(moments: &mut Moments, now: Moment, moment: impl Fn(JobId) -> Option<Moment>) -> bool {
    while let Some(Reverse((at, id))) = moments.peek().copied() {
        if at > now {
            return false;
        }
        match moment(id) {
            Some(at) if at <= now => return true,
            Some(later) => {
                moments.pop();
                moments.push(Reverse((later, id)));
            }
            None => {
                moments.pop();
            }
        }
    }
    false
}
