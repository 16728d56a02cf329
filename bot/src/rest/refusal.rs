//! Too many refusals ban our address: count them and stop first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Discord bans after 10,000 in this time.
const SPAN: Duration = Duration::from_mins(10);
/// Where we stop: a tenth of it.
const LIMIT: usize = 1_000;

/// The refused requests (401, 403, 429 that is not shared) of the last ten minutes.
#[derive(Debug)]
pub struct Refusals {
    at: VecDeque<Instant>,
    limit: usize,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            at: VecDeque::new(),
            limit: LIMIT,
        }
    }
}

impl Refusals {
    /// So many processes share an address, at worst: each has its part.
    pub fn share(&mut self, processes: u32) {
        self.limit = (LIMIT / processes.max(1) as usize).max(1);
        let surplus = self.at.len().saturating_sub(self.limit);
        self.at.drain(..surplus);
    }

    /// Counts one.
    pub fn count(&mut self, now: Instant) {
        self.forget(now);
        if self.at.len() < self.limit {
            self.at.push_back(now);
        }
    }

    /// How long nothing may be sent; `None` while something may.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        self.forget(now);
        match self.at.front() {
            Some(oldest) if self.at.len() >= self.limit => Some(*oldest + SPAN - now),
            _ => None,
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.at.front().is_some_and(|at| *at + SPAN <= now) {
            self.at.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_refusals_stops_everything_until_the_oldest_is_ten_minutes_old() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for _ in 0..LIMIT {
            assert_eq!(refusals.pause(now), None);
            refusals.count(now);
        }
        assert_eq!(refusals.pause(now), Some(SPAN));
        assert_eq!(refusals.pause(now + SPAN), None);
    }

    #[test]
    fn each_of_several_processes_stops_at_its_part() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        refusals.share(4);
        for _ in 0..LIMIT / 4 {
            assert_eq!(refusals.pause(now), None);
            refusals.count(now);
        }
        assert!(refusals.pause(now).is_some());
        refusals.share(2);
        assert_eq!(refusals.pause(now), None, "two of them have gone");
        refusals.share(1_000_000);
        assert!(refusals.pause(now).is_some());
    }
}
