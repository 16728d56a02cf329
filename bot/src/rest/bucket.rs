//! Rate limits as Discord tells them: pure, told the time.
//!
//! A request takes a turn before it is sent and hands it in with its answer. Between the two it counts against the window
//! that it was sent in and, because it may arrive late, against the next one. What is merely useful leaves a reserve in
//! every bucket for what must be shown.
//!
//! A reply was counted some time between the sending of its request and its own arrival, so what it says about the end of
//! its window is a span. Spans of one window overlap, those of two lie a window apart: that tells a late reply about the
//! last window from one about this, however much slower than its neighbours it was.

mod ends;
mod global;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ends::Ends;
use global::Global;

/// How many remembered windows trigger a clean-up of those that have lapsed.
const CLEAN_ABOVE: usize = 4_096;
/// While nothing is known of a limit, one request at a time finds out; others ask again after this.
const PROBE: Duration = Duration::from_millis(40);

/// Whether a request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may, and is counted.
    Now,
    /// Ask again after this time.
    Wait(Duration),
    /// No request that counts globally and matters no more than this one goes out before this time.
    WaitAll(Duration),
}

/// How much a request matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It takes the last turn of a bucket.
    Must,
    /// It leaves a reserve.
    May,
}

/// Who asks for a turn.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Name of the call.
    pub route: &'static str,
    /// The resource whose limit it is: a channel, a token, or nothing.
    pub major: &'a str,
    /// Whether Discord counts it towards the bot's limit over all routes.
    pub counts_globally: bool,
    /// How much it matters.
    pub urgency: Urgency,
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

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    /// Unknown until the first reply of the bucket.
    limit: Option<u32>,
    remaining: u32,
    /// Unknown after the window lapsed and until the next reply.
    ends: Option<Ends>,
    /// Of the window before: its late replies say nothing about this one.
    before: Option<Ends>,
    /// A 429 forbids everything until then.
    blocked_until: Option<Instant>,
    in_flight: u32,
}

impl Window {
    fn fresh(limit: Option<u32>) -> Self {
        Self {
            limit,
            remaining: limit.unwrap_or(0),
            ..Self::default()
        }
    }

    /// A request that was sent before the end may be counted after it.
    fn lapse(&mut self, now: Instant) {
        if self.ends.is_some_and(|ends| ends.latest <= now) {
            self.remaining = self.limit.unwrap_or(0).saturating_sub(self.in_flight);
            self.before = self.ends.take();
        }
        self.blocked_until = self.blocked_until.filter(|until| *until > now);
    }

    /// Learns from the headers of a reply.
    fn learn(&mut self, headers: &RateHeaders, told: Ends) {
        let known = self.limit.replace(headers.limit).is_some();
        // Another request may be counted already, or will be.
        let left = headers.remaining.saturating_sub(self.in_flight);
        match self.ends {
            Some(ends) if ends.overlaps(told) => {
                // Replies overtake each other: within one window the smaller number is the newer one.
                self.remaining = self.remaining.min(headers.remaining);
                self.ends = Some(ends.narrowed(told));
            }
            Some(ends) if told.latest < ends.earliest => {}
            Some(_) => {
                self.remaining = left;
                self.before = self.ends.replace(told);
            }
            None if self.before.is_some_and(|before| before.overlaps(told)) => {}
            None => {
                self.remaining = if known {
                    self.remaining.min(headers.remaining)
                } else {
                    left
                };
                self.ends = Some(told);
            }
        }
    }

    /// Whether it differs in nothing from one that was never asked for.
    fn is_over(&self, now: Instant) -> bool {
        let is_past = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        self.in_flight == 0
            && is_past(self.blocked_until)
            && is_past(self.ends.map(|ends| ends.latest))
    }

    /// How long there is no turn; nothing if there is one.
    fn wait(&self, ask: &Ask<'_>, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        let Some(limit) = self.limit else {
            return (self.in_flight > 0).then_some(PROBE);
        };
        let reserve = match ask.urgency {
            Urgency::Must => 0,
            // A channel's bucket is shared by many messages, whose ends come at any time.
            Urgency::May if ask.counts_globally => limit * 2 / 5,
            Urgency::May => limit / 5,
        };
        if self.remaining > reserve {
            return None;
        }
        match self.ends {
            Some(ends) => Some(ends.latest - now),
            // Nothing is under way that could tell more: one request finds out.
            None if self.in_flight == 0 => None,
            None => Some(PROBE),
        }
    }
}

/// All buckets of the process.
#[derive(Default)]
pub struct Buckets {
    /// The bucket of a route, as the first reply named it.
    names: HashMap<&'static str, String>,
    /// Where a resource has another one than the route's first: servers and direct messages need not share a name.
    own_names: HashMap<(&'static str, String), String>,
    limits: HashMap<String, u32>,
    windows: HashMap<(String, String), Window>,
    global: Global,
    clean_at: usize,
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
    /// Buckets of a process that may send so many requests a second over all routes.
    pub fn new(per_second: u32) -> Self {
        Self {
            global: Global::new(per_second),
            ..Self::default()
        }
    }

    /// Changes how many requests a second this process may send over all routes.
    pub fn allow(&mut self, per_second: u32) {
        self.global.allow(per_second);
    }

    /// Asks for a turn, which is handed in with [`Self::answered`], [`Self::limited`] or [`Self::give_back`].
    pub fn turn(&mut self, ask: &Ask<'_>, now: Instant) -> Turn {
        if ask.counts_globally
            && let Some(wait) = self.global.wait(ask.urgency, now)
        {
            return Turn::WaitAll(wait);
        }
        let key = self.key(ask.route, ask.major);
        let limit = self.limits.get(&key.0).copied();
        let window = self
            .windows
            .entry(key)
            .or_insert_with(|| Window::fresh(limit));
        window.lapse(now);
        if window.limit.is_none()
            && limit.is_some()
            && window.in_flight == 0
            && window.blocked_until.is_none()
        {
            *window = Window::fresh(limit);
        }
        if let Some(wait) = window.wait(ask, now) {
            return Turn::Wait(wait);
        }
        window.remaining = window.remaining.saturating_sub(1);
        window.in_flight += 1;
        if ask.counts_globally {
            self.global.take(now);
        }
        Turn::Now
    }

    /// Hands in a turn that was not used.
    pub fn give_back(&mut self, ask: &Ask<'_>) {
        let key = self.key(ask.route, ask.major);
        if let Some(window) = self.windows.get_mut(&key) {
            window.in_flight = window.in_flight.saturating_sub(1);
            window.remaining +=
                u32::from(window.limit.is_some_and(|limit| window.remaining < limit));
        }
        if ask.counts_globally {
            self.global.give_back();
        }
    }

    /// Hands in the turn of a request that went out at `sent`, and learns from the headers of its reply, if there was one
    /// that had them.
    pub fn answered(
        &mut self,
        ask: &Ask<'_>,
        headers: Option<&RateHeaders>,
        sent: Instant,
        now: Instant,
    ) {
        if ask.counts_globally {
            self.global.answered(sent, now);
        }
        let (route, major) = (ask.route, ask.major);
        let asked = self.key(route, major);
        let Some(headers) = headers else {
            if let Some(window) = self.windows.get_mut(&asked) {
                window.in_flight = window.in_flight.saturating_sub(1);
            }
            return;
        };
        self.learn_name(route, major, &headers.bucket);
        self.limits.insert(headers.bucket.clone(), headers.limit);
        let key = (headers.bucket.clone(), major.to_owned());
        // The first reply tells the bucket's name: what was counted under the route's goes there.
        let before = if asked == key {
            None
        } else {
            self.windows.remove(&asked)
        };
        let window = self
            .windows
            .entry(key)
            .or_insert_with(|| before.unwrap_or_default());
        window.in_flight = window.in_flight.saturating_sub(1);
        window.learn(headers, Ends::told(sent, now, headers.reset_after));
        self.clean(now);
    }

    /// Learns from a 429, after [`Self::answered`].
    pub fn limited(&mut self, route: &'static str, major: &str, limited: Limited, now: Instant) {
        let until = now + limited.retry_after;
        if limited.scope == Scope::Global {
            self.global.block(until);
            return;
        }
        let window = self.windows.entry(self.key(route, major)).or_default();
        window.remaining = 0;
        window.blocked_until = window.blocked_until.max(Some(until));
    }

    fn key(&self, route: &'static str, major: &str) -> (String, String) {
        let major = major.to_owned();
        let common = self.names.get(route);
        if self.own_names.is_empty() {
            return (common.map_or(route, String::as_str).to_owned(), major);
        }
        let asked = (route, major);
        let name = self.own_names.get(&asked).or(common);
        (name.map_or(route, String::as_str).to_owned(), asked.1)
    }

    fn learn_name(&mut self, route: &'static str, major: &str, bucket: &str) {
        let common = self.names.entry(route).or_insert_with(|| bucket.to_owned());
        if common == bucket {
            if !self.own_names.is_empty() {
                self.own_names.remove(&(route, major.to_owned()));
            }
        } else {
            let asked = (route, major.to_owned());
            self.own_names.insert(asked, bucket.to_owned());
        }
    }

    /// Dead tokens leave windows behind: what has lapsed and is not under way is forgotten.
    fn clean(&mut self, now: Instant) {
        if self.windows.len() > self.clean_at.max(CLEAN_ABOVE) {
            self.windows.retain(|_, window| !window.is_over(now));
            self.clean_at = self.windows.len() * 2;
        }
        if self.own_names.len() > CLEAN_ABOVE {
            let windows = &self.windows;
            self.own_names
                .retain(|(_, major), name| windows.contains_key(&(name.clone(), major.clone())));
            if self.own_names.len() > CLEAN_ABOVE {
                // A name that so many resources have is the route's by now: all learn it anew.
                self.own_names.clear();
                self.names.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests;
