//! Request limits with the headers that announce them: buckets per route and major parameter, the global one, and the
//! counter of invalid requests that ends in a ban.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::chaos::draw;
use crate::rest::route::{Class, Route};

/// How many requests, over what time.
type Budget = (u32, Duration);

/// The limits. Discord does not document its numbers; these are what people measured.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// Whether any limit applies.
    pub enabled: bool,
    /// Where given, each kind of route has a limit drawn from this seed in place of the ones below.
    pub random_seed: Option<u64>,
    /// Creating or editing messages, per channel.
    pub channel: (u32, Duration),
    /// Calls with one interaction's token.
    pub token: (u32, Duration),
    /// Reactions, per channel.
    pub reaction: (u32, Duration),
    /// Everything else, per route.
    pub other: (u32, Duration),
    /// Requests of the bot per second, interaction endpoints excepted.
    pub global_per_second: u32,
    /// Answers of 401, 403 and 429 within ten minutes before the address is banned.
    pub invalid_allowed: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enabled: true,
            random_seed: None,
            channel: (5, Duration::from_secs(5)),
            token: (5, Duration::from_secs(5)),
            reaction: (1, Duration::from_millis(250)),
            other: (50, Duration::from_secs(1)),
            global_per_second: 50,
            invalid_allowed: 10_000,
        }
    }
}

/// The window in which invalid requests are counted.
const INVALID_WINDOW: Duration = Duration::from_mins(10);

#[derive(Debug)]
struct Bucket {
    used: u32,
    resets_at: OffsetDateTime,
}

/// Counts so far.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: HashMap<String, Bucket>,
    global: VecDeque<OffsetDateTime>,
    invalid: VecDeque<OffsetDateTime>,
}

/// What the limits say about one request.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body of the 429, if the request is over a limit.
    pub(crate) refusal: Option<Value>,
}

impl Verdict {
    /// A 429 with its headers.
    pub(crate) fn too_many(retry_after: f64, scope: &str) -> Self {
        let is_global = scope == "global";
        let message = if scope == "shared" {
            "The resource is being rate limited."
        } else {
            "You are being rate limited."
        };
        let mut headers = vec![
            ("retry-after", format!("{}", retry_after.ceil())),
            ("x-ratelimit-scope", scope.to_owned()),
        ];
        if is_global {
            headers.push(("x-ratelimit-global", "true".to_owned()));
        }
        let refusal = json!({"message": message, "retry_after": retry_after, "global": is_global});
        Self {
            headers,
            refusal: Some(refusal),
        }
    }

    /// Adds the headers of a bucket that is used up for so many seconds: every 429 but the global one has them.
    pub(crate) fn name_bucket(
        &mut self,
        limits: &RateLimits,
        route: &Route,
        left: f64,
        now: OffsetDateTime,
    ) {
        if let Some((limit, _)) = budget(limits, route) {
            let resets_at = now + Duration::from_secs_f64(left.max(0.0));
            let headers = bucket_headers(route, limit, 0, left, resets_at);
            self.headers.extend(headers);
        }
    }
}

fn bucket_headers(
    route: &Route,
    limit: u32,
    remaining: u32,
    left: f64,
    resets_at: OffsetDateTime,
) -> [(&'static str, String); 5] {
    let reset = resets_at.unix_timestamp_nanos() as f64 / 1e9;
    [
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", remaining.to_string()),
        ("x-ratelimit-reset", format!("{reset:.3}")),
        ("x-ratelimit-reset-after", format!("{left:.3}")),
        ("x-ratelimit-bucket", bucket_id(&route.template)),
    ]
}

impl Limiter {
    /// Counts a request and says whether it is one too many.
    pub(crate) fn count(
        &mut self,
        limits: &RateLimits,
        route: &Route,
        now: OffsetDateTime,
    ) -> Verdict {
        if !limits.enabled {
            return Verdict::default();
        }
        if !route.is_interaction() {
            while self
                .global
                .front()
                .is_some_and(|at| now - *at >= Duration::from_secs(1))
            {
                self.global.pop_front();
            }
            if self.global.len() >= limits.global_per_second as usize {
                let oldest = self.global.front().copied().unwrap_or(now);
                return Verdict::too_many(seconds(oldest + Duration::from_secs(1) - now), "global");
            }
            self.global.push_back(now);
        }
        let Some((limit, per)) = budget(limits, route) else {
            return Verdict::default();
        };
        self.buckets.retain(|_, bucket| bucket.resets_at > now);
        let bucket = self
            .buckets
            .entry(format!("{}|{}", route.template, route.major))
            .or_insert(Bucket {
                used: 0,
                resets_at: now + per,
            });
        let left = seconds(bucket.resets_at - now);
        // The limit may have been lowered since the bucket began.
        let over = bucket.used >= limit;
        bucket.used += u32::from(!over);
        let mut verdict = if over {
            Verdict::too_many(left, "user")
        } else {
            Verdict::default()
        };
        let remaining = limit.saturating_sub(bucket.used);
        let headers = bucket_headers(route, limit, remaining, left, bucket.resets_at);
        verdict.headers.extend(headers);
        verdict
    }

    /// Counts an answer towards the ban.
    pub(crate) fn note_answer(&mut self, status: u16, is_shared: bool, now: OffsetDateTime) {
        if matches!(status, 401 | 403) || (status == 429 && !is_shared) {
            self.invalid.push_back(now);
        }
        while self
            .invalid
            .front()
            .is_some_and(|at| now - *at > INVALID_WINDOW)
        {
            self.invalid.pop_front();
        }
    }

    /// Answers of 401, 403 and 429 in the last ten minutes.
    pub(crate) fn invalid_requests(&self) -> usize {
        self.invalid.len()
    }
}

fn budget(limits: &RateLimits, route: &Route) -> Option<Budget> {
    if let Some(seed) = limits.random_seed
        && route.class != Class::Callback
    {
        let number = |rule, least: f64, most: f64| {
            least + draw(seed, &route.template, rule, 0) * (most - least)
        };
        let per = Duration::from_secs_f64(number(1, 1.0, 8.0));
        return Some((number(0, 2.0, 11.0) as u32, per));
    }
    match route.class {
        Class::ChannelWrite => Some(limits.channel),
        Class::Token => Some(limits.token),
        Class::Reaction => Some(limits.reaction),
        Class::Other => Some(limits.other),
        Class::Callback => None,
    }
}

fn seconds(span: time::Duration) -> f64 {
    (span.as_seconds_f64().max(0.001) * 1000.0).ceil() / 1000.0
}

fn bucket_id(template: &str) -> String {
    hex::encode(&Sha256::digest(template)[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_message_in_five_seconds_is_refused_and_says_for_how_long() {
        let (limits, mut limiter) = (RateLimits::default(), Limiter::default());
        let route = Route::of("POST", &["channels", "7", "messages"]);
        let start = OffsetDateTime::UNIX_EPOCH;
        for _ in 0..5 {
            assert!(limiter.count(&limits, &route, start).refusal.is_none());
        }
        let verdict = limiter.count(&limits, &route, start + Duration::from_secs(1));
        assert_eq!(verdict.refusal.expect("over the limit")["retry_after"], 4.0);
        let other = Route::of("POST", &["channels", "8", "messages"]);
        assert!(limiter.count(&limits, &other, start).refusal.is_none());
        assert!(
            limiter
                .count(&limits, &route, start + Duration::from_secs(5))
                .refusal
                .is_none()
        );
    }

    #[test]
    fn a_limit_that_is_lowered_meanwhile_leaves_nothing() {
        let (mut limits, mut limiter) = (RateLimits::default(), Limiter::default());
        let route = Route::of("POST", &["channels", "7", "messages"]);
        let now = OffsetDateTime::UNIX_EPOCH;
        for _ in 0..4 {
            limiter.count(&limits, &route, now);
        }
        limits.channel.0 = 2;
        let verdict = limiter.count(&limits, &route, now);
        assert!(verdict.refusal.is_some());
        let remaining = ("x-ratelimit-remaining", "0".to_owned());
        assert!(verdict.headers.contains(&remaining));
    }

    #[test]
    fn tokens_have_buckets_of_their_own_and_do_not_count_globally() {
        let limits = RateLimits {
            global_per_second: 1,
            ..RateLimits::default()
        };
        let mut limiter = Limiter::default();
        let now = OffsetDateTime::UNIX_EPOCH;
        for token in ["a", "b", "c"] {
            let route = Route::of("PATCH", &["webhooks", "1", token, "messages", "@original"]);
            assert!(limiter.count(&limits, &route, now).refusal.is_none());
        }
    }
}
