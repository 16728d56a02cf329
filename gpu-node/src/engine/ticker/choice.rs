//! Who takes part in a group's next call.
//!
//! Jobs without a step come first, then those that began before others, as far as they fit. So a first step waits for no
//! other job's last one. It costs whoever would have been the last in one call his place in it, and jobs still end in the
//! order in which they came.

use super::job::Job;
use super::{Group, Ticker};
use crate::engine::model::Model;

/// A slot: which job's, and which of that job's.
pub type Pick = (usize, usize);

impl<M: Model> Ticker<M> {
    /// The slots of a group's next call, in the order of the jobs. A job is in it with all its pictures or with none, and
    /// the first in the order is in it however large it is.
    pub(super) fn picks(&self, group: &Group) -> Vec<Pick> {
        let Some(model) = self.shelf.get(group.0) else {
            return Vec::new();
        };
        let running = |slot: &M::Slot| {
            let (done, steps) = model.progress(slot);
            done < steps
        };
        let begun = |job: &Job<M::Slot>| job.slots.iter().any(|slot| model.progress(slot).0 > 0);
        let jobs = self.active.iter().enumerate();
        let jobs = jobs.filter(|(_, job)| !job.paused && job.group == *group);
        let (old, new): (Vec<_>, Vec<_>) = jobs.partition(|(_, job)| begun(job));
        let room = self.limits.max_pictures as usize;
        let mut picks: Vec<Pick> = Vec::new();
        for (at, job) in new.into_iter().chain(old) {
            let slots = job.slots.iter().enumerate();
            let slots: Vec<_> = slots.filter(|(_, slot)| running(slot)).collect();
            if picks.is_empty() || picks.len() + slots.len() <= room {
                picks.extend(slots.into_iter().map(|(slot, _)| (at, slot)));
            }
        }
        picks.sort_unstable();
        picks
    }

    /// Notes for all that take part that they have begun.
    pub(super) fn note_first_steps(&mut self, picks: &[Pick]) {
        let now = self.now();
        for (job, _) in picks {
            self.active[*job].takes_part(now);
        }
    }
}
