//! What the scheduler expects of jobs that have not been asked for yet.

use std::collections::BTreeMap;

use easel_domain::tier::ServiceClass;
use easel_store::fleet::{SharedClass, StepTime};
use time::OffsetDateTime;

use super::{Place, Scheduler, moment};

/// Most kinds of jobs that are told of: those with the longest steps.
const TOLD: usize = 200;
/// Most guilds of a class that are told of: those with the most members who have asked lately. Of the others a submit
/// takes it that one member asks and owes nothing, which refuses nobody who would not be.
const GUILDS: usize = 100;

impl Scheduler {
    /// Seconds until a job that comes now should start, by service class; nothing while no node is heard.
    pub fn waits(&self, now: OffsetDateTime) -> BTreeMap<String, f64> {
        if self.nodes(now) == 0 {
            return BTreeMap::new();
        }
        ServiceClass::ALL
            .into_iter()
            .map(|class| {
                let wait_s = self.easel.predicted_wait_s(class, moment(now));
                (class.as_str().to_owned(), wait_s)
            })
            .collect()
    }

    /// What a submit decides by, by service class; nothing while no node is heard.
    pub fn classes(&self, now: OffsetDateTime) -> BTreeMap<String, SharedClass> {
        if self.nodes(now) == 0 {
            return BTreeMap::new();
        }
        let class = |class: ServiceClass| {
            let waiting = self.easel.waiting_set();
            let guilds = waiting.shared_guilds(class, moment(now), GUILDS);
            let named =
                guilds
                    .into_iter()
                    .filter_map(|(guild, of)| match self.places.name(guild.0)? {
                        Place::Guild(key) => Some((key.to_string(), of)),
                        Place::Direct(_) => None,
                    });
            let shared = SharedClass {
                outlook: self.easel.outlook(class, moment(now)),
                shared_by: named.collect(),
            };
            (class.as_str().to_owned(), shared)
        };
        ServiceClass::ALL.into_iter().map(class).collect()
    }

    /// How long steps take by themselves, for what was ever asked for.
    pub fn step_times(&self) -> Vec<StepTime> {
        let mut times: Vec<StepTime> = self
            .easel
            .alone_steps()
            .filter_map(|(key, pictures, step_s)| {
                Some(StepTime {
                    model: self.models.name(key.model.0)?.clone(),
                    width: key.shape.width,
                    height: key.shape.height,
                    pictures,
                    step_s,
                })
            })
            .collect();
        times.sort_by(|a, b| b.step_s.total_cmp(&a.step_s));
        times.truncate(TOLD);
        times
    }
}
