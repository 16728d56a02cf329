//! A fleet that exists as numbers, driven in virtual time by the policy that drives the real one.
//!
//! What is simulated is what the dispatcher sees: nodes that load, render in steps, die, hang and come back; leases that
//! run out five seconds after a death; a leader or a broker that is away. Requests share a batch where their key is the
//! same, join and leave between steps, and slow each other down as measured. Everything drawn comes from the seed.

mod arrivals;
mod asked;
mod books;
mod dispatcher;
mod fairness;
mod faults;
mod machine;
mod plan;
mod report;
mod sampled;
mod watch;
mod world;

pub use plan::{Plan, plan};
pub use report::{Percentiles, Report, TierReport};

use crate::baseline::{Baseline, Order};
use crate::easel::{Easel, Settings};
use crate::job::{BatchKey, ClassKey};
use crate::scenario::{Scenario, TraceJob};
use crate::speed::SpeedModel;
use watch::Watch;
use world::World;

/// The policies that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyName {
    /// The platform's own.
    Easel,
    /// One of those to compare with.
    Simple(Order),
}

impl PolicyName {
    /// Names, as on the command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("fifo", Self::Simple(Order::Fifo)),
        ("strict-priority", Self::Simple(Order::StrictPriority)),
        ("edf", Self::Simple(Order::Deadline)),
        ("round-robin", Self::Simple(Order::RoundRobin)),
        ("easel", Self::Easel),
    ];

    /// The policy of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(other, _)| *other == name)
            .map(|(_, policy)| policy)
    }
}

/// Runs a scenario, or a trace on its fleet. `stopwatch` gives seconds of real time, for `decisions_per_s` alone.
pub fn simulate(
    scenario: &Scenario,
    trace: Option<&[TraceJob]>,
    policy: PolicyName,
    seed: u64,
    stopwatch: &mut dyn FnMut() -> f64,
) -> Report {
    match policy {
        PolicyName::Easel => {
            let watch = Some(Watch::default());
            World::new(scenario, trace, easel(scenario), seed, watch, stopwatch).run()
        }
        PolicyName::Simple(order) => {
            let policy = baseline(scenario, order);
            World::new(scenario, trace, policy, seed, None, stopwatch).run()
        }
    }
}

fn each_class(scenario: &Scenario) -> impl Iterator<Item = ClassKey> + use<> {
    (0..u16::try_from(scenario.classes.len()).unwrap_or(u16::MAX)).map(ClassKey)
}

fn each_model(scenario: &Scenario) -> impl Iterator<Item = crate::job::ModelKey> + use<> {
    (0..u32::try_from(scenario.models.len()).unwrap_or(u32::MAX)).map(crate::job::ModelKey)
}

/// The platform's policy, with the fleet's measured speeds as it would have learnt them.
fn easel(scenario: &Scenario) -> Easel {
    let mut speed = SpeedModel::default();
    for class in each_class(scenario) {
        for (key, step_s) in &scenario.classes[class.0 as usize].step_s {
            speed.told_step(class, *key, *step_s);
        }
        for model in each_model(scenario) {
            speed.told_load(class, model, scenario.load_s(class, model));
        }
    }
    let mut easel = Easel::new(Settings::default(), speed);
    for model in each_model(scenario) {
        easel.told_size(model, scenario.models[model.0 as usize].memory_gib);
    }
    easel
}

fn baseline(scenario: &Scenario, order: Order) -> Baseline {
    let mut baseline = Baseline::new(order);
    for model in each_model(scenario) {
        baseline.told_size(model, scenario.models[model.0 as usize].memory_gib);
    }
    let keys: Vec<BatchKey> = scenario
        .classes
        .iter()
        .flat_map(|class| class.step_s.keys().copied())
        .collect();
    for key in keys {
        let times: Vec<f64> = each_class(scenario)
            .filter_map(|class| scenario.step_s(class, key))
            .collect();
        if !times.is_empty() {
            baseline.told_alone(key, times.iter().sum::<f64>() / times.len() as f64);
        }
    }
    baseline
}
