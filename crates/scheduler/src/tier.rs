//! What each tier allows and promises: data that changes while the platform runs.

use easel_domain::admission::Promise;
use easel_domain::tier::ServiceClass;

/// The rules of one tier.
#[derive(Debug, Clone, PartialEq)]
pub struct TierRule {
    /// Its name.
    pub name: String,
    /// The lane of its jobs.
    pub class: ServiceClass,
    /// Share of what it is served against others; above 0.
    pub weight: f64,
    /// Jobs of one member that may run at once.
    pub running: u32,
    /// Jobs of one member that may wait at once.
    pub waiting: u32,
    /// Seconds after which a job goes first within its lane.
    pub aging_s: f64,
    /// Seconds after which a job that still waits is dropped; `None` for never.
    pub shed_s: Option<f64>,
    /// Promise: done within this many times the time that it takes alone.
    pub slo_factor: Option<f64>,
    /// Promise: done within so many seconds.
    pub slo_s: Option<f64>,
    /// Share of the nodes that is kept for it, 0 to 1.
    pub reserved: f64,
}

impl TierRule {
    /// What it promises.
    pub fn promise(&self) -> Promise {
        Promise {
            within_s: self.slo_s,
            factor: self.slo_factor,
        }
    }

    /// Seconds from submit to end that are promised for a job that takes `alone_s` by itself.
    pub fn promise_s(&self, alone_s: f64) -> Option<f64> {
        self.promise().seconds(alone_s)
    }
}
