//! Batches as most servers make them: whoever waits begins together, and the next batch begins when all have ended.

use std::time::Duration;

use super::model::step_time;
use super::{Arrival, SLOTS};

/// How long a batch takes. A job that has ended leaves its place empty until the longest of them has.
fn batch_time(batch: &[Arrival]) -> Duration {
    let mut steps: Vec<u32> = batch.iter().map(|job| job.steps).collect();
    steps.sort_unstable();
    let (mut time, mut done) = (Duration::ZERO, 0);
    for (ended, until) in steps.iter().enumerate() {
        time += step_time(steps.len() - ended) * (until - done);
        done = *until;
    }
    time
}

/// Seconds that such jobs take in full batches, one batch after the other.
pub fn full_s(jobs: &[Arrival]) -> f64 {
    let batches = jobs.chunks(SLOTS).map(batch_time);
    batches.map(|time| time.as_secs_f64()).sum()
}

/// Seconds from arrival to the first step and to the end of the batch, of each job.
pub fn times(arrivals: &[Arrival]) -> Vec<(f64, f64)> {
    let mut times = Vec::with_capacity(arrivals.len());
    let (mut now, mut next) = (Duration::ZERO, 0);
    while next < arrivals.len() {
        now = now.max(arrivals[next].at);
        let there = arrivals[next..].iter().take_while(|job| job.at <= now);
        let batch = &arrivals[next..next + there.take(SLOTS).count()];
        let took = batch_time(batch);
        for job in batch {
            let wait = now.saturating_sub(job.at);
            times.push((wait.as_secs_f64(), (wait + took).as_secs_f64()));
        }
        now += took;
        next += batch.len();
    }
    times
}
