//! Scenarios and traces of all sorts, under every policy: each job ends once, and the report is made of numbers.

use std::fmt::Write as _;

use easel_scheduler::scenario::{parse_scenario, parse_trace};
use easel_scheduler::simulation::{Percentiles, PolicyName, Report, simulate};
use proptest::prelude::*;
use proptest::sample::select;

const MODELS: [&str; 4] = ["a", "b", "c", "too-big"];
const SHAPES: [(u32, u32); 3] = [(512, 512), (1024, 1024), (640, 8)];

fn class(number: usize) -> impl Strategy<Value = String> {
    let size = (
        0..5_u32,
        select(vec![1.5, 6.0, 13.0, 80.0]),
        select(vec!["eu", "us"]),
    );
    let speed = (
        0.0001..3.0_f64,
        0.0..40.0_f64,
        select(vec![
            "[1.0]",
            "[1.0, 1.8, 2.5]",
            "[1]",
            "[1.0, 0.5]",
            "[3.0, 9.0]",
        ]),
    );
    let rest = (
        select(vec![0.1, 1.0, 30.0]),
        any::<bool>(),
        select(vec![0.0, 3.0, 60.0]),
        select(vec![0.0, 2.0, 40.0]),
    );
    (size, speed, rest).prop_map(move |((count, memory, region), (step, load, gain), rest)| {
        let (cost, spot, fail, hang) = rest;
        // The first class has at least one node and knows all weights; another may know few.
        let (count, known) = if number == 0 { (count.max(1), 4) } else { (count, 1 + number % 3) };
        let steps: Vec<String> = MODELS[..known]
            .iter()
            .map(|model| format!("\"{model}@512x512\" = {step}"))
            .collect();
        format!(
            "[[class]]\nname = \"c{number}\"\ncount = {count}\nmemory_gib = {memory}\nregion = \"{region}\"\n\
             load_s = {{ a = {load}, b = {load} }}\nstep_s = {{ {} }}\nbatch_gain = {gain}\nrelative_cost = {cost}\n\
             spot = {spot}\nfail_per_hour = {fail}\nhang_per_hour = {hang}\n",
            steps.join(", ")
        )
    })
}

fn tier(number: usize) -> impl Strategy<Value = String> {
    let rules = (
        select(vec!["turbo", "fast", "standard", "relax"]),
        0.01..50.0_f64,
        select(vec![
            "",
            "running = 1\nwaiting = 0\n",
            "running = 2\nwaiting = 3\n",
        ]),
        select(vec![0.5, 60.0, 5000.0]),
    );
    let promises = (
        select(vec!["", "shed_s = 20\n", "shed_s = 900\n"]),
        select(vec![
            "",
            "slo_factor = 3\n",
            "slo_factor = 0.5\n",
            "slo_s = 12.5\n",
        ]),
        select(vec!["", "reserved = 0.3\n", "reserved = 0\n"]),
    );
    (rules, promises).prop_map(move |((lane, weight, limits, aging), (shed, promise, kept))| {
        format!(
            "[[tier]]\nname = \"t{number}\"\nservice_class = \"{lane}\"\nweight = {weight}\naging_s = {aging}\n\
             {limits}{shed}{promise}{kept}"
        )
    })
}

fn arrivals() -> impl Strategy<Value = String> {
    let what = (0..3_usize, select(MODELS.to_vec()), select(SHAPES.to_vec()));
    let amount = (
        select(vec![0.0, 0.013, 0.5, 3.0]),
        1..30_u32,
        1..9_u32,
        select(vec![1, 20, 150, 3_000]),
        select(vec![1, 2, 9]),
    );
    let when = (
        select(vec!["poisson", "burst", "diurnal"]),
        select(vec![
            "",
            "from_s = 100\nto_s = 200\n",
            "from_s = 100\nto_s = 100\n",
        ]),
        select(vec!["", "factor = 0.2\n", "factor = 10\n"]),
        select(vec!["", "region = \"eu\"\n"]),
    );
    (what, amount, when).prop_map(|((tier, model, shape), amount, (kind, span, factor, region))| {
        let (rate, users, guilds, steps, count) = amount;
        format!(
            "[[arrivals]]\nkind = \"{kind}\"\ntier = \"t{tier}\"\nrate_per_s = {rate}\nusers = {users}\nguilds = {guilds}\n\
             model = \"{model}\"\nwidth = {}\nheight = {}\nsteps = {steps}\ncount = {count}\n{span}{factor}{region}",
            shape.0, shape.1
        )
    })
}

fn fault() -> impl Strategy<Value = String> {
    let target = select(vec![
        ("node", "c0-0"),
        ("node", "c0"),
        ("node", ""),
        ("region", "eu"),
        ("broker", ""),
        ("leader", ""),
        ("leader", "whoever"),
        ("spot", ""),
        ("spot", "c0"),
        ("spot", "c1"),
    ]);
    (
        0.0..700.0_f64,
        target,
        select(vec![0.0, 4.0, 200.0, 5_000.0]),
    )
        .prop_map(|(at, (kind, target), length)| {
            let target = if target.is_empty() {
                String::new()
            } else {
                format!("target = \"{target}\"\n")
            };
            format!("[[fault]]\nt_s = {at}\nkind = \"{kind}\"\n{target}for_s = {length}\n")
        })
}

fn model(name: &str, gib: f64) -> String {
    format!("[[model]]\nname = \"{name}\"\nmemory_gib = {gib}\n")
}

fn scenario() -> impl Strategy<Value = String> {
    let models = [
        model("a", 1.0),
        model("b", 5.0),
        model("c", 12.0),
        model("too-big", 200.0),
    ]
    .concat();
    (
        select(vec![0.5, 60.0, 600.0]),
        (1..4_usize).prop_flat_map(|count| (0..count).map(class).collect::<Vec<_>>()),
        (0..3_usize).map(tier).collect::<Vec<_>>(),
        prop::collection::vec(arrivals(), 0..5),
        prop::collection::vec(fault(), 0..5),
    )
        .prop_map(move |(duration, classes, tiers, arrivals, faults)| {
            // Regions are those of the classes: a place in the other needs a class there.
            let place = "[[class]]\nname = \"eu-too\"\ncount = 1\nmemory_gib = 2\nregion = \"eu\"\nstep_s = { \"a@512x512\" = 0.1 }\n";
            let c1 = if classes.len() < 2 {
                "[[class]]\nname = \"c1\"\ncount = 0\nmemory_gib = 2\nstep_s = { \"a@512x512\" = 0.1 }\n"
            } else {
                ""
            };
            let parts = [classes.concat(), tiers.concat(), arrivals.concat(), faults.concat()];
            format!("duration_s = {duration}\n{models}{place}{c1}{}", parts.concat())
        })
}

fn check_percentiles(of: &Percentiles) {
    let all = [of.p50, of.p95, of.p99, of.max];
    assert!(
        all.iter().all(|value| value.is_finite() && *value >= 0.0),
        "{of:?}"
    );
    assert!(all.is_sorted(), "{of:?}");
}

fn check(report: &Report) {
    assert_eq!(
        (report.lost, report.duplicated, report.passed_over),
        (0, 0, 0),
        "{report:?}"
    );
    let shares = [report.utilisation, report.fairness_jain];
    assert!(
        shares
            .iter()
            .all(|share| (0.0..=1.0 + 1e-9).contains(share)),
        "{report:?}"
    );
    let amounts = [report.cost, report.max_starvation_s, report.decisions_per_s];
    assert!(
        amounts
            .iter()
            .all(|amount| amount.is_finite() && *amount >= 0.0),
        "{report:?}"
    );
    for tier in report.tiers.values() {
        let ends = tier.completed + tier.failed + tier.shed + tier.refused;
        assert_eq!(tier.jobs, ends, "{tier:?}");
        for share in [tier.slo_attainment, tier.slo_absolute] {
            assert!((0.0..=1.0).contains(&share), "{tier:?}");
        }
        check_percentiles(&tier.wait_s);
        check_percentiles(&tier.total_s);
    }
}

fn trace() -> impl Strategy<Value = String> {
    let row = (
        0.0..3.0_f64,
        0..6_u32,
        select(vec!["g", "", "h"]),
        0..3_usize,
        select(MODELS.to_vec()),
        select(SHAPES.to_vec()),
        (1..60_u32, 1..6_u32),
        (
            select(vec!["", "eu"]),
            select(vec!["imagine", "upscale", "", "poison"]),
        ),
        (
            select(vec!["", "turbo", "relax", "c0", "c1"]),
            select(vec!["", "0", "30.5"]),
        ),
    );
    prop::collection::vec(row, 0..150).prop_map(|rows| {
        let mut text = String::from(
            "t_s,user,guild,tier,model,width,height,steps,count,region,kind,class,deadline_s\n",
        );
        let mut t_s = 0.0;
        for (after, user, guild, tier, model, shape, (steps, count), (region, kind), last) in rows {
            t_s += if after < 1.0 { 0.0 } else { after };
            let (width, height) = shape;
            let (class, deadline) = last;
            writeln!(
                text,
                "{t_s},u{user},{guild},t{tier},{model},{width},{height},{steps},{count},{region},{kind},{class},{deadline}"
            )
            .expect("writing to a string works");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_job_ends_once_whatever_the_scenario(text in scenario(), policy in 0..5_usize, seed in 0..100_u64) {
        let scenario = parse_scenario("s.toml", &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let policy = PolicyName::ALL[policy].1;
        let report = simulate(&scenario, None, policy, seed, &mut || 0.0);
        check(&report);
        prop_assert_eq!(report, simulate(&scenario, None, policy, seed, &mut || 0.0));
    }

    #[test]
    fn every_job_of_a_trace_ends_once(text in scenario(), trace in trace(), policy in 0..5_usize) {
        let scenario = parse_scenario("s.toml", &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let jobs = parse_trace("t.csv", &trace, &scenario).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let policy = PolicyName::ALL[policy].1;
        let report = simulate(&scenario, Some(&jobs), policy, 1, &mut || 0.0);
        check(&report);
        let asked: u64 = report.tiers.values().map(|tier| tier.jobs).sum();
        prop_assert_eq!(asked, jobs.len() as u64);
    }
}
