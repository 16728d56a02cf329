//! Which job goes to which node: the platform's policy over real rows and real nodes.
//!
//! It is told what happens (jobs wait and vanish, nodes speak and fall silent, leases end) and asked what to do. A placed
//! job counts as running until the caller says that its lease has ended or could not be written. All decisions are
//! [`easel_scheduler::Easel`]'s, which the simulator drives too; here names become numbers and dates become moments.

mod decision;
mod names;
mod nodes;
mod orders;
mod outlook;
pub(crate) mod skill;
pub mod spill;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

pub use decision::{Decision, Placement};
use easel_domain::message::NodeBoot;
use easel_domain::{BootId, GuildKey, JobId, NodeId, UserId};
use easel_scheduler::easel::{Easel, Settings};
use easel_scheduler::event::Outcome;
use easel_scheduler::fleet::NodeFacts;
use easel_scheduler::scaling::Load;
use easel_scheduler::speed::SpeedModel;
use easel_scheduler::{
    Action, BatchKey, Event, GuildIx, Job, ModelKey, Moment, NodeKey, Policy, Shape, TierKey,
    TierRule, UserIx,
};
use easel_store::waiting::WaitingJob;
use names::Names;
use time::OffsetDateTime;

/// A node that has been silent for longer gets no new work.
pub const SUSPECT_AFTER: Duration = Duration::from_secs(4);
/// A node that has been silent for longer is forgotten. Its leases expire on their own.
pub const FORGET_AFTER: Duration = Duration::from_mins(1);

/// A node as it was last heard.
#[derive(Debug, Clone)]
struct Seen {
    boot: NodeBoot,
    facts: NodeFacts,
    heard_at: OffsetDateTime,
    /// Whether the policy counts on it.
    trusted: bool,
    /// What it was told to do and has not yet been heard to have done.
    orders: orders::Orders,
}

/// A guild, or the direct messages of one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Guild(GuildKey),
    Direct(UserId),
}

/// The state: waiting jobs, running jobs, nodes.
#[derive(Debug)]
pub struct Scheduler {
    easel: Easel,
    rows: BTreeMap<JobId, WaitingJob>,
    nodes: BTreeMap<BootId, Seen>,
    quarantined: BTreeSet<NodeId>,
    tiers: Vec<TierRule>,
    users: Names<UserId>,
    places: Names<Place>,
    models: Names<String>,
    classes: Names<String>,
    actions: Vec<Action>,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

/// A date as the policy sees it.
fn moment(date: OffsetDateTime) -> Moment {
    let micros = (date - OffsetDateTime::UNIX_EPOCH).whole_microseconds();
    Moment(u64::try_from(micros).unwrap_or(0))
}

fn node_key(boot: BootId) -> NodeKey {
    NodeKey(boot.0.as_u128())
}

impl Scheduler {
    /// Nothing waits, nothing runs, no node is known.
    pub fn new() -> Self {
        Self {
            easel: Easel::new(Settings::default(), SpeedModel::default()),
            rows: BTreeMap::new(),
            nodes: BTreeMap::new(),
            quarantined: BTreeSet::new(),
            tiers: Vec::new(),
            users: Names::default(),
            places: Names::default(),
            models: Names::default(),
            classes: Names::default(),
            actions: Vec::new(),
        }
    }

    fn tell(&mut self, event: Event, now: OffsetDateTime) {
        self.easel.apply(event, moment(now), &mut self.actions);
    }

    /// The tiers are these now. Jobs of others keep what was read with them.
    pub fn tiers_are(&mut self, tiers: Vec<TierRule>, now: OffsetDateTime) {
        // Keys are places in the list, so a tier that is gone keeps its own.
        for old in &mut self.tiers {
            if let Some(new) = tiers.iter().find(|new| new.name == old.name) {
                old.clone_from(new);
            }
        }
        for new in tiers {
            if !self.tiers.iter().any(|old| old.name == new.name) {
                self.tiers.push(new);
            }
        }
        self.tell(Event::Tiers(self.tiers.clone()), now);
    }

    /// These nodes get nothing until an operator says so.
    pub fn quarantined_are(&mut self, nodes: BTreeSet<NodeId>, now: OffsetDateTime) {
        let released: Vec<BootId> = self
            .nodes
            .values()
            .filter(|seen| {
                self.quarantined.contains(&seen.boot.node) && !nodes.contains(&seen.boot.node)
            })
            .map(|seen| seen.boot.boot)
            .collect();
        self.quarantined = nodes;
        for boot in released {
            self.tell(Event::Release(node_key(boot)), now);
        }
    }

    fn job(&mut self, row: &WaitingJob, now: OffsetDateTime) -> Job {
        let place = row
            .guild_id
            .map_or(Place::Direct(row.user_id), Place::Guild);
        let (width, height, steps) = row.shape;
        Job {
            id: row.job_id,
            user: UserIx(self.users.number(&row.user_id)),
            guild: GuildIx(self.places.number(&place)),
            tier: self.tier(row, now),
            lane: row.service_class,
            key: BatchKey {
                model: ModelKey(self.models.number(&skill::needed(row))),
                shape: Shape { width, height },
            },
            steps,
            pictures: row.pictures.max(1),
            region: None,
            only: None,
            submitted: moment(row.submitted_at),
            not_before: row.not_before.map_or(Moment::START, moment),
            deadline: None,
            attempt: row.attempt,
            deaths: row.deaths,
            avoid: row.avoid_boot.map(node_key),
        }
    }

    fn tier(&mut self, row: &WaitingJob, now: OffsetDateTime) -> TierKey {
        let known = self.tiers.iter().position(|tier| tier.name == row.tier);
        let at = known.unwrap_or_else(|| {
            // Read before the list of tiers was: what came with the row will do until then.
            self.tiers.push(TierRule {
                name: row.tier.clone(),
                class: row.service_class,
                weight: 1.0,
                running: row.running_limit,
                waiting: u32::MAX,
                aging_s: row.aging.as_secs_f64(),
                shed_s: None,
                slo_factor: None,
                slo_s: None,
                reserved: 0.0,
            });
            self.tell(Event::Tiers(self.tiers.clone()), now);
            self.tiers.len() - 1
        });
        TierKey(u16::try_from(at).unwrap_or(u16::MAX))
    }

    /// A job waits. Telling it twice changes nothing; a job that runs is not taken in until its lease has ended.
    pub fn job_waits(&mut self, row: WaitingJob, now: OffsetDateTime) {
        let job = self.job(&row, now);
        let id = job.id;
        self.tell(Event::Waits(Box::new(job)), now);
        if self.easel.waiting_set().get(id).is_some() {
            self.rows.insert(id, row);
        }
    }

    /// A job waits no more: cancelled, or taken over by somebody else.
    pub fn job_gone(&mut self, job_id: JobId, now: OffsetDateTime) {
        self.rows.remove(&job_id);
        self.tell(Event::Gone(job_id), now);
    }

    /// A node has a job that this scheduler did not place: found at takeover.
    pub fn lease_found(&mut self, row: &WaitingJob, boot: BootId, now: OffsetDateTime) {
        self.rows.remove(&row.job_id);
        let job = Box::new(self.job(row, now));
        let node = node_key(boot);
        self.tell(Event::Found { job, node }, now);
    }

    /// A lease has ended, or could not be written. The job comes back through [`Self::job_waits`] if it waits again.
    pub fn lease_ended(&mut self, job_id: JobId, outcome: Outcome, now: OffsetDateTime) {
        self.tell(
            Event::Ended {
                job: job_id,
                outcome,
            },
            now,
        );
    }

    /// A call of so many pictures, with a job of a kind among them, took a node so many seconds.
    pub fn measured(
        &mut self,
        row: &WaitingJob,
        boot: BootId,
        pictures: u32,
        step_s: f64,
        now: OffsetDateTime,
    ) {
        let Some(class) = self.nodes.get(&boot).map(|seen| seen.facts.class) else {
            return;
        };
        let (width, height, _) = row.shape;
        let key = BatchKey {
            model: ModelKey(self.models.number(&skill::needed(row))),
            shape: Shape { width, height },
        };
        self.tell(
            Event::Measured {
                class,
                key,
                batch: pictures,
                step_s,
            },
            now,
        );
    }

    /// What is to be done now. Every placement counts as running from now on.
    pub fn decide(&mut self, now: OffsetDateTime) -> Vec<Decision> {
        self.doubt_the_silent(now);
        self.tell(Event::Tick, now);
        self.easel.place(moment(now), &mut self.actions);
        std::mem::take(&mut self.actions)
            .into_iter()
            .filter_map(|action| self.decision(&action, now))
            .collect()
    }

    fn decision(&mut self, action: &Action, now: OffsetDateTime) -> Option<Decision> {
        let boot_of = |node: NodeKey| {
            let boot = BootId(uuid::Uuid::from_u128(node.0));
            self.nodes.get(&boot).map(|seen| seen.boot.clone())
        };
        match *action {
            Action::Place {
                job,
                node,
                ref load,
                ..
            } => {
                let node = boot_of(node)?;
                let job = self.rows.remove(&job)?;
                let load = load
                    .as_ref()
                    .map(|evict| self.orders_load(node.boot, &job.model_hash, evict, now));
                let placement = Placement { job, node, load };
                Some(Decision::Lease(Box::new(placement)))
            }
            Action::Shed { job, .. } => {
                self.rows.remove(&job);
                Some(Decision::Shed(job))
            }
            Action::Broken { node, .. } => boot_of(node).map(|boot| Decision::Broken(boot.node)),
            Action::Quarantine(node) => {
                let boot = boot_of(node)?;
                self.quarantined.insert(boot.node.clone());
                Some(Decision::Quarantine(boot.node))
            }
            Action::Load { node, model } => {
                let node = boot_of(node)?;
                let hash = self.models.name(model.0)?.clone();
                self.orders_load(node.boot, &hash, &[], now);
                Some(Decision::Load { node, hash })
            }
            Action::Pause(node) => {
                let paused = self.easel.fleet().get(node)?.paused().iter();
                let jobs = paused.map(|held| held.job).collect();
                let node = boot_of(node)?;
                Some(Decision::Pause { node, jobs })
            }
            Action::Resume(node) => boot_of(node).map(Decision::Resume),
        }
    }

    /// The waiting jobs in the order in which they would start, at most `limit` of them.
    pub fn ranking(&self, now: OffsetDateTime, limit: usize) -> Vec<JobId> {
        self.easel.waiting_set().order(moment(now), limit)
    }

    /// All waiting jobs.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = &WaitingJob> {
        self.rows.values()
    }

    /// A waiting job.
    pub fn waiting_job(&self, job_id: JobId) -> Option<&WaitingJob> {
        self.rows.get(&job_id)
    }

    /// How many jobs wait.
    pub fn waiting_len(&self) -> usize {
        self.rows.len()
    }

    /// How many jobs run.
    pub fn running_len(&self) -> usize {
        self.easel.running()
    }

    /// How many jobs the nodes that are heard take at once.
    pub fn capacity(&self, now: OffsetDateTime) -> u32 {
        self.heard(now).map(|seen| seen.facts.places).sum()
    }

    /// How many nodes are heard.
    pub fn nodes(&self, now: OffsetDateTime) -> usize {
        self.heard(now)
            .map(|seen| &seen.boot.node)
            .collect::<HashSet<_>>()
            .len()
    }

    fn heard(&self, now: OffsetDateTime) -> impl Iterator<Item = &Seen> {
        self.nodes
            .values()
            .filter(move |seen| !seen.facts.draining && now - seen.heard_at < SUSPECT_AFTER)
    }

    /// When the oldest waiting job was submitted.
    pub fn oldest_waiting(&self) -> Option<OffsetDateTime> {
        self.rows.values().map(|row| row.submitted_at).min()
    }

    /// GPU-seconds that wait, as far as speeds are known.
    pub fn backlog_gpu_s(&self) -> f64 {
        let waiting = self.easel.waiting_set();
        // From 0, because the sum of nothing is minus 0.
        waiting
            .iter()
            .fold(0.0, |sum, job| sum + waiting.cost_s(job.id))
    }

    /// What the lane has to do.
    pub fn load(&self, now: OffsetDateTime) -> Load {
        self.easel.load(moment(now)).unwrap_or_default()
    }

    /// How far off the predicted speeds are.
    pub fn speed_error(&self) -> Option<f64> {
        self.easel.speed().error()
    }
}
