//! Time and randomness as values that are passed in.

use std::sync::Mutex;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// The wall clock of a process.
///
/// Lease and leadership times do not come from here: they use the database's own clock.
pub trait Clock: Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random data.
    fn fill(&self, bytes: &mut [u8]);
}

/// Draws that everything else is made of, for any [`Entropy`].
pub trait EntropyExt: Entropy {
    /// A random (version 4) UUID, for tokens.
    fn random_uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A time-ordered (version 7) UUID, for row ids. Sorting by id sorts by `now` at millisecond resolution.
    fn ordered_uuid(&self, now: OffsetDateTime) -> Uuid {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// A uniform `u32`, the range of `--seed` (0–4294967295).
    fn random_u32(&self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// A uniform number in `[0, 1)`, for jitter.
    fn random_unit(&self) -> f64 {
        f64::from(self.random_u32()) / (f64::from(u32::MAX) + 1.0)
    }
}

impl<T: Entropy + ?Sized> EntropyExt for T {}

/// A clock that stands still until told otherwise, for tests and for the simulator.
#[derive(Debug)]
pub struct ManualClock(Mutex<OffsetDateTime>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.lock() += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, OffsetDateTime> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.lock()
    }
}

/// Entropy that a seed determines (`SplitMix64`, Steele et al. 2014), for tests and for the simulator. Not for secrets.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let word = Self::next(&mut state).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_ids_sort_by_time() {
        let entropy = SeededEntropy::new(7);
        let start = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let ids: Vec<_> = (0..50)
            .map(|i| entropy.ordered_uuid(start + Duration::from_millis(i)))
            .collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        assert_eq!(
            SeededEntropy::new(1).random_uuid(),
            SeededEntropy::new(1).random_uuid()
        );
        assert_ne!(
            SeededEntropy::new(1).random_uuid(),
            SeededEntropy::new(2).random_uuid()
        );
    }
}
