//! The jobs that wait, in a fair order.
//!
//! Lanes share by start-time fair queueing in predicted GPU-seconds: each lane's virtual time advances by the cost of what
//! it was served divided by its weight, and the lane that is furthest behind goes first. Inside a lane the guild that was
//! served least goes first, and of it the member who was served least (virtual counters, as in VTC, Sheng et al. 2024);
//! whoever arrives after a pause starts where the others are, so idle time is not banked.
//!
//! *Within his share* is a job whose member's earlier ones are paid off by what his share has given him since: his part of
//! his guild's part of the nodes, among those who asked lately. Such jobs go before what is asked for beyond shares,
//! however much that is, and in the order in which patience is tried; a guild is let in this way with no more than a few
//! jobs beyond its own share. So one member's burst costs the others the jobs that are running when they come, and the
//! weights that it has had loaded.
//!
//! A member's clock runs from the submit of his oldest job, or from the last turn of his own or of his guild's if that was
//! later: a queue of one's own is no starvation. When it passes his tier's aging bound, he goes before everybody in his
//! lane whose clock has not. After those comes a job that has used up much of the time that its tier's promise leaves it,
//! as long as the promise can still be kept and its member had only few others waiting when it came: which is what makes
//! small jobs wait less than large ones. Then come the jobs within shares, and then all others. While any member of the
//! lane has had no turn for longer than his bound, neither promises nor shares count, but the order of all others:
//! those whose promises are kept starve nobody.
//!
//! Counters only grow, so the heaps may hold old ones: an entry that comes to the top and is out of date is put back
//! where it belongs. Each operation costs a few heap steps, however many jobs wait.

mod heads;
mod lane;
mod lanes;
mod lately;
mod line;
mod list;
mod order;
mod own;
mod parties;
mod rank;
mod rows;
mod rules;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use rustc_hash::FxHashMap;

use crate::job::{BatchKey, Job, ModelKey, UserIx};
use crate::moment::Moment;
use crate::tier::TierRule;
use lane::Lane;
use line::View;
use list::List;
use parties::Parties;
pub use rank::{Head, LineKey, Rank};
use rows::{Rows, Ticket};

/// Promises are kept to so many jobs that a member has waiting in a lane. What comes on top waits its turn: otherwise one
/// who asks for very much would go before those who wait patiently.
const PROMISED: u32 = 3;

/// The waiting set.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    rows: Rows,
    by_id: FxHashMap<JobId, u32>,
    lanes: [Lane; 4],
    parties: Parties,
    tiers: Vec<TierRule>,
    pausing: BinaryHeap<Reverse<(Moment, Ticket)>>,
    stale: BinaryHeap<Reverse<(Moment, Ticket)>>,
    backlog: FxHashMap<ModelKey, Backlog>,
    nodes: usize,
}

/// What waits for one model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Backlog {
    /// Jobs.
    pub jobs: usize,
    /// Predicted GPU-seconds, in microseconds.
    pub cost: u64,
    /// Of that, what members ask for within their shares.
    pub within: u64,
}

/// Weights are as good as wanted by none but those who ask for more than their shares where these ask for all of their
/// backlog but for one part in so many.
const MOSTLY: u64 = 4;

impl Backlog {
    /// Whether nearly all of it is asked for beyond shares.
    pub fn is_beyond(self) -> bool {
        self.within < self.cost / MOSTLY
    }
}

impl Waiting {
    /// The rules of a job's tier.
    pub fn tier(&self, job: &Job) -> Option<&TierRule> {
        self.tiers.get(job.tier.0 as usize)
    }

    /// All tiers.
    pub fn tiers(&self) -> &[TierRule] {
        &self.tiers
    }

    /// Jobs that wait, those that pause included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What waits for a model.
    pub fn backlog(&self, model: ModelKey) -> Backlog {
        self.backlog.get(&model).copied().unwrap_or_default()
    }

    /// A waiting job.
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.rows.job(*self.by_id.get(&id)?)
    }

    /// All waiting jobs, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.rows.jobs()
    }

    /// A job waits. `cost_s` are its predicted GPU-seconds.
    pub fn insert(&mut self, job: Job, cost_s: f64, now: Moment) {
        let not_before = job.not_before;
        let Entry::Vacant(place) = self.by_id.entry(job.id) else {
            return;
        };
        let waiting = self.parties.waiting(job.user, job.lane as usize);
        let on_top = waiting >= PROMISED && job.attempt == 1 && job.avoid.is_none();
        let index = *place.insert(self.rows.insert(job, cost_s));
        self.rows[index].on_top = on_top;
        self.watch(index);
        if not_before > now {
            let ticket = self.rows.ticket(index);
            self.pausing.push(Reverse((not_before, ticket)));
        } else {
            self.queue(index, now);
        }
    }

    fn queue(&mut self, index: u32, now: Moment) {
        let Some(job) = self.rows.job(index) else {
            return;
        };
        let (lane_ix, user, guild) = (job.lane as usize, job.user, job.guild);
        let (key, model) = (LineKey::of(job), job.key.model);
        let again = job.avoid.is_some() || job.attempt > 1;
        let cost = self.rows[index].cost;
        let asks = self.asks(job, cost as f64 / 1e6);
        self.rows[index].queued = true;
        if self.lanes[lane_ix].count == 0 {
            let busy = self.lanes.iter().filter(|other| other.count > 0);
            let others = busy.map(|other| other.virtual_time).min();
            self.lanes[lane_ix].begins(others, now);
        }
        self.parties.arrives(user, guild, lane_ix);
        // What comes back had its turn.
        let within = again || self.parties.asks_within(&asks, now);
        let lane = &mut self.lanes[lane_ix];
        lane.count += 1;
        lane.cost += cost;
        let queue = lane.line_or_new(key);
        let slot = queue.push(index, &mut self.rows);
        let granted = if within {
            queue.grant(slot, &mut self.rows)
        } else {
            0
        };
        let view = View {
            lane: lane_ix,
            key,
            rows: &self.rows,
            tiers: &self.tiers,
        };
        queue.list(slot, &view, &mut self.parties);
        lane.within += granted;
        let backlog = self.backlog.entry(model).or_default();
        backlog.jobs += 1;
        backlog.cost += cost;
        backlog.within += granted;
    }

    /// Takes a job out, whatever the reason. Nobody is charged.
    pub fn remove(&mut self, id: JobId) -> Option<Job> {
        let index = self.by_id.remove(&id)?;
        let job = self.rows.remove(index)?;
        if self.rows[index].queued {
            let (lane_ix, cost) = (job.lane as usize, self.rows[index].cost);
            let within = if self.rows[index].within { cost } else { 0 };
            let lane = &mut self.lanes[lane_ix];
            lane.count -= 1;
            lane.cost -= cost;
            lane.within -= within;
            let key = LineKey::of(&job);
            if let Some(at) = lane.line_at(key) {
                let queue = &mut lane.lines[at].1;
                let slot = queue.take(index, &mut self.rows);
                let view = View {
                    lane: lane_ix,
                    key,
                    rows: &self.rows,
                    tiers: &self.tiers,
                };
                if queue.is_empty() {
                    lane.lines.remove(at);
                } else {
                    // The promise of the next of his jobs is one of its own.
                    queue.list_by(slot, List::Promise, &view, &mut self.parties);
                    queue.list_by(slot, List::Within, &view, &mut self.parties);
                }
            }
            if let Some(backlog) = self.backlog.get_mut(&job.key.model) {
                backlog.jobs -= 1;
                backlog.cost -= cost;
                backlog.within -= within;
            }
            self.parties.leaves(job.user, job.guild, lane_ix);
        }
        Some(job)
    }

    /// A job starts, for the reason of its rank: it is taken out, and its lane, guild and member are charged.
    pub fn start(&mut self, id: JobId, rank: Rank, now: Moment) -> Option<Job> {
        let index = *self.by_id.get(&id)?;
        let (cost, weight) = (self.rows[index].cost, self.weight_of(index));
        let job = self.remove(id)?;
        self.lanes[job.lane as usize].starts(cost, now);
        let share = (cost as f64 / weight) as u64;
        let was_fair = matches!(rank, Rank::Fair(..) | Rank::Within(_));
        self.parties.starts(&job, share, was_fair, now);
        Some(job)
    }

    fn weight_of(&self, index: u32) -> f64 {
        let tier = self.tiers.get(self.rows[index].tier.0 as usize);
        tier.map_or(1.0, |tier| tier.weight)
    }

    /// So many nodes work for those who wait: shares are shares of them.
    pub fn told_nodes(&mut self, nodes: usize) {
        self.nodes = nodes.max(1);
    }

    /// Whether the member of a job has not yet as much running as he may.
    pub fn may_run(&self, job: &Job) -> bool {
        self.tier(job)
            .is_none_or(|tier| self.parties.running(job.user) < tier.running)
    }

    /// A job of a member runs that was not started from here.
    pub fn runs(&mut self, user: UserIx) {
        self.parties.runs(user);
    }

    /// A job of a member runs no more.
    pub fn ended(&mut self, user: UserIx) {
        for (lane, key) in self.parties.ends(user) {
            self.list_again(user, lane, key);
        }
    }

    fn list_again(&mut self, user: UserIx, lane_ix: usize, key: LineKey) {
        let lane = &mut self.lanes[lane_ix];
        let Some(at) = lane.line_at(key) else {
            return;
        };
        let queue = &mut lane.lines[at].1;
        let view = View {
            lane: lane_ix,
            key,
            rows: &self.rows,
            tiers: &self.tiers,
        };
        if let Some(slot) = queue.place_of(user) {
            queue.list(slot, &view, &mut self.parties);
        }
    }

    /// Jobs whose pause is over may start from now on. Returns when the next pause ends.
    pub fn wake(&mut self, now: Moment) -> Option<Moment> {
        while let Some(Reverse((at, ticket))) = self.pausing.peek().copied() {
            if at > now {
                return Some(at);
            }
            self.pausing.pop();
            // It may have been removed.
            if let Some((index, row)) = self.rows.seek(ticket)
                && !row.queued
            {
                self.queue(index, now);
            }
        }
        None
    }

    /// When the next pause ends.
    pub fn next_wake(&self) -> Option<Moment> {
        self.pausing.peek().map(|Reverse((at, _))| *at)
    }

    /// When the next job will have waited past its bound.
    pub fn next_stale(&self) -> Option<Moment> {
        self.stale.peek().map(|Reverse((at, _))| *at)
    }

    /// The next job that has waited past its tier's bound, at most one a call.
    pub fn stale(&mut self, now: Moment) -> Option<JobId> {
        while let Some(Reverse((at, ticket))) = self.stale.peek().copied() {
            if at > now {
                return None;
            }
            self.stale.pop();
            if let Some((index, _)) = self.rows.seek(ticket) {
                return self.rows.job(index).map(|job| job.id);
            }
        }
        None
    }

    /// How many lines a lane has.
    pub fn keys(&self, lane: ServiceClass) -> usize {
        self.lanes[lane as usize].lines.len()
    }

    /// What the jobs of a line could share a batch with, and whether they are particular about nodes.
    pub fn key_at(&self, lane: ServiceClass, at: usize) -> (BatchKey, bool) {
        let key = &self.lanes[lane as usize].lines[at].0;
        (key.batch, key.is_picky())
    }

    /// Whether the job behind a head is within its member's share.
    pub fn is_within(&self, head: Head) -> bool {
        self.rows[head.index].within
    }

    /// Whether anybody waits in a line who stays within his share.
    pub fn any_within(&self, lane: ServiceClass, at: usize) -> bool {
        self.lanes[lane as usize].lines[at].1.any_within()
    }

    /// A job that started has weights loaded first, which takes so many seconds of a node: they count as asked for.
    pub fn loads(&mut self, job: &Job, load_s: f64, now: Moment) {
        let asks = self.asks(job, load_s);
        self.parties.charge(&asks, now);
    }

    /// The job behind a head.
    pub fn job(&self, head: Head) -> Option<&Job> {
        self.rows.job(head.index)
    }

    /// Predicted GPU-seconds of a waiting job.
    pub fn cost_s(&self, id: JobId) -> f64 {
        let index = self.by_id.get(&id);
        index.map_or(0.0, |index| self.rows[*index].cost as f64 / 1e6)
    }
}
