//! One node as the policy sees it.

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;

use super::NodeFacts;
use crate::job::{BatchKey, ClassKey, ModelKey, NodeKey, TierKey, UserIx};
use crate::moment::Moment;

/// Jobs that an engine which mixes batches takes whatever a larger batch gains: while one is published, another renders.
const OVERLAPPING: usize = 2;

/// A job on a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The job.
    pub job: JobId,
    /// Whose.
    pub user: UserIx,
    /// Its tier.
    pub tier: TierKey,
    /// Its lane.
    pub lane: ServiceClass,
    /// Whether it was paused once: it is not paused again.
    pub was_paused: bool,
    /// What it renders.
    pub key: BatchKey,
    /// Pictures.
    pub pictures: u32,
    /// Whether nothing may join it, because a node died of it once.
    pub alone: bool,
    /// When it should be over.
    pub expected_end: Moment,
}

/// Weights on a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Loaded {
    pub model: ModelKey,
    pub used_at: Moment,
}

/// One start of one node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Which.
    pub key: NodeKey,
    /// Its kind.
    pub class: ClassKey,
    /// GiB for weights.
    pub memory_gib: f64,
    /// Whether it can be told to load.
    pub loads: bool,
    loadable: Option<Vec<ModelKey>>,
    pauses: bool,
    pub(crate) loading: Option<ModelKey>,
    pub(crate) blocked: bool,
    places: u32,
    most_pictures: Option<u32>,
    mixes: bool,
    draining: bool,
    counted: bool,
    used_gib: f64,
    models: Vec<Loaded>,
    running: Vec<Held>,
    paused: Vec<Held>,
    join_cap: u32,
}

/// Where a node is listed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// Nowhere: it is full, loading, draining or blocked.
    Nowhere,
    /// Among the open ones, with so many jobs.
    Open(u32),
    /// Under its key, with so many pictures.
    Joinable(BatchKey, u32),
}

impl Node {
    pub(super) fn new(facts: &NodeFacts) -> Self {
        Self {
            key: facts.node,
            class: facts.class,
            memory_gib: facts.memory_gib,
            loads: facts.loads,
            loadable: facts.loadable.clone(),
            pauses: facts.pauses,
            loading: None,
            blocked: false,
            places: facts.places,
            most_pictures: facts.most_pictures,
            mixes: facts.mixes,
            draining: facts.draining,
            counted: false,
            used_gib: 0.0,
            models: Vec::new(),
            running: Vec::new(),
            paused: Vec::new(),
            join_cap: 0,
        }
    }

    /// Takes in what the node says.
    pub(super) fn take(&mut self, facts: &NodeFacts) {
        self.counted = true;
        self.memory_gib = facts.memory_gib;
        self.places = facts.places;
        self.most_pictures = facts.most_pictures;
        self.mixes = facts.mixes;
        self.loads = facts.loads;
        self.loadable.clone_from(&facts.loadable);
        self.pauses = facts.pauses;
        self.draining = facts.draining;
    }

    /// Whether it is known and takes work at all.
    pub fn is_up(&self) -> bool {
        self.counted && !self.draining
    }

    /// Whether it takes no new work.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// What it renders.
    pub fn running(&self) -> &[Held] {
        &self.running
    }

    /// What it has paused.
    pub fn paused(&self) -> &[Held] {
        &self.paused
    }

    /// Whether it can be told to pause what it renders.
    pub fn pauses(&self) -> bool {
        self.pauses
    }

    /// Whether it has weights, or could load them.
    pub fn can_have(&self, model: ModelKey) -> bool {
        let loadable = self.loadable.as_ref();
        self.has(model) || (self.loads && loadable.is_none_or(|list| list.contains(&model)))
    }

    /// Jobs that it takes at once.
    pub fn places(&self) -> u32 {
        self.places
    }

    /// Pictures that it renders in one call at most, where it says so.
    pub fn most_pictures(&self) -> Option<u32> {
        self.most_pictures
    }

    /// Whether so many pictures at once would be more than pays, `cap` being the largest batch that does. An engine that
    /// mixes batches has a second job whatever that gains.
    pub fn is_beyond(&self, pictures: u32, cap: u32) -> bool {
        let always = if self.mixes { OVERLAPPING } else { 1 };
        if self.running.len() < always || (self.mixes && self.most_pictures.is_none()) {
            return false;
        }
        pictures > cap.min(self.most_pictures.unwrap_or(u32::MAX))
    }

    /// Weights that it has loaded.
    pub fn models(&self) -> impl Iterator<Item = ModelKey> + '_ {
        self.models.iter().map(|loaded| loaded.model)
    }

    pub(crate) fn loaded(&self) -> &[Loaded] {
        &self.models
    }

    /// Whether it has weights.
    pub fn has(&self, model: ModelKey) -> bool {
        self.models.iter().any(|loaded| loaded.model == model)
    }

    /// GiB that no weights take.
    pub fn free_gib(&self) -> f64 {
        (self.memory_gib - self.used_gib).max(0.0)
    }

    /// Pictures that it renders.
    pub fn pictures(&self) -> u32 {
        self.running.iter().map(|held| held.pictures).sum()
    }

    pub(super) fn place(&self) -> Place {
        if !self.is_up() || self.blocked || self.loading.is_some() {
            return Place::Nowhere;
        }
        let jobs = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        let pictures = self.pictures();
        let pays = !self.is_beyond(pictures.saturating_add(1), self.join_cap);
        if self.mixes {
            // What is paused here waits for no more than what made it pause.
            return if jobs < self.places
                && pays
                && self.paused.is_empty()
                && !self.running.iter().any(|held| held.alone)
            {
                Place::Open(jobs)
            } else {
                Place::Nowhere
            };
        }
        match self.running.first() {
            None if self.paused.is_empty() => Place::Open(0),
            None => Place::Nowhere,
            // What is paused here waits for no more than what made it pause.
            Some(first) if first.alone || jobs >= self.places || !self.paused.is_empty() => {
                Place::Nowhere
            }
            Some(first) => {
                if pays {
                    Place::Joinable(first.key, pictures)
                } else {
                    Place::Nowhere
                }
            }
        }
    }

    pub(super) fn add_model(&mut self, model: ModelKey, gib: f64, now: Moment) {
        self.models.push(Loaded {
            model,
            used_at: now,
        });
        self.used_gib += gib;
    }

    pub(super) fn drop_model(&mut self, model: ModelKey, gib: f64) {
        self.models.retain(|loaded| loaded.model != model);
        self.used_gib = (self.used_gib - gib).max(0.0);
    }

    /// Takes a job. Returns whether it is the first.
    pub(super) fn start(&mut self, held: Held, join_cap: u32, now: Moment) -> bool {
        for loaded in &mut self.models {
            if loaded.model == held.key.model {
                loaded.used_at = now;
            }
        }
        self.join_cap = join_cap;
        self.running.push(held);
        self.running.len() == 1
    }

    pub(super) fn end(&mut self, job: JobId) -> Option<Held> {
        for list in [&mut self.running, &mut self.paused] {
            if let Some(at) = list.iter().position(|held| held.job == job) {
                return Some(list.remove(at));
            }
        }
        None
    }

    pub(super) fn pause(&mut self) {
        for held in &mut self.running {
            held.was_paused = true;
        }
        self.paused.append(&mut self.running);
    }

    pub(super) fn resume(&mut self) {
        self.running.append(&mut self.paused);
    }
}
