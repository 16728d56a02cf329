//! A fleet, its tiers, what is asked of it and what breaks, as read from a file.

mod parse;
mod reader;
mod rules;
mod trace;

use std::collections::BTreeMap;

use easel_domain::tier::ServiceClass;

use crate::job::{BatchKey, ClassKey, ModelKey, Shape, TierKey};
use crate::tier::TierRule;

pub use parse::parse as parse_scenario;
pub use trace::parse as parse_trace;

/// Something in a scenario or a trace that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}, key `{key}`: {message}")]
pub struct BadInput {
    /// The file, as it was named.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The key or column.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// How long jobs arrive. What waits then is still rendered.
    pub duration_s: f64,
    /// Where all draws come from.
    pub seed: u64,
    /// Kinds of nodes.
    pub classes: Vec<Class>,
    /// Models.
    pub models: Vec<Model>,
    /// Tiers.
    pub tiers: Vec<TierRule>,
    /// What is asked, unless a trace says it.
    pub arrivals: Vec<Arrivals>,
    /// What breaks.
    pub faults: Vec<Fault>,
    /// Names of the regions.
    pub regions: Vec<String>,
}

/// A kind of node.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Nodes.
    pub count: u32,
    /// GiB for weights on each.
    pub memory_gib: f64,
    /// Place in the list of regions.
    pub region: u16,
    /// Seconds to load a model.
    pub load_s: BTreeMap<ModelKey, f64>,
    /// Seconds of one step of one picture.
    pub step_s: BTreeMap<BatchKey, f64>,
    /// Throughput of a batch against one picture, by size.
    pub batch_gain: Vec<f64>,
    /// Cost of an hour against other kinds.
    pub relative_cost: f64,
    /// Whether its nodes may be taken away.
    pub spot: bool,
    /// Deaths of one node in an hour.
    pub fail_per_hour: f64,
    /// Hung inferences of one node in an hour.
    pub hang_per_hour: f64,
}

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// GiB that it takes on a node.
    pub memory_gib: f64,
}

/// How a rate changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rhythm {
    /// The same all the time, from one moment to another.
    Poisson,
    /// `factor` times as much between the two moments, the plain rate before and after.
    Burst,
    /// A day: `factor` times as much at noon as at midnight, the plain rate on average.
    Diurnal,
}

/// Jobs of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrivals {
    /// How the rate changes.
    pub rhythm: Rhythm,
    /// Of members of this tier.
    pub tier: TierKey,
    /// Jobs in a second.
    pub rate_per_s: f64,
    /// Members that ask, each as often as the other.
    pub users: u32,
    /// Guilds that they are spread over.
    pub guilds: u32,
    /// Model and shape.
    pub key: BatchKey,
    /// Denoising steps.
    pub steps: u32,
    /// Pictures in a job.
    pub count: u32,
    /// From when on.
    pub from_s: f64,
    /// Until when.
    pub to_s: f64,
    /// See [`Rhythm`].
    pub factor: f64,
    /// The region that they prefer.
    pub region: Option<u16>,
}

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Nodes die.
    Node,
    /// All nodes of a region die.
    Region,
    /// Nobody hears anybody.
    Broker,
    /// The leader dies; another takes over.
    Leader,
    /// The provider takes nodes back, after a notice.
    Spot,
}

/// Which nodes it hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTarget {
    /// Nothing in particular.
    None,
    /// One node of a kind, counted from 0.
    Node(ClassKey, u32),
    /// All nodes of a kind.
    Class(ClassKey),
    /// All nodes of a region.
    Region(u16),
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// When.
    pub t_s: f64,
    /// What.
    pub kind: FaultKind,
    /// Whom.
    pub target: FaultTarget,
    /// How long.
    pub for_s: f64,
}

/// One job of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceJob {
    /// When it is asked for.
    pub t_s: f64,
    /// The member, numbered in the order of appearance.
    pub user: u32,
    /// The guild, numbered likewise.
    pub guild: u32,
    /// Tier.
    pub tier: TierKey,
    /// Model and shape.
    pub key: BatchKey,
    /// Denoising steps.
    pub steps: u32,
    /// Pictures.
    pub count: u32,
    /// Preferred region.
    pub region: Option<u16>,
    /// A less urgent lane than the tier's.
    pub lane: Option<ServiceClass>,
    /// Only nodes of this kind.
    pub only: Option<ClassKey>,
    /// Seconds from submit until it should be done.
    pub deadline_s: Option<f64>,
    /// Whether every node that renders it dies.
    pub poison: bool,
}

impl Scenario {
    /// Seconds of one step of one picture on a kind of node, or nothing where it does not run the model. A shape that
    /// was not measured is scaled by pixels from the nearest one that was.
    pub fn step_s(&self, class: ClassKey, key: BatchKey) -> Option<f64> {
        let steps = &self.classes.get(class.0 as usize)?.step_s;
        if let Some(step_s) = steps.get(&key) {
            return Some(*step_s);
        }
        let distance = |shape: Shape| (shape.pixels() / key.shape.pixels()).ln().abs();
        steps
            .iter()
            .filter(|(known, _)| known.model == key.model)
            .min_by(|a, b| distance(a.0.shape).total_cmp(&distance(b.0.shape)))
            .map(|(known, step_s)| step_s * key.shape.pixels() / known.shape.pixels())
    }

    /// Whether a kind of node can hold and run a model.
    pub fn runs(&self, class: ClassKey, model: ModelKey) -> bool {
        let Some(rule) = self.classes.get(class.0 as usize) else {
            return false;
        };
        let size = self.models[model.0 as usize].memory_gib;
        size <= rule.memory_gib && rule.step_s.keys().any(|key| key.model == model)
    }

    /// Seconds to load a model: where nobody said, a second for each GiB.
    pub fn load_s(&self, class: ClassKey, model: ModelKey) -> f64 {
        let told = self
            .classes
            .get(class.0 as usize)
            .and_then(|class| class.load_s.get(&model));
        told.copied()
            .unwrap_or_else(|| self.models[model.0 as usize].memory_gib.max(1.0))
    }
}
