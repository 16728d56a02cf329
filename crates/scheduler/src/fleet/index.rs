//! The lists that nodes are found in.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::node::{Node, Place};
use crate::job::{BatchKey, ClassKey, ModelKey};
use crate::moment::micros;

type Spots = BTreeSet<(ClassKey, u32, u32)>;

/// All lists. A node is in each of them at most once, and in none while it is changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    open: Spots,
    warm: FxHashMap<ModelKey, Spots>,
    joinable: FxHashMap<BatchKey, BTreeSet<(u32, u32)>>,
    /// Open nodes by class and free memory in millionths of a GiB.
    roomy: BTreeSet<(ClassKey, u64, u32)>,
    joinable_count: usize,
}

impl Index {
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    pub fn any_joinable(&self) -> bool {
        self.joinable_count > 0
    }

    pub fn list(&mut self, index: u32, node: &Node) {
        match node.place() {
            Place::Nowhere => {}
            Place::Open(load) => {
                self.open.insert((node.class, load, index));
                for model in node.models() {
                    self.warm
                        .entry(model)
                        .or_default()
                        .insert((node.class, load, index));
                }
                if node.loads {
                    self.roomy
                        .insert((node.class, micros(node.free_gib()), index));
                }
            }
            Place::Joinable(key, pictures) => {
                self.joinable
                    .entry(key)
                    .or_default()
                    .insert((pictures, index));
                self.joinable_count += 1;
            }
        }
    }

    pub fn unlist(&mut self, index: u32, node: &Node) {
        match node.place() {
            Place::Nowhere => {}
            Place::Open(load) => {
                self.open.remove(&(node.class, load, index));
                for model in node.models() {
                    if let Some(spots) = self.warm.get_mut(&model) {
                        spots.remove(&(node.class, load, index));
                    }
                }
                self.roomy
                    .remove(&(node.class, micros(node.free_gib()), index));
            }
            Place::Joinable(key, pictures) => {
                if let Some(spots) = self.joinable.get_mut(&key) {
                    if spots.remove(&(pictures, index)) {
                        self.joinable_count -= 1;
                    }
                    if spots.is_empty() {
                        self.joinable.remove(&key);
                    }
                }
            }
        }
    }

    pub fn open_in(&self, class: ClassKey) -> impl Iterator<Item = u32> + '_ {
        self.open
            .range((class, 0, 0)..=(class, u32::MAX, u32::MAX))
            .map(|(_, _, index)| *index)
    }

    pub fn warm_in(&self, model: ModelKey, class: ClassKey) -> impl Iterator<Item = u32> + '_ {
        self.warm.get(&model).into_iter().flat_map(move |spots| {
            spots
                .range((class, 0, 0)..=(class, u32::MAX, u32::MAX))
                .map(|(_, _, index)| *index)
        })
    }

    pub fn any_warm(&self, model: ModelKey) -> bool {
        self.warm.get(&model).is_some_and(|spots| !spots.is_empty())
    }

    pub fn joinable(&self, key: BatchKey) -> impl Iterator<Item = u32> + '_ {
        self.joinable
            .get(&key)
            .into_iter()
            .flat_map(|spots| spots.iter().map(|(_, index)| *index))
    }

    pub fn roomy(&self, class: ClassKey, gib: f64) -> impl Iterator<Item = u32> + '_ {
        self.roomy
            .range((class, micros(gib), 0)..=(class, u64::MAX, u32::MAX))
            .map(|(_, _, index)| *index)
    }
}
