//! The engine's own time, passed in so that tests and benchmarks can set it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Time since some moment; never goes back.
pub trait Stopwatch: Send + Sync {
    /// So much has passed.
    fn elapsed(&self) -> Duration;
}

/// The machine's monotonic clock.
#[derive(Debug)]
pub struct RealTime(Instant);

impl RealTime {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Stopwatch for RealTime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Time that stands still until it is told to pass.
#[derive(Debug, Default)]
pub struct VirtualTime(Mutex<Duration>);

impl VirtualTime {
    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }
}

impl Stopwatch for VirtualTime {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
