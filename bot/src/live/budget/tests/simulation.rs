//! The budgeter and the buckets against a server with limits of its own, in virtual time.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::rest::{Ask, Buckets, RateHeaders, Urgency};

/// One way; a reply takes another.
const LATENCY: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_millis(10);
const LIMIT: u32 = 5;
const WINDOW: Duration = Duration::from_secs(5);
const PER_SECOND: usize = 50;

/// A bucket as the server counts it.
struct Count {
    used: u32,
    ends_at: Instant,
}

/// Fixed windows for each resource, and a sliding one for the whole bot.
#[derive(Default)]
struct Server {
    counts: HashMap<String, Count>,
    all: VecDeque<Instant>,
    refused: usize,
}

impl Server {
    fn serve(&mut self, major: &str, lane: Lane, now: Instant) -> RateHeaders {
        if lane == Lane::Bot {
            while self
                .all
                .front()
                .is_some_and(|at| now - *at >= Duration::from_secs(1))
            {
                self.all.pop_front();
            }
            self.refused += usize::from(self.all.len() >= PER_SECOND);
            self.all.push_back(now);
        }
        let count = self.counts.entry(major.to_owned()).or_insert(Count {
            used: 0,
            ends_at: now + WINDOW,
        });
        if count.ends_at <= now {
            (count.used, count.ends_at) = (0, now + WINDOW);
        }
        self.refused += usize::from(count.used >= LIMIT);
        count.used += 1;
        RateHeaders {
            bucket: "b".into(),
            limit: LIMIT,
            remaining: LIMIT.saturating_sub(count.used),
            reset_after: count.ends_at - now,
        }
    }
}

struct Message {
    channel: i64,
    lane: Lane,
    major: String,
    /// When it is to end, and when that was seen.
    ends_at: Instant,
    ended_at: Option<Instant>,
    previews: u32,
    flying: Option<EditKind>,
}

fn route(lane: Lane) -> &'static str {
    match lane {
        Lane::Token => "edit_original",
        Lane::Bot => "edit_message",
    }
}

fn ask(message: &Message, kind: EditKind) -> Ask<'_> {
    Ask {
        route: route(message.lane),
        major: &message.major,
        counts_globally: message.lane == Lane::Bot,
        urgency: match kind {
            EditKind::Durable => Urgency::Must,
            EditKind::Progress => Urgency::May,
        },
    }
}

struct Simulation {
    now: Instant,
    budget: Budgeter,
    buckets: Buckets,
    server: Server,
    messages: BTreeMap<JobId, Message>,
    /// Requests on their way there, and replies on their way back.
    there: VecDeque<(Instant, JobId)>,
    back: VecDeque<(Instant, JobId, RateHeaders)>,
}

impl Simulation {
    fn new(messages: BTreeMap<JobId, Message>, now: Instant) -> Self {
        let settings = BudgetSettings {
            interval: INTERVAL,
            in_flight: 64,
            reads: 8,
            messages: 10_000,
        };
        Self {
            now,
            budget: Budgeter::new(settings),
            buckets: Buckets::default(),
            server: Server::default(),
            messages,
            there: VecDeque::new(),
            back: VecDeque::new(),
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        self.arrive();
        let mut ending = Vec::new();
        for (job, message) in &self.messages {
            let channel = Some(DiscordId(message.channel));
            if message.ends_at <= self.now && message.ends_at + STEP > self.now {
                ending.push((*job, channel));
            }
        }
        for (job, channel) in ending {
            self.budget.want(job, channel, EditKind::Durable, self.now);
        }
        self.begin();
    }

    /// Every running message has new progress.
    fn progress(&mut self) {
        for (job, message) in &self.messages {
            if message.ends_at > self.now {
                let channel = Some(DiscordId(message.channel));
                self.budget
                    .want(*job, channel, EditKind::Progress, self.now);
            }
        }
    }

    fn begin(&mut self) {
        loop {
            let (messages, buckets, now) = (&self.messages, &mut self.buckets, self.now);
            let gate = |job: JobId, kind| {
                let message = &messages[&job];
                (message.lane, buckets.turn(&ask(message, kind), now))
            };
            match self.budget.next(now, gate) {
                Next::Read(job) => {
                    let message = &self.messages[&job];
                    let channel = DiscordId(message.channel);
                    self.budget.read(job, channel, message.lane, self.now);
                }
                Next::Edit(job, kind) => {
                    self.messages.get_mut(&job).unwrap().flying = Some(kind);
                    self.there.push_back((self.now + LATENCY, job));
                }
                Next::Wait(_) | Next::Idle => return,
            }
        }
    }

    fn arrive(&mut self) {
        while let Some((_, job)) = self.there.pop_front_if(|(at, _)| *at <= self.now) {
            let message = &self.messages[&job];
            let headers = self.server.serve(&message.major, message.lane, self.now);
            self.back.push_back((self.now + LATENCY, job, headers));
        }
        while let Some((_, job, headers)) = self.back.pop_front_if(|(at, _, _)| *at <= self.now) {
            let message = self.messages.get_mut(&job).unwrap();
            let kind = message.flying.take().unwrap();
            let sent = self.now.checked_sub(2 * LATENCY).unwrap();
            self.buckets
                .answered(&ask(message, kind), Some(&headers), sent, self.now);
            let done = if kind == EditKind::Durable && message.ends_at <= self.now {
                message.ended_at = Some(self.now);
                Done::Ended
            } else {
                message.previews += u32::from(kind == EditKind::Progress);
                Done::Shown
            };
            self.budget.done(job, kind, done, self.now);
        }
    }
}

/// Messages of 20 s each that end evenly over another 20 s.
fn messages(
    count: u32,
    channels: u32,
    by_bot: impl Fn(u32) -> bool,
    now: Instant,
) -> BTreeMap<JobId, Message> {
    let spread = Duration::from_secs(20) / count.max(1);
    (0..count)
        .map(|n| {
            let lane = if by_bot(n) { Lane::Bot } else { Lane::Token };
            let channel = n % channels.max(1);
            let major = match lane {
                Lane::Token => format!("t{n}"),
                Lane::Bot => format!("c{channel}"),
            };
            let message = Message {
                channel: i64::from(channel),
                lane,
                major,
                ends_at: now + Duration::from_secs(20) + spread * n,
                ended_at: None,
                previews: 0,
                flying: None,
            };
            (job(u128::from(n)), message)
        })
        .collect()
}

fn run(simulation: &mut Simulation, patience: Duration) {
    let end = simulation.now + patience;
    let mut ticks = 0_u32;
    while simulation.now < end && simulation.messages.values().any(|m| m.ended_at.is_none()) {
        if ticks.is_multiple_of(50) {
            simulation.progress();
        }
        ticks += 1;
        simulation.step();
    }
}

#[test]
fn two_hundred_messages_end_in_time_and_no_limit_is_hit() {
    let now = Instant::now();
    // A tenth is past the life of its token; twenty channels.
    let mut simulation = Simulation::new(messages(200, 20, |n| n % 10 == 0, now), now);
    run(&mut simulation, Duration::from_mins(2));
    assert_eq!(simulation.server.refused, 0);
    let mut waits: Vec<Duration> = simulation
        .messages
        .values()
        .map(|message| message.ended_at.expect("it ended") - message.ends_at)
        .collect();
    waits.sort_unstable();
    assert!(waits[197] <= Duration::from_secs(2), "p99 {:?}", waits[197]);
    // One every two seconds is what the interval allows a message in its 20 to 40 s.
    let previews: u32 = simulation
        .messages
        .values()
        .map(|message| message.previews)
        .sum();
    assert!(previews > 200 * 15 * 6 / 10, "{previews}");
}

#[test]
fn ten_thousand_results_take_the_time_that_the_limits_need() {
    let now = Instant::now();
    let mut all = messages(2_000, 200, |_| true, now);
    for message in all.values_mut() {
        message.ends_at = now + STEP;
    }
    let mut simulation = Simulation::new(all, now);
    run(&mut simulation, Duration::from_mins(2));
    assert_eq!(simulation.server.refused, 0);
    let taken = simulation.now - now;
    assert!(simulation.messages.values().all(|m| m.ended_at.is_some()));
    let needed = Duration::from_secs(2_000 / 50);
    assert!(taken <= needed.mul_f64(1.1), "{taken:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However many messages, channels and dead tokens: no limit is hit, every end is shown, nobody starves.
    #[test]
    fn no_bucket_is_exceeded_every_end_lands_and_nobody_starves(
        count in 1_u32..60, channels in 1_u32..8, bots in 0_u32..4,
    ) {
        let now = Instant::now();
        let mut simulation = Simulation::new(messages(count, channels, |n| n % 4 < bots, now), now);
        run(&mut simulation, Duration::from_mins(4));
        prop_assert_eq!(simulation.server.refused, 0);
        for message in simulation.messages.values() {
            prop_assert!(message.ended_at.is_some(), "an end was not shown");
            let alone = message.lane == Lane::Token || count * bots / 4 <= channels;
            prop_assert!(message.previews > 0 || !alone, "a message was never shown progress");
        }
    }
}
