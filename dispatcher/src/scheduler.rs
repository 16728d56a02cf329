//! Which job goes to which node: a pure state machine without a clock of its own.
//!
//! It is told what happens (jobs wait and vanish, nodes speak and fall silent, leases end) and asked for placements. A
//! placed job is held apart until the caller says whether its lease was written. The order among waiting jobs belongs
//! to a [`Policy`]; fitness of nodes is decided here.

mod policy;
#[cfg(test)]
mod tests;

pub use policy::{ClassShares, Policy};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use easel_domain::message::{Heartbeat, NodeBoot};
use easel_domain::{BootId, JobId, UserId};
use easel_store::waiting::WaitingJob;
use time::OffsetDateTime;

/// A node that has been silent for longer gets no new work.
pub const SUSPECT_AFTER: Duration = Duration::from_secs(4);
/// A node that has been silent for longer is forgotten. Its leases expire on their own.
pub const FORGET_AFTER: Duration = Duration::from_mins(1);

/// A job that was given to a node, before its lease is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The job.
    pub job_id: JobId,
    /// The node.
    pub node: NodeBoot,
}

/// A node as the scheduler sees it.
#[derive(Debug, Clone)]
struct Node {
    boot: NodeBoot,
    capacity: u32,
    models: BTreeSet<String>,
    draining: bool,
    last_seen: OffsetDateTime,
}

/// A job that some node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    user_id: UserId,
    boot: BootId,
}

/// The state: waiting jobs, running jobs, nodes.
#[derive(Debug)]
pub struct Scheduler<P> {
    policy: P,
    waiting: BTreeMap<JobId, WaitingJob>,
    running: BTreeMap<JobId, Running>,
    nodes: BTreeMap<BootId, Node>,
}

impl<P: Policy> Scheduler<P> {
    /// Nothing waits, nothing runs, no node is known.
    pub fn new(policy: P) -> Self {
        Self {
            policy,
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// A job waits. Telling it twice changes nothing; a job that runs is not taken in until its lease has ended.
    pub fn job_waits(&mut self, job: WaitingJob) {
        if !self.running.contains_key(&job.job_id) {
            self.policy.arrived(&job, &self.waiting);
            self.waiting.insert(job.job_id, job);
        }
    }

    /// A job waits no more: cancelled, or taken over by somebody else.
    pub fn job_gone(&mut self, job_id: JobId) {
        self.waiting.remove(&job_id);
    }

    /// A node has a job that this scheduler did not place: found at takeover.
    pub fn lease_found(&mut self, job_id: JobId, user_id: UserId, boot: BootId) {
        self.waiting.remove(&job_id);
        self.running.insert(job_id, Running { user_id, boot });
    }

    /// A lease has ended, or could not be written. The job comes back through [`Self::job_waits`] if it waits again.
    pub fn lease_ended(&mut self, job_id: JobId) {
        self.running.remove(&job_id);
    }

    /// A node speaks.
    pub fn node_speaks(&mut self, beat: &Heartbeat, now: OffsetDateTime) {
        let node = Node {
            boot: beat.from.clone(),
            capacity: beat.capacity,
            models: beat.models.iter().map(|model| model.hash.clone()).collect(),
            draining: beat.draining,
            last_seen: now,
        };
        self.nodes.insert(beat.from.boot, node);
    }

    /// The silence of the nodes may have been ours: all count as heard now.
    pub fn forgive_silence(&mut self, now: OffsetDateTime) {
        for node in self.nodes.values_mut() {
            node.last_seen = now;
        }
    }

    /// A node's inbox is gone.
    pub fn node_gone(&mut self, boot: BootId) {
        self.nodes.remove(&boot);
    }

    /// Gives waiting jobs to nodes until no job fits. Every placement counts as running from now on.
    pub fn place(&mut self, now: OffsetDateTime) -> Vec<Placement> {
        self.nodes
            .retain(|_, node| now - node.last_seen < FORGET_AFTER);
        let mut placements = Vec::new();
        let mut skipped = BTreeSet::new();
        while self.has_room(now) {
            let eligible =
                |job: &WaitingJob| !skipped.contains(&job.job_id) && self.may_start(job, now);
            let Some(job_id) = self.policy.next(&self.waiting, &eligible, now) else {
                break;
            };
            let Some(node) = self.node_for(&self.waiting[&job_id], now) else {
                skipped.insert(job_id);
                continue;
            };
            let Some(job) = self.waiting.remove(&job_id) else {
                break;
            };
            self.policy.served(&job);
            self.running.insert(
                job_id,
                Running {
                    user_id: job.user_id,
                    boot: node.boot,
                },
            );
            placements.push(Placement { job_id, node });
        }
        placements
    }

    /// The waiting jobs in the order in which they would start, at most `limit` of them.
    pub fn ranking(&self, now: OffsetDateTime, limit: usize) -> Vec<JobId> {
        let mut policy = self.policy.clone();
        let mut waiting = self.waiting.clone();
        let mut order = Vec::new();
        while order.len() < limit {
            let Some(job_id) = policy.next(&waiting, &|_| true, now) else {
                break;
            };
            let Some(job) = waiting.remove(&job_id) else {
                break;
            };
            policy.served(&job);
            order.push(job_id);
        }
        order
    }

    /// All waiting jobs.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = &WaitingJob> {
        self.waiting.values()
    }

    /// A waiting job.
    pub fn waiting_job(&self, job_id: JobId) -> Option<&WaitingJob> {
        self.waiting.get(&job_id)
    }

    /// How many jobs wait.
    pub fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    /// How many jobs run.
    pub fn running_len(&self) -> usize {
        self.running.len()
    }

    /// How many jobs the nodes that are heard take at once.
    pub fn capacity(&self, now: OffsetDateTime) -> u32 {
        self.nodes
            .values()
            .filter(|node| Self::takes_work(node, now))
            .map(|node| node.capacity)
            .sum()
    }

    /// When the oldest waiting job was submitted.
    pub fn oldest_waiting(&self) -> Option<OffsetDateTime> {
        self.waiting.values().map(|job| job.submitted_at).min()
    }

    fn takes_work(node: &Node, now: OffsetDateTime) -> bool {
        !node.draining && now - node.last_seen < SUSPECT_AFTER
    }

    fn load(&self) -> HashMap<BootId, u32> {
        let mut load = HashMap::new();
        for running in self.running.values() {
            *load.entry(running.boot).or_insert(0) += 1;
        }
        load
    }

    fn has_room(&self, now: OffsetDateTime) -> bool {
        let load = self.load();
        !self.waiting.is_empty()
            && self.nodes.values().any(|node| {
                Self::takes_work(node, now)
                    && load.get(&node.boot.boot).copied().unwrap_or(0) < node.capacity
            })
    }

    fn may_start(&self, job: &WaitingJob, now: OffsetDateTime) -> bool {
        let running = self
            .running
            .values()
            .filter(|running| running.user_id == job.user_id)
            .count();
        running < job.running_limit as usize && job.not_before.is_none_or(|time| time <= now)
    }

    /// The least loaded node that has the model; one that failed the job only when there is no other.
    fn node_for(&self, job: &WaitingJob, now: OffsetDateTime) -> Option<NodeBoot> {
        let load = self.load();
        self.nodes
            .values()
            .filter(|node| Self::takes_work(node, now) && node.models.contains(&job.model_hash))
            .map(|node| {
                (
                    job.avoid_boot == Some(node.boot.boot),
                    load.get(&node.boot.boot).copied().unwrap_or(0),
                    node,
                )
            })
            .filter(|(_, load, node)| *load < node.capacity)
            .min_by_key(|(avoided, load, node)| (*avoided, *load, node.boot.boot))
            .map(|(_, _, node)| node.boot.clone())
    }
}
