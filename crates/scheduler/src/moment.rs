//! Time as the policy sees it: microseconds since some beginning that its owner chooses.

use std::ops::Add;
use std::time::Duration;

/// A point in time. Whole microseconds, so that a simulation is the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// The beginning.
    pub const START: Self = Self(0);
    /// Later than everything.
    pub const NEVER: Self = Self(u64::MAX);

    /// So many seconds after the beginning; negative and unreal ones are the beginning.
    pub fn from_secs(seconds: f64) -> Self {
        Self(micros(seconds))
    }

    /// Seconds since the beginning.
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Seconds from `earlier` to here; 0 if that is later.
    pub fn since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e6
    }

    /// So many seconds later.
    #[must_use]
    pub fn after(self, seconds: f64) -> Self {
        Self(self.0.saturating_add(micros(seconds)))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

/// Seconds as whole microseconds; 0 for what is no time.
pub fn micros(seconds: f64) -> u64 {
    // A cast from a float saturates, and makes 0 of what is no number.
    (seconds * 1e6).round() as u64
}
