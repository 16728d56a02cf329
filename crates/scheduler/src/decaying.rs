//! A count of what happened lately.

use crate::moment::Moment;

/// A sum whose parts count less the older they are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Decaying {
    value: f64,
    at: Moment,
}

impl Decaying {
    /// What is left of it now, when a part counts 1/e after `memory_s` seconds.
    pub fn at(self, now: Moment, memory_s: f64) -> f64 {
        self.value * (-now.since(self.at) / memory_s).exp()
    }

    /// One part more.
    pub fn add(&mut self, amount: f64, now: Moment, memory_s: f64) {
        self.value = self.at(now, memory_s) + amount;
        self.at = now;
    }
}

/// The most that a memory of this age holds of something that happens once a second.
pub(crate) fn full_s(age_s: f64, memory_s: f64) -> f64 {
    memory_s * (1.0 - (-age_s / memory_s).exp())
}
