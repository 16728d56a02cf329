//! Four simple policies to compare with. Each gives the first job of its order that some idle node can run to the first
//! such node, one job a node, and loads what is missing in place of what was used longest ago.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use easel_domain::JobId;
use rustc_hash::FxHashMap;

use crate::event::{Action, Event, Policy, ShedReason};
use crate::fleet::{Fleet, Held};
use crate::job::{ClassKey, Job, ModelKey, UserIx};
use crate::moment::{Moment, micros};
use crate::tier::TierRule;

/// What a simple policy goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Fifo,
    /// The most urgent lane first, in it the oldest.
    StrictPriority,
    /// The earliest deadline first: the job's own, or its tier's promise.
    Deadline,
    /// One job of each member in turn.
    RoundRobin,
}

/// Seconds that a job may take where nobody promised anything.
const NO_PROMISE_S: f64 = 3600.0;

type Place = (u64, u64, JobId);

/// A simple policy.
#[derive(Debug, Clone)]
pub struct Baseline {
    order: Order,
    jobs: FxHashMap<JobId, (Job, Place)>,
    lines: BTreeMap<(ModelKey, Option<ClassKey>), BTreeSet<Place>>,
    pausing: BinaryHeap<Reverse<(Moment, JobId)>>,
    stale: BinaryHeap<Reverse<(Moment, JobId)>>,
    fleet: Fleet,
    tiers: Vec<TierRule>,
    /// Seconds of one step alone, for deadlines.
    alone: FxHashMap<crate::job::BatchKey, f64>,
    rounds: FxHashMap<UserIx, u64>,
    round: u64,
}

impl Baseline {
    /// Nothing waits, and no node is known.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            jobs: FxHashMap::default(),
            lines: BTreeMap::new(),
            pausing: BinaryHeap::new(),
            stale: BinaryHeap::new(),
            fleet: Fleet::default(),
            tiers: Vec::new(),
            alone: FxHashMap::default(),
            rounds: FxHashMap::default(),
            round: 0,
        }
    }

    /// Tells how many GiB a model takes.
    pub fn told_size(&mut self, model: ModelKey, gib: f64) {
        self.fleet.told_size(model, gib);
    }

    /// Tells how long a step of one picture takes alone, which deadlines are reckoned by.
    pub fn told_alone(&mut self, key: crate::job::BatchKey, step_s: f64) {
        self.alone.insert(key, step_s);
    }

    fn place_of(&mut self, job: &Job) -> Place {
        match self.order {
            Order::Fifo => (job.submitted.0, 0, job.id),
            Order::StrictPriority => (job.lane as u64, job.submitted.0, job.id),
            Order::Deadline => {
                let alone_s = self.alone.get(&job.key).copied().unwrap_or(1.0)
                    * f64::from(job.steps)
                    * f64::from(job.pictures);
                let promise_s = self
                    .tiers
                    .get(job.tier.0 as usize)
                    .and_then(|tier| tier.promise_s(alone_s))
                    .unwrap_or(NO_PROMISE_S);
                let deadline = job
                    .deadline
                    .unwrap_or_else(|| job.submitted.after(promise_s));
                (deadline.0, job.submitted.0, job.id)
            }
            Order::RoundRobin => {
                let last = self.rounds.get(&job.user).copied().unwrap_or(0);
                let round = self.round.max(last + 1);
                self.rounds.insert(job.user, round);
                (round, job.submitted.0, job.id)
            }
        }
    }

    fn queue(&mut self, id: JobId) {
        if let Some((job, place)) = self.jobs.get(&id) {
            self.lines
                .entry((job.key.model, job.only))
                .or_default()
                .insert(*place);
        }
    }

    fn remove(&mut self, id: JobId) -> Option<(Job, Place)> {
        let (job, place) = self.jobs.remove(&id)?;
        let line = (job.key.model, job.only);
        if let Some(places) = self.lines.get_mut(&line) {
            places.remove(&place);
            if places.is_empty() {
                self.lines.remove(&line);
            }
        }
        Some((job, place))
    }

    fn node_for(&self, model: ModelKey, only: Option<ClassKey>) -> Option<u32> {
        let size = self.fleet.size_gib(model);
        let count = u16::try_from(self.fleet.classes().len()).unwrap_or(u16::MAX);
        (0..count)
            .map(ClassKey)
            .filter(|class| self.fleet.runs(*class, model) && only.is_none_or(|o| o == *class))
            .find_map(|class| {
                self.fleet.open_in(class).find(|index| {
                    self.fleet
                        .at(*index)
                        .is_some_and(|node| node.running().is_empty() && size <= node.memory_gib)
                })
            })
    }

    fn evictions(&self, index: u32, model: ModelKey) -> Vec<ModelKey> {
        let size = self.fleet.size_gib(model);
        let Some(node) = self.fleet.at(index) else {
            return Vec::new();
        };
        let mut loaded = node.loaded().to_vec();
        loaded.sort_by_key(|loaded| (loaded.used_at, loaded.model));
        let mut free = node.free_gib();
        let mut evict = Vec::new();
        for old in loaded {
            if free + 1e-9 >= size {
                break;
            }
            free += self.fleet.size_gib(old.model);
            evict.push(old.model);
        }
        evict
    }

    fn place_one(&mut self, now: Moment, actions: &mut Vec<Action>) -> bool {
        let next = self
            .lines
            .iter()
            .filter_map(|((model, only), places)| {
                let first = *places.first()?;
                Some((first, self.node_for(*model, *only)?))
            })
            .min_by_key(|(place, _)| *place);
        let Some((place, index)) = next else {
            return false;
        };
        let Some((job, _)) = self.remove(place.2) else {
            return false;
        };
        self.round = self.round.max(place.0);
        let model = job.key.model;
        let warm = self.fleet.at(index).is_some_and(|node| node.has(model));
        let load = (!warm).then(|| {
            let evict = self.evictions(index, model);
            self.fleet.loads(index, model, &evict);
            evict
        });
        let Some(node) = self.fleet.at(index).map(|node| node.key) else {
            return false;
        };
        let held = Held {
            job: job.id,
            user: job.user,
            tier: job.tier,
            lane: job.lane,
            was_paused: false,
            key: job.key,
            pictures: job.pictures,
            alone: true,
            expected_end: now,
        };
        self.fleet.takes(index, held, 1, now);
        actions.push(Action::Place {
            job: job.id,
            node,
            load,
            fallback: false,
        });
        true
    }
}

impl Policy for Baseline {
    fn apply(&mut self, event: Event, now: Moment, actions: &mut Vec<Action>) {
        match event {
            Event::Tiers(tiers) => self.tiers = tiers,
            Event::Classes(classes) => self.fleet.set_classes(classes),
            Event::Waits(job) => {
                let place = self.place_of(&job);
                let (id, not_before) = (job.id, job.not_before);
                let shed_s = self
                    .tiers
                    .get(job.tier.0 as usize)
                    .and_then(|tier| tier.shed_s);
                if let Some(shed_s) = shed_s {
                    self.stale.push(Reverse((job.submitted.after(shed_s), id)));
                }
                self.jobs.insert(id, (*job, place));
                if not_before > now {
                    self.pausing.push(Reverse((not_before, id)));
                } else {
                    self.queue(id);
                }
            }
            Event::Gone(job) => {
                self.remove(job);
            }
            Event::Ended { job, .. } => {
                self.fleet.leaves(job);
            }
            Event::Node(facts) => {
                self.fleet.speaks(&facts, now);
            }
            Event::NodeGone(node) => {
                self.fleet.gone(node);
            }
            Event::Loaded { node, model, .. } => {
                if let Some(index) = self.fleet.index_of(node) {
                    self.fleet.loaded(index, model, now);
                }
            }
            Event::Tick => {
                while let Some(Reverse((at, id))) = self.stale.peek().copied()
                    && at <= now
                {
                    self.stale.pop();
                    if self.remove(id).is_some() {
                        actions.push(Action::Shed {
                            job: id,
                            reason: ShedReason::Stale,
                        });
                    }
                }
            }
            Event::Found { .. } | Event::Measured { .. } | Event::Release(_) => {}
        }
    }

    fn place(&mut self, now: Moment, actions: &mut Vec<Action>) {
        while let Some(Reverse((at, id))) = self.pausing.peek().copied()
            && at <= now
        {
            self.pausing.pop();
            self.queue(id);
        }
        while self.fleet.open() > 0 && !self.lines.is_empty() && self.place_one(now, actions) {}
    }

    fn waiting(&self) -> usize {
        self.jobs.len()
    }

    fn wake(&self, _now: Moment) -> Option<Moment> {
        let pause = self.pausing.peek().map(|Reverse((at, _))| *at);
        let stale = self.stale.peek().map(|Reverse((at, _))| *at);
        // A bound that has been passed exactly is looked at a microsecond later.
        let later = |at: Moment| Moment(at.0 + micros(1e-6));
        [pause, stale.map(later)].into_iter().flatten().min()
    }
}
