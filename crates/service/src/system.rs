//! The real clock and the real randomness: the only place where the ambient ones are read.

use easel_domain::{Clock, Entropy};
use rand::TryRng;
use rand::rngs::SysRng;
use time::OffsetDateTime;

/// The wall clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the ambient clock"
    )]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Randomness of the operating system, good for secrets and tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness no token is safe: going on would be worse than ending.
        SysRng
            .try_fill_bytes(bytes)
            .expect("the operating system hands out random bytes once it is up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::clock::EntropyExt;

    #[test]
    fn two_draws_differ_and_the_clock_is_past_the_epoch() {
        assert_ne!(SystemEntropy.random_uuid(), SystemEntropy.random_uuid());
        assert!(SystemClock.now() > OffsetDateTime::UNIX_EPOCH);
    }
}
