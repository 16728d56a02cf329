//! What is true, kept apart from the policy.

use std::collections::{BTreeMap, BTreeSet};

use super::{Step, nth};
use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_scheduler::easel::{Easel, Settings};
use easel_scheduler::event::Outcome;
use easel_scheduler::fleet::{ClassRule, NodeFacts};
use easel_scheduler::speed::SpeedModel;
use easel_scheduler::{
    BatchKey, ClassKey, Event, GuildIx, Job, ModelKey, Moment, NodeKey, Policy, Shape, TierKey,
    TierRule, UserIx,
};
use uuid::Uuid;

pub const LANES: [ServiceClass; 3] = [
    ServiceClass::Turbo,
    ServiceClass::Standard,
    ServiceClass::Relax,
];
pub const AGING_S: f64 = 20.0;
pub const RUNNING: u32 = 2;
pub const MODEL_GIB: f64 = 4.0;
pub const NODE_GIB: f64 = 10.0;

pub fn tiers() -> Vec<TierRule> {
    LANES
        .into_iter()
        .enumerate()
        .map(|(index, class)| TierRule {
            name: format!("t{index}"),
            class,
            weight: 1.0,
            running: RUNNING,
            waiting: 100,
            aging_s: AGING_S,
            shed_s: (class == ServiceClass::Relax).then_some(200.0),
            slo_factor: (index == 0).then_some(3.0),
            slo_s: None,
            reserved: if index == 0 { 0.2 } else { 0.0 },
        })
        .collect()
}

pub fn key(model: u32) -> BatchKey {
    BatchKey {
        model: ModelKey(model),
        shape: Shape {
            width: 512,
            height: 512,
        },
    }
}

/// What is true, kept apart from the policy.
pub struct Truth {
    pub policy: Easel,
    pub now: Moment,
    pub next: u128,
    pub waiting: BTreeMap<JobId, Job>,
    pub running: BTreeMap<JobId, (Job, NodeKey)>,
    pub ended: BTreeSet<JobId>,
    pub models: BTreeMap<NodeKey, BTreeSet<ModelKey>>,
    pub loading: BTreeMap<NodeKey, ModelKey>,
    pub draining: BTreeSet<NodeKey>,
    pub clocks: BTreeMap<(UserIx, ServiceClass), Moment>,
    pub guild_clocks: BTreeMap<(GuildIx, ServiceClass), Moment>,
    /// What each node has put aside. A job may end while it is: it fails, is lost, or its last step was done by then.
    pub paused: BTreeMap<NodeKey, BTreeSet<JobId>>,
}

impl Truth {
    pub fn new() -> Self {
        let mut truth = Self {
            policy: Easel::new(Settings::default(), SpeedModel::default()),
            now: Moment::START,
            next: 0,
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            ended: BTreeSet::new(),
            models: BTreeMap::new(),
            loading: BTreeMap::new(),
            draining: BTreeSet::new(),
            clocks: BTreeMap::new(),
            guild_clocks: BTreeMap::new(),
            paused: BTreeMap::new(),
        };
        for model in 0..5 {
            truth.policy.told_size(ModelKey(model), MODEL_GIB);
        }
        let class = ClassRule {
            region: 0,
            relative_cost: 1.0,
            spot: false,
            batch_gain: Some(vec![1.0, 1.8, 2.5]),
            refuses: BTreeSet::new(),
        };
        truth.tell(Event::Classes(vec![class]));
        truth.tell(Event::Tiers(tiers()));
        truth
    }

    pub fn tell(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.policy.apply(event, self.now, &mut actions);
        self.policy.place(self.now, &mut actions);
        for action in actions {
            self.check(action);
        }
    }

    /// His clock runs from the submit, or from the last turn of his own or of his guild's.
    pub fn due_at(&self, job: &Job) -> Moment {
        let own = self.clocks.get(&(job.user, job.lane)).copied();
        let all = self.guild_clocks.get(&(job.guild, job.lane)).copied();
        own.unwrap_or_default()
            .max(all.unwrap_or_default())
            .max(job.submitted)
            .after(AGING_S)
    }

    pub fn runs_of(&self, user: UserIx) -> u32 {
        self.running
            .values()
            .filter(|(job, _)| job.user == user)
            .count() as u32
    }

    pub fn facts(&self, node: NodeKey) -> NodeFacts {
        NodeFacts {
            node,
            class: ClassKey(0),
            memory_gib: NODE_GIB,
            loaded: self.models[&node].iter().copied().collect(),
            places: u32::MAX,
            most_pictures: None,
            mixes: false,
            loads: true,
            loadable: None,
            pauses: true,
            draining: self.draining.contains(&node),
        }
    }

    pub fn apply(&mut self, step: Step) {
        match step {
            Step::Submit { user, tier, model } => self.submit(user, tier, model),
            Step::Cancel(which) => {
                if let Some(id) = nth(&self.waiting, which) {
                    self.waiting.remove(&id);
                    self.ended.insert(id);
                    self.tell(Event::Gone(id));
                }
            }
            Step::End { which, outcome } => self.end(which, outcome),
            Step::NodeUp(number) => {
                let node = NodeKey(number);
                self.models.entry(node).or_default();
                self.draining.remove(&node);
                let facts = self.facts(node);
                self.tell(Event::Node(Box::new(facts)));
            }
            Step::NodeGone(number) => self.lose(NodeKey(number)),
            Step::Drain(number) => {
                let node = NodeKey(number);
                if self.models.contains_key(&node) {
                    self.draining.insert(node);
                    let facts = self.facts(node);
                    self.tell(Event::Node(Box::new(facts)));
                }
            }
            Step::Loaded(which) => {
                if let Some(node) = nth(&self.loading, which) {
                    let model = self.loading.remove(&node).expect("it is being loaded");
                    self.models
                        .get_mut(&node)
                        .expect("the node is there")
                        .insert(model);
                    self.tell(Event::Loaded {
                        node,
                        model,
                        took_s: 3.0,
                    });
                }
            }
            Step::Wait(seconds) => {
                self.now = self.now.after(f64::from(seconds));
                self.tell(Event::Tick);
            }
        }
    }

    pub fn submit(&mut self, user: u32, tier: u16, model: u32) {
        self.next += 1;
        let job = Job {
            id: JobId(Uuid::from_u128(self.next)),
            user: UserIx(user),
            guild: GuildIx(user % 2),
            tier: TierKey(tier),
            lane: LANES[tier as usize],
            key: key(model),
            steps: 20,
            pictures: 1,
            region: None,
            only: None,
            submitted: self.now,
            not_before: self.now,
            deadline: None,
            attempt: 1,
            deaths: 0,
            avoid: None,
        };
        self.waiting.insert(job.id, job.clone());
        self.tell(Event::Waits(Box::new(job)));
    }

    pub fn end(&mut self, which: usize, outcome: u8) {
        let Some(id) = nth(&self.running, which) else {
            return;
        };
        let (mut job, node) = self.running.remove(&id).expect("it runs");
        let outcome = match outcome {
            0 => Outcome::Failed,
            1 => Outcome::Lost,
            _ => Outcome::Done,
        };
        // While the node loads for it, it cannot have done anything.
        if self.loading.contains_key(&node) {
            self.running.insert(id, (job, node));
            return;
        }
        self.is_no_longer_paused(node, id);
        if outcome == Outcome::Done {
            self.ended.insert(id);
            self.tell(Event::Ended { job: id, outcome });
            return;
        }
        self.tell(Event::Ended { job: id, outcome });
        job.attempt += 1;
        job.avoid = Some(node);
        job.not_before = self.now.after(2.0);
        self.waiting.insert(id, job.clone());
        self.tell(Event::Waits(Box::new(job)));
    }

    /// With the last job that was put aside, nothing is left to go on with.
    fn is_no_longer_paused(&mut self, node: NodeKey, job: JobId) {
        if let Some(jobs) = self.paused.get_mut(&node) {
            jobs.remove(&job);
            if jobs.is_empty() {
                self.paused.remove(&node);
            }
        }
    }

    pub fn lose(&mut self, node: NodeKey) {
        if self.models.remove(&node).is_none() {
            return;
        }
        self.loading.remove(&node);
        self.draining.remove(&node);
        self.paused.remove(&node);
        self.tell(Event::NodeGone(node));
        let had: Vec<JobId> = self
            .running
            .iter()
            .filter(|(_, (_, on))| *on == node)
            .map(|(id, _)| *id)
            .collect();
        for id in had {
            let (job, _) = self.running.remove(&id).expect("it ran");
            self.tell(Event::Ended {
                job: id,
                outcome: Outcome::Lost,
            });
            self.waiting.insert(id, job.clone());
            self.tell(Event::Waits(Box::new(job)));
        }
    }

    pub fn check_totals(&self) {
        assert_eq!(self.policy.waiting(), self.waiting.len());
        assert_eq!(self.policy.running(), self.running.len());
        let told: BTreeSet<JobId> = self.policy.waiting_set().iter().map(|job| job.id).collect();
        let known: BTreeSet<JobId> = self.waiting.keys().copied().collect();
        assert_eq!(told, known);
        assert_eq!(
            self.waiting.len() + self.running.len() + self.ended.len(),
            self.next as usize
        );
    }

    /// Lets everything that was begun end, and sees that nothing is left.
    pub fn wind_up(&mut self) {
        for number in 0..5 {
            self.apply(Step::NodeUp(number));
        }
        for _ in 0..5_000 {
            if self.waiting.is_empty() && self.running.is_empty() {
                return;
            }
            while !self.loading.is_empty() {
                self.apply(Step::Loaded(0));
            }
            while !self.running.is_empty() && self.loading.is_empty() {
                self.apply(Step::End {
                    which: 0,
                    outcome: 3,
                });
            }
            self.apply(Step::Wait(29));
        }
        panic!("{} jobs wait for ever", self.waiting.len());
    }
}
