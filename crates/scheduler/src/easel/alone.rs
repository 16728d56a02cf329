//! How long jobs take by themselves.

use super::Easel;
use crate::job::{BatchKey, ClassKey, Job};

impl Easel {
    /// Seconds that a job takes by itself on an average node that may run it, warm.
    pub fn alone_s(&self, job: &Job) -> f64 {
        let asked = (job.key, job.pictures);
        let step_s = self.alone.get(&asked).copied();
        step_s.unwrap_or_else(|| self.average_step_s(job.key, job.pictures)) * f64::from(job.steps)
    }

    /// Speeds or nodes have changed: what is known of jobs alone is reckoned again.
    pub(super) fn reckon_alone(&mut self) {
        let mut alone = std::mem::take(&mut self.alone);
        for ((key, pictures), step_s) in &mut alone {
            *step_s = self.average_step_s(*key, *pictures);
        }
        self.alone = alone;
    }

    pub(super) fn average_step_s(&self, key: BatchKey, pictures: u32) -> f64 {
        let (mut sum, mut nodes) = (0.0, 0.0);
        for class in self.classes() {
            if self.fleet.runs(class, key.model) {
                let count = self.fleet.up_in(class).max(1) as f64;
                sum += count * self.speed.step_s(class, key, pictures);
                nodes += count;
            }
        }
        if nodes > 0.0 {
            sum / nodes
        } else {
            self.speed.step_s(ClassKey(0), key, pictures)
        }
    }

    pub(super) fn classes(&self) -> impl Iterator<Item = ClassKey> + use<> {
        let count = u16::try_from(self.fleet.classes().len()).unwrap_or(u16::MAX);
        (0..count).map(ClassKey)
    }

    /// Seconds of one step by itself on an average node, for each kind of job that was ever asked for.
    pub fn alone_steps(&self) -> impl Iterator<Item = (BatchKey, u32, f64)> + '_ {
        let all = self.alone.iter();
        all.map(|((key, pictures), step_s)| (*key, *pictures, *step_s))
    }
}
