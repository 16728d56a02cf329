//! The event loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

use super::arrivals::{Source, rng};
use super::books::{Books, State};
use super::each_class;
use super::machine::{Machine, Run, step_us};
use super::report::Report;
use super::watch::Watch;
use crate::event::{Action, Event, Policy};
use crate::fleet::{ClassRule, NodeFacts};
use crate::job::{BatchKey, ClassKey, Job, ModelKey, NodeKey};
use crate::moment::Moment;
use crate::scaling::Scaler;
use crate::scenario::{Scenario, TraceJob};
use crate::speed::BatchGain;

/// What is to happen at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A node's batch changes.
    Step { node: u32, version: u32 },
    /// A load ends.
    Loaded { node: u32, version: u32 },
    /// The leases of a node that died run out.
    Missed { node: u32, boot: u128 },
    /// A node that hangs is noticed.
    Stuck { node: u32, boot: u128 },
    /// A node comes back.
    Back { node: u32 },
    /// A node dies by chance.
    Dies { node: u32, boot: u128 },
    /// A node hangs by chance.
    Hangs { node: u32, boot: u128 },
    /// A node that was given notice goes.
    Reclaimed { node: u32, boot: u128, for_us: u64 },
    /// A poison job brings its node down.
    Poisons {
        node: u32,
        boot: u128,
        job: u32,
        lease: u32,
    },
    /// A fault of the scenario.
    Fault(u32),
    /// Everybody hears everybody again.
    Audible,
    /// The policy asked to be woken.
    Wake,
}

/// Without a sign of life for so long, what still waits fails: its model or its nodes are gone.
const PATIENCE_S: f64 = 900.0;

/// Three thousand years: what has not ended by then never will.
const END_OF_TIME: Moment = Moment(100_000_000_000_000_000);
/// When nothing has come of so many wake-ups, a second apart, the next ones are further and further apart.
const PATIENT_WAKES: u32 = 600;

/// Everything.
pub(super) struct World<'a, P> {
    pub scenario: &'a Scenario,
    pub policy: P,
    pub books: Books,
    pub machines: Vec<Machine>,
    pub by_key: FxHashMap<NodeKey, u32>,
    pub boots: u128,
    pub draws: ChaCha8Rng,
    source: Source<'a>,
    arriving: Option<TraceJob>,
    due: BinaryHeap<Reverse<(Moment, u64, Due)>>,
    sequence: u64,
    pub gains: Vec<BatchGain>,
    steps: FxHashMap<(ClassKey, BatchKey), f64>,
    pub alone: FxHashMap<(BatchKey, u32), f64>,
    pub runs: FxHashMap<(ClassKey, ModelKey), bool>,
    pub poison: Vec<u32>,
    /// Holds the policy to its word, where it gave one.
    watch: Option<Watch>,
    stopwatch: &'a mut dyn FnMut() -> f64,
    policy_s: f64,
    actions: Vec<Action>,
    /// While nobody hears anybody, what would have been said.
    pub deaf_until: Moment,
    pub unheard: Vec<Event>,
    /// Results that no one has taken yet.
    pub late: Vec<(u32, Run)>,
    /// What nodes had that died and have not been missed.
    pub lost: FxHashMap<NodeKey, Vec<Run>>,
    pub specs: FxHashMap<u32, Job>,
    wake_at: Option<Moment>,
    /// Times in a row that the policy was woken and nothing came of it.
    idle_wakes: u32,
    last_progress: Moment,
    pub scaler: Scaler,
    pub sampled: Option<Moment>,
    /// Nodes that there should have been, once a minute.
    pub desired: Vec<f64>,
}

impl<'a, P: Policy> World<'a, P> {
    pub fn new(
        scenario: &'a Scenario,
        trace: Option<&'a [TraceJob]>,
        policy: P,
        seed: u64,
        watch: Option<Watch>,
        stopwatch: &'a mut dyn FnMut() -> f64,
    ) -> Self {
        let runs = each_class(scenario)
            .flat_map(|class| super::each_model(scenario).map(move |model| (class, model)))
            .map(|pair| (pair, scenario.runs(pair.0, pair.1)))
            .collect();
        let mut world = Self {
            scenario,
            policy,
            books: Books::default(),
            machines: Vec::new(),
            by_key: FxHashMap::default(),
            boots: 0,
            draws: rng(seed, 0),
            source: Source::new(scenario, trace, seed),
            arriving: None,
            due: BinaryHeap::new(),
            sequence: 0,
            gains: scenario
                .classes
                .iter()
                .map(|class| BatchGain::new(class.batch_gain.clone()))
                .collect(),
            steps: FxHashMap::default(),
            alone: FxHashMap::default(),
            runs,
            poison: Vec::new(),
            watch,
            stopwatch,
            policy_s: 0.0,
            actions: Vec::new(),
            deaf_until: Moment::START,
            unheard: Vec::new(),
            late: Vec::new(),
            lost: FxHashMap::default(),
            specs: FxHashMap::default(),
            wake_at: None,
            idle_wakes: 0,
            last_progress: Moment::START,
            scaler: Scaler::default(),
            sampled: None,
            desired: Vec::new(),
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        let classes = each_class(self.scenario)
            .map(|class| {
                let rule = &self.scenario.classes[class.0 as usize];
                ClassRule {
                    region: rule.region,
                    relative_cost: rule.relative_cost,
                    spot: rule.spot,
                    batch_gain: Some(rule.batch_gain.clone()),
                    refuses: super::each_model(self.scenario)
                        .filter(|model| !self.runs[&(class, *model)])
                        .collect(),
                }
            })
            .collect();
        self.tell(Event::Classes(classes), Moment::START);
        self.tell(Event::Tiers(self.scenario.tiers.clone()), Moment::START);
        for class in each_class(self.scenario) {
            for number in 0..self.scenario.classes[class.0 as usize].count {
                let key = self.next_key();
                let index = u32::try_from(self.machines.len()).unwrap_or(u32::MAX);
                self.machines.push(Machine::new(class, number, key));
                self.by_key.insert(key, index);
                self.node_speaks(index, Moment::START);
                self.draw_fates(index, Moment::START);
            }
        }
        for index in 0..self.scenario.faults.len() {
            let at = Moment::from_secs(self.scenario.faults[index].t_s);
            self.at(at, Due::Fault(u32::try_from(index).unwrap_or(u32::MAX)));
        }
        self.arriving = self.source.next();
    }

    pub fn next_key(&mut self) -> NodeKey {
        self.boots += 1;
        NodeKey(self.boots)
    }

    /// Plans something.
    pub fn at(&mut self, at: Moment, what: Due) {
        self.sequence += 1;
        self.due.push(Reverse((at, self.sequence, what)));
    }

    /// Runs to the end.
    pub fn run(mut self) -> Report {
        loop {
            let arrival = self.arriving.as_ref().map(|job| Moment::from_secs(job.t_s));
            let due = self.due.peek().map(|Reverse((at, ..))| *at);
            let now = match (arrival, due) {
                (Some(arrival), Some(due)) => arrival.min(due),
                (Some(at), None) | (None, Some(at)) => at,
                (None, None) => break,
            };
            if self.arriving.is_none() && self.books.open == 0 {
                break;
            }
            if now >= END_OF_TIME {
                self.fail_all(now);
                break;
            }
            if arrival == Some(now) {
                if let Some(job) = self.arriving.take() {
                    self.arrives(&job, now);
                }
                self.arriving = self.source.next();
            } else if let Some(Reverse((_, _, what))) = self.due.pop() {
                self.happens(what, now);
            }
            self.place(now);
            self.sample(now);
            if self.arriving.is_none() {
                self.give_up(now);
            }
        }
        self.finish()
    }

    /// Ends what can never be rendered, once nothing has happened for long.
    fn give_up(&mut self, now: Moment) {
        if now.since(self.last_progress) < PATIENCE_S || now.secs() < self.scenario.duration_s {
            return;
        }
        if self.machines.iter().any(Machine::has_jobs) {
            return;
        }
        self.fail_all(now);
    }

    fn fail_all(&mut self, now: Moment) {
        for job in 0..u32::try_from(self.books.records.len()).unwrap_or(u32::MAX) {
            let state = self.books.records[job as usize].state;
            if state == State::Waiting {
                self.tell(Event::Gone(super::dispatcher::id(job)), now);
                self.books.waits_no_more(job, now);
            }
            if !state.is_end() {
                self.books.ends(job, State::Failed, now);
            }
        }
    }

    pub fn progress(&mut self, now: Moment) {
        self.last_progress = now;
    }

    /// What a job that has not ended is to make.
    pub fn spec(&self, job: u32) -> &Job {
        &self.specs[&job]
    }

    pub fn forget_spec(&mut self, job: u32) {
        self.specs.remove(&job);
    }

    /// Length of one step in microseconds.
    pub fn step_us(&mut self, class: ClassKey, key: BatchKey, pictures: u32) -> u64 {
        let scenario = self.scenario;
        let one_s = *self
            .steps
            .entry((class, key))
            .or_insert_with(|| scenario.step_s(class, key).unwrap_or(1.0));
        step_us(one_s, &self.gains[class.0 as usize], pictures)
    }

    /// Tells the policy something, now or when it can be heard.
    pub fn tell(&mut self, event: Event, now: Moment) {
        if now < self.deaf_until {
            self.unheard.push(event);
            return;
        }
        if let Some(watch) = &mut self.watch {
            watch.hears(&event);
        }
        let began = (self.stopwatch)();
        self.policy.apply(event, now, &mut self.actions);
        self.policy_s += (self.stopwatch)() - began;
    }

    pub fn node_speaks(&mut self, index: u32, now: Moment) {
        let machine = &self.machines[index as usize];
        let facts = NodeFacts {
            node: machine.key,
            class: machine.class,
            memory_gib: self.scenario.classes[machine.class.0 as usize].memory_gib,
            loaded: machine.models.clone(),
            places: u32::MAX,
            most_pictures: None,
            mixes: false,
            loads: true,
            loadable: None,
            pauses: true,
            draining: machine.draining,
        };
        self.tell(Event::Node(Box::new(facts)), now);
    }

    /// Lets the policy decide, does what it says, and plans when to ask again.
    pub fn place(&mut self, now: Moment) {
        if now < self.deaf_until {
            return;
        }
        loop {
            let began = (self.stopwatch)();
            self.policy.place(now, &mut self.actions);
            self.policy_s += (self.stopwatch)() - began;
            if self.actions.is_empty() {
                break;
            }
            self.idle_wakes = 0;
            for action in std::mem::take(&mut self.actions) {
                if let Some(watch) = &mut self.watch {
                    watch.sees(&action, now);
                }
                self.perform(action, now);
            }
        }
        if self.wake_at.is_none_or(|at| at <= now)
            && let Some(at) = self.policy.wake(now)
        {
            let idle = f64::from(self.idle_wakes.saturating_sub(PATIENT_WAKES));
            let at = at.max(now.after(idle.max(1e-6)));
            self.wake_at = Some(at);
            self.at(at, Due::Wake);
        }
    }

    pub fn happens(&mut self, what: Due, now: Moment) {
        self.idle_wakes = if what == Due::Wake {
            self.idle_wakes.saturating_add(1)
        } else {
            0
        };
        match what {
            Due::Step { node, version } => self.steps_end(node, version, now),
            Due::Loaded { node, version } => self.load_ends(node, version, now),
            Due::Wake => {
                if self.wake_at.is_some_and(|at| at <= now) {
                    self.wake_at = None;
                }
                self.tell(Event::Tick, now);
            }
            Due::Audible => self.heard_again(now),
            Due::Fault(index) => self.fault(index, now),
            Due::Missed { .. }
            | Due::Stuck { .. }
            | Due::Back { .. }
            | Due::Dies { .. }
            | Due::Hangs { .. }
            | Due::Reclaimed { .. }
            | Due::Poisons { .. } => self.node_trouble(what, now),
        }
    }

    fn finish(mut self) -> Report {
        let end = Moment::from_secs(self.scenario.duration_s);
        for index in 0..self.machines.len() {
            let machine = &self.machines[index];
            if machine.up {
                let up_since = machine.up_since;
                self.books.up_s += end.since(up_since.min(end));
            }
        }
        let seconds = self.policy_s.max(1e-9);
        Report::new(
            self.scenario,
            &self.books,
            self.books.placed as f64 / seconds,
            self.watch.map_or(0, |watch| watch.passed_over),
            self.desired,
        )
    }
}
