//! How fast requests may follow one another: of one member by his tier, and of all members of a guild together.
//!
//! It smooths what comes, before anything is read or written; quotas are decided in the transaction that makes a job. The
//! limits are rows that admins edit, read again every few seconds. A member's tier is learnt when he is first seen; until
//! it is known the default tier's pace holds. Restarts forget all of it, and each process counts for itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use easel_domain::tier::RequestPace;
use easel_domain::{DiscordId, GuildKey};
use easel_service::{Shutdown, chain};
use easel_store::limits::RequestLimits;
use governor::clock::{Clock, MonotonicClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::Notify;

use super::Intake;
use crate::text::Language;

/// How often the limits are read.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A member's tier is asked for again after this; the old one holds until it is known.
const TIER_AGE: Duration = Duration::from_secs(30);
/// Members whose tier is remembered.
const MEMBERS: usize = 50_000;
/// Members whose tier is asked for at once.
const ASKED: usize = 1_000;
/// Members, or guilds, that one limit tells apart; beyond that, many share one of the [`SHARED`] counts.
const KEYS: usize = 100_000;
const SHARED: u64 = 1_024;
/// Snowflakes stay below it.
const SHARED_KEYS: u64 = 1 << 63;

type Limiter<C> =
    RateLimiter<u64, HashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A request that came too soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TooFast {
    /// When the next one is taken.
    wait: Duration,
    /// Whose limit it is: that of this tier, or the guild's.
    tier: Option<String>,
}

impl TooFast {
    /// The sentence, and the word for metrics.
    pub(super) fn told(&self, language: Language) -> (String, &'static str) {
        // Rounded up: who asks a moment too early is refused again.
        let wait = language.about(self.wait + Duration::from_millis(999));
        match &self.tier {
            Some(tier) => (language.too_fast(tier, wait), "too_fast"),
            None => (language.guild_too_fast(wait), "guild_too_fast"),
        }
    }
}

/// Counts requests. The clock is passed in.
pub(super) struct Pace<C: Clock = MonotonicClock> {
    clock: C,
    default_tier: Arc<str>,
    rules: RwLock<Rules<C>>,
    members: Mutex<Members<C::Instant>>,
    unknown: Notify,
}

struct Rules<C: Clock> {
    limits: RequestLimits,
    tiers: HashMap<Arc<str>, Arc<Limiter<C>>>,
    every_guild: Option<Arc<Limiter<C>>>,
    guilds: HashMap<GuildKey, Arc<Limiter<C>>>,
}

impl<C: Clock> Default for Rules<C> {
    fn default() -> Self {
        Self {
            limits: RequestLimits::default(),
            tiers: HashMap::new(),
            every_guild: None,
            guilds: HashMap::new(),
        }
    }
}

struct Members<I> {
    /// Their tiers, each with when that was learnt.
    tiers: HashMap<DiscordId, (Arc<str>, I)>,
    asked: HashSet<DiscordId>,
}

impl<C: Clock + Clone> Pace<C> {
    /// Nothing is limited until the limits are known.
    pub(super) fn new(clock: C, default_tier: &str) -> Self {
        let members = Members {
            tiers: HashMap::new(),
            asked: HashSet::new(),
        };
        Self {
            clock,
            default_tier: default_tier.into(),
            rules: RwLock::default(),
            members: Mutex::new(members),
            unknown: Notify::new(),
        }
    }

    /// Counts one request, or tells how long to wait. What a limit refuses it does not count; what only the guild's limit
    /// refuses has been counted for the member, so that nobody can fill a guild by being refused.
    pub(super) fn check(&self, member: DiscordId, guild: Option<GuildKey>) -> Result<(), TooFast> {
        let tier = self.tier_of(member);
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = rules.tiers.get(&tier) {
            self.count(limiter, member.as_u64(), member.spread())
                .map_err(|wait| TooFast {
                    wait,
                    tier: Some(tier.to_string()),
                })?;
        }
        let limiter =
            guild.and_then(|guild| rules.guilds.get(&guild).or(rules.every_guild.as_ref()));
        let (Some(guild), Some(limiter)) = (guild, limiter) else {
            return Ok(());
        };
        self.count(limiter, guild.as_u64(), guild.spread())
            .map_err(|wait| TooFast { wait, tier: None })
    }

    fn count(&self, limiter: &Limiter<C>, id: u64, spread: u64) -> Result<(), Duration> {
        let key = if limiter.len() < KEYS {
            id
        } else {
            SHARED_KEYS | (spread % SHARED)
        };
        limiter
            .check_key(&key)
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// His tier as far as it is known; where it is not, or not newly, it is asked for.
    fn tier_of(&self, member: DiscordId) -> Arc<str> {
        let mut members = self.members();
        let now = self.clock.now();
        let known = members.tiers.get(&member).cloned();
        let is_fresh = known
            .as_ref()
            .is_some_and(|(_, at)| Duration::from(now.duration_since(*at)) < TIER_AGE);
        if !is_fresh && members.asked.len() < ASKED && members.asked.insert(member) {
            self.unknown.notify_one();
        }
        known.map_or_else(|| Arc::clone(&self.default_tier), |(tier, _)| tier)
    }

    /// Those whose tier is asked for; each is told once.
    fn asked(&self) -> Vec<DiscordId> {
        self.members().asked.drain().collect()
    }

    /// Notes the tiers of those who were asked about; who has none, has the default one.
    fn learn_tiers(&self, asked: &[DiscordId], found: Vec<(DiscordId, String)>) {
        let mut found: HashMap<_, _> = found.into_iter().collect();
        let mut members = self.members();
        let now = self.clock.now();
        if members.tiers.len() + asked.len() > MEMBERS {
            let young = |at: C::Instant| Duration::from(now.duration_since(at)) < TIER_AGE;
            members.tiers.retain(|_, (_, at)| young(*at));
        }
        for member in asked {
            if members.tiers.len() >= MEMBERS && !members.tiers.contains_key(member) {
                continue;
            }
            let tier = found.remove(member);
            let tier = tier.map_or_else(|| Arc::clone(&self.default_tier), Arc::from);
            members.tiers.insert(*member, (tier, now));
        }
    }

    /// Takes the limits as they are now. Counts of limits that have not changed go on.
    fn learn_limits(&self, limits: RequestLimits) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if rules.limits == limits {
            return;
        }
        let old = std::mem::take(&mut *rules);
        let make = |pace: RequestPace| {
            let quota = Quota::per_minute(pace.per_minute).allow_burst(pace.burst);
            Arc::new(RateLimiter::hashmap_with_clock(quota, self.clock.clone()))
        };
        let keep = |kept: Option<&Arc<Limiter<C>>>, is_same: bool, pace: RequestPace| {
            kept.filter(|_| is_same)
                .map_or_else(|| make(pace), Arc::clone)
        };
        for (name, pace) in &limits.tiers {
            let is_same = old.limits.tiers.get(name) == Some(pace);
            let name: Arc<str> = name.as_str().into();
            let limiter = keep(old.tiers.get(&name), is_same, *pace);
            rules.tiers.insert(name, limiter);
        }
        for (guild, pace) in &limits.guilds {
            let is_same = old.limits.guilds.get(guild) == Some(pace);
            let limiter = keep(old.guilds.get(guild), is_same, *pace);
            rules.guilds.insert(*guild, limiter);
        }
        rules.every_guild = limits.every_guild.map(|pace| {
            let is_same = old.limits.every_guild == Some(pace);
            keep(old.every_guild.as_ref(), is_same, pace)
        });
        rules.limits = limits;
    }

    /// Forgets whoever could ask for as much as one who was never seen.
    fn tidy(&self) {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let guilds = rules.guilds.values().chain(&rules.every_guild);
        for limiter in rules.tiers.values().chain(guilds) {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn members(&self) -> MutexGuard<'_, Members<C::Instant>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intake {
    /// Keeps limits and tiers up to date until draining.
    pub async fn follow_limits(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft().cancelled() => return Ok(()),
                () = self.pace.unknown.notified() => self.look_up_tiers().await,
                _ = ticks.tick() => {
                    self.look_up_limits().await;
                    self.look_up_tiers().await;
                    self.pace.tidy();
                }
            }
        }
    }

    /// Reads the limits once; before the gateway is connected, so that they hold from the first request on.
    pub async fn look_up_limits(&self) {
        match self.parts.store.request_limits().await {
            Ok(limits) => self.pace.learn_limits(limits),
            Err(error) => {
                tracing::warn!("read the limits: {error}", error = chain(&error));
            }
        }
    }

    async fn look_up_tiers(&self) {
        let asked = self.pace.asked();
        if asked.is_empty() {
            return;
        }
        match self.parts.store.tiers_of(&asked).await {
            Ok(found) => self.pace.learn_tiers(&asked, found),
            // The next request of each asks again.
            Err(error) => tracing::warn!("read tiers: {error}", error = chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
