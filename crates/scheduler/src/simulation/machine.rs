//! One node: it loads, and renders a batch step by step.
//!
//! Steps are not simulated one by one. Between two changes of its batch a node takes steps of equal length, so it is
//! enough to know when the current one began; changes take effect when a step ends.

use crate::job::{BatchKey, ClassKey, ModelKey, NodeKey};
use crate::moment::Moment;
use crate::speed::BatchGain;

/// A job on a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    /// Place in the books.
    pub job: u32,
    /// Which try.
    pub lease: u32,
    pub steps_left: u64,
    pub pictures: u32,
    pub key: BatchKey,
    /// GPU-seconds so far.
    pub gpu_s: f64,
    /// When its first step began, in this try.
    pub began: Option<Moment>,
}

/// One node.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub class: ClassKey,
    pub number: u32,
    /// Changes with each start.
    pub key: NodeKey,
    pub up: bool,
    pub hung: bool,
    pub draining: bool,
    /// Which of its scheduled wake-ups counts.
    pub version: u32,
    pub models: Vec<ModelKey>,
    pub loading: Option<ModelKey>,
    running: Vec<Run>,
    joining: Vec<Run>,
    paused: Vec<Run>,
    /// Jobs that wait for a load to end.
    waiting: Vec<Run>,
    pause_asked: bool,
    step_began: Moment,
    step_us: u64,
    pub busy_since: Option<Moment>,
    pub up_since: Moment,
    pub load_began: Moment,
}

impl Machine {
    pub fn new(class: ClassKey, number: u32, key: NodeKey) -> Self {
        Self {
            class,
            number,
            key,
            up: true,
            hung: false,
            draining: false,
            version: 0,
            models: Vec::new(),
            loading: None,
            running: Vec::new(),
            joining: Vec::new(),
            paused: Vec::new(),
            waiting: Vec::new(),
            pause_asked: false,
            step_began: Moment::START,
            step_us: 0,
            busy_since: None,
            up_since: Moment::START,
            load_began: Moment::START,
        }
    }

    /// Whether it renders.
    pub fn is_rendering(&self) -> bool {
        !self.running.is_empty()
    }

    /// Whether it has any job.
    pub fn has_jobs(&self) -> bool {
        !(self.running.is_empty()
            && self.joining.is_empty()
            && self.paused.is_empty()
            && self.waiting.is_empty())
    }

    pub fn take(&mut self, run: Run) {
        if self.loading.is_some() {
            self.waiting.push(run);
        } else {
            self.joining.push(run);
        }
    }

    pub fn loaded(&mut self) {
        self.loading = None;
        self.joining.append(&mut self.waiting);
    }

    pub fn ask_pause(&mut self) {
        self.pause_asked = true;
    }

    pub fn resume(&mut self) {
        self.joining.append(&mut self.paused);
    }

    /// Takes everything away, because the node dies.
    pub fn clear(&mut self) -> Vec<Run> {
        let mut runs = std::mem::take(&mut self.running);
        runs.append(&mut self.joining);
        runs.append(&mut self.paused);
        runs.append(&mut self.waiting);
        self.pause_asked = false;
        self.loading = None;
        runs
    }

    fn pictures(&self) -> u32 {
        self.running.iter().map(|run| run.pictures).sum()
    }

    /// Does the steps that ended by `now`. Returns the jobs that are done.
    pub fn advance(&mut self, now: Moment) -> Vec<Run> {
        if self.running.is_empty() || self.step_us == 0 || self.hung {
            return Vec::new();
        }
        let steps = now.0.saturating_sub(self.step_began.0) / self.step_us;
        if steps == 0 {
            return Vec::new();
        }
        let steps_us = steps.saturating_mul(self.step_us);
        self.step_began = Moment(self.step_began.0.saturating_add(steps_us));
        let total = f64::from(self.pictures().max(1));
        let seconds = steps as f64 * self.step_us as f64 / 1e6;
        let mut done = Vec::new();
        for run in &mut self.running {
            run.steps_left = run.steps_left.saturating_sub(steps);
            run.gpu_s += seconds * f64::from(run.pictures) / total;
        }
        self.running.retain(|run| {
            if run.steps_left == 0 {
                done.push(*run);
            }
            run.steps_left > 0
        });
        done
    }

    /// Whether a step ends exactly now, or none is under way: the batch may change.
    fn is_at_boundary(&self, now: Moment) -> bool {
        self.running.is_empty() || now.0 == self.step_began.0
    }

    /// Lets jobs in and out where a step has ended. `step_us` gives the length of a step by key and pictures.
    pub fn regroup(
        &mut self,
        now: Moment,
        mut step_us: impl FnMut(BatchKey, u32) -> u64,
        mut began: impl FnMut(&Run),
    ) {
        if !self.is_at_boundary(now) {
            return;
        }
        if self.pause_asked {
            self.pause_asked = false;
            self.paused.append(&mut self.running);
        }
        let fresh = self.running.is_empty();
        for mut run in std::mem::take(&mut self.joining) {
            if run.began.is_none() {
                run.began = Some(now);
                began(&run);
            }
            self.running.push(run);
        }
        if let Some(first) = self.running.first() {
            self.step_us = step_us(first.key, self.pictures()).max(1);
            if fresh {
                self.step_began = now;
            }
        }
    }

    /// When something changes by itself.
    pub fn next_change(&self) -> Option<Moment> {
        if self.hung {
            return None;
        }
        let least = self.running.iter().map(|run| run.steps_left).min()?;
        let steps = if self.joining.is_empty() && !self.pause_asked {
            least
        } else {
            1
        };
        let steps_us = steps.saturating_mul(self.step_us);
        Some(Moment(self.step_began.0.saturating_add(steps_us)))
    }
}

/// Length of a step in microseconds.
pub(super) fn step_us(one_s: f64, gain: &BatchGain, pictures: u32) -> u64 {
    crate::moment::micros(one_s * gain.stretch(pictures)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Shape;

    const KEY: BatchKey = BatchKey {
        model: ModelKey(0),
        shape: Shape {
            width: 64,
            height: 64,
        },
    };

    fn run(job: u32, steps: u64) -> Run {
        Run {
            job,
            lease: 0,
            steps_left: steps,
            pictures: 1,
            key: KEY,
            gpu_s: 0.0,
            began: None,
        }
    }

    /// A node whose step takes a second for each picture.
    fn settle(machine: &mut Machine, now: u64) -> Vec<u32> {
        let now = Moment(now * 1_000_000);
        let done = machine.advance(now);
        machine.regroup(now, |_, pictures| u64::from(pictures) * 1_000_000, |_| {});
        done.iter().map(|run| run.job).collect()
    }

    #[test]
    fn a_job_joins_between_two_steps_and_slows_the_other_down() {
        let mut machine = Machine::new(ClassKey(0), 0, NodeKey(1));
        machine.take(run(1, 4));
        assert!(settle(&mut machine, 0).is_empty());
        machine.take(run(2, 1));
        // One step of the first alone, one of both, which takes two seconds, then two of the first alone.
        assert_eq!(machine.next_change(), Some(Moment(1_000_000)));
        assert!(settle(&mut machine, 1).is_empty());
        assert_eq!(settle(&mut machine, 3), [2]);
        assert_eq!(machine.next_change(), Some(Moment(5_000_000)));
        assert_eq!(settle(&mut machine, 5), [1]);
    }

    #[test]
    fn what_is_paused_goes_on_where_it_was() {
        let mut machine = Machine::new(ClassKey(0), 0, NodeKey(1));
        machine.take(run(1, 4));
        settle(&mut machine, 0);
        machine.ask_pause();
        machine.take(run(2, 2));
        settle(&mut machine, 1);
        assert_eq!(settle(&mut machine, 3), [2]);
        machine.resume();
        settle(&mut machine, 3);
        assert_eq!(settle(&mut machine, 6), [1]);
    }
}
