//! `simulate`: a scenario in virtual time, driven by the policy that drives the platform.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use easel_scheduler::scenario::{Scenario, TraceJob, parse_scenario, parse_trace};
use easel_scheduler::simulation::{Plan, PolicyName, Report, TierReport, plan, simulate};
use easel_service::BadInput;
use serde::Serialize;

/// Options of `simulate`.
#[derive(Debug, clap::Args)]
pub(crate) struct SimulateArgs {
    /// Fleet, models, tiers, arrivals and faults
    #[arg(long, value_name = "FILE.toml")]
    scenario: PathBuf,
    /// Jobs as they were recorded, in place of the scenario's arrivals
    #[arg(long, value_name = "FILE.csv")]
    trace: Option<PathBuf>,
    /// Who decides
    #[arg(long, default_value = "easel", value_parser = parse_policy)]
    policy: Named,
    /// In place of the scenario's seed
    #[arg(long)]
    seed: Option<u64>,
    /// Look for the smallest fleet that keeps its promises, and report on that
    #[arg(long)]
    plan: bool,
    /// Run every policy, and print a line of a table for each
    #[arg(long, conflicts_with_all = ["plan", "json", "policy"])]
    table: bool,
    /// Print one JSON object and nothing else
    #[arg(long)]
    json: bool,
}

/// A policy with its name.
#[derive(Debug, Clone, Copy)]
struct Named(PolicyName);

fn parse_policy(name: &str) -> Result<Named, String> {
    PolicyName::from_name(name).map(Named).ok_or_else(|| {
        let names: Vec<&str> = PolicyName::ALL.iter().map(|(name, _)| *name).collect();
        format!("use one of {}", names.join(", "))
    })
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
}

/// Runs the simulation and prints its report.
pub(crate) fn run(args: &SimulateArgs) -> ExitCode {
    let outcome = read(args).and_then(|(scenario, trace)| {
        if args.table {
            print_table(args, &scenario, trace.as_deref());
            return Ok(());
        }
        let (plan, report) = measure(args, &scenario, trace.as_deref());
        print(args, plan.as_ref(), &report)?;
        anyhow::ensure!(
            report.passed_over == 0,
            "{} jobs were started while an older one past its bound waited for the same: this is a bug in the policy",
            report.passed_over
        );
        Ok(())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let bad_input = error.downcast_ref::<BadInput>().is_some();
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "easel-dispatcher simulate: {error:#}");
            ExitCode::from(if bad_input { 2 } else { 1 })
        }
    }
}

fn read(args: &SimulateArgs) -> anyhow::Result<(Scenario, Option<Vec<TraceJob>>)> {
    let scenario = parse_scenario(&args.scenario.to_string_lossy(), &text(&args.scenario)?)
        .map_err(|error| BadInput(error.to_string()))?;
    let trace = match &args.trace {
        None => None,
        Some(path) => {
            let jobs = parse_trace(&path.to_string_lossy(), &text(path)?, &scenario)
                .map_err(|error| BadInput(error.to_string()))?;
            Some(jobs)
        }
    };
    Ok((scenario, trace))
}

fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path)
        .map_err(|error| BadInput(format!("cannot read {}: {error}", path.display())))?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = String::from_utf8_lossy(sound).matches('\n').count() + 1;
        BadInput(format!(
            "{}, line {line}: is not UTF-8 text",
            path.display()
        ))
        .into()
    })
}

fn measure(
    args: &SimulateArgs,
    scenario: &Scenario,
    trace: Option<&[TraceJob]>,
) -> (Option<Plan>, Report) {
    let began = Instant::now();
    let mut stopwatch = || began.elapsed().as_secs_f64();
    let seed = args.seed.unwrap_or(scenario.seed);
    let policy = args.policy.0;
    if args.plan {
        let (found, report) = plan(scenario, trace, policy, seed, &mut stopwatch);
        (Some(found), report)
    } else {
        let report = simulate(scenario, trace, policy, seed, &mut stopwatch);
        (None, report)
    }
}

#[expect(clippy::print_stdout, reason = "the report is this command's result")]
fn print(args: &SimulateArgs, plan: Option<&Plan>, report: &Report) -> anyhow::Result<()> {
    if args.json {
        let output = Output { report, plan };
        println!(
            "{}",
            serde_json::to_string(&output).context("write the report")?
        );
        return Ok(());
    }
    for (name, tier) in &report.tiers {
        println!("{}", line_of(name, tier));
    }
    println!(
        "utilisation {:.1} %, cold loads {}, fallbacks {}, preemptions {}, retries {}, lost {}, duplicated {}",
        report.utilisation * 100.0,
        report.cold_loads,
        report.fallbacks,
        report.preemptions,
        report.retries,
        report.lost,
        report.duplicated
    );
    println!(
        "cost {:.1}, fairness {:.3}, longest starvation {:.1} s, {:.0} decisions/s",
        report.cost, report.fairness_jain, report.max_starvation_s, report.decisions_per_s
    );
    if let Some(plan) = plan {
        let fleet: Vec<String> = plan
            .fleet
            .iter()
            .map(|(class, count)| format!("{count} {class}"))
            .collect();
        let verdict = if plan.kept {
            "keeps every promise"
        } else {
            "does not keep every promise, and no larger fleet was found that does"
        };
        println!(
            "smallest fleet: {} ({} nodes); it {verdict}",
            fleet.join(", "),
            plan.nodes
        );
    }
    Ok(())
}

/// The worst tier with a promise counts, and the longest of its waits.
#[expect(clippy::print_stdout, reason = "the table is this command's result")]
fn print_table(args: &SimulateArgs, scenario: &Scenario, trace: Option<&[TraceJob]>) {
    let began = Instant::now();
    let seed = args.seed.unwrap_or(scenario.seed);
    let name = args.scenario.file_stem().unwrap_or_default();
    for (policy, which) in PolicyName::ALL {
        let mut stopwatch = || began.elapsed().as_secs_f64();
        let report = simulate(scenario, trace, which, seed, &mut stopwatch);
        let promised: Vec<&TierReport> = scenario
            .tiers
            .iter()
            .filter(|tier| tier.slo_factor.is_some())
            .map(|tier| &report.tiers[&tier.name])
            .collect();
        let kept = promised
            .iter()
            .map(|tier| tier.slo_attainment)
            .fold(1.0, f64::min);
        let wait = promised
            .iter()
            .map(|tier| tier.wait_s.p95)
            .fold(0.0, f64::max);
        let lost_to_load: u64 = report
            .tiers
            .values()
            .map(|tier| tier.shed + tier.refused)
            .sum();
        println!(
            "| {} | {policy} | {:.1} % | {wait:.0} s | {:.0} % | {:.0} | {} | {:.3} | {:.0} s | {lost_to_load} | {} |",
            name.to_string_lossy(),
            kept * 100.0,
            report.utilisation * 100.0,
            report.cost,
            report.cold_loads,
            report.fairness_jain,
            report.max_starvation_s,
            report.lost
        );
    }
}

fn line_of(name: &str, tier: &TierReport) -> String {
    format!(
        "{name}: {} jobs, {} completed, {} failed, {} shed, {} refused; wait p50 {:.1} p95 {:.1} p99 {:.1} max {:.1} s; \
         promises kept {:.2} % / {:.2} %",
        tier.jobs,
        tier.completed,
        tier.failed,
        tier.shed,
        tier.refused,
        tier.wait_s.p50,
        tier.wait_s.p95,
        tier.wait_s.p99,
        tier.wait_s.max,
        tier.slo_attainment * 100.0,
        tier.slo_absolute * 100.0
    )
}
