//! Jobs of tiers with a reserve that would miss their promise: they may pause what is less urgent.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use easel_domain::JobId;

use super::{Easel, held};
use crate::event::Action;
use crate::fleet::Node;
use crate::job::Job;
use crate::moment::Moment;
use crate::waiting::Rank;

/// A job gets nervous when it has waited for this share of the time that its promise leaves it.
const NERVOUS: f64 = 0.4;
/// Looked at again after so many seconds, where nothing could be paused.
const AGAIN_S: f64 = 1.0;
/// Jobs looked at in one go.
const AT_ONCE: usize = 8;

/// When to look at which job.
#[derive(Debug, Clone, Default)]
pub(super) struct Urgent {
    watched: BinaryHeap<Reverse<(Moment, JobId)>>,
}

impl Urgent {
    /// A job was promised to be done in time.
    pub fn watch(&mut self, job: &Job, alone_s: f64, promise_s: f64) {
        let slack_s = (promise_s - alone_s).max(0.0);
        let at = job.submitted.after(slack_s * NERVOUS);
        self.watched.push(Reverse((at, job.id)));
    }
}

impl Easel {
    /// Pauses less urgent work for jobs that would be late.
    pub(super) fn serve_urgent(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for _ in 0..AT_ONCE {
            let Some(Reverse((at, id))) = self.urgent.watched.peek().copied() else {
                return;
            };
            if at > now {
                return;
            }
            self.urgent.watched.pop();
            let Some(job) = self.waiting.get(id).cloned() else {
                continue;
            };
            if job.not_before > now {
                self.urgent.watched.push(Reverse((job.not_before, id)));
                continue;
            }
            if self.is_late(&job, now) && !self.preempt_for(&job, now, actions) {
                self.urgent.watched.push(Reverse((now.after(AGAIN_S), id)));
            }
        }
    }

    /// A job that is late whatever happens is no reason to disturb anybody.
    fn is_late(&self, job: &Job, now: Moment) -> bool {
        let alone_s = self.alone_s(job);
        let promise_s = self
            .waiting
            .tier(job)
            .and_then(|tier| tier.promise_s(alone_s));
        promise_s.is_some_and(|promise_s| now.since(job.submitted) + alone_s < promise_s)
    }

    fn preempt_for(&mut self, job: &Job, now: Moment, actions: &mut Vec<Action>) -> bool {
        let victim = self
            .fleet
            .iter()
            .filter(|node| self.may_pause(node, job, now))
            .max_by_key(|node| {
                let lane = node.running().iter().map(|held| held.lane).min();
                let end = node.running().iter().map(|held| held.expected_end).max();
                (lane, end, Reverse(node.key))
            })
            .map(|node| node.key);
        let Some((node, index)) = victim.and_then(|key| Some((key, self.fleet.index_of(key)?)))
        else {
            return false;
        };
        if !self.waiting.may_run(job) {
            return false;
        }
        let Some(started) = self.waiting.start(job.id, Rank::Promised(now), now) else {
            return false;
        };
        let class = self.fleet.at(index).map(|node| node.class);
        let Some(class) = class else { return false };
        self.fleet.pause(index);
        actions.push(Action::Pause(node));
        let end = now.after(self.alone_s(job));
        let cap = self.speed.cap(class, job.key);
        self.fleet.takes(index, held(&started, end), cap, now);
        actions.push(Action::Place {
            job: started.id,
            node,
            load: None,
            fallback: false,
        });
        true
    }

    fn may_pause(&self, node: &Node, job: &Job, now: Moment) -> bool {
        node.is_up()
            && node.pauses()
            && !node.blocked
            && node.loading.is_none()
            && node.has(job.key.model)
            && node.paused().is_empty()
            && !node.running().is_empty()
            && job.avoid != Some(node.key)
            && node
                .running()
                .iter()
                .all(|held| held.lane > job.lane && !held.was_paused)
            && self.suits(job, node.class, now)
    }
}
