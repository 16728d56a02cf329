//! One job that waits.

use crate::job::Job;
use crate::moment::{Moment, micros};

/// A promise is in danger when its job has waited for this share of the time that it leaves.
const NERVOUS: f64 = 0.4;

/// A job counts as no more than so many microseconds, eleven days: the sum over all that wait stays a number.
const MOST_COST: u64 = 1_000_000_000_000;

/// One job with its predicted cost.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub job: Job,
    /// Predicted GPU-seconds, in microseconds.
    pub cost: u64,
    /// When a promise is in danger, and when it is lost.
    danger: Option<(Moment, Moment)>,
    /// Whether it may start; one that pauses may not.
    pub queued: bool,
}

impl Entry {
    /// A job that takes `cost_s` by itself and was promised to be done in `promise_s`.
    pub fn new(job: Job, cost_s: f64, promise_s: Option<f64>) -> Self {
        let danger = promise_s
            .filter(|promise_s| *promise_s > cost_s)
            .map(|promise_s| {
                let slack_s = promise_s - cost_s;
                let since = job.submitted.after(NERVOUS * slack_s);
                (since, job.submitted.after(slack_s))
            });
        Self {
            job,
            cost: micros(cost_s).clamp(1, MOST_COST),
            danger,
            queued: false,
        }
    }

    /// The moment from which this job's promise is in danger, where it was ever to be kept.
    pub fn nervous_since(&self) -> Option<Moment> {
        self.danger.map(|(since, _)| since)
    }

    /// The same, unless the promise is lost by now.
    pub fn nervous(&self, now: Moment) -> Option<Moment> {
        self.danger
            .filter(|(_, lost)| now < *lost)
            .map(|(since, _)| since)
    }
}
