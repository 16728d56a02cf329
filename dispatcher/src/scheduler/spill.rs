//! Which jobs another region should have.
//!
//! A job waits for its own region until the wait there is predicted to be longer than a bound and much longer than
//! elsewhere. Then some of its class go, the youngest first: they would wait longest. Where no node of the region is heard
//! at all, every job goes that has waited for as long, the oldest first. A job goes once.

use std::collections::{BTreeMap, BTreeSet};

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_store::waiting::WaitingJob;
use time::OffsetDateTime;

use super::skill::needed;
use super::{Scheduler, moment};

/// Jobs of a class that go at once. What is left is looked at again a few seconds later.
const AT_ONCE: usize = 200;
/// A wait elsewhere must be shorter than this share of the one here.
const MUCH_SHORTER: f64 = 0.5;

/// Another region of the same pool, as its leader has told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Its name.
    pub region: String,
    /// Seconds until a job that comes now should start, by class.
    pub waits: BTreeMap<String, f64>,
    /// Hashes of the weights that its nodes can serve.
    pub models: BTreeSet<String>,
}

impl Neighbour {
    fn wait_s(&self, class: ServiceClass) -> Option<f64> {
        self.waits.get(class.as_str()).copied()
    }
}

/// Jobs that should go to a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Where to.
    pub region: String,
    /// Which, with their classes.
    pub jobs: Vec<(JobId, ServiceClass)>,
}

impl Scheduler {
    /// Hashes of the weights that nodes which are heard have or can load.
    pub fn served_models(&self, now: OffsetDateTime) -> Vec<String> {
        let served: BTreeSet<u32> = self
            .heard(now)
            .flat_map(|seen| {
                seen.facts
                    .loaded
                    .iter()
                    .chain(seen.facts.loadable.iter().flatten())
            })
            .map(|model| model.0)
            .collect();
        let names = served
            .into_iter()
            .filter_map(|number| self.models.name(number));
        names.cloned().collect()
    }

    /// What should go elsewhere, when a wait of more than `bound_s` is too long.
    pub fn hand_overs(
        &self,
        neighbours: &[Neighbour],
        bound_s: f64,
        now: OffsetDateTime,
    ) -> Vec<HandOver> {
        let mut all: BTreeMap<&str, Vec<(JobId, ServiceClass)>> = BTreeMap::new();
        let deserted = self.nodes(now) == 0;
        for class in ServiceClass::ALL {
            let here_s = if deserted {
                f64::INFINITY
            } else {
                self.easel.predicted_wait_s(class, moment(now))
            };
            if here_s <= bound_s || neighbours.is_empty() {
                continue;
            }
            for job in self.that_may_go(class, deserted.then_some(bound_s), now) {
                let better = neighbours
                    .iter()
                    .filter(|there| there.models.contains(&needed(job)))
                    .filter_map(|there| Some((there.wait_s(class)?, there)))
                    .filter(|(there_s, _)| *there_s < here_s * MUCH_SHORTER)
                    .min_by(|(a, _), (b, _)| a.total_cmp(b));
                if let Some((there_s, there)) = better {
                    let going = all.entry(&there.region).or_default();
                    if going.len() < self.share_that_goes(class, here_s, there_s) {
                        going.push((job.job_id, class));
                    }
                }
            }
        }
        all.into_iter()
            .map(|(region, jobs)| HandOver {
                region: region.to_owned(),
                jobs,
            })
            .collect()
    }

    /// The jobs of a class that wait at home: where there are no nodes those that have waited for so long.
    fn that_may_go(
        &self,
        class: ServiceClass,
        waited_s: Option<f64>,
        now: OffsetDateTime,
    ) -> Vec<&WaitingJob> {
        let mut jobs: Vec<&WaitingJob> = self
            .waiting_jobs()
            .filter(|job| job.at_home && job.service_class == class)
            .filter(|job| {
                let waited = (now - job.submitted_at).as_seconds_f64();
                waited_s.is_none_or(|least_s| waited >= least_s)
            })
            .collect();
        jobs.sort_by_key(|job| (job.submitted_at, job.job_id));
        if waited_s.is_none() {
            jobs.reverse();
        }
        jobs
    }

    /// As many as make the two waits equal, were both regions of one size.
    fn share_that_goes(&self, class: ServiceClass, here_s: f64, there_s: f64) -> usize {
        if here_s.is_infinite() {
            return AT_ONCE;
        }
        let waiting = self.easel.waiting_set().lane_len(class) as f64;
        let share = (here_s - there_s) / (2.0 * here_s);
        // A cast from a float saturates.
        ((waiting * share).ceil() as usize).min(AT_ONCE)
    }
}
