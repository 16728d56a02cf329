//! Jobs that ended lately, so that progress which comes late starts nothing.

use std::collections::{HashSet, VecDeque};

use easel_domain::JobId;

/// Jobs whose late progress is recognised.
const ENDED: usize = 10_000;

/// The jobs that ended last, as many as fit.
#[derive(Default)]
pub(super) struct Recent {
    order: VecDeque<JobId>,
    jobs: HashSet<JobId>,
}

impl Recent {
    pub(super) fn insert(&mut self, job: JobId) {
        if self.jobs.insert(job) {
            self.order.push_back(job);
        }
        if self.order.len() > ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.jobs.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, job: JobId) -> bool {
        self.jobs.contains(&job)
    }
}
