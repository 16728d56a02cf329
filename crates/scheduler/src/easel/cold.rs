//! When weights are loaded, where, and which go.
//!
//! A load costs the time it takes, and the time that it will take to load again what it drives out and somebody wants. It
//! is done when what waits for the model is worth several times that, or has waited for as long: so a model that is
//! asked for rarely is loaded for several jobs at once. A node that has work for what it has loaded changes over only for
//! more work than that. Memory that lies free costs nothing but the load itself.

use super::Easel;
use super::place::{Claim, Spot};
use crate::event::Action;
use crate::fleet::Node;
use crate::job::{ClassKey, Job, ModelKey};
use crate::moment::{Moment, micros};

/// Open nodes of a class whose weights are weighed against each other.
const LOOKED_AT: usize = 12;
/// A node is that much of a second busy in each, where it keeps its promises.
pub(super) const TARGET_LOAD: f64 = 0.75;
/// Weights that nobody used for so many seconds are worth nothing.
pub(super) const IDLE_S: f64 = 900.0;
/// How far ahead the value of weights is looked at, in seconds.
pub(super) const HORIZON_S: f64 = 900.0;
/// What a second of waiting counts for a model that nobody has, where nodes have other work.
const AGE_IN_A_CROWD: f64 = 0.1;
/// A fleet is crowded while fewer than one node in so many is open.
const CROWDED: usize = 20;
/// Looks at loads in a second, in a crowd.
const LOOKS: u32 = 40;
/// Share of the time left that waiting for a busy node may be predicted to take before a load is thought of.
const SURE: f64 = 0.7;
/// Loads ahead of demand that are begun at once.
const PREFETCHES: usize = 4;

/// Work that a node has for what it has loaded holds a load up by no more than so many times what the load costs: it is
/// the turn of whoever needs it.
const HOLDS_UP: f64 = 4.0;
/// A copy more is loaded of a model that keeps each node which has it busy for this share of the time.
const WORTH_A_COPY: f64 = 0.05;

/// More copies than so many are not counted.
const ENOUGH_COPIES: usize = 64;

/// A load that comes before a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    /// Weights that go.
    pub evict: Vec<ModelKey>,
    /// Seconds of having them back.
    pub regret_s: f64,
}

/// A node that could load, and what that costs.
struct Candidate {
    node: u32,
    class: ClassKey,
    load_s: f64,
    /// Seconds of loading again what goes.
    regret_s: f64,
    /// Seconds of waiting work that it could do as it is.
    own_s: f64,
    evict: Vec<ModelKey>,
}

/// An open node that could make room.
#[derive(Debug, Clone)]
pub(super) struct Room {
    node: u32,
    regret_s: f64,
    own_s: f64,
    evict: Vec<ModelKey>,
}

/// For what room is looked for: a kind of node, millionths of a GiB, and whether within a share.
pub(super) type Asked = (ClassKey, u64, bool);

impl Easel {
    /// A node that would load the job's model, where that is worth it.
    pub(super) fn cold_spot(&self, job: &Job, claim: Claim, now: Moment) -> Option<Spot> {
        let model = job.key.model;
        let copies = self.copies_for(job);
        // In a crowd there is always something to do without loading: whether loading would be better is asked a number
        // of times a second, and not for each job.
        if copies > 0 && self.is_crowded() && self.looks == 0 {
            return None;
        }
        let waiting_s = self.pressure_s(model, 1);
        let age_s = now.since(job.submitted);
        let best = self
            .classes()
            .filter(|class| self.suits(job, *class, now))
            .filter_map(|class| self.candidate(job, class, claim))
            .min_by(|a, b| self.total(job, a, now).total_cmp(&self.total(job, b, now)))?;
        let cost = best.load_s + best.regret_s;
        let idle = best.own_s <= 0.0;
        let reluctance = self.settings.reluctance;
        // What only those want who ask for more than their shares is no loss to one who does not.
        let beyond = |model: &ModelKey| self.waiting.backlog(*model).is_beyond();
        let free = best.evict.iter().all(|model| claim.within && beyond(model));
        let (pressure, needed) = match (copies, free) {
            (0, true) => (waiting_s, 0.0),
            (0, false) => {
                let patience = if idle { self.scarcity() } else { 1.0 };
                let own_s = if claim.due { 0.0 } else { best.own_s };
                (
                    waiting_s + if idle { age_s } else { age_s * AGE_IN_A_CROWD },
                    own_s + reluctance * cost * patience,
                )
            }
            // A node that has it will be free before long, unless something is wrong with it.
            (_, true) => (
                self.pressure_s(model, copies) + age_s * AGE_IN_A_CROWD,
                best.own_s.min(HOLDS_UP * best.load_s) + best.load_s,
            ),
            (_, false) => (
                self.pressure_s(model, copies) + age_s * AGE_IN_A_CROWD,
                2.0 * best.own_s.min(HOLDS_UP * cost) + reluctance * cost,
            ),
        };
        let worth = pressure >= needed
            || (claim.aged && copies == 0)
            || (idle && self.saves_promise(job, &best, now));
        worth.then(|| Spot {
            node: best.node,
            class: best.class,
            score: self.total(job, &best, now),
            step_s: self.candidate_step_s(job, &best),
            load: Some(Load {
                evict: best.evict,
                regret_s: best.regret_s,
            }),
        })
    }

    /// Nodes that have a job's model and are for it: not the one that failed it, nor those of another region or kind.
    fn copies_for(&self, job: &Job) -> u32 {
        let model = job.key.model;
        if job.region.is_none() && job.only.is_none() && job.avoid.is_none() {
            return self.fleet.copies(model);
        }
        let classes = self.fleet.classes();
        let near = self.fleet.holders(model).filter(|node| {
            let region = classes[node.class.0 as usize].region;
            job.region.is_none_or(|wanted| wanted == region)
                && job.only.is_none_or(|only| only == node.class)
                && job.avoid != Some(node.key)
        });
        u32::try_from(near.take(ENOUGH_COPIES).count()).unwrap_or(u32::MAX)
    }

    /// Whether a promise that would be broken while a node that has the model is busy is kept by a load.
    fn saves_promise(&self, job: &Job, candidate: &Candidate, now: Moment) -> bool {
        let tier = self.waiting.tier(job);
        let Some(promise_s) = tier.and_then(|tier| tier.promise_s(self.alone_s(job))) else {
            return false;
        };
        let left_s = promise_s - now.since(job.submitted);
        let service_s = self.candidate_step_s(job, candidate) * f64::from(job.steps);
        candidate.load_s + service_s <= left_s
            && self.warm_in_s(job, now) + self.alone_s(job) > left_s * SURE
    }

    /// Seconds until a node that has the job's model, or is loading it, could take it.
    fn warm_in_s(&self, job: &Job, now: Moment) -> f64 {
        self.fleet
            .holders(job.key.model)
            .filter(|node| {
                node.is_up() && job.avoid != Some(node.key) && self.suits(job, node.class, now)
            })
            .map(|node| {
                let ends = node.running().iter().map(|held| held.expected_end);
                ends.max().map_or(0.0, |end| end.since(now))
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// Whether nearly every node is busy.
    pub(super) fn is_crowded(&self) -> bool {
        self.fleet.open() * CROWDED < self.fleet.up()
    }

    /// So many looks until the next tick.
    pub(super) fn renew_looks(&mut self) {
        let up = self.fleet.up() / CROWDED;
        self.looks = LOOKS + u32::try_from(up).unwrap_or(u32::MAX - LOOKS);
    }

    /// Seconds of waiting work of a model for each of so many nodes.
    fn pressure_s(&self, model: ModelKey, copies: u32) -> f64 {
        self.waiting.backlog(model).cost as f64 / 1e6 / f64::from(copies.max(1))
    }

    fn candidate_step_s(&self, job: &Job, candidate: &Candidate) -> f64 {
        self.speed.step_s(candidate.class, job.key, job.pictures)
    }

    fn total(&self, job: &Job, candidate: &Candidate, now: Moment) -> f64 {
        let load_s = candidate.load_s + candidate.regret_s + candidate.own_s;
        let step_s = self.candidate_step_s(job, candidate);
        self.score(job, candidate.class, step_s, load_s, now)
    }

    /// 0 while half of the nodes are idle, 1 when none is.
    fn scarcity(&self) -> f64 {
        let up = self.fleet.up().max(1) as f64;
        (1.0 - 2.0 * self.fleet.open() as f64 / up).max(0.0)
    }

    fn candidate(&self, job: &Job, class: ClassKey, claim: Claim) -> Option<Candidate> {
        let model = job.key.model;
        let size = self.fleet.size_gib(model);
        let load_s = self.speed.load_s(class, model);
        let roomy = self
            .fleet
            .roomy(class, size)
            .take(LOOKED_AT)
            .find(|node| self.is_fit(job, *node));
        if let Some(node) = roomy {
            return Some(Candidate {
                node,
                class,
                load_s,
                regret_s: 0.0,
                own_s: self
                    .fleet
                    .at(node)
                    .map_or(0.0, |node| self.own_s(node, claim)),
                evict: Vec::new(),
            });
        }
        let listed = self.rooms.get(&(class, micros(size), claim.within))?;
        let room = listed.iter().find(|room| self.is_fit(job, room.node))?;
        Some(Candidate {
            node: room.node,
            class,
            load_s,
            regret_s: room.regret_s,
            own_s: room.own_s,
            evict: room.evict.clone(),
        })
    }

    /// Looks for open nodes that could make room for a model. It is done once for all lines that are looked at before the
    /// fleet changes.
    pub(super) fn look_for_rooms(&mut self, model: ModelKey, claim: Claim, now: Moment) {
        let size = self.fleet.size_gib(model);
        for class in self.classes() {
            let asked = (class, micros(size), claim.within);
            if !self.fleet.runs(class, model) || self.rooms.contains_key(&asked) {
                continue;
            }
            let mut rooms: Vec<Room> = self
                .fleet
                .open_in(class)
                .take(LOOKED_AT)
                .filter_map(|index| {
                    let node = self.fleet.at(index)?;
                    let (evict, regret_s) = self.room_on(node, size, claim, now)?;
                    Some(Room {
                        node: index,
                        regret_s,
                        own_s: self.own_s(node, claim),
                        evict,
                    })
                })
                .collect();
            rooms.sort_by(|a, b| (a.regret_s + a.own_s).total_cmp(&(b.regret_s + b.own_s)));
            self.rooms.insert(asked, rooms);
        }
    }

    /// The weights whose going makes room for `size` GiB, and the seconds that it costs to have them back.
    fn room_on(
        &self,
        node: &Node,
        size: f64,
        claim: Claim,
        now: Moment,
    ) -> Option<(Vec<ModelKey>, f64)> {
        if !node.loads || size > node.memory_gib || !node.running().is_empty() {
            return None;
        }
        let mut loaded: Vec<(f64, Moment, ModelKey)> = node
            .loaded()
            .iter()
            .map(|loaded| {
                let idle_s = now.since(loaded.used_at);
                let beyond = claim.within && self.waiting.backlog(loaded.model).is_beyond();
                let worth = if beyond {
                    0.0
                } else {
                    self.worth_s(node.class, loaded.model, idle_s, now)
                };
                (worth, loaded.used_at, loaded.model)
            })
            .collect();
        loaded.sort_by(|a, b| {
            a.0.total_cmp(&b.0)
                .then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
        });
        let (mut evict, mut regret_s, mut free) = (Vec::new(), 0.0, node.free_gib());
        for (worth, _, model) in loaded {
            if free + 1e-9 >= size {
                break;
            }
            free += self.fleet.size_gib(model);
            regret_s += worth;
            evict.push(model);
        }
        (free + 1e-9 >= size).then_some((evict, regret_s))
    }

    /// Loads what the demand will need into memory that lies free, and one more copy of what is asked for most where
    /// there is room for copies that nobody needs yet.
    pub(super) fn prefetch(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let mut begun = 0;
        let mut spare: Option<(f64, ModelKey)> = None;
        for at in 0..self.demand.models().len() {
            let model = self.demand.models()[at];
            let nodes = self.demand.nodes(model, now);
            let copies = f64::from(self.fleet.copies(model));
            let expected = self.demand.jobs(model, now) * IDLE_S >= 1.0;
            if begun >= PREFETCHES || !expected {
                continue;
            }
            if copies < (nodes / TARGET_LOAD).ceil() {
                begun += usize::from(self.load_ahead(model, now, actions));
            } else if spare.is_none_or(|(most, _)| nodes / copies > most) {
                spare = Some((nodes / copies, model));
            }
        }
        if let Some((for_each, model)) = spare
            && begun == 0
            && for_each >= WORTH_A_COPY
        {
            self.load_ahead(model, now, actions);
        }
    }

    fn load_ahead(&mut self, model: ModelKey, now: Moment, actions: &mut Vec<Action>) -> bool {
        let Some(index) = self.idle_room_for(model) else {
            return false;
        };
        let Some(node) = self.fleet.at(index).map(|node| node.key) else {
            return false;
        };
        self.fleet.loads(index, model, &[]);
        self.demand.loads(model, now);
        actions.push(Action::Load { node, model });
        true
    }

    /// An idle node with free memory, as long as other nodes stay open.
    fn idle_room_for(&self, model: ModelKey) -> Option<u32> {
        if self.fleet.open() < 2 || self.waiting.lanes_in_order().next().is_some() {
            return None;
        }
        let size = self.fleet.size_gib(model);
        self.classes()
            .filter(|class| self.fleet.runs(*class, model))
            .find_map(|class| {
                self.fleet.roomy(class, size).take(LOOKED_AT).find(|index| {
                    self.fleet.at(*index).is_some_and(|node| {
                        node.running().is_empty() && !node.has(model) && node.can_have(model)
                    })
                })
            })
    }
}
