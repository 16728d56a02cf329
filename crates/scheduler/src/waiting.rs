//! The jobs that wait, in a fair order.
//!
//! Lanes share by start-time fair queueing in predicted GPU-seconds: each lane's virtual time advances by the cost of what
//! it was served divided by its weight, and the lane that is furthest behind goes first. Inside a lane the guild that was
//! served least goes first, and of it the member who was served least (virtual counters, as in VTC, Sheng et al. 2024);
//! whoever arrives after a pause starts where the others are, so idle time is not banked.
//!
//! A member's clock runs from the submit of his oldest job, or from the last turn of his own or of his guild's if that was
//! later: a queue of one's own is no starvation. When it passes his tier's aging bound, he goes before everybody in his
//! lane whose clock has not. After those comes a job that has used up much of the time that its tier's promise leaves it,
//! as long as the promise can still be kept: which is what makes small jobs wait less than large ones. While any member of
//! the lane has had no turn for longer than his bound, promises do not count: those that are kept starve nobody.
//!
//! Counters only grow, so the heaps may hold old ones: an entry that comes to the top and is out of date is put back
//! where it belongs. Each operation costs a few heap steps, however many jobs wait.

mod aged;
mod entry;
mod lane;
mod lanes;
mod line;
mod order;
mod own;
mod parties;
mod rank;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use rustc_hash::FxHashMap;

use crate::job::{BatchKey, Job, ModelKey, UserIx};
use crate::moment::Moment;
use crate::tier::TierRule;
use entry::Entry;
use lane::Lane;
use line::Line;
use parties::Parties;
pub use rank::{Head, LineKey, Rank};

/// The waiting set.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_id: FxHashMap<JobId, u32>,
    lanes: [Lane; 4],
    parties: Parties,
    tiers: Vec<TierRule>,
    pausing: BinaryHeap<Reverse<(Moment, JobId)>>,
    stale: BinaryHeap<Reverse<(Moment, JobId)>>,
    backlog: FxHashMap<ModelKey, Backlog>,
}

/// What waits for one model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Backlog {
    /// Jobs.
    pub jobs: usize,
    /// Predicted GPU-seconds, in microseconds.
    pub cost: u64,
}

impl Waiting {
    /// The tiers are these now.
    pub fn set_tiers(&mut self, tiers: Vec<TierRule>) {
        for lane in ServiceClass::ALL {
            let weight: f64 = tiers
                .iter()
                .filter(|tier| tier.class == lane)
                .map(|tier| tier.weight)
                .sum();
            self.lanes[lane as usize].weight = if weight > 0.0 { weight } else { 1.0 };
        }
        self.tiers = tiers;
        // A limit may have been raised.
        for (user, lane, key) in self.parties.unpark_all() {
            self.list_again(user, lane, key);
        }
    }

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
        let index = *self.by_id.get(&id)?;
        self.entries[index as usize]
            .as_ref()
            .map(|entry| &entry.job)
    }

    /// All waiting jobs, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.entries.iter().flatten().map(|entry| &entry.job)
    }

    /// A job waits. `cost_s` are its predicted GPU-seconds.
    pub fn insert(&mut self, job: Job, cost_s: f64, now: Moment) {
        if self.by_id.contains_key(&job.id) {
            return;
        }
        let (id, not_before) = (job.id, job.not_before);
        if let Some(shed_s) = self.tier(&job).and_then(|tier| tier.shed_s) {
            self.stale.push(Reverse((job.submitted.after(shed_s), id)));
        }
        let promise_s = self.tier(&job).and_then(|tier| tier.promise_s(cost_s));
        let aging_s = self.tier(&job).map_or(f64::MAX, |tier| tier.aging_s);
        let (lane, overdue) = (job.lane as usize, job.submitted.after(aging_s));
        let entry = Entry::new(job, cost_s, promise_s);
        self.lanes[lane].watch(id, entry.nervous_since(), overdue);
        let index = if let Some(index) = self.free.pop() {
            self.entries[index as usize] = Some(entry);
            index
        } else {
            self.entries.push(Some(entry));
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        };
        self.by_id.insert(id, index);
        if not_before > now {
            self.pausing.push(Reverse((not_before, id)));
        } else {
            self.queue(index, now);
        }
    }

    fn queue(&mut self, index: u32, now: Moment) {
        let Some(entry) = self.entries[index as usize].as_mut() else {
            return;
        };
        entry.queued = true;
        let (job, cost) = (&entry.job, entry.cost);
        let (lane_ix, user, guild) = (job.lane as usize, job.user, job.guild);
        let key = LineKey::of(job);
        let (model, submitted) = (job.key.model, job.submitted);
        if self.lanes[lane_ix].count == 0 {
            let busy = self.lanes.iter().filter(|other| other.count > 0);
            let others = busy.map(|other| other.virtual_time).min();
            self.lanes[lane_ix].begins(others, now);
        }
        self.parties.arrives(user, guild, lane_ix);
        let lane = &mut self.lanes[lane_ix];
        lane.count += 1;
        lane.cost += cost;
        let backlog = self.backlog.entry(model).or_default();
        backlog.jobs += 1;
        backlog.cost += cost;
        let at = match lane.lines.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => at,
            Err(at) => {
                lane.lines.insert(at, (key, Line::default()));
                at
            }
        };
        let queue = &mut lane.lines[at].1;
        queue.push(user, index, submitted, &self.entries);
        if queue.needs_listing(user) {
            queue.list(user, guild, lane_ix, &self.parties);
        }
    }

    /// Takes a job out, whatever the reason. Nobody is charged.
    pub fn remove(&mut self, id: JobId) -> Option<Job> {
        let index = self.by_id.remove(&id)?;
        let entry = self.entries[index as usize].take()?;
        self.free.push(index);
        if entry.queued {
            let lane = &mut self.lanes[entry.job.lane as usize];
            lane.count -= 1;
            lane.cost -= entry.cost;
            if let Ok(at) = lane
                .lines
                .binary_search_by_key(&LineKey::of(&entry.job), |(key, _)| *key)
            {
                let queue = &mut lane.lines[at].1;
                queue.take(entry.job.user, index, &self.entries);
                if queue.is_empty() {
                    lane.lines.remove(at);
                }
            }
            if let Some(backlog) = self.backlog.get_mut(&entry.job.key.model) {
                backlog.jobs -= 1;
                backlog.cost -= entry.cost;
            }
            self.parties
                .leaves(entry.job.user, entry.job.guild, entry.job.lane as usize);
        }
        Some(entry.job)
    }

    /// A job starts, for the reason of its rank: it is taken out, and its lane, guild and member are charged.
    pub fn start(&mut self, id: JobId, rank: Rank, now: Moment) -> Option<Job> {
        let index = *self.by_id.get(&id)?;
        let cost = self.entries[index as usize].as_ref()?.cost;
        let job = self.remove(id)?;
        self.lanes[job.lane as usize].starts(cost, now);
        let weight = self
            .tiers
            .get(job.tier.0 as usize)
            .map_or(1.0, |tier| tier.weight);
        let share = (cost as f64 / weight) as u64;
        let was_fair = matches!(rank, Rank::Fair(..));
        self.parties.starts(&job, share, was_fair, now);
        Some(job)
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
        let Ok(at) = lane.lines.binary_search_by_key(&key, |(key, _)| *key) else {
            return;
        };
        let queue = &mut lane.lines[at].1;
        if let Some(guild) = queue.guild_of(user, &self.entries) {
            queue.list(user, guild, lane_ix, &self.parties);
            queue.list_due(user, &self.entries);
        }
    }

    /// Jobs whose pause is over may start from now on. Returns when the next pause ends.
    pub fn wake(&mut self, now: Moment) -> Option<Moment> {
        while let Some(Reverse((at, id))) = self.pausing.peek().copied() {
            if at > now {
                return Some(at);
            }
            self.pausing.pop();
            // It may have been removed, or removed and told again with another pause.
            if let Some(index) = self.by_id.get(&id).copied()
                && let Some(entry) = &self.entries[index as usize]
                && !entry.queued
                && entry.job.not_before <= now
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
        while let Some(Reverse((at, id))) = self.stale.peek().copied() {
            if at > now {
                return None;
            }
            self.stale.pop();
            if self.by_id.contains_key(&id) {
                return Some(id);
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

    /// The job of a line that should start next, with its place in the order of the lane; promises count where `promises`
    /// says so.
    pub fn head(
        &mut self,
        lane: ServiceClass,
        at: usize,
        promises: bool,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        let index = lane as usize;
        let (key, queue) = self.lanes[index].lines.get_mut(at)?;
        let view = line::View {
            lane: index,
            key: *key,
            entries: &self.entries,
            tiers: &self.tiers,
        };
        queue.head(&view, &mut self.parties, promises, now)
    }

    /// The job behind a head.
    pub fn job(&self, head: Head) -> Option<&Job> {
        self.entries[head.index as usize]
            .as_ref()
            .map(|entry| &entry.job)
    }

    /// Predicted GPU-seconds of a waiting job.
    pub fn cost_s(&self, id: JobId) -> f64 {
        self.by_id
            .get(&id)
            .and_then(|index| self.entries[*index as usize].as_ref())
            .map_or(0.0, |entry| entry.cost as f64 / 1e6)
    }
}
