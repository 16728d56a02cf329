//! The budget of sessions: Discord lets a bot begin a thousand in a day, over all of its shards, and resets the token of
//! one that begins more. A process that crashes and is started again and again would use them up in an hour.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::rest::SessionStartLimit;

/// With less than this part of the budget left, starts are spread over the time until it is full again.
const SPARE: u32 = 5;
/// Longest pause before a start.
const LONGEST: Duration = Duration::from_mins(15);
/// Sessions that one shard may begin within [`WINDOW`]: reconnecting resumes, so more than a few mean that something is
/// wrong which another try does not mend.
const MOST: usize = 10;
const WINDOW: Duration = Duration::from_mins(10);

/// How long to wait before `shards` sessions are begun, so that what is left lasts until the budget is full again.
pub fn pause_before(limit: &SessionStartLimit, shards: u32) -> Duration {
    if limit.remaining > limit.total / SPARE {
        return Duration::ZERO;
    }
    let until_full = Duration::from_millis(limit.reset_after);
    (until_full / limit.remaining.max(1))
        .saturating_mul(shards)
        .min(LONGEST)
}

/// Counts the sessions that each shard of this process begins.
#[derive(Debug, Default)]
pub struct SessionGuard {
    begun: HashMap<u32, VecDeque<Instant>>,
}

impl SessionGuard {
    /// A shard begins a session. `false` if it has begun too many lately.
    pub fn begins(&mut self, shard: u32, now: Instant) -> bool {
        let begun = self.begun.entry(shard).or_default();
        while begun
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW)
        {
            begun.pop_front();
        }
        begun.push_back(now);
        if begun.len() > MOST {
            begun.pop_front();
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(remaining: u32) -> SessionStartLimit {
        SessionStartLimit {
            total: 1_000,
            remaining,
            reset_after: 24 * 3_600 * 1_000,
            max_concurrency: 1,
        }
    }

    #[test]
    fn starts_are_slower_the_less_is_left_and_free_while_there_is_plenty() {
        assert_eq!(pause_before(&limit(1_000), 16), Duration::ZERO);
        assert_eq!(pause_before(&limit(201), 1), Duration::ZERO);
        assert_eq!(pause_before(&limit(200), 1), Duration::from_secs(432));
        assert_eq!(pause_before(&limit(1), 1), LONGEST);
        assert_eq!(pause_before(&limit(0), 1), LONGEST);
    }

    #[test]
    fn a_crash_loop_of_one_shard_never_uses_a_days_budget_up() {
        let (mut left, mut passed) = (1_000_u32, Duration::ZERO);
        let day = Duration::from_hours(24);
        // A process that lives for five seconds.
        while passed < day {
            assert!(left > 0, "used up after {passed:?}");
            let mut now = limit(left);
            now.reset_after = day.saturating_sub(passed).as_millis() as u64;
            passed += pause_before(&now, 1) + Duration::from_secs(5);
            left -= 1;
        }
    }

    #[test]
    fn a_shard_that_begins_again_and_again_is_stopped_and_a_patient_one_is_not() {
        let (mut guard, now) = (SessionGuard::default(), Instant::now());
        for n in 0..MOST {
            assert!(guard.begins(0, now + Duration::from_secs(n as u64)));
        }
        assert!(!guard.begins(0, now + Duration::from_mins(1)));
        assert!(guard.begins(1, now), "another shard");
        assert!(guard.begins(0, now + WINDOW + Duration::from_secs(70)));
    }
}
