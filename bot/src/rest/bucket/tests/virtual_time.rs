//! The buckets against the playground's own limits, in virtual time, over a network that stalls and reorders.

use std::collections::BTreeMap;

use easel_playground::{Counted, LimitsAlone, RateLimits};
use time::OffsetDateTime;

use super::*;

/// Both ways together, where nothing is slow.
const LATENCY_MS: u64 = 100;
/// Before the limits are known, one may be hit.
const WARM_UP_MS: u64 = 6_000;
const STEP_MS: usize = 10;
const END_MS: u64 = 40_000;

/// A request under way.
struct Flight {
    channel: usize,
    sent: u64,
}

struct Network {
    random: u64,
    server: LimitsAlone,
    arriving: BTreeMap<(u64, u32), Flight>,
    returning: BTreeMap<(u64, u32), (Flight, Counted)>,
    count: u32,
    refused: Vec<(u64, String)>,
}

impl Network {
    fn new(seed: u64) -> Self {
        Self {
            random: seed * 2 + 1,
            server: LimitsAlone::new(RateLimits::default()),
            arriving: BTreeMap::new(),
            returning: BTreeMap::new(),
            count: 0,
            refused: Vec::new(),
        }
    }

    /// Evenly below `most`.
    fn draw(&mut self, most: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % most
    }

    /// A tenth is slow by up to 0.7 s. Every 7 s nothing arrives for 0.8 s.
    fn delay(&mut self, now: u64) -> u64 {
        let slow = if self.draw(10) == 0 {
            self.draw(700)
        } else {
            0
        };
        let stalled = (now % 7_000 < 800).then(|| 800 - now % 7_000);
        slow + stalled.unwrap_or(0)
    }

    fn send(&mut self, channel: usize, now: u64) {
        self.count += 1;
        let at = now + 1 + self.delay(now);
        self.arriving
            .insert((at, self.count), Flight { channel, sent: now });
    }

    fn arrive(&mut self, now: u64) {
        while let Some(entry) = self.arriving.first_entry().filter(|e| e.key().0 <= now) {
            let ((_, id), flight) = entry.remove_entry();
            let path = format!("/channels/{}/messages/123456", name(flight.channel));
            let at = OffsetDateTime::UNIX_EPOCH + Duration::from_millis(now);
            let counted = self.server.request("PATCH", &path, at);
            if counted.refusal.is_some() {
                let scope = counted.headers.iter().find(|(n, _)| n.ends_with("scope"));
                let scope = scope.map(|(_, scope)| scope.clone());
                self.refused.push((now, scope.unwrap_or_default()));
            }
            let back = now + LATENCY_MS + self.delay(now);
            self.returning.insert((back, id), (flight, counted));
        }
    }
}

fn name(channel: usize) -> String {
    (100_000 + channel).to_string()
}

fn told(counted: &Counted) -> Option<RateHeaders> {
    let value = |name: &str| {
        let found = counted.headers.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| value.clone())
    };
    Some(RateHeaders {
        bucket: value("x-ratelimit-bucket")?,
        limit: value("x-ratelimit-limit")?.parse().ok()?,
        remaining: value("x-ratelimit-remaining")?.parse().ok()?,
        reset_after: Duration::from_secs_f64(value("x-ratelimit-reset-after")?.parse().ok()?),
    })
}

/// Sends whatever may be sent to so many channels; how many went out after the warm-up, and which were refused then.
fn run(seed: u64, channels: usize) -> (usize, Vec<(u64, String)>) {
    let (mut network, mut buckets) = (Network::new(seed), Buckets::new(49));
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    let names: Vec<String> = (0..channels).map(name).collect();
    let asks: Vec<Ask<'_>> = names
        .iter()
        .map(|name| Ask {
            counts_globally: true,
            ..ask("edit_message", name)
        })
        .collect();
    let mut sent = 0;
    for now in (0..END_MS).step_by(STEP_MS) {
        network.arrive(now);
        while let Some(entry) = network.returning.first_entry().filter(|e| e.key().0 <= now) {
            let (flight, counted) = entry.remove();
            let ask = &asks[flight.channel];
            buckets.answered(ask, told(&counted).as_ref(), at(flight.sent), at(now));
        }
        for channel in 0..channels {
            // No channel is always first.
            let channel = (channel + now as usize / STEP_MS) % channels;
            let turn = loop {
                let turn = buckets.turn(&asks[channel], at(now));
                if turn != Turn::Now {
                    break turn;
                }
                network.send(channel, now);
                sent += usize::from(now >= WARM_UP_MS);
            };
            if matches!(turn, Turn::WaitAll(_)) {
                break;
            }
        }
    }
    let refused = network.refused.into_iter();
    (sent, refused.filter(|(at, _)| *at >= WARM_UP_MS).collect())
}

#[test]
fn no_limit_is_hit_over_a_network_that_stalls_and_reorders() {
    for seed in 0..3 {
        let (_, refused) = run(seed, 5);
        assert!(
            refused.is_empty(),
            "5 channels, seed {seed}: {:?}",
            &refused[..refused.len().min(9)]
        );
        let (_, refused) = run(seed, 60);
        assert!(
            refused.is_empty(),
            "60 channels, seed {seed}: {:?}",
            &refused[..refused.len().min(9)]
        );
    }
}

#[test]
fn a_slow_network_costs_little_of_what_the_limits_allow() {
    let seconds = (END_MS - WARM_UP_MS) as usize / 1_000;
    let (few, _) = run(3, 5);
    assert!(few * 10 >= 5 * seconds * 8, "{few} of {}", 5 * seconds);
    let (many, _) = run(3, 60);
    assert!(many * 10 >= 49 * seconds * 7, "{many} of {}", 49 * seconds);
}
