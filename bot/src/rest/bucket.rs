//! Rate limits as Discord tells them: pure, told the time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most requests of the whole bot in any second, below Discord's 50: at most [`BURST`] at once, then this many a second.
const GLOBAL_PER_SECOND: f64 = 35.0;
const BURST: f64 = 14.0;
/// How many remembered buckets trigger a clean-up of those that have lapsed.
const CLEAN_ABOVE: usize = 4_096;

/// Whether a request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may, and is counted.
    Now,
    /// Ask again after this time.
    Wait(Duration),
}

/// The rate-limit headers of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct RateHeaders {
    /// Discord's name for the bucket.
    pub bucket: String,
    /// Requests in one window.
    pub limit: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// Until the window ends.
    pub reset_after: Duration,
}

/// Whose limit was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The bucket's.
    User,
    /// The bot's.
    Global,
    /// The resource's, by whomever; not counted against us.
    Shared,
}

impl Scope {
    /// The name in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Global => "global",
            Self::Shared => "shared",
        }
    }
}

/// A 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Whose limit.
    pub scope: Scope,
    /// How long to wait.
    pub retry_after: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    limit: u32,
    remaining: u32,
    /// Unknown after the window lapsed and until the next reply.
    ends_at: Option<Instant>,
}

/// All buckets of the process.
#[derive(Default)]
pub struct Buckets {
    names: HashMap<&'static str, String>,
    windows: HashMap<(String, String), Window>,
    global: Global,
}

/// Keys hold tokens, so only counts are shown.
impl std::fmt::Debug for Buckets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buckets")
            .field("windows", &self.windows.len())
            .finish_non_exhaustive()
    }
}

impl Buckets {
    /// Asks for a turn on `route` for the resource `major`. Routes that Discord does not count globally say so.
    pub fn turn(
        &mut self,
        route: &'static str,
        major: &str,
        counts_globally: bool,
        now: Instant,
    ) -> Turn {
        if counts_globally && let Some(wait) = self.global.wait(now) {
            return Turn::Wait(wait);
        }
        let key = self.key(route, major);
        if let Some(window) = self.windows.get_mut(&key) {
            if window.ends_at.is_some_and(|end| end <= now) {
                window.remaining = window.limit;
                window.ends_at = None;
            }
            match (window.remaining, window.ends_at) {
                (0, Some(end)) => return Turn::Wait(end - now),
                // A bucket of limit 0 whose window lapsed: one request finds out.
                (0, None) => {}
                _ => window.remaining -= 1,
            }
        }
        if counts_globally {
            self.global.take(now);
        }
        Turn::Now
    }

    /// Learns from the headers of a reply.
    pub fn learn(&mut self, route: &'static str, major: &str, headers: &RateHeaders, now: Instant) {
        self.names.insert(route, headers.bucket.clone());
        let key = (headers.bucket.clone(), major.to_owned());
        let ends_at = now + headers.reset_after;
        let window = self.windows.entry(key).or_insert(Window {
            limit: headers.limit,
            remaining: headers.remaining,
            ends_at: Some(ends_at),
        });
        // Replies overtake each other: within one window the smaller number is the newer one.
        let slack = Duration::from_millis(250);
        let same_window = window.ends_at.is_none_or(|end| ends_at <= end + slack);
        window.limit = headers.limit;
        window.remaining = if same_window {
            window.remaining.min(headers.remaining)
        } else {
            headers.remaining
        };
        window.ends_at = Some(window.ends_at.map_or(ends_at, |end| end.max(ends_at)));
        self.clean(now);
    }

    /// Learns from a 429.
    pub fn limited(&mut self, route: &'static str, major: &str, limited: Limited, now: Instant) {
        let until = now + limited.retry_after;
        if limited.scope == Scope::Global {
            self.global.block(until);
            return;
        }
        let key = self.key(route, major);
        let window = self.windows.entry(key).or_insert(Window {
            limit: 1,
            remaining: 0,
            ends_at: None,
        });
        window.remaining = 0;
        window.ends_at = Some(window.ends_at.map_or(until, |end| end.max(until)));
    }

    fn key(&self, route: &'static str, major: &str) -> (String, String) {
        let name = self.names.get(route).map_or(route, String::as_str);
        (name.to_owned(), major.to_owned())
    }

    fn clean(&mut self, now: Instant) {
        if self.windows.len() > CLEAN_ABOVE {
            self.windows
                .retain(|_, window| window.ends_at.is_some_and(|end| end > now));
        }
    }
}

/// A token bucket over all routes that count.
#[derive(Debug)]
struct Global {
    tokens: f64,
    seen: Option<Instant>,
    blocked_until: Option<Instant>,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            tokens: BURST,
            seen: None,
            blocked_until: None,
        }
    }
}

impl Global {
    fn wait(&mut self, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        let elapsed = self
            .seen
            .map_or(Duration::ZERO, |seen| now.saturating_duration_since(seen));
        self.tokens = (self.tokens + elapsed.as_secs_f64() * GLOBAL_PER_SECOND).min(BURST);
        self.seen = Some(now);
        (self.tokens < 1.0)
            .then(|| Duration::from_secs_f64((1.0 - self.tokens) / GLOBAL_PER_SECOND))
    }

    fn take(&mut self, now: Instant) {
        self.seen = Some(now);
        self.tokens -= 1.0;
    }

    fn block(&mut self, until: Instant) {
        self.blocked_until = Some(self.blocked_until.map_or(until, |end| end.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTE: &str = "edit_original";

    fn headers(limit: u32, remaining: u32, reset_ms: u64) -> RateHeaders {
        RateHeaders {
            bucket: "abc".into(),
            limit,
            remaining,
            reset_after: Duration::from_millis(reset_ms),
        }
    }

    #[test]
    fn one_members_empty_bucket_holds_no_other_member_back() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        buckets.learn(ROUTE, "token-a", &headers(5, 0, 4_000), now);
        assert_eq!(
            buckets.turn(ROUTE, "token-a", false, now),
            Turn::Wait(Duration::from_secs(4))
        );
        assert_eq!(buckets.turn(ROUTE, "token-b", false, now), Turn::Now);
    }

    #[test]
    fn a_window_fills_up_again_when_it_ends() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        buckets.learn(ROUTE, "t", &headers(2, 0, 1_000), now);
        let later = now + Duration::from_secs(1);
        assert_eq!(buckets.turn(ROUTE, "t", false, later), Turn::Now);
        assert_eq!(buckets.turn(ROUTE, "t", false, later), Turn::Now);
    }

    #[test]
    fn two_routes_of_one_bucket_share_it() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        buckets.learn("create", "c", &headers(5, 1, 5_000), now);
        buckets.learn("edit", "c", &headers(5, 0, 5_000), now);
        assert!(matches!(
            buckets.turn("create", "c", false, now),
            Turn::Wait(_)
        ));
    }

    #[test]
    fn an_overtaken_reply_does_not_give_requests_back() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        buckets.learn(ROUTE, "t", &headers(5, 1, 2_000), now);
        buckets.learn(ROUTE, "t", &headers(5, 3, 2_000), now);
        assert_eq!(buckets.turn(ROUTE, "t", false, now), Turn::Now);
        assert!(matches!(
            buckets.turn(ROUTE, "t", false, now),
            Turn::Wait(_)
        ));
    }

    #[test]
    fn a_global_limit_stops_every_route_that_counts_and_no_other() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        let limited = Limited {
            scope: Scope::Global,
            retry_after: Duration::from_secs(3),
        };
        buckets.limited("create", "c", limited, now);
        assert_eq!(
            buckets.turn("edit", "x", true, now),
            Turn::Wait(Duration::from_secs(3))
        );
        assert_eq!(buckets.turn("callback", "t", false, now), Turn::Now);
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_fifty_requests(pauses in prop::collection::vec(0_u64..40, 1..400)) {
            let (mut buckets, start) = (Buckets::default(), Instant::now());
            let mut now = start;
            let mut sent = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if buckets.turn("create", "c", true, now) == Turn::Now {
                    sent.push(now);
                }
            }
            for (i, first) in sent.iter().enumerate() {
                let within = sent[i..].iter().take_while(|at| **at - *first < Duration::from_secs(1)).count();
                prop_assert!(within <= 50, "{within}");
            }
        }

        #[test]
        fn a_wait_is_never_longer_than_what_discord_said(
            remaining in 0_u32..3, reset_ms in 1_u64..10_000, requests in 1_usize..8,
        ) {
            let (mut buckets, now) = (Buckets::default(), Instant::now());
            buckets.learn(ROUTE, "t", &headers(5, remaining, reset_ms), now);
            let mut granted = 0;
            for _ in 0..requests {
                match buckets.turn(ROUTE, "t", false, now) {
                    Turn::Now => granted += 1,
                    Turn::Wait(wait) => prop_assert!(wait <= Duration::from_millis(reset_ms)),
                }
            }
            prop_assert!(granted <= remaining);
        }
    }
}
