//! What is known of nodes before they do anything.

use std::collections::BTreeSet;

use crate::job::{ClassKey, ModelKey, NodeKey};

/// What is known of a kind of node in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassRule {
    /// Its region, as a number of the owner's.
    pub region: u16,
    /// Cost of an hour against other kinds; above 0.
    pub relative_cost: f64,
    /// Whether the provider may take its nodes away at short notice.
    pub spot: bool,
    /// Throughput of a batch against one picture, by size; nothing where that is to be learnt.
    pub batch_gain: Option<Vec<f64>>,
    /// Models that it cannot run.
    pub refuses: BTreeSet<ModelKey>,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFacts {
    /// The node.
    pub node: NodeKey,
    /// Its kind.
    pub class: ClassKey,
    /// Memory for weights, in GiB.
    pub memory_gib: f64,
    /// Weights that it has loaded.
    pub loaded: Vec<ModelKey>,
    /// Jobs that it takes at once.
    pub places: u32,
    /// Pictures that it renders in one call at most; nothing where only its places bound what it takes.
    pub most_pictures: Option<u32>,
    /// Whether batches of different keys share it.
    pub mixes: bool,
    /// Whether it can be told to load other weights.
    pub loads: bool,
    /// The weights that it can load; nothing where those are all.
    pub loadable: Option<Vec<ModelKey>>,
    /// Whether it can be told to pause what it renders.
    pub pauses: bool,
    /// Whether it takes no new work.
    pub draining: bool,
}
