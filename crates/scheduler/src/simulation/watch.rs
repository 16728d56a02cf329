//! The promise behind aging, checked inside every simulation of the platform's policy: no job past its bound waits while
//! a node that could have it starts a younger one of its lane that is not past its own.
//!
//! It keeps its own account of who waits, from the events and actions alone. Jobs of one lane, model, shape, region and
//! kind of node are compared: where one of them can start, all can. Left out are jobs that join a running batch, jobs of
//! tiers with a reserve, and retries, which wait for another node than their last.

use std::collections::{BTreeMap, BTreeSet};

use easel_domain::JobId;
use rustc_hash::FxHashMap;

use crate::event::{Action, Event};
use crate::job::{BatchKey, ClassKey, Job, NodeKey, UserIx};
use crate::moment::Moment;
use crate::tier::TierRule;

/// Of those who have waited longest, so many members are looked at for each start.
const LOOKED_AT: usize = 16;

type Line = (u8, BatchKey, Option<u16>, Option<ClassKey>);

fn line(job: &Job) -> Line {
    (job.lane as u8, job.key, job.region, job.only)
}

/// Who waits in one line: each member's jobs in order of submits, and the members by their oldest.
#[derive(Debug, Default)]
struct Queue {
    own: FxHashMap<UserIx, BTreeSet<(Moment, JobId)>>,
    oldest: BTreeSet<(Moment, UserIx)>,
}

impl Queue {
    fn relist(&mut self, user: UserIx, change: impl FnOnce(&mut BTreeSet<(Moment, JobId)>)) {
        let own = self.own.entry(user).or_default();
        if let Some((at, _)) = own.first() {
            self.oldest.remove(&(*at, user));
        }
        change(own);
        match own.first() {
            Some((at, _)) => {
                self.oldest.insert((*at, user));
            }
            None => {
                self.own.remove(&user);
            }
        }
    }
}

/// The account.
#[derive(Debug, Default)]
pub(super) struct Watch {
    tiers: Vec<TierRule>,
    waiting: FxHashMap<JobId, Job>,
    queues: BTreeMap<Line, Queue>,
    running: FxHashMap<JobId, (UserIx, NodeKey)>,
    on: FxHashMap<NodeKey, u32>,
    of: FxHashMap<UserIx, u32>,
    turns: FxHashMap<(u8, bool, u32), Moment>,
    /// Jobs that were passed over.
    pub passed_over: u64,
}

impl Watch {
    /// The policy is told something.
    pub fn hears(&mut self, event: &Event) {
        match event {
            Event::Tiers(tiers) => self.tiers.clone_from(tiers),
            Event::Waits(job) if !self.running.contains_key(&job.id) => self.waits(job),
            Event::Gone(job) => {
                self.leaves(*job);
            }
            Event::Ended { job, .. } => {
                if let Some((user, node)) = self.running.remove(job) {
                    let counts = [self.of.get_mut(&user), self.on.get_mut(&node)];
                    counts.into_iter().flatten().for_each(|count| *count -= 1);
                }
            }
            _ => {}
        }
    }

    /// The policy has decided something.
    pub fn sees(&mut self, action: &Action, now: Moment) {
        match action {
            Action::Shed { job, .. } => {
                self.leaves(*job);
            }
            Action::Place { job, node, .. } => {
                if let Some(job) = self.leaves(*job) {
                    let joins = self.on.get(node).is_some_and(|jobs| *jobs > 0);
                    if !joins && self.is_plain(&job) && self.due(&job) > now {
                        self.passed_over += u64::from(self.is_passed(&job, now));
                    }
                    self.starts(&job, *node, now);
                }
            }
            _ => {}
        }
    }

    fn is_plain(&self, job: &Job) -> bool {
        let tier = self.tiers.get(job.tier.0 as usize);
        job.avoid.is_none() && job.deaths == 0 && tier.is_some_and(|tier| tier.reserved <= 0.0)
    }

    fn waits(&mut self, job: &Job) {
        if self.waiting.insert(job.id, job.clone()).is_none() && self.is_plain(job) {
            let at = (job.submitted, job.id);
            let queue = self.queues.entry(line(job)).or_default();
            queue.relist(job.user, |own| {
                own.insert(at);
            });
        }
    }

    fn leaves(&mut self, id: JobId) -> Option<Job> {
        let job = self.waiting.remove(&id)?;
        if let Some(queue) = self.queues.get_mut(&line(&job)) {
            queue.relist(job.user, |own| {
                own.remove(&(job.submitted, id));
            });
        }
        Some(job)
    }

    fn starts(&mut self, job: &Job, node: NodeKey, now: Moment) {
        self.running.insert(job.id, (job.user, node));
        *self.of.entry(job.user).or_default() += 1;
        *self.on.entry(node).or_default() += 1;
        let lane = job.lane as u8;
        self.turns.insert((lane, false, job.user.0), now);
        self.turns.insert((lane, true, job.guild.0), now);
    }

    /// When a job is past its bound: its member's clock runs from the last turn of his own or of his guild's.
    fn due(&self, job: &Job) -> Moment {
        let lane = job.lane as u8;
        let turn = |guild: bool, party: u32| self.turns.get(&(lane, guild, party)).copied();
        let own = turn(false, job.user.0).unwrap_or_default();
        let guild = turn(true, job.guild.0).unwrap_or_default();
        let bound = self.tiers.get(job.tier.0 as usize);
        let bound_s = bound.map_or(f64::MAX, |tier| tier.aging_s);
        job.submitted.max(own).max(guild).after(bound_s)
    }

    fn is_passed(&self, started: &Job, now: Moment) -> bool {
        let Some(queue) = self.queues.get(&line(started)) else {
            return false;
        };
        let longest = queue.oldest.iter().take(LOOKED_AT);
        longest
            .filter_map(|(_, user)| self.waiting.get(&queue.own.get(user)?.first()?.1))
            .any(|job| {
                let tier = self.tiers.get(job.tier.0 as usize);
                let running = self.of.get(&job.user).copied().unwrap_or(0);
                job.submitted < started.submitted
                    && job.not_before <= now
                    && self.due(job) <= now
                    && tier.is_some_and(|tier| running < tier.running)
            })
    }
}
