//! Whole simulations: what must hold in every one of them, and bad files.

use std::fmt::Write as _;

use easel_scheduler::scenario::{parse_scenario, parse_trace};
use easel_scheduler::simulation::{PolicyName, Report, plan, simulate};
use proptest::prelude::*;

const BASE: &str = r#"
duration_s = 900
seed = 3

[[class]]
name = "big"
count = 3
memory_gib = 40
region = "eu"
load_s = { a = 5, b = 8 }
step_s = { "a@512x512" = 0.05, "b@1024x1024" = 0.2 }
batch_gain = [1.0, 1.8, 2.4]
relative_cost = 3

[[class]]
name = "small"
count = 4
memory_gib = 10
region = "us"
load_s = { a = 9 }
step_s = { "a@512x512" = 0.15 }
spot = true

[[model]]
name = "a"
memory_gib = 6

[[model]]
name = "b"
memory_gib = 20

[[tier]]
name = "free"
service_class = "relax"
weight = 1
running = 2
waiting = 5
aging_s = 120
shed_s = 600

[[tier]]
name = "paid"
service_class = "fast"
weight = 4
aging_s = 60
slo_factor = 3
slo_s = 30
reserved = 0.2

[[arrivals]]
kind = "poisson"
tier = "free"
rate_per_s = 0.4
users = 20
guilds = 3
model = "a"
width = 512
height = 512
steps = 20
count = 2

[[arrivals]]
kind = "burst"
tier = "paid"
rate_per_s = 0.1
users = 5
model = "b"
width = 1024
height = 1024
steps = 30
from_s = 200
to_s = 300
factor = 5
"#;

fn run(text: &str, policy: &str, seed: u64) -> Report {
    let scenario = parse_scenario("s.toml", text).expect("the scenario is sound");
    let policy = PolicyName::from_name(policy).expect("the policy exists");
    simulate(&scenario, None, policy, seed, &mut || 0.0)
}

fn check(report: &Report) {
    assert_eq!((report.lost, report.duplicated), (0, 0), "{report:?}");
    assert_eq!(report.passed_over, 0, "{report:?}");
    for (name, tier) in &report.tiers {
        let ends = tier.completed + tier.failed + tier.shed + tier.refused;
        assert_eq!(tier.jobs, ends, "{name}: {tier:?}");
        assert!(
            (0.0..=1.0).contains(&tier.slo_attainment) && (0.0..=1.0).contains(&tier.slo_absolute)
        );
    }
    assert!(
        (0.0..=1.0).contains(&report.utilisation),
        "{}",
        report.utilisation
    );
    assert!(report.fairness_jain > 0.0 && report.fairness_jain <= 1.0 + 1e-9);
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_gives_another() {
    for (name, _) in PolicyName::ALL {
        let first = run(BASE, name, 7);
        check(&first);
        assert_eq!(first, run(BASE, name, 7), "{name}");
        assert_ne!(first, run(BASE, name, 8), "{name}");
    }
}

#[test]
fn a_poison_job_takes_two_nodes_down_and_no_third() {
    let scenario = parse_scenario("s.toml", BASE).expect("the scenario is sound");
    let mut rows = String::from("t_s,user,guild,tier,model,width,height,steps,count,kind\n");
    for second in 0..60 {
        let kind = if second == 10 { "poison" } else { "imagine" };
        writeln!(
            rows,
            "{second},u{},g,paid,a,512,512,20,1,{kind}",
            second % 7
        )
        .expect("writing to a string works");
    }
    let trace = parse_trace("t.csv", &rows, &scenario).expect("the trace is sound");
    let easel = PolicyName::from_name("easel").expect("it exists");
    let report = simulate(&scenario, Some(&trace), easel, 1, &mut || 0.0);
    check(&report);
    let paid = &report.tiers["paid"];
    assert_eq!((paid.jobs, paid.failed), (60, 1), "{paid:?}");
}

#[test]
fn what_takes_thousands_of_years_ends_all_the_same() {
    for (from, to) in [
        ("steps = 30", "steps = 4000000000"),
        ("count = 2", "count = 4000000000"),
        ("load_s = { a = 9 }", "load_s = { a = 1e9 }"),
        ("\"b@1024x1024\" = 0.2", "\"b@1024x1024\" = 1e9"),
    ] {
        for (name, _) in PolicyName::ALL {
            check(&run(&BASE.replacen(from, to, 1), name, 5));
        }
    }
}

/// Found by random scenarios: idle nodes died and came back for as long as another rendered.
#[test]
fn what_takes_thousands_of_years_ends_while_idle_nodes_break() {
    let text = BASE
        .replacen("steps = 30", "steps = 4000000000", 1)
        .replacen("spot = true", "fail_per_hour = 60\nhang_per_hour = 40", 1);
    for (name, _) in PolicyName::ALL {
        check(&run(&text, name, 5));
    }
}

#[test]
fn in_a_lane_that_cannot_keep_its_promises_nobody_starves_for_those_that_could() {
    // Half as much again as the nodes can do, all of it promised.
    let crowded = BASE
        .replacen("rate_per_s = 0.1", "rate_per_s = 0.8", 1)
        .replacen("users = 5", "users = 60", 1)
        .replacen("reserved = 0.2", "", 1)
        .replacen("duration_s = 900", "duration_s = 3600", 1);
    for seed in 0..4 {
        let report = run(&crowded, "easel", seed);
        check(&report);
        let paid = &report.tiers["paid"];
        assert!(paid.wait_s.max > 300.0, "it is not crowded: {paid:?}");
        let fifo = run(&crowded, "fifo", seed);
        assert!(
            report.max_starvation_s < fifo.max_starvation_s,
            "{} {}",
            report.max_starvation_s,
            fifo.max_starvation_s
        );
    }
}

#[test]
fn bad_input_is_refused_with_its_line_and_key() {
    let cases = [
        ("weight = 4", "weight = 0", 44, "tier.weight"),
        (
            "load_s = { a = 9 }",
            "load_s = { a = -9 }",
            20,
            "class.load_s.a",
        ),
        ("spot = true", "colour = \"red\"", 22, "class.colour"),
        ("duration_s = 900", "duration_s = \"long\"", 2, "duration_s"),
        ("tier = \"free\"", "tier = \"gold\"", 52, "arrivals.tier"),
        (
            "service_class = \"fast\"",
            "service_class = \"quick\"",
            43,
            "tier.service_class",
        ),
        ("count = 3", "count = 3.5", 7, "class.count"),
        ("seed = 3", "seed = ", 3, "seed"),
        (
            "\"b@1024x1024\" = 0.2",
            "\"c@1024x1024\" = 0.2",
            11,
            "class.step_s.c@1024x1024",
        ),
        (
            "rate_per_s = 0.4",
            "rate_per_s = 1e8",
            53,
            "arrivals.rate_per_s",
        ),
        ("users = 20", "users = 4294967295", 54, "arrivals.users"),
        ("aging_s = 60", "aging_s = 1e300", 45, "tier.aging_s"),
        ("[1.0, 1.8, 2.4]", "[1.0, 1e-12]", 12, "class.batch_gain"),
        ("reserved = 0.2", "reserved = 1.2", 48, "tier.reserved"),
    ];
    for (from, to, line, key) in cases {
        let text = BASE.replacen(from, to, 1);
        let error = parse_scenario("s.toml", &text).expect_err(to);
        assert_eq!((error.line, error.key.as_str()), (line, key), "{error}");
        assert!(
            error.to_string().contains(&format!("line {line}")),
            "{error}"
        );
    }
}

#[test]
fn a_bad_trace_is_refused_with_its_line_and_column() {
    let scenario = parse_scenario("s.toml", BASE).expect("the scenario is sound");
    let head = "t_s,user,guild,tier,model,width,height,steps,count";
    let good = "1,u,g,paid,a,512,512,20,1";
    let cases = [
        (format!("{head},colour\n{good},red"), 1, "colour"),
        (
            format!("{head}\n{good}\n0.5,u,g,paid,a,512,512,20,1"),
            3,
            "t_s",
        ),
        (format!("{head}\n1,u,g,gold,a,512,512,20,1"), 2, "tier"),
        (format!("{head}\n1,u,g,paid,z,512,512,20,1"), 2, "model"),
        (format!("{head}\n1,u,g,paid,a,512,512,-3,1"), 2, "steps"),
        (format!("{head}\nNaN,u,g,paid,a,512,512,3,1"), 2, "t_s"),
        (format!("{head}\n1e300,u,g,paid,a,512,512,3,1"), 2, "t_s"),
        ("t_s,user\n".to_owned(), 1, "guild"),
        (String::new(), 1, "t_s"),
        (
            format!("{head}\n1,u,g,paid,a,4294967295,512,3,1"),
            2,
            "width",
        ),
        (format!("{head}\n1,u,g,paid,a,512,4,3,1"), 2, "height"),
        (
            format!("{head}\n1,u,g,paid,a,512,512,3,4000000000"),
            2,
            "count",
        ),
        (format!("{head}\n1,u,g"), 2, "tier"),
    ];
    for (text, line, key) in cases {
        let error = parse_trace("t.csv", &text, &scenario).expect_err(key);
        assert_eq!((error.line, error.key.as_str()), (line, key), "{error}");
    }
    assert_eq!(
        parse_trace("t.csv", &format!("{head}\n{good}\n\n"), &scenario).map(|jobs| jobs.len()),
        Ok(1)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_job_is_lost_or_ends_twice_whatever_breaks(
        faults in prop::collection::vec((0..900_u32, 0..5_usize, 0..4_usize, 0..200_u32), 0..8),
        fail in prop::sample::select(vec![0.0, 2.0, 20.0]),
        hang in prop::sample::select(vec![0.0, 5.0]),
        policy in 0..5_usize,
        seed in 0..1000_u64,
    ) {
        let mut text = BASE.replacen("spot = true", &format!("spot = true\nfail_per_hour = {fail}\nhang_per_hour = {hang}"), 1);
        for (at, kind, target, length) in faults {
            let kind = ["node", "region", "broker", "leader", "spot"][kind];
            let target = match kind {
                "region" => ["eu", "us", "eu", "us"][target],
                _ => ["big-0", "small-1", "small", "big"][target],
            };
            write!(text, "\n[[fault]]\nt_s = {at}\nkind = \"{kind}\"\ntarget = \"{target}\"\nfor_s = {length}\n").expect("writing to a string works");
        }
        check(&run(&text, PolicyName::ALL[policy].0, seed));
    }
}

/// One tier with limits of its members and a promise, and a few jobs of one model.
fn small_fleet(memory_gib: &str, steps: u32) -> String {
    format!(
        r#"
duration_s = 600

[[class]]
name = "card"
count = 1
memory_gib = {memory_gib}
load_s = {{ sdxl = 5 }}
step_s = {{ "sdxl@512x512" = 0.1 }}

[[model]]
name = "sdxl"
memory_gib = 7.5

[[tier]]
name = "paid"
service_class = "fast"
weight = 1
running = 1000
waiting = 1000
aging_s = 60
shed_s = 120
slo_factor = 50

[[arrivals]]
kind = "poisson"
tier = "paid"
model = "sdxl"
rate_per_s = 0.1
users = 20
steps = {steps}
width = 512
height = 512
"#
    )
}

#[test]
fn no_plan_is_kept_by_a_fleet_that_can_hold_no_model() {
    let scenario = parse_scenario("small.toml", &small_fleet("2", 20)).unwrap();
    let (found, report) = plan(&scenario, None, PolicyName::Easel, 1, &mut || 0.0);
    assert!(report.tiers["paid"].jobs > 0);
    assert!(!found.kept, "{found:?}");
}

#[test]
fn a_plan_has_the_nodes_for_which_nobody_within_his_limits_is_refused() {
    let scenario = parse_scenario("small.toml", &small_fleet("24", 1000)).unwrap();
    let (found, report) = plan(&scenario, None, PolicyName::Easel, 1, &mut || 0.0);
    let paid = &report.tiers["paid"];
    assert!(found.kept && found.nodes > 1, "{found:?}");
    assert_eq!((paid.refused, paid.over_limits), (0, 0));
}
