//! What is measured, one function each.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use easel_domain::{DiscordId, JobId};
use easel_playground::Snowflake;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::Arguments;
use crate::bot::{Bench, channel, user};
use crate::jobs::Job;

/// How long a job runs.
const JOB: Duration = Duration::from_secs(20);
/// A transaction takes no longer.
const SETTLED: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(100);
/// Between two words on the progress of a job: nodes say something twice as often.
const PROGRESS: Duration = Duration::from_secs(1);
/// The bot's shortest interval between two previews of a message, where others share its limits and where its token has
/// one of its own.
const SHARED_INTERVAL_S: f64 = 2.0;
const OWN_INTERVAL_S: f64 = 1.25;
/// What an interaction's token, and a channel, were seen to allow.
const BUCKET_PER_SECOND: f64 = 1.0;
/// What the bot may send over all routes that count.
const GLOBAL_PER_SECOND: f64 = 50.0;

fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).map_or(f64::NAN, Duration::as_secs_f64)
}

/// Requests of a kind that were answered with a status.
fn count(tallies: &BTreeMap<(String, u16), u64>, fits: impl Fn(&str, u16) -> bool) -> u64 {
    let found = tallies
        .iter()
        .filter(|((template, status), _)| fits(template, *status));
    found.map(|(_, count)| count).sum()
}

/// Asks for pictures so many times a second until told to stop, each time as another member in another channel.
struct Asking {
    asked: u32,
}

impl Asking {
    fn ask(&mut self, bench: &Bench, channels: u32) -> Result<()> {
        let n = self.asked;
        self.asked += 1;
        let person = bench
            .discord
            .user(&user(n))
            .in_channel(&channel(n, channels));
        let words = format!("a boat number {n}");
        person.begin("imagine", [("prompt", words.as_str())])?;
        Ok(())
    }
}

/// A job that is under way.
struct Running {
    job: Job,
    message: Snowflake,
    since: Instant,
    told: Instant,
    by_token: bool,
}

/// A job that has ended, and when.
struct Ending {
    message: Snowflake,
    at: Instant,
}

/// First answers under load, then live messages that count up and end.
pub async fn answers_and_live(arguments: &Arguments) -> Result<Vec<Value>> {
    if arguments.live == 0 {
        return Ok(Vec::new());
    }
    let mut bench = Bench::prepare(arguments.channels, 1).await?;
    bench.start_bot(&arguments.bot).await?;
    let mut live = Live {
        arguments,
        asking: Asking { asked: 0 },
        known: HashSet::new(),
        heard: VecDeque::new(),
        settled: None,
        running: HashMap::new(),
        ending: Vec::new(),
        shown: Vec::new(),
        owed: 0.0,
    };
    // Warm-up and the first figure: the first answers, at full rate.
    let needed = Duration::from_secs_f64(f64::from(arguments.live) / f64::from(arguments.rate));
    live.run(
        &bench,
        f64::from(arguments.rate),
        needed.max(Duration::from_secs(10)),
    )
    .await?;
    let answers = answers(&bench, arguments)?;
    // Everything in flow: as many begin as end.
    let flow = f64::from(arguments.live) / JOB.as_secs_f64();
    live.run(&bench, flow, JOB).await?;
    live.shown.clear();
    let before = bench.discord.tallies();
    let (since, asked_before) = (Instant::now(), live.asking.asked);
    live.run(&bench, flow, Duration::from_secs(arguments.seconds.into()))
        .await?;
    let report = live.report(&bench, &before, since, asked_before);
    bench.close().await?;
    Ok(vec![answers, report])
}

fn answers(bench: &Bench, arguments: &Arguments) -> Result<Value> {
    let mut times = bench.discord.answer_times();
    times.sort_unstable();
    ensure!(!times.is_empty(), "no interaction was answered");
    Ok(
        json!({"part": "answers", "interactions": times.len(), "per_second": arguments.rate,
        "p50_s": quantile(&times, 0.5), "p99_s": quantile(&times, 0.99), "max_s": quantile(&times, 1.0)}),
    )
}

struct Live<'a> {
    arguments: &'a Arguments,
    asking: Asking,
    known: HashSet<JobId>,
    heard: VecDeque<(Instant, JobId)>,
    /// Before this one no new job appears: transactions that began earlier have ended.
    settled: Option<JobId>,
    running: HashMap<JobId, Running>,
    ending: Vec<Ending>,
    shown: Vec<Duration>,
    owed: f64,
}

impl Live<'_> {
    async fn run(&mut self, bench: &Bench, rate: f64, time: Duration) -> Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (began, mut last) = (Instant::now(), Instant::now());
        while began.elapsed() < time {
            ticks.tick().await;
            let now = Instant::now();
            self.owed += rate * (now - last).as_secs_f64();
            last = now;
            while self.owed >= 1.0 {
                self.owed -= 1.0;
                self.asking.ask(bench, self.arguments.channels)?;
            }
            self.look(bench);
            self.accept(bench).await?;
            self.progress(bench, now).await?;
            self.end(bench, now).await?;
        }
        Ok(())
    }

    fn look(&mut self, bench: &Bench) {
        let now = Instant::now();
        let shown = &mut self.shown;
        self.ending.retain(|ending| {
            let done = bench.discord.has_component(ending.message, "v1:upscale:");
            if done {
                shown.push(now - ending.at);
            }
            !done
        });
    }

    async fn accept(&mut self, bench: &Bench) -> Result<()> {
        let now = Instant::now();
        while let Some((_, job)) = self.heard.pop_front_if(|(at, _)| now - *at > SETTLED) {
            self.settled = self.settled.max(Some(job));
        }
        for (job, message, by_token) in bench.jobs.accepted(self.settled).await? {
            if !self.known.insert(job.id) {
                continue;
            }
            self.heard.push_back((now, job.id));
            let message = Snowflake(message);
            let running = Running {
                job,
                message,
                since: now,
                told: now,
                by_token,
            };
            self.running.insert(job.id, running);
        }
        Ok(())
    }

    async fn progress(&mut self, bench: &Bench, now: Instant) -> Result<()> {
        let mut told = tokio::task::JoinSet::new();
        for running in self.running.values_mut() {
            if now - running.told >= PROGRESS {
                running.told = now;
                let share = (now - running.since).as_secs_f64() / JOB.as_secs_f64();
                let (jobs, job) = (bench.jobs.clone(), running.job);
                let percent = (share * 100.0).clamp(1.0, 99.0) as u8;
                told.spawn(async move { jobs.progress(&job, percent).await });
            }
        }
        while let Some(sent) = told.join_next().await {
            sent.context("tell progress")??;
        }
        Ok(())
    }

    async fn end(&mut self, bench: &Bench, now: Instant) -> Result<()> {
        let over: Vec<JobId> = self
            .running
            .values()
            .filter(|running| now - running.since >= JOB)
            .map(|running| running.job.id)
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        bench.jobs.complete(&over).await?;
        let at = Instant::now();
        for job in over {
            if let Some(running) = self.running.remove(&job) {
                let message = running.message;
                self.ending.push(Ending { message, at });
            }
        }
        Ok(())
    }

    fn report(
        &mut self,
        bench: &Bench,
        before: &BTreeMap<(String, u16), u64>,
        since: Instant,
        asked_before: u32,
    ) -> Value {
        let (tallies, seconds) = (bench.discord.tallies(), since.elapsed().as_secs_f64());
        let new = |fits: &dyn Fn(&str, u16) -> bool| count(&tallies, fits) - count(before, fits);
        let edits =
            |template: &str| template.starts_with("PATCH ") && template.contains("messages");
        let sent = new(&|template, status| edits(template) && status == 200);
        let limited = new(&|_, status| status == 429);
        // Each job has a first edit and a last one; what is above that counted up.
        let durable = u64::from(self.asking.asked - asked_before) + self.shown.len() as u64;
        let previews = sent.saturating_sub(durable) as f64 / seconds;
        let by_token = self
            .running
            .values()
            .filter(|running| running.by_token)
            .count() as f64;
        let by_bot = self.running.len() as f64 - by_token;
        // A token's bucket; a channel's, and the bot's limit over all channels.
        let channels = by_bot.min(f64::from(self.arguments.channels)) * BUCKET_PER_SECOND;
        let by_bot_at_most = channels.min(GLOBAL_PER_SECOND);
        let buckets = by_token * BUCKET_PER_SECOND + by_bot_at_most;
        // What is left of them beside the first and the last edit of each job.
        let left = buckets - durable as f64 / seconds;
        let spaced = by_token / OWN_INTERVAL_S + (by_bot / SHARED_INTERVAL_S).min(by_bot_at_most);
        self.shown.sort_unstable();
        json!({"part": "live", "messages": self.running.len(), "channels": self.arguments.channels,
            "past_token_life": by_bot, "seconds": seconds, "edits_per_s": sent as f64 / seconds, "own_429": limited,
            "ends": self.shown.len(), "end_shown_p50_s": quantile(&self.shown, 0.5),
            "end_shown_p99_s": quantile(&self.shown, 0.99), "not_shown_yet": self.ending.len(),
            "previews_per_s": previews, "buckets_allow_per_s": buckets, "share_of_buckets": previews / buckets,
            "share_of_what_ends_leave": previews / left, "share_at_shortest_interval": previews / spaced})
    }
}

/// Memory with many guilds and many live jobs.
pub async fn memory(arguments: &Arguments) -> Result<Vec<Value>> {
    if arguments.jobs == 0 {
        return Ok(Vec::new());
    }
    let mut bench = Bench::prepare(arguments.channels, arguments.guilds).await?;
    bench.start_bot(&arguments.bot).await?;
    let template = first_job(&bench, arguments.channels).await?;
    let places = places(&bench, arguments, arguments.jobs);
    let copies = bench.jobs.copies(template.id, &places).await?;
    let connected = bench.resident_bytes()?;
    for (chunk, places) in copies.chunks(200).zip(places.chunks(200)) {
        let mut told = tokio::task::JoinSet::new();
        for (id, (channel, _)) in chunk.iter().zip(places) {
            let jobs = bench.jobs.clone();
            let job = Job {
                id: *id,
                channel: *channel,
            };
            told.spawn(async move { jobs.progress(&job, 50).await });
        }
        while let Some(sent) = told.join_next().await {
            sent.context("tell progress")??;
        }
    }
    // Every row is read once; then all of them are live.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let report = json!({"part": "memory", "guilds": arguments.guilds, "live_jobs": copies.len(),
        "connected_bytes": connected, "resident_bytes": bench.resident_bytes()?});
    bench.close().await?;
    Ok(vec![report])
}

/// Results that were ready while no bot was there.
pub async fn restart(arguments: &Arguments) -> Result<Vec<Value>> {
    if arguments.undelivered == 0 {
        return Ok(Vec::new());
    }
    let mut bench = Bench::prepare(arguments.channels, 1).await?;
    bench.start_bot(&arguments.bot).await?;
    let template = first_job(&bench, arguments.channels).await?;
    bench.stop_bot().await?;
    let places = places(&bench, arguments, arguments.undelivered);
    let copies = bench.jobs.copies(template.id, &places).await?;
    bench.jobs.end(&copies).await?;
    let before = bench.discord.tallies();
    bench.start_bot(&arguments.bot).await?;
    let since = Instant::now();
    while bench.jobs.undelivered().await? > 0 {
        tokio::time::sleep(TICK).await;
    }
    let (seconds, tallies) = (since.elapsed().as_secs_f64(), bench.discord.tallies());
    let new = |fits: &dyn Fn(&str, u16) -> bool| count(&tallies, fits) - count(&before, fits);
    let shown = places
        .iter()
        .filter(|(_, message)| {
            bench
                .discord
                .has_component(Snowflake(message.as_u64()), "v1:upscale:")
        })
        .count();
    let channels = f64::from(arguments.channels) * BUCKET_PER_SECOND;
    let needed = f64::from(arguments.undelivered) / GLOBAL_PER_SECOND.min(channels);
    let report = json!({"part": "restart", "undelivered": copies.len(), "channels": arguments.channels,
        "seconds": seconds, "limits_need_s": needed, "ratio": seconds / needed, "shown": shown,
        "edits": new(&|template, status| template.starts_with("PATCH ") && status == 200),
        "posts": new(&|template, status| template == "POST /channels/{}/messages" && status == 200),
        "own_429": new(&|_, status| status == 429)});
    bench.close().await?;
    Ok(vec![report])
}

async fn first_job(bench: &Bench, channels: u32) -> Result<Job> {
    Asking { asked: 0 }.ask(bench, channels)?;
    let search = async {
        loop {
            if let Some((job, _, _)) = bench.jobs.accepted(None).await?.into_iter().next() {
                return anyhow::Ok(job);
            }
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(JOB, search)
        .await
        .context("wait for a job")?
}

/// Messages of the bot, over all channels.
fn places(bench: &Bench, arguments: &Arguments, count: u32) -> Vec<(DiscordId, DiscordId)> {
    (0..count)
        .map(|n| {
            let channel = bench.discord.channel_id(&channel(n, arguments.channels));
            let message = bench.discord.write_as_bot(channel, "⏳ Queued");
            (
                DiscordId::from_u64(channel.0),
                DiscordId::from_u64(message.0),
            )
        })
        .collect()
}
