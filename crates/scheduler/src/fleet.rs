//! The nodes, indexed so that finding one costs the same for ten and for ten thousand.
//!
//! A node is *open* while it would take one more batch: an engine that mixes batches while it has places left that pay,
//! any other while it renders nothing. Open nodes are listed by class and load, and once more under each model that they have
//! loaded; nodes that render are listed under their batch key while more pictures may join.

mod facts;
mod index;
mod node;

use std::collections::BTreeSet;

use easel_domain::JobId;
use rustc_hash::FxHashMap;

use crate::job::{BatchKey, ClassKey, ModelKey, NodeKey, TierKey};
use crate::moment::Moment;
pub use facts::{ClassRule, NodeFacts};
use index::Index;
pub use node::{Held, Node};

/// All nodes.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    nodes: Vec<Option<Node>>,
    free: Vec<u32>,
    by_key: FxHashMap<NodeKey, u32>,
    by_job: FxHashMap<JobId, u32>,
    classes: Vec<ClassRule>,
    cheapest: f64,
    has_spot: bool,
    sizes: FxHashMap<ModelKey, f64>,
    /// Nodes that have each model, or are loading it.
    holders: FxHashMap<ModelKey, BTreeSet<u32>>,
    index: Index,
    up: usize,
    up_in: Vec<usize>,
    busy_by_tier: FxHashMap<TierKey, u32>,
}

impl Fleet {
    /// The kinds of nodes.
    pub fn set_classes(&mut self, classes: Vec<ClassRule>) {
        self.up_in.resize(classes.len(), 0);
        self.cheapest = classes
            .iter()
            .map(|rule| rule.relative_cost)
            .fold(f64::INFINITY, f64::min);
        self.has_spot = classes.iter().any(|rule| rule.spot);
        self.classes = classes;
    }

    /// The least relative cost of any kind.
    pub(crate) fn cheapest(&self) -> f64 {
        self.cheapest
    }

    /// Whether any kind may be taken away.
    pub(crate) fn has_spot(&self) -> bool {
        self.has_spot
    }

    /// The kinds of nodes.
    pub fn classes(&self) -> &[ClassRule] {
        &self.classes
    }

    /// GiB that a model takes; 0 where nobody said.
    pub fn size_gib(&self, model: ModelKey) -> f64 {
        self.sizes.get(&model).copied().unwrap_or(0.0)
    }

    /// A model takes so many GiB.
    pub fn told_size(&mut self, model: ModelKey, gib: f64) {
        self.sizes.insert(model, gib);
    }

    /// Whether a kind of node may run a model at all.
    pub fn runs(&self, class: ClassKey, model: ModelKey) -> bool {
        self.classes
            .get(class.0 as usize)
            .is_some_and(|rule| !rule.refuses.contains(&model))
    }

    /// Nodes that are known and not draining.
    pub fn up(&self) -> usize {
        self.up
    }

    /// The same, of one kind.
    pub fn up_in(&self, class: ClassKey) -> usize {
        self.up_in.get(class.0 as usize).copied().unwrap_or(0)
    }

    /// Open nodes.
    pub fn open(&self) -> usize {
        self.index.open_count()
    }

    /// Whether anything could be placed anywhere.
    pub fn has_room(&self) -> bool {
        self.index.open_count() > 0 || self.index.any_joinable()
    }

    /// Nodes that have a model or are loading it.
    pub fn copies(&self, model: ModelKey) -> u32 {
        let nodes = self.holders.get(&model).map_or(0, BTreeSet::len);
        u32::try_from(nodes).unwrap_or(u32::MAX)
    }

    /// Nodes that render for a tier.
    pub fn busy_for(&self, tier: TierKey) -> u32 {
        self.busy_by_tier.get(&tier).copied().unwrap_or(0)
    }

    /// Nodes that render something.
    pub fn busy(&self) -> usize {
        self.busy_by_tier.values().map(|busy| *busy as usize).sum()
    }

    /// A node.
    pub fn get(&self, key: NodeKey) -> Option<&Node> {
        self.by_key
            .get(&key)
            .and_then(|index| self.nodes[*index as usize].as_ref())
    }

    pub(crate) fn at(&self, index: u32) -> Option<&Node> {
        self.nodes.get(index as usize)?.as_ref()
    }

    pub(crate) fn index_of(&self, key: NodeKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// Every node, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten()
    }

    /// The node that has a job.
    pub fn holder(&self, job: JobId) -> Option<&Node> {
        self.by_job.get(&job).and_then(|index| self.at(*index))
    }

    /// Jobs that nodes have.
    pub fn running(&self) -> usize {
        self.by_job.len()
    }

    /// Changes a node, and lists it anew.
    pub(crate) fn change<T>(
        &mut self,
        index: u32,
        change: impl FnOnce(&mut Node) -> T,
    ) -> Option<T> {
        let node = self.nodes.get_mut(index as usize)?.as_mut()?;
        self.index.unlist(index, node);
        let was_up = node.is_up();
        let result = change(node);
        self.index.list(index, node);
        let (class, is_up) = (node.class, node.is_up());
        if was_up != is_up {
            self.count_up(class, is_up);
        }
        Some(result)
    }

    /// A node speaks. Returns its place.
    pub(crate) fn speaks(&mut self, facts: &NodeFacts, now: Moment) -> u32 {
        let index = if let Some(index) = self.by_key.get(&facts.node) {
            *index
        } else {
            let node = Node::new(facts);
            let index = if let Some(index) = self.free.pop() {
                self.nodes[index as usize] = Some(node);
                index
            } else {
                self.nodes.push(Some(node));
                u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
            };
            self.by_key.insert(facts.node, index);
            index
        };
        let added: Vec<ModelKey> = facts
            .loaded
            .iter()
            .copied()
            .filter(|model| self.at(index).is_some_and(|node| !node.has(*model)))
            .collect();
        for model in added {
            self.add_model(index, model, now);
        }
        // Weights that nobody told it to load are what it says; those that it is told to load are kept.
        let dropped: Vec<ModelKey> = self.at(index).map_or_else(Vec::new, |node| {
            node.models()
                .filter(|model| !node.loads && !facts.loaded.contains(model))
                .collect()
        });
        for model in dropped {
            self.drop_model(index, model);
        }
        self.change(index, |node| node.take(facts));
        index
    }

    /// A node is gone. Returns the jobs that it had.
    pub(crate) fn gone(&mut self, key: NodeKey) -> Vec<Held> {
        let Some(index) = self.by_key.remove(&key) else {
            return Vec::new();
        };
        let Some(node) = self.nodes[index as usize].take() else {
            return Vec::new();
        };
        self.index.unlist(index, &node);
        if node.is_up() {
            self.count_up(node.class, false);
        }
        for model in node.models().chain(node.loading) {
            self.note_copy(index, model, false);
        }
        let held: Vec<Held> = node
            .running()
            .iter()
            .chain(node.paused())
            .copied()
            .collect();
        if let Some(first) = node.running().first() {
            self.count_busy(first.tier, false);
        }
        for job in &held {
            self.by_job.remove(&job.job);
        }
        self.free.push(index);
        held
    }

    fn count_up(&mut self, class: ClassKey, more: bool) {
        let in_class = &mut self.up_in[class.0 as usize];
        for count in [&mut self.up, in_class] {
            *count = if more {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
        }
    }

    /// Nodes that have a model or are loading it, in no order that means anything.
    pub(crate) fn holders(&self, model: ModelKey) -> impl Iterator<Item = &Node> {
        let indices = self.holders.get(&model).into_iter().flatten();
        indices.filter_map(|index| self.at(*index))
    }

    fn note_copy(&mut self, index: u32, model: ModelKey, has: bool) {
        let holders = self.holders.entry(model).or_default();
        if has {
            holders.insert(index);
        } else {
            holders.remove(&index);
        }
    }

    fn count_busy(&mut self, tier: TierKey, more: bool) {
        let busy = self.busy_by_tier.entry(tier).or_default();
        *busy = if more {
            *busy + 1
        } else {
            busy.saturating_sub(1)
        };
    }

    fn add_model(&mut self, index: u32, model: ModelKey, now: Moment) {
        let size = self.size_gib(model);
        self.note_copy(index, model, true);
        self.change(index, |node| node.add_model(model, size, now));
    }

    fn drop_model(&mut self, index: u32, model: ModelKey) {
        let size = self.size_gib(model);
        self.note_copy(index, model, false);
        self.change(index, |node| node.drop_model(model, size));
    }

    /// A node begins to load a model, after giving up others.
    pub(crate) fn loads(&mut self, index: u32, model: ModelKey, evict: &[ModelKey]) {
        for old in evict {
            self.drop_model(index, *old);
        }
        self.note_copy(index, model, true);
        self.change(index, |node| node.loading = Some(model));
    }

    /// A node has loaded what it was told to.
    pub(crate) fn loaded(&mut self, index: u32, model: ModelKey, now: Moment) {
        if self.at(index).is_some_and(|node| !node.has(model)) {
            self.add_model(index, model, now);
        }
        self.change(index, |node| {
            if node.loading == Some(model) {
                node.loading = None;
            }
        });
    }

    /// A node takes a job.
    pub(crate) fn takes(&mut self, index: u32, held: Held, join_cap: u32, now: Moment) {
        self.by_job.insert(held.job, index);
        let opened = self.change(index, |node| node.start(held, join_cap, now));
        if opened == Some(true) {
            self.count_busy(held.tier, true);
        }
    }

    /// A job is not on its node any more. Returns the node's place.
    pub(crate) fn leaves(&mut self, job: JobId) -> Option<(u32, Held)> {
        let index = self.by_job.remove(&job)?;
        let first = self
            .at(index)
            .and_then(|node| node.running().first().copied());
        let held = self.change(index, |node| node.end(job))??;
        let now_first = self
            .at(index)
            .and_then(|node| node.running().first().copied());
        match (first, now_first) {
            (Some(before), None) => self.count_busy(before.tier, false),
            (Some(before), Some(after)) if before.tier != after.tier => {
                self.count_busy(before.tier, false);
                self.count_busy(after.tier, true);
            }
            _ => {}
        }
        Some((index, held))
    }

    /// Everything that a node renders is paused.
    pub(crate) fn pause(&mut self, index: u32) {
        let first = self
            .at(index)
            .and_then(|node| node.running().first().copied());
        self.change(index, Node::pause);
        if let Some(first) = first {
            self.count_busy(first.tier, false);
        }
    }

    /// A node goes on with what was paused.
    pub(crate) fn resume(&mut self, index: u32) {
        self.change(index, Node::resume);
        if let Some(first) = self
            .at(index)
            .and_then(|node| node.running().first().copied())
        {
            self.count_busy(first.tier, true);
        }
    }

    /// Open nodes of a class, the least loaded first.
    pub(crate) fn open_in(&self, class: ClassKey) -> impl Iterator<Item = u32> + '_ {
        self.index.open_in(class)
    }

    /// Open nodes of a class that have a model, the least loaded first.
    pub(crate) fn warm_in(
        &self,
        model: ModelKey,
        class: ClassKey,
    ) -> impl Iterator<Item = u32> + '_ {
        self.index.warm_in(model, class)
    }

    /// Whether any open node has a model.
    pub(crate) fn any_warm(&self, model: ModelKey) -> bool {
        self.index.any_warm(model)
    }

    /// Nodes that render a key and let more pictures join, the emptiest first.
    pub(crate) fn joinable(&self, key: BatchKey) -> impl Iterator<Item = u32> + '_ {
        self.index.joinable(key)
    }

    /// Open nodes of a class with at least so many GiB free, the tightest first.
    pub(crate) fn roomy(&self, class: ClassKey, gib: f64) -> impl Iterator<Item = u32> + '_ {
        self.index.roomy(class, gib)
    }
}
