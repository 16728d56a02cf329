//! `bench-engine`: what the engine's own loop costs, and what joining at every step is worth.
//!
//! The overhead is measured in real time with a model that does nothing. The comparison of batching drives the same loop
//! in virtual time: a model whose steps take as long as a batch was measured to take on an H200.

mod continuous;
mod fixed;
mod model;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use serde::Serialize;

use crate::cli::CommandError;
use crate::engine::shelf::{Loaded, ModelFacts, Shelf};
use crate::engine::stopwatch::{RealTime, Stopwatch};
use crate::engine::ticker::{Limits, Shared, Submission, Ticker};
use crate::report;
use model::{Counting, Pace, request};

/// Slots of the engine, and of the batches that it is compared with.
pub const SLOTS: usize = 8;
const TICKS: usize = 20_000;

/// What to compare.
#[derive(Debug, clap::Args)]
pub struct BenchEngineArgs {
    /// Jobs that arrive in each comparison
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    jobs: u32,
    /// Share of what full batches can do that arrives
    #[arg(long, default_value_t = 0.8)]
    load: f64,
    /// Seed of the arrivals
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    /// The loop around one model call with 8 slots, in microseconds.
    tick_overhead_us: Spread,
    /// All jobs take 30 steps.
    equal_steps: Comparison,
    /// Jobs take 20 to 50 steps.
    mixed_steps: Comparison,
    /// The same at a load that is a share of what fixed batches can do, which wait for their longest job.
    mixed_steps_bearable: Comparison,
}

#[derive(Serialize)]
struct Comparison {
    /// From arrival to the first step, in seconds.
    continuous_wait_s: Spread,
    fixed_batches_wait_s: Spread,
    /// 95th percentiles: fixed batches over continuous ones.
    p95_ratio: f64,
    /// The same where no more pictures have begun than fit into a call, so that a first step may wait for another's last.
    without_sitting_out_wait_s: Spread,
    /// From arrival to the last step, in seconds.
    continuous_total_s: Spread,
    without_sitting_out_total_s: Spread,
    fixed_batches_total_s: Spread,
    /// Most ticks to the end of the first step of a job that found a slot free; the one under way counts.
    most_ticks_with_a_free_slot: u32,
    found_a_free_slot: f64,
}

/// Quantiles of what was measured.
#[derive(Debug, Serialize)]
pub struct Spread {
    /// Half are at most this.
    pub p50: f64,
    /// 95 of 100 are at most this.
    pub p95: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (values.len() as f64 * share).ceil() as usize;
            values.get(rank.max(1) - 1).copied().unwrap_or(0.0)
        };
        Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
        }
    }
}

/// One job that arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// When.
    pub at: Duration,
    /// Its steps.
    pub steps: u32,
}

/// Measures and prints.
pub fn run(args: &BenchEngineArgs) -> Result<ExitCode, CommandError> {
    if !(args.load > 0.0 && args.load < 1.0) {
        let message = "--load: must be above 0 and below 1";
        return Err(CommandError::Bad(message.to_owned()));
    }
    let report = Report {
        tick_overhead_us: Spread::of(overhead()),
        equal_steps: compare(args, 30, 30, false),
        mixed_steps: compare(args, 20, 50, false),
        mixed_steps_bearable: compare(args, 20, 50, true),
    };
    if args.json {
        return report::print_json(&report);
    }
    let Spread { p50, p99, .. } = report.tick_overhead_us;
    report::print_line(&format!(
        "overhead of a tick at {SLOTS} slots: p50 {p50:.1} us, p99 {p99:.1} us"
    ));
    for (name, compared) in [
        ("30 steps", &report.equal_steps),
        ("20 to 50 steps", &report.mixed_steps),
        (
            "20 to 50 steps, load by what fixed batches can do",
            &report.mixed_steps_bearable,
        ),
    ] {
        report::print_line(&format!(
            "{name}: p95 to the first step {:.2} s, in fixed batches {:.2} s ({:.1}x), without sitting out {:.2} s; \
             p95 to the last step {:.2} s, {:.2} s, {:.2} s; at most {} ticks where a slot was free",
            compared.continuous_wait_s.p95,
            compared.fixed_batches_wait_s.p95,
            compared.p95_ratio,
            compared.without_sitting_out_wait_s.p95,
            compared.continuous_total_s.p95,
            compared.fixed_batches_total_s.p95,
            compared.without_sitting_out_total_s.p95,
            compared.most_ticks_with_a_free_slot
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(args: &BenchEngineArgs, least: u32, most: u32, bearable: bool) -> Comparison {
    let mut arrivals = model::arrivals(args.seed, args.jobs, args.load, (least, most));
    if let (true, Some(last)) = (bearable, arrivals.last()) {
        let slower = fixed::full_s(&arrivals) / args.load / last.at.as_secs_f64();
        for job in &mut arrivals {
            job.at = job.at.mul_f64(slower);
        }
    }
    let continuous = continuous::run(&arrivals, 2 * SLOTS as u32);
    let strict = continuous::run(&arrivals, SLOTS as u32);
    let (fixed_waits, fixed_totals) = fixed::times(&arrivals).into_iter().unzip();
    let fixed = Spread::of(fixed_waits);
    let free = continuous.ticks_with_a_free_slot;
    let wait = Spread::of(continuous.waits);
    Comparison {
        p95_ratio: fixed.p95 / wait.p95.max(f64::MIN_POSITIVE),
        most_ticks_with_a_free_slot: free.iter().copied().max().unwrap_or(0),
        found_a_free_slot: free.len() as f64 / arrivals.len() as f64,
        continuous_wait_s: wait,
        without_sitting_out_wait_s: Spread::of(strict.waits),
        continuous_total_s: Spread::of(continuous.totals),
        without_sitting_out_total_s: Spread::of(strict.totals),
        fixed_batches_total_s: Spread::of(fixed_totals),
        fixed_batches_wait_s: fixed,
    }
}

/// An engine with one model in memory, in which so many pictures may have begun.
pub fn engine(pace: Pace, stopwatch: Arc<dyn Stopwatch>, most_begun: u32) -> Ticker<Counting> {
    let facts = ModelFacts {
        id: "bench".to_owned(),
        hash: model::HASH.to_owned(),
        bytes: 1,
        pinned: true,
    };
    let loaded = Loaded {
        model: Counting(pace),
        bytes: 1,
        took: Duration::ZERO,
    };
    let limits = Limits {
        most_begun,
        ..Limits::of(SLOTS as u32, u64::MAX)
    };
    let shared = Shared {
        stopwatch,
        waiting: Arc::new(AtomicUsize::new(usize::MAX / 2)),
        beat: Arc::default(),
    };
    Ticker::new(
        Shelf::new(vec![(facts, Some(loaded))], u64::MAX),
        limits,
        shared,
    )
}

/// Microseconds of ticks with 8 jobs whose steps cost nothing.
fn overhead() -> Vec<f64> {
    let time = Arc::new(RealTime::start());
    let mut ticker = engine(Pace::Nothing, Arc::clone(&time) as _, SLOTS as u32);
    for key in 0..SLOTS as u64 {
        ticker.submit(Submission {
            request: request(key, u32::MAX),
            events: Box::new(|_| ()),
            at: time.elapsed(),
            paused: false,
        });
    }
    ticker.tick();
    let mut ticks = Vec::with_capacity(TICKS);
    for _ in 0..TICKS {
        let began = time.elapsed();
        ticker.tick();
        ticks.push(time.elapsed().saturating_sub(began).as_secs_f64() * 1e6);
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_finds_a_slot_free_has_its_first_step_within_two_ticks() {
        let arrivals = model::arrivals(7, 2_000, 0.8, (20, 50));
        let continuous = continuous::run(&arrivals, 2 * SLOTS as u32);
        assert_eq!(continuous.waits.len(), arrivals.len(), "all are drawn");
        let free = continuous.ticks_with_a_free_slot;
        assert!(
            free.len() > 100 && free.iter().all(|ticks| *ticks <= 2),
            "{free:?}"
        );
    }

    #[test]
    fn a_first_step_that_waits_for_nobody_makes_no_job_end_later() {
        let arrivals = model::arrivals(7, 2_000, 0.8, (30, 30));
        let strict = continuous::run(&arrivals, SLOTS as u32);
        let begun = continuous::run(&arrivals, 2 * SLOTS as u32);
        let p95 = |values: &[f64]| Spread::of(values.to_vec()).p95;
        assert!(p95(&begun.waits) < p95(&strict.waits) / 3.0);
        assert!(p95(&begun.totals) < p95(&strict.totals) * 1.02);
    }

    #[test]
    fn fixed_batches_make_jobs_wait_for_the_batch_before_theirs() {
        let at = |seconds| Arrival {
            at: Duration::from_secs(seconds),
            steps: 10,
        };
        // Nine at once: eight begin, and the ninth waits for them.
        let times = fixed::times(&[at(5); 9]).into_iter();
        let mut waits: Vec<f64> = times.map(|(wait, _)| wait).collect();
        waits.sort_by(f64::total_cmp);
        let batch = model::step_time(8).as_secs_f64() * 10.0;
        assert!(
            waits[7].abs() < 1e-9 && (waits[8] - batch).abs() < 1e-9,
            "{waits:?}"
        );
    }
}
