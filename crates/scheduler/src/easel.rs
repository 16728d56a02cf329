//! The policy of the platform.
//!
//! Who is next is decided by the [waiting set](crate::waiting), where he goes by `place`, and when weights are loaded by
//! `cold`; `urgent` pauses what is less so, and `health` leaves broken nodes alone. A job that cannot start anywhere blocks nobody: the next in the order that can start does.

mod admission;
mod alone;
mod cold;
mod demand;
mod health;
mod next;
mod place;
mod shared;
mod urgent;
mod wanted;

use easel_domain::JobId;
use easel_domain::admission::Admission;
use easel_domain::tier::ServiceClass;
use rustc_hash::FxHashMap;

use crate::event::{Action, Event, Outcome, Policy, ShedReason};
use crate::fleet::{Fleet, Held, NodeFacts};
use crate::job::{BatchKey, ClassKey, Job, NodeKey};
use crate::moment::Moment;
use crate::scaling::Load;
use crate::speed::{BatchGain, SpeedModel};
use crate::waiting::Waiting;
use demand::Demand;
use health::{Health, Verdict};
use urgent::Urgent;

/// What can be tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A cold load that drives out other weights must be worth this many times what it costs.
    pub reluctance: f64,
    /// Seconds that a job waits for its own region before it may go elsewhere.
    pub spill_s: f64,
    /// Seconds between two looks at what should be loaded ahead.
    pub prefetch_every_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reluctance: 2.0,
            spill_s: 10.0,
            prefetch_every_s: 5.0,
        }
    }
}

/// The state of the policy.
#[derive(Debug, Clone)]
pub struct Easel {
    settings: Settings,
    waiting: Waiting,
    fleet: Fleet,
    speed: SpeedModel,
    demand: Demand,
    health: Health,
    urgent: Urgent,
    /// Jobs on nodes that are not heard, until their leases end.
    adrift: FxHashMap<JobId, (NodeKey, Held)>,
    /// Seconds that a job takes alone on an average node, by key and pictures; for one step.
    alone: FxHashMap<(BatchKey, u32), f64>,
    prefetched: Moment,
    /// Looks at cold loads that are left until the next tick.
    looks: u32,
    /// Open nodes that could make room, until the fleet changes.
    rooms: FxHashMap<cold::Asked, Vec<cold::Room>>,
    /// Room for the lines that a decision looks at, kept between decisions.
    lines: Vec<usize>,
}

impl Easel {
    /// Nothing waits, and no node is known.
    pub fn new(settings: Settings, speed: SpeedModel) -> Self {
        Self {
            settings,
            waiting: Waiting::default(),
            fleet: Fleet::default(),
            speed,
            demand: Demand::default(),
            health: Health::default(),
            urgent: Urgent::default(),
            adrift: FxHashMap::default(),
            alone: FxHashMap::default(),
            prefetched: Moment::START,
            looks: 0,
            rooms: FxHashMap::default(),
            lines: Vec::new(),
        }
    }

    /// The jobs that wait.
    pub fn waiting_set(&self) -> &Waiting {
        &self.waiting
    }

    /// The nodes.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// How long things take.
    pub fn speed(&self) -> &SpeedModel {
        &self.speed
    }

    /// Tells how many GiB a model takes.
    pub fn told_size(&mut self, model: crate::job::ModelKey, gib: f64) {
        self.fleet.told_size(model, gib);
    }

    /// Jobs that nodes have, those of nodes that are not heard included.
    pub fn running(&self) -> usize {
        self.fleet.running() + self.adrift.len()
    }

    fn job_waits(&mut self, job: Job, now: Moment) {
        if self.fleet.holder(job.id).is_some() || self.adrift.contains_key(&job.id) {
            return;
        }
        let asked = (job.key, job.pictures);
        if !self.alone.contains_key(&asked) {
            let step_s = self.average_step_s(job.key, job.pictures);
            self.alone.insert(asked, step_s);
        }
        let alone_s = self.alone_s(&job);
        if job.attempt == 1 && job.not_before <= now {
            self.demand.asked(job.key.model, alone_s, now);
        }
        if let Some(tier) = self.waiting.tier(&job)
            && tier.reserved > 0.0
            && let Some(promise_s) = tier.promise_s(alone_s)
        {
            self.urgent.watch(&job, alone_s, promise_s);
        }
        self.waiting.told_nodes(self.fleet.up());
        self.waiting.insert(job, alone_s, now);
    }

    fn ended(&mut self, job: JobId, outcome: Outcome, now: Moment, actions: &mut Vec<Action>) {
        if let Some((_, held)) = self.adrift.remove(&job) {
            self.waiting.ended(held.user);
            return;
        }
        let Some((index, held)) = self.fleet.leaves(job) else {
            return;
        };
        self.waiting.ended(held.user);
        let Some(node) = self.fleet.at(index).map(|node| node.key) else {
            return;
        };
        let verdict = match outcome {
            Outcome::Done => self.health.good(node),
            Outcome::Failed | Outcome::Hung => self.health.bad(node, job, now),
            Outcome::Lost | Outcome::Cancelled => Verdict::Unchanged,
        };
        self.act_on(verdict, index, node, actions);
        let idle = self
            .fleet
            .at(index)
            .is_some_and(|node| node.running().is_empty() && !node.paused().is_empty());
        if idle {
            self.fleet.resume(index);
            actions.push(Action::Resume(node));
        }
    }

    fn act_on(&mut self, verdict: Verdict, index: u32, node: NodeKey, actions: &mut Vec<Action>) {
        match verdict {
            Verdict::Unchanged => {}
            Verdict::Broken(until) => {
                self.fleet.change(index, |node| node.blocked = true);
                actions.push(Action::Broken { node, until });
            }
            Verdict::Quarantined => {
                self.fleet.change(index, |node| node.blocked = true);
                actions.push(Action::Quarantine(node));
            }
        }
    }

    fn node_speaks(&mut self, facts: &NodeFacts, now: Moment) {
        let known = self.fleet.index_of(facts.node).is_some();
        let up = self.fleet.up();
        let index = self.fleet.speaks(facts, now);
        if up != self.fleet.up() {
            self.reckon_alone();
        }
        if known {
            return;
        }
        let blocked = self.health.is_blocked(facts.node, now);
        self.fleet.change(index, |node| node.blocked = blocked);
        let back: Vec<JobId> = self
            .adrift
            .iter()
            .filter(|(_, (node, _))| *node == facts.node)
            .map(|(job, _)| *job)
            .collect();
        for job in back {
            if let Some((_, held)) = self.adrift.remove(&job) {
                let cap = self.speed.cap(facts.class, held.key);
                self.fleet.takes(index, held, cap, now);
            }
        }
    }

    fn found(&mut self, job: &Job, node: NodeKey, now: Moment) {
        self.waiting.remove(job.id);
        if self.fleet.holder(job.id).is_some() || self.adrift.contains_key(&job.id) {
            return;
        }
        self.waiting.runs(job.user);
        let held = held(job, now.after(self.alone_s(job)));
        if let Some(index) = self.fleet.index_of(node) {
            let class = self.fleet.at(index).map_or(ClassKey(0), |node| node.class);
            let cap = self.speed.cap(class, held.key);
            self.fleet.takes(index, held, cap, now);
        } else {
            self.adrift.insert(job.id, (node, held));
        }
    }

    fn tick(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.renew_looks();
        for node in self.health.due(now) {
            if let Some(index) = self.fleet.index_of(node) {
                self.fleet.change(index, |node| node.blocked = false);
            }
        }
        while let Some(job) = self.waiting.stale(now) {
            self.waiting.remove(job);
            let reason = ShedReason::Stale;
            actions.push(Action::Shed { job, reason });
        }
        if now.since(self.prefetched) >= self.settings.prefetch_every_s {
            self.prefetched = now;
            self.prefetch(now, actions);
        }
    }
}

fn held(job: &Job, expected_end: Moment) -> Held {
    Held {
        job: job.id,
        user: job.user,
        tier: job.tier,
        lane: job.lane,
        was_paused: false,
        key: job.key,
        pictures: job.pictures,
        alone: job.deaths > 0,
        expected_end,
    }
}

impl Policy for Easel {
    fn apply(&mut self, event: Event, now: Moment, actions: &mut Vec<Action>) {
        match event {
            Event::Tiers(tiers) => self.waiting.set_tiers(tiers),
            Event::Classes(classes) => {
                for rule in classes.iter().skip(self.fleet.classes().len()) {
                    self.speed
                        .class(rule.batch_gain.clone().map(BatchGain::new));
                }
                self.fleet.set_classes(classes);
                self.reckon_alone();
            }
            Event::Waits(job) => self.job_waits(*job, now),
            Event::Gone(job) => {
                self.waiting.remove(job);
            }
            Event::Ended { job, outcome } => self.ended(job, outcome, now, actions),
            Event::Found { job, node } => self.found(&job, node, now),
            Event::Node(facts) => self.node_speaks(&facts, now),
            Event::NodeGone(node) => {
                for held in self.fleet.gone(node) {
                    self.adrift.insert(held.job, (node, held));
                }
                self.reckon_alone();
            }
            Event::Loaded {
                node,
                model,
                took_s,
            } => {
                if let Some(index) = self.fleet.index_of(node) {
                    let class = self.fleet.at(index).map_or(ClassKey(0), |node| node.class);
                    self.fleet.loaded(index, model, now);
                    self.speed.measured_load(class, model, took_s);
                }
            }
            Event::Measured {
                class,
                key,
                batch,
                step_s,
            } => {
                self.speed.measured_step(class, key, batch, step_s);
                self.reckon_alone();
            }
            Event::Release(node) => {
                self.health.release(node);
                if let Some(index) = self.fleet.index_of(node) {
                    self.fleet.change(index, |node| node.blocked = false);
                }
            }
            Event::Tick => self.tick(now, actions),
        }
    }

    fn place(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.waiting.wake(now);
        self.place_all(now, actions);
        self.serve_urgent(now, actions);
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn admission(&self, job: &Job, now: Moment) -> Admission {
        self.admission_of(job, now)
    }

    fn load(&self, now: Moment) -> Option<Load> {
        let backlog: f64 = ServiceClass::ALL
            .into_iter()
            .map(|lane| self.waiting.lane_cost_s(lane))
            .sum();
        Some(Load {
            backlog_gpu_s: backlog,
            offered: self.demand.all_nodes(now),
            busy: self.fleet.busy() as f64,
        })
    }

    fn wake(&self, now: Moment) -> Option<Moment> {
        // What changes as time passes: pauses, bounds, and how much a load is worth.
        let soon = (!self.waiting.is_empty()).then(|| now.after(1.0));
        [
            soon,
            self.waiting.next_wake(),
            self.waiting.next_stale(),
            self.health.next(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
