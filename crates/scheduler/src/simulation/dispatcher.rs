//! What the dispatcher does with the policy's actions, and what nodes answer.

use easel_domain::JobId;
use easel_domain::failure::{AfterFailure, FailureKind, MAX_NODE_DEATHS, after_failure};
use uuid::Uuid;

use super::arrivals::unit;
use super::books::{Served, State};
use super::machine::Run;
use super::world::{Due, World};
use crate::event::{Action, Event, Outcome, Policy};
use crate::job::{ModelKey, NodeKey};
use crate::moment::Moment;

/// A poison job brings its node down after so many seconds.
const POISON_S: f64 = 1.0;

/// The id of a job by its place in the books.
pub(super) fn id(job: u32) -> JobId {
    JobId(Uuid::from_u128(u128::from(job) + 1))
}

fn place_of(id: JobId) -> u32 {
    u32::try_from(id.0.as_u128().saturating_sub(1)).unwrap_or(u32::MAX)
}

impl<P: Policy> World<'_, P> {
    pub(super) fn perform(&mut self, action: Action, now: Moment) {
        match action {
            Action::Place {
                job,
                node,
                load,
                fallback,
            } => {
                self.books.fallbacks += u64::from(fallback);
                self.lease(place_of(job), node, load, now);
            }
            Action::Load { node, model } => {
                if let Some(index) = self.by_key.get(&node).copied() {
                    self.load(index, model, &[], now);
                }
            }
            Action::Pause(node) => {
                self.books.preemptions += 1;
                if let Some(index) = self.by_key.get(&node).copied() {
                    self.machines[index as usize].ask_pause();
                }
            }
            Action::Resume(node) => {
                if let Some(index) = self.by_key.get(&node).copied() {
                    self.machines[index as usize].resume();
                    self.settle(index, now);
                }
            }
            Action::Shed { job, .. } => {
                let job = place_of(job);
                self.books.waits_no_more(job, now);
                self.books.ends(job, State::Shed, now);
                self.progress(now);
            }
            Action::Broken { .. } | Action::Quarantine(_) => {}
        }
    }

    fn lease(&mut self, job: u32, node: NodeKey, load: Option<Vec<ModelKey>>, now: Moment) {
        self.progress(now);
        self.books.placed += 1;
        self.books.waits_no_more(job, now);
        let spec = self.spec(job).clone();
        let record = &mut self.books.records[job as usize];
        record.state = State::Running;
        record.lease += 1;
        let lease = record.lease;
        let index = self
            .by_key
            .get(&node)
            .copied()
            .filter(|index| self.machines[*index as usize].up);
        let Some(index) = index else {
            // No inbox takes the offer: the lease is released at once.
            self.tell(
                Event::Ended {
                    job: spec.id,
                    outcome: Outcome::Lost,
                },
                now,
            );
            self.tell(Event::NodeGone(node), now);
            self.waits_again(job, lease, Some(node), FailureKind::Infrastructure, now);
            return;
        };
        let warm = {
            let machine = &self.machines[index as usize];
            machine.models.contains(&spec.key.model) || machine.loading == Some(spec.key.model)
        };
        if load.is_some() || !warm {
            self.load(index, spec.key.model, &load.unwrap_or_default(), now);
        }
        let machine = &mut self.machines[index as usize];
        machine.take(Run {
            job,
            lease,
            steps_left: u64::from(spec.steps),
            pictures: spec.pictures,
            key: spec.key,
            gpu_s: 0.0,
            began: None,
        });
        if self.poison.contains(&job) {
            let boot = node.0;
            let what = Due::Poisons {
                node: index,
                boot,
                job,
                lease,
            };
            self.at(now.after(POISON_S), what);
        }
        self.settle(index, now);
    }

    fn load(&mut self, index: u32, model: ModelKey, evict: &[ModelKey], now: Moment) {
        self.books.cold_loads += 1;
        let machine = &mut self.machines[index as usize];
        machine.models.retain(|old| !evict.contains(old));
        machine.loading = Some(model);
        machine.load_began = now;
        machine.version += 1;
        let (class, version) = (machine.class, machine.version);
        let load_s = self.scenario.load_s(class, model);
        let what = Due::Loaded {
            node: index,
            version,
        };
        self.at(now.after(load_s), what);
    }

    pub(super) fn load_ends(&mut self, index: u32, version: u32, now: Moment) {
        let machine = &mut self.machines[index as usize];
        let Some(model) = machine.loading.filter(|_| machine.version == version) else {
            return;
        };
        machine.models.push(model);
        machine.loaded();
        let (node, took_s) = (machine.key, now.since(machine.load_began));
        self.tell(
            Event::Loaded {
                node,
                model,
                took_s,
            },
            now,
        );
        self.settle(index, now);
    }

    pub(super) fn steps_end(&mut self, index: u32, version: u32, now: Moment) {
        if self.machines[index as usize].version == version {
            self.settle(index, now);
        }
    }

    /// Brings a node to the present: ends jobs, lets others in, and plans its next change.
    pub(super) fn settle(&mut self, index: u32, now: Moment) {
        let was_rendering = self.machines[index as usize].is_rendering();
        let done = self.machines[index as usize].advance(now);
        let mut machine = std::mem::replace(
            &mut self.machines[index as usize],
            super::machine::Machine::new(crate::job::ClassKey(0), 0, NodeKey(0)),
        );
        let class = machine.class;
        let mut begun = Vec::new();
        machine.regroup(
            now,
            |key, pictures| self.step_us(class, key, pictures),
            |run| begun.push(run.job),
        );
        for job in begun {
            self.books.records[job as usize].started.get_or_insert(now);
        }
        let rendering = machine.is_rendering();
        if machine.loading.is_none() {
            machine.version += 1;
        }
        let (next, version) = (machine.next_change(), machine.version);
        self.machines[index as usize] = machine;
        self.keep_busy_time(index, was_rendering, rendering, now);
        if let Some(at) = next {
            let what = Due::Step {
                node: index,
                version,
            };
            self.at(at.max(now), what);
        }
        for run in done {
            self.reports_done(index, run, now);
        }
    }

    pub(super) fn keep_busy_time(&mut self, index: u32, was: bool, is: bool, now: Moment) {
        let machine = &mut self.machines[index as usize];
        if was && !is {
            if let Some(since) = machine.busy_since.take() {
                let end = Moment::from_secs(self.scenario.duration_s);
                self.books.busy_s += now.min(end).since(since.min(end));
                let rule = &self.scenario.classes[machine.class.0 as usize];
                self.books.cost += now.since(since) * rule.relative_cost / 3600.0;
            }
        } else if is && machine.busy_since.is_none() {
            machine.busy_since = Some(now);
        }
    }

    fn reports_done(&mut self, index: u32, run: Run, now: Moment) {
        if now < self.deaf_until {
            // The node says it again until somebody answers.
            self.late.push((index, run));
            return;
        }
        self.done(run, now);
    }

    pub(super) fn done(&mut self, run: Run, now: Moment) {
        let record = &self.books.records[run.job as usize];
        // The fence: only the newest lease of a job may end it.
        if record.lease != run.lease || record.state != State::Running {
            return;
        }
        let user = record.user;
        self.progress(now);
        self.books.ends(run.job, State::Completed, now);
        if let Some(from) = run.began {
            self.books.served.push(Served {
                user,
                from,
                to: now,
                gpu_s: run.gpu_s as f32,
            });
        }
        self.forget_spec(run.job);
        self.tell(
            Event::Ended {
                job: id(run.job),
                outcome: Outcome::Done,
            },
            now,
        );
    }

    /// A try ended badly.
    pub(super) fn waits_again(
        &mut self,
        job: u32,
        lease: u32,
        avoid: Option<NodeKey>,
        kind: FailureKind,
        now: Moment,
    ) {
        let record = &mut self.books.records[job as usize];
        if record.lease != lease || record.state != State::Running {
            return;
        }
        self.progress(now);
        if kind == FailureKind::Crash {
            self.books.records[job as usize].deaths += 1;
        }
        let record = &self.books.records[job as usize];
        let deaths = record.deaths;
        let after = after_failure(kind, record.attempt, unit(&mut self.draws));
        let (attempt, pause) = match after {
            AfterFailure::Requeue { attempt, pause } if deaths < MAX_NODE_DEATHS => {
                (attempt, pause)
            }
            AfterFailure::Requeue { .. } | AfterFailure::GiveUp => {
                self.books.ends(job, State::Failed, now);
                self.forget_spec(job);
                return;
            }
        };
        self.books.retries += 1;
        self.books.records[job as usize].attempt = attempt;
        self.books.waits(job, now);
        let mut spec = self.spec(job).clone();
        spec.attempt = attempt;
        spec.deaths = deaths;
        spec.not_before = now + pause;
        spec.avoid = avoid;
        self.tell(Event::Waits(Box::new(spec)), now);
    }
}
