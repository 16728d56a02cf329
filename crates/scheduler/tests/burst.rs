//! What one member's burst does to the others: it raises the 95th percentile of the waits of members who stay below their
//! fair share by no more than two of the longest services and one cold load.
//!
//! Two runs are compared, with the burst and without it. *Below his share* is a member who asks again only when what he
//! had would be done by a sixteenth of the nodes, which is what a member of a guild of four has among four guilds. A
//! *service* is as long as it takes in the largest batch, a *cold load* as long as either of the weights takes.
//!
//! Nodes have memory for the weights of both. Where they have not, each change-over is two loads, one of which drives out
//! what the other brings back; the policy keeps the waits of the others short then as well, but there is no such bound.
//! A burst for other weights comes at once: one that comes in drops has been seen to cost a service more than the bound,
//! about once in twenty thousand cases.
//! All are promised the same or nothing: promises that grow with a job put small ones before large ones, whoever asks.

use easel_scheduler::scenario::{Scenario, TraceJob, parse_scenario};
use easel_scheduler::simulation::{PolicyName, TierReport, simulate};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngSeed, TestRunner};

/// What is drawn.
#[derive(Debug, Clone)]
struct Case {
    nodes: u32,
    load_s: f64,
    /// Seconds of a step of the weights that the others want.
    step_s: f64,
    /// The largest batch, and what it does against one picture alone.
    gains: &'static str,
    /// What the others ask for: when, as a share of the time, and steps.
    quiet: Vec<(f64, u32)>,
    burst: usize,
    /// Steps of each of its jobs.
    steps: u32,
    other_weights: bool,
    /// Whether the burst comes from a member of a guild of his own.
    alone: bool,
    at: f64,
    /// Seconds from its first job to its last.
    lasts_s: f64,
    /// What is promised to the others.
    promise: &'static str,
}

/// The members who ask for less than their share are of one tier and the one who does not of another, so that the report
/// tells them apart; the rules are the same, and so is the lane.
fn scenario(case: &Case) -> Scenario {
    let rules = "service_class = \"standard\"\naging_s = 300";
    let promise = case.promise;
    let (nodes, load_s, step_s, gains) = (case.nodes, case.load_s, case.step_s, case.gains);
    let text = format!(
        r#"
duration_s = 3000
[[class]]
name = "c"
count = {nodes}
memory_gib = 10
load_s = {{ a = {load_s}, b = {load_s} }}
step_s = {{ "a@512x512" = {step_s}, "b@512x512" = 0.1 }}
batch_gain = {gains}
[[model]]
name = "a"
memory_gib = 6
[[model]]
name = "b"
memory_gib = 4
[[tier]]
name = "quiet"
{rules}
{promise}
[[tier]]
name = "busy"
{rules}
"#
    );
    parse_scenario("s.toml", &text).expect("the scenario is sound")
}

fn job(
    scenario: &Scenario,
    t_s: f64,
    (user, guild): (u32, u32),
    tier: &str,
    model: &str,
    steps: u32,
) -> TraceJob {
    TraceJob {
        t_s,
        user,
        guild,
        tier: scenario.tier_key(tier).expect("there is such a tier"),
        key: easel_scheduler::BatchKey {
            model: scenario.model_key(model).expect("there is such a model"),
            shape: easel_scheduler::Shape {
                width: 512,
                height: 512,
            },
        },
        steps,
        count: 1,
        region: None,
        lane: None,
        only: None,
        deadline_s: None,
        poison: false,
    }
}

/// Eleven members of three guilds ask for a third of what the nodes can do at most: each for less than his share at any
/// time.
fn calm(case: &Case, scenario: &Scenario) -> (Vec<TraceJob>, f64) {
    let nodes = f64::from(case.nodes);
    let total_s: f64 = case
        .quiet
        .iter()
        .map(|(_, steps)| f64::from(*steps) * case.step_s)
        .sum();
    let span_s = 3.0 * total_s / nodes;
    let mut free_at = [0.0_f64; 12];
    let mut asked: Vec<(f64, u32)> = case
        .quiet
        .iter()
        .map(|(at, steps)| (at * span_s, *steps))
        .collect();
    asked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let jobs = asked
        .into_iter()
        .zip((1..=11_u32).cycle())
        .map(|((at_s, steps), user)| {
            let free_at = &mut free_at[user as usize];
            let at_s = at_s.max(*free_at);
            *free_at = at_s + 16.0 * f64::from(steps) * case.step_s / nodes;
            job(scenario, at_s, (user, user % 3), "quiet", "a", steps)
        });
    (jobs.collect(), case.at * span_s)
}

/// Seconds of a step of the burst's weights.
fn burst_step_s(case: &Case) -> f64 {
    if case.other_weights { 0.1 } else { case.step_s }
}

/// What becomes of the others without the burst and with it.
fn both(case: &Case) -> [TierReport; 2] {
    let scenario = scenario(case);
    let (calm, at_s) = calm(case, &scenario);
    let model = if case.other_weights { "b" } else { "a" };
    let guild = if case.alone { 3 } else { 0 };
    let one = job(&scenario, at_s, (0, guild), "busy", model, case.steps);
    let mut busy = calm.clone();
    busy.extend((0..case.burst).map(|number| TraceJob {
        t_s: one.t_s + case.lasts_s * number as f64 / case.burst as f64,
        ..one.clone()
    }));
    let easel = PolicyName::from_name("easel").expect("it exists");
    [calm, busy].map(|mut trace| {
        trace.sort_by(|a, b| a.t_s.total_cmp(&b.t_s));
        let mut report = simulate(&scenario, Some(&trace), easel, 1, &mut || 0.0);
        let broken = (report.lost, report.duplicated, report.passed_over);
        assert_eq!(broken, (0, 0, 0));
        report.tiers.remove("quiet").expect("there is such a tier")
    })
}

/// The 95th percentile of the waits of the others without the burst and with it, and by how much it may rise.
fn raises(case: &Case) -> (f64, f64, f64) {
    let own = case
        .quiet
        .iter()
        .map(|(_, steps)| f64::from(*steps) * case.step_s);
    let longest_s = own.fold(f64::from(case.steps) * burst_step_s(case), f64::max);
    let stretch = if case.gains.contains("2.5") {
        3.0 / 2.5
    } else {
        1.0
    };
    let [before, after] = both(case).map(|quiet| quiet.wait_s.p95);
    (before, after, 2.0 * stretch * longest_s + case.load_s)
}

fn case() -> impl Strategy<Value = Case> {
    let fleet = (
        1..6_u32,
        0.0..20.0_f64,
        0.02..0.1_f64,
        prop::sample::select(vec!["[1.0]", "[1.0, 1.8, 2.5]", "[1.0, 1.05]"]),
        prop::collection::vec((0.0..1.0_f64, 10..60_u32), 22..100),
    );
    let burst = (
        50..400_usize,
        10..60_u32,
        any::<bool>(),
        any::<bool>(),
        0.3..0.8_f64,
        prop_oneof![Just(0.0), 0.0..100.0_f64],
        prop::sample::select(vec!["", "slo_s = 60"]),
    );
    (fleet, burst).prop_map(|(fleet, burst)| {
        let (nodes, load_s, step_s, gains, quiet) = fleet;
        let (number, size, other_weights, alone, at, lasts_s, promise) = burst;
        Case {
            nodes,
            load_s,
            step_s,
            gains,
            quiet,
            burst: number,
            steps: size,
            other_weights,
            alone,
            at,
            lasts_s: if other_weights { 0.0 } else { lasts_s },
            promise,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_burst_costs_the_others_no_more_than_two_of_the_longest_jobs_and_a_load(case in case()) {
        let (before, after, most) = raises(&case);
        prop_assert!(after <= before + most, "p95 {before} and then {after}, {most} more at most");
    }
}

/// The first case of a seed.
fn drawn(seed: u64) -> Case {
    let config = ProptestConfig {
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    let tree = case().new_tree(&mut TestRunner::new(config));
    tree.expect("nothing is filtered").current()
}

fn holds(seed: u64) {
    let case = drawn(seed);
    let (before, after, most) = raises(&case);
    assert!(
        after <= before + most,
        "p95 {before} and then {after}, {most} more at most: {case:?}"
    );
}

/// Found by random cases: what the burst was given on nodes of its own counted for its guild, whose others then waited.
#[test]
fn a_burst_for_other_weights_than_its_guilds_does_not_count_against_the_guild() {
    [1413, 2068, 2463, 4533].into_iter().for_each(holds);
}

/// Found by random cases: nodes had so much to do for the burst that they did not load what the others wanted.
#[test]
fn what_a_burst_asks_for_holds_up_no_load_for_the_others() {
    [482, 797, 1182, 4643].into_iter().for_each(holds);
}

/// A burst that takes ten minutes of the whole fleet, in a lane whose jobs are shed after one.
#[test]
fn nobody_who_stays_within_his_share_is_refused_because_of_a_burst() {
    for seed in 0..20 {
        let case = Case {
            other_weights: false,
            burst: 2_000,
            steps: 60,
            lasts_s: 0.0,
            load_s: 1.0,
            promise: "shed_s = 60",
            ..drawn(seed)
        };
        let [before, after] = both(&case);
        assert_eq!((before.refused, after.refused), (0, 0), "{case:?}");
    }
}
