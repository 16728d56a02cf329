//! Waiting between attempts: exponential with jitter, as a pure iterator.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::Entropy;
use easel_domain::clock::EntropyExt;

/// Delays that double from `base` up to `cap`, each scaled by a random factor in `[0.5, 1)` so that clients that failed
/// together do not come back together.
///
/// The iterator sleeps nowhere: the caller decides how to wait. It ends after [`Backoff::limit`] delays, or never.
#[derive(Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    remaining: Option<u32>,
    attempt: u32,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Backoff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backoff")
            .field("base", &self.base)
            .field("cap", &self.cap)
            .field("remaining", &self.remaining)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl Backoff {
    /// An endless backoff.
    pub fn new(base: Duration, cap: Duration, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            base,
            cap,
            remaining: None,
            attempt: 0,
            entropy,
        }
    }

    /// Ends after `delays` delays, that is after `delays + 1` attempts.
    #[must_use]
    pub fn limit(mut self, delays: u32) -> Self {
        self.remaining = Some(delays);
        self
    }

    /// Starts again at the base delay, after a success. The limit, if any, is not refilled.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if let Some(remaining) = self.remaining.as_mut() {
            *remaining = remaining.checked_sub(1)?;
        }
        let doubled = self
            .base
            .saturating_mul(1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX));
        self.attempt = (self.attempt + 1).min(31);
        let ceiling = doubled.min(self.cap);
        Some(ceiling.mul_f64(0.5 + self.entropy.random_unit() / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::clock::SeededEntropy;

    fn backoff(seed: u64) -> Backoff {
        Backoff::new(
            Duration::from_secs(1),
            Duration::from_secs(8),
            Arc::new(SeededEntropy::new(seed)),
        )
    }

    #[test]
    fn delays_double_up_to_the_cap_and_stay_within_half_and_whole() {
        for seed in 0..50 {
            for (delay, whole) in backoff(seed).zip([1_u64, 2, 4, 8, 8, 8]) {
                let whole = Duration::from_secs(whole);
                assert!(
                    delay >= whole / 2 && delay < whole,
                    "{delay:?} of {whole:?}"
                );
            }
        }
    }

    #[test]
    fn a_limited_backoff_ends() {
        assert_eq!(backoff(1).limit(3).count(), 3);
    }

    #[test]
    fn a_thousand_attempts_do_not_overflow() {
        assert!(
            backoff(1)
                .take(1000)
                .all(|delay| delay <= Duration::from_secs(8))
        );
    }

    #[test]
    fn a_reset_starts_at_the_base_again() {
        let mut delays = backoff(3);
        for _ in 0..5 {
            delays.next();
        }
        delays.reset();
        assert!(
            delays
                .next()
                .is_some_and(|delay| delay < Duration::from_secs(1))
        );
    }
}
