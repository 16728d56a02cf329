//! What is looked at once a minute.

use super::world::World;
use crate::event::Policy;
use crate::moment::Moment;
use crate::scaling::ScaleRules;

/// How often it is asked how many nodes there should be.
const SAMPLE_S: f64 = 60.0;

impl<P: Policy> World<'_, P> {
    /// Asks once a minute how many nodes there should be, while jobs arrive.
    pub(super) fn sample(&mut self, now: Moment) {
        let is_due = self.sampled.is_none_or(|at| now.since(at) >= SAMPLE_S);
        if !is_due || now.secs() > self.scenario.duration_s {
            return;
        }
        self.sampled = Some(now);
        if let Some(load) = self.policy.load(now) {
            let rules = ScaleRules {
                most: u32::MAX,
                ..ScaleRules::default()
            };
            let nodes = self.scaler.desired(now.secs(), load, &rules);
            self.desired.push(f64::from(nodes));
        }
    }
}
