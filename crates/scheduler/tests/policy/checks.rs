//! What every action of the policy is held against.

use std::collections::BTreeSet;

use super::truth::*;
use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_scheduler::{Action, Job, ModelKey, NodeKey};

impl Truth {
    pub fn check(&mut self, action: Action) {
        match action {
            Action::Place {
                job, node, load, ..
            } => self.check_place(job, node, load),
            Action::Load { node, model } => self.check_load(node, model, &[]),
            Action::Pause(node) => {
                let jobs: BTreeSet<JobId> = self.on(node).collect();
                assert!(!jobs.is_empty(), "{node:?} had nothing to pause");
                let before = self.paused.insert(node, jobs);
                assert!(before.is_none(), "{node:?} is paused twice");
            }
            Action::Resume(node) => {
                let jobs = self.paused.remove(&node);
                let jobs = jobs.expect("there is something to go on with");
                let now: BTreeSet<JobId> = self.on(node).collect();
                assert_eq!(now, jobs, "{node:?} goes on beside something else");
            }
            Action::Shed { job, .. } => {
                let shed = self.waiting.remove(&job).expect("what is shed was waiting");
                assert!(self.now.since(shed.submitted) >= 200.0);
                assert!(self.ended.insert(job));
            }
            Action::Broken { .. } | Action::Quarantine(_) => {}
        }
    }

    fn on(&self, node: NodeKey) -> impl Iterator<Item = JobId> {
        self.running
            .iter()
            .filter(move |(_, (_, on))| *on == node)
            .map(|(id, _)| *id)
    }

    fn check_load(&mut self, node: NodeKey, model: ModelKey, evict: &[ModelKey]) {
        let has = self.models.get_mut(&node).expect("the node is there");
        for old in evict {
            assert!(has.remove(old), "{old:?} was not there to go");
        }
        assert!(!has.contains(&model), "{model:?} is loaded already");
        assert!(
            (has.len() + 1) as f64 * MODEL_GIB <= NODE_GIB,
            "the memory of {node:?} is too small"
        );
        assert!(self.loading.insert(node, model).is_none());
        let busy = self.running.values().any(|(_, on)| *on == node);
        assert!(!busy, "{node:?} renders while it loads");
    }

    fn check_place(&mut self, id: JobId, node: NodeKey, load: Option<Vec<ModelKey>>) {
        let job = self
            .waiting
            .remove(&id)
            .expect("what is placed was waiting");
        assert!(job.not_before <= self.now, "it was to wait longer");
        assert!(
            self.runs_of(job.user) < RUNNING,
            "its member has enough running"
        );
        assert!(
            !self.draining.contains(&node),
            "the node takes nothing more"
        );
        let model = job.key.model;
        match load {
            Some(evict) => self.check_load(node, model, &evict),
            None => assert!(
                self.models[&node].contains(&model),
                "{node:?} lacks {model:?}"
            ),
        }
        let joins = self.running.values().any(|(_, on)| *on == node);
        // A retry may have a node loaded for it, because the one that has the weights failed it: others wait for that one.
        let again = job.avoid.is_some() || job.deaths > 0;
        let plain = !joins && !again && job.lane != ServiceClass::Turbo;
        if plain && self.due_at(&job) > self.now {
            self.check_nobody_passed(&job);
        }
        self.clocks.insert((job.user, job.lane), self.now);
        self.guild_clocks.insert((job.guild, job.lane), self.now);
        self.running.insert(id, (job, node));
    }

    /// A job that is not due started: no due one of the same lane and model was waiting for the same.
    fn check_nobody_passed(&self, started: &Job) {
        for other in self.waiting.values() {
            let passed = other.lane == started.lane
                && other.key == started.key
                && other.not_before <= self.now
                && other.avoid.is_none()
                && other.deaths == 0
                && self.runs_of(other.user) < RUNNING
                && self.due_at(other) <= self.now;
            assert!(
                !passed,
                "{:?} passed {:?}, which was due",
                started.id, other.id
            );
        }
    }
}
