//! Whether shards are alive. The library runs each in a task that nobody joins: one that panics or hangs, and one that is
//! begun again where nobody answers, would be taken for connected for ever.
//!
//! What a living one shows is the time that its last heartbeat took, which is another one after each. A new one that
//! Discord does not let in is not there at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::{ConnectionStage, ShardId, ShardManager};
use tokio::time::{Instant, MissedTickBehavior};

use super::shared::Shared;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is seen of a shard at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Nothing runs for it.
    Missing,
    /// It runs; how long its last heartbeat took, if it had one.
    Runs {
        is_connected: bool,
        heartbeat: Option<Duration>,
    },
}

/// What the signs of a shard say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// It has not begun yet.
    NotBegun,
    Connected,
    NotConnected,
    /// It has shown nothing new for longer than it may.
    Silent,
}

/// The signs of life of one shard.
#[derive(Debug, Default)]
struct Pulse {
    last: Option<(Sign, Instant)>,
}

impl Pulse {
    fn feel(&mut self, sign: Sign, now: Instant, silent_after: Duration) -> Health {
        let since = match self.last {
            None if sign == Sign::Missing => return Health::NotBegun,
            Some((last, since)) if last == sign => since,
            None | Some(_) => now,
        };
        self.last = Some((sign, since));
        if now - since >= silent_after {
            return Health::Silent;
        }
        match sign {
            Sign::Runs {
                is_connected: true, ..
            } => Health::Connected,
            Sign::Missing | Sign::Runs { .. } => Health::NotConnected,
        }
    }
}

/// Watches shards, each with a client of its own.
pub(super) struct Watch {
    shards: BTreeMap<u32, (Arc<ShardManager>, Pulse)>,
    silent_after: Duration,
}

impl Watch {
    /// Watches nothing yet. A shard may be silent for so long: more than the library takes to find out by itself that
    /// nobody answers, which are two heartbeats of Discord's.
    pub(super) fn new(silent_after: Duration) -> Self {
        Self {
            shards: BTreeMap::new(),
            silent_after,
        }
    }

    /// Watches this shard as well.
    pub(super) fn add(&mut self, shard: u32, manager: Arc<ShardManager>) {
        self.shards.insert(shard, (manager, Pulse::default()));
    }

    /// Watches until a shard is silent, and returns which. Tells on the way which are connected.
    pub(super) async fn run(mut self, shared: &Shared) -> u32 {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for (shard, (manager, pulse)) in &mut self.shards {
                let sign = sign(manager, *shard).await;
                match pulse.feel(sign, Instant::now(), self.silent_after) {
                    Health::NotBegun => {}
                    Health::Connected => shared.seen(*shard, true),
                    Health::NotConnected => shared.seen(*shard, false),
                    Health::Silent => return *shard,
                }
            }
        }
    }
}

async fn sign(manager: &ShardManager, shard: u32) -> Sign {
    let runners = manager.runners.lock().await;
    runners
        .get(&ShardId(shard))
        .map_or(Sign::Missing, |runner| Sign::Runs {
            is_connected: runner.stage == ConnectionStage::Connected,
            heartbeat: runner.latency,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_playground::{Playground, PlaygroundConfig};
    use poise::serenity_prelude::{ClientBuilder, GatewayIntents, HttpBuilder, ShardRunnerMessage};
    use tokio::task::JoinSet;

    const LIMIT: Duration = Duration::from_secs(150);
    /// From one look to the next.
    const GLANCE: Duration = Duration::from_millis(20);
    const BEAT: Duration = Duration::from_millis(41_250);

    fn beat(number: u64) -> Sign {
        Sign::Runs {
            is_connected: true,
            heartbeat: Some(Duration::from_nanos(40_000_000 + number)),
        }
    }

    #[test]
    fn a_shard_whose_heartbeats_are_answered_is_never_silent() {
        let (mut pulse, mut now) = (Pulse::default(), Instant::now());
        assert_eq!(pulse.feel(Sign::Missing, now, LIMIT), Health::NotBegun);
        for number in 0..100 {
            let health = pulse.feel(beat(number), now, LIMIT);
            assert_eq!(health, Health::Connected);
            now += BEAT;
        }
    }

    #[test]
    fn one_that_shows_nothing_new_is_silent_after_a_while() {
        let (mut pulse, now) = (Pulse::default(), Instant::now());
        pulse.feel(beat(1), now, LIMIT);
        let before = now + LIMIT - Duration::from_secs(1);
        assert_eq!(pulse.feel(beat(1), before, LIMIT), Health::Connected);
        assert_eq!(pulse.feel(beat(1), now + LIMIT, LIMIT), Health::Silent);
    }

    #[test]
    fn one_that_is_not_let_in_again_is_not_connected_and_then_silent() {
        let (mut pulse, now) = (Pulse::default(), Instant::now());
        pulse.feel(beat(1), now, LIMIT);
        assert_eq!(pulse.feel(Sign::Missing, now, LIMIT), Health::NotConnected);
        let late = now + LIMIT;
        assert_eq!(pulse.feel(Sign::Missing, late, LIMIT), Health::Silent);
        // And one that was let in at last lives.
        assert_eq!(pulse.feel(beat(2), late, LIMIT), Health::Connected);
    }

    /// The real thing: what is seen of the library's shard while it lives, and when its task has ended.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_librarys_shard_shows_its_heartbeats_until_its_task_has_ended() {
        let mut config = PlaygroundConfig::default();
        // The library looks for what it is to send twice a second.
        config.rules.heartbeat = Duration::from_millis(1_500);
        let discord = Playground::start(config).await.unwrap();
        let http = HttpBuilder::new(discord.token())
            .proxy(discord.origin())
            .ratelimiter_disabled(true)
            .build();
        let client = ClientBuilder::new_with_http(http, GatewayIntents::empty());
        let mut client = client.await.unwrap();
        let manager = Arc::clone(&client.shard_manager);
        let mut serving = JoinSet::new();
        serving.spawn(async move { client.start_shard(0, 1).await });
        let (mut pulse, mut beats) = (Pulse::default(), 0);
        let limit = Duration::from_secs(5);
        let mut last = Sign::Missing;
        while beats < 2 {
            let now = sign(&manager, 0).await;
            assert_ne!(pulse.feel(now, Instant::now(), limit), Health::Silent);
            let is_beat = matches!(
                now,
                Sign::Runs {
                    heartbeat: Some(_),
                    ..
                }
            );
            beats += u32::from(is_beat && now != last);
            last = now;
            tokio::time::sleep(GLANCE).await;
        }
        let ends = ShardRunnerMessage::Shutdown(ShardId(0), 1000);
        let runners = manager.runners.lock().await;
        runners[&ShardId(0)].runner_tx.send_to_shard(ends);
        drop(runners);
        loop {
            let now = sign(&manager, 0).await;
            if pulse.feel(now, Instant::now(), limit) == Health::Silent {
                break;
            }
            tokio::time::sleep(GLANCE).await;
        }
        assert!(
            serving.try_join_next().is_none(),
            "the library says nothing"
        );
        serving.shutdown().await;
        discord.shutdown().await;
    }
}
