//! How much each model is asked for, and how often it is loaded.

use rustc_hash::FxHashMap;

use crate::decaying::{Decaying, full_s};
use crate::job::ModelKey;
use crate::moment::Moment;

/// The past counts for about so many seconds.
const MEMORY_S: f64 = 600.0;
/// Loads are remembered for about so many seconds.
const LOADS_MEMORY_S: f64 = 3600.0;
/// A model that is loaded more often than this in an hour is kept more eagerly.
const PROMOTED_ABOVE: f64 = 3.0;

#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    gpu_s: Decaying,
    jobs: Decaying,
    loads: Decaying,
}

/// Demand by model.
#[derive(Debug, Clone, Default)]
pub(super) struct Demand {
    since: Option<Moment>,
    models: FxHashMap<ModelKey, Asked>,
    order: Vec<ModelKey>,
}

impl Demand {
    /// A job was asked for that takes so many GPU-seconds.
    pub fn asked(&mut self, model: ModelKey, gpu_s: f64, now: Moment) {
        self.since.get_or_insert(now);
        let asked = self.entry(model);
        asked.gpu_s.add(gpu_s, now, MEMORY_S);
        asked.jobs.add(1.0, now, MEMORY_S);
    }

    /// A model is loaded.
    pub fn loads(&mut self, model: ModelKey, now: Moment) {
        self.entry(model).loads.add(1.0, now, LOADS_MEMORY_S);
    }

    fn entry(&mut self, model: ModelKey) -> &mut Asked {
        if !self.models.contains_key(&model) {
            self.order.push(model);
        }
        self.models.entry(model).or_default()
    }

    /// The memory that has been filled so far, in seconds.
    fn memory_s(&self, now: Moment) -> f64 {
        let age = self.since.map_or(0.0, |since| now.since(since));
        full_s(age, MEMORY_S).max(30.0)
    }

    /// GPU-seconds asked for in a second: how many nodes a model keeps busy.
    pub fn nodes(&self, model: ModelKey, now: Moment) -> f64 {
        self.models.get(&model).map_or(0.0, |asked| {
            asked.gpu_s.at(now, MEMORY_S) / self.memory_s(now)
        })
    }

    /// GPU-seconds asked for in a second, of all models.
    pub fn all_nodes(&self, now: Moment) -> f64 {
        // From 0, because the sum of nothing is minus 0.
        let models = self.order.iter();
        models.fold(0.0, |sum, model| sum + self.nodes(*model, now))
    }

    /// Jobs asked for in a second.
    pub fn jobs(&self, model: ModelKey, now: Moment) -> f64 {
        self.models.get(&model).map_or(0.0, |asked| {
            asked.jobs.at(now, MEMORY_S) / self.memory_s(now)
        })
    }

    /// Whether a model is loaded so often that it should have stayed.
    pub fn is_promoted(&self, model: ModelKey, now: Moment) -> bool {
        self.models
            .get(&model)
            .is_some_and(|asked| asked.loads.at(now, LOADS_MEMORY_S) > PROMOTED_ABOVE)
    }

    /// Every model that was ever asked for, in the order of the first time.
    pub fn models(&self) -> &[ModelKey] {
        &self.order
    }
}
