//! The smallest fleet that keeps its promises.

use serde::Serialize;

use super::{PolicyName, Report, simulate};
use crate::scenario::{Scenario, TraceJob};

/// Share of a tier's jobs that must be done as promised.
const KEPT: f64 = 0.95;
/// Share of them that may fail, as some do where nodes break.
const FAILED: f64 = 0.005;
/// Most times that the given fleet may be multiplied in search of one that suffices.
const MOST_DOUBLINGS: u32 = 10;

/// A fleet that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Nodes by class.
    pub fleet: std::collections::BTreeMap<String, u32>,
    /// Nodes in all.
    pub nodes: u32,
    /// Sum of the relative costs of all nodes: cost of an hour.
    pub cost_per_hour: f64,
    /// Whether it keeps every promise. If not, no fleet of these classes was found that does.
    pub kept: bool,
}

/// Finds the smallest fleet: the given mix is scaled until every promise is kept and no job is shed, failed for want of
/// nodes, or refused for another reason than its member's own limits; then nodes are taken away, the dearest kind first, as long as that holds. Returns it
/// with the report of its run.
pub fn plan(
    scenario: &Scenario,
    trace: Option<&[TraceJob]>,
    policy: PolicyName,
    seed: u64,
    stopwatch: &mut dyn FnMut() -> f64,
) -> (Plan, Report) {
    let mut search = Search {
        scenario: scenario.clone(),
        trace,
        policy,
        seed,
        stopwatch,
        given: scenario
            .classes
            .iter()
            .map(|class| class.count.max(1))
            .collect(),
    };
    let scale = search.smallest_scale();
    let mut counts = search.scaled(f64::from(scale.unwrap_or(64 << MOST_DOUBLINGS)) / 64.0);
    if scale.is_some() {
        search.trim(&mut counts);
    }
    let report = search.run(&counts);
    let kept = search.is_kept(&report);
    let classes = || scenario.classes.iter().zip(&counts);
    let plan = Plan {
        fleet: classes()
            .map(|(class, count)| (class.name.clone(), *count))
            .collect(),
        nodes: counts.iter().sum(),
        cost_per_hour: classes()
            .map(|(class, count)| class.relative_cost * f64::from(*count))
            .sum(),
        kept,
    };
    (plan, report)
}

struct Search<'a> {
    scenario: Scenario,
    trace: Option<&'a [TraceJob]>,
    policy: PolicyName,
    seed: u64,
    stopwatch: &'a mut dyn FnMut() -> f64,
    given: Vec<u32>,
}

impl Search<'_> {
    fn run(&mut self, counts: &[u32]) -> Report {
        for (class, count) in self.scenario.classes.iter_mut().zip(counts) {
            class.count = *count;
        }
        simulate(
            &self.scenario,
            self.trace,
            self.policy,
            self.seed,
            self.stopwatch,
        )
    }

    fn is_kept(&self, report: &Report) -> bool {
        self.scenario.tiers.iter().all(|tier| {
            let got = &report.tiers[&tier.name];
            got.slo_attainment >= KEPT
                && got.slo_absolute >= KEPT
                && got.shed == 0
                && got.refused == got.over_limits
                && got.failed as f64 <= got.jobs as f64 * FAILED
        }) && report.lost == 0
    }

    fn suffices(&mut self, counts: &[u32]) -> bool {
        let report = self.run(counts);
        self.is_kept(&report)
    }

    fn scaled(&self, factor: f64) -> Vec<u32> {
        self.given
            .iter()
            .map(|count| ((f64::from(*count) * factor).ceil() as u32).max(1))
            .collect()
    }

    /// The smallest scale, in 64ths of the given fleet.
    fn smallest_scale(&mut self) -> Option<u32> {
        let mut enough = 64;
        let mut doublings = 0;
        while !self.suffices(&self.scaled(f64::from(enough) / 64.0)) {
            enough *= 2;
            doublings += 1;
            if doublings > MOST_DOUBLINGS {
                return None;
            }
        }
        let mut short = if doublings > 0 { enough / 2 } else { 0 };
        while enough - short > 1 {
            let middle = short + (enough - short) / 2;
            let (counts, known) = (
                self.scaled(f64::from(middle) / 64.0),
                self.scaled(f64::from(enough) / 64.0),
            );
            if counts == known || self.suffices(&counts) {
                enough = middle;
            } else {
                short = middle;
            }
        }
        Some(enough)
    }

    /// Takes nodes away, half as many at each refusal, the dearest kind first.
    fn trim(&mut self, counts: &mut [u32]) {
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by(|a, b| {
            let cost = |index: usize| self.scenario.classes[index].relative_cost;
            cost(*b).total_cmp(&cost(*a)).then(a.cmp(b))
        });
        for index in order {
            let mut step = counts[index].div_ceil(2);
            while step > 0 {
                let mut fewer = counts.to_vec();
                fewer[index] = fewer[index].saturating_sub(step);
                let some = fewer.iter().sum::<u32>() > 0;
                if fewer[index] < counts[index] && some && self.suffices(&fewer) {
                    counts[index] = fewer[index];
                } else {
                    step /= 2;
                }
            }
        }
    }
}
