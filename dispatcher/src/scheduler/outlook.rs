//! What the scheduler expects of jobs that have not been asked for yet.

use std::collections::BTreeMap;

use easel_domain::tier::ServiceClass;
use easel_store::fleet::StepTime;
use time::OffsetDateTime;

use super::{Scheduler, moment};

/// Most kinds of jobs that are told of: those with the longest steps.
const TOLD: usize = 200;

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
