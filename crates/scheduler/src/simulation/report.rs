//! What a simulation comes to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::books::{Books, Record, State};
use super::fairness::{jain, max_starvation_s};
use crate::scenario::Scenario;
use crate::tier::TierRule;

/// Seconds, by nearest rank; 0 of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Percentiles {
    /// Half of them took no longer.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Percentiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).max(1);
            values.get(rank - 1).copied().unwrap_or(0.0)
        };
        Self {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: values.last().copied().unwrap_or(0.0),
        }
    }
}

/// One tier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierReport {
    /// Asked for.
    pub jobs: u64,
    /// Done.
    pub completed: u64,
    /// Given up after their tries, or because no node could render them.
    pub failed: u64,
    /// Dropped after waiting past the tier's bound.
    pub shed: u64,
    /// Not taken in: the member's limits, a wait past the tier's bound, or no class of nodes that can render it.
    pub refused: u64,
    /// Of these, those that were beyond their member's limits, which no fleet changes.
    pub over_limits: u64,
    /// Taken in, with word that they would start later than promised.
    pub quoted: u64,
    /// Submit to first step, of those that started.
    pub wait_s: Percentiles,
    /// Submit to end, of those that were done.
    pub total_s: Percentiles,
    /// Share of those taken in that were done within `slo_factor` times what they take alone; 1 where nothing is promised.
    pub slo_attainment: f64,
    /// The same for `slo_s`.
    pub slo_absolute: f64,
}

/// The whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// By name.
    pub tiers: BTreeMap<String, TierReport>,
    /// Seconds in which nodes rendered, of those in which they were up, while jobs arrived.
    pub utilisation: f64,
    /// Weights loaded.
    pub cold_loads: u64,
    /// Jobs placed on a kind of node that was not the best for them.
    pub fallbacks: u64,
    /// Nodes paused for something more urgent.
    pub preemptions: u64,
    /// Tries that had to be repeated.
    pub retries: u64,
    /// Jobs without an end.
    pub lost: u64,
    /// Jobs with two.
    pub duplicated: u64,
    /// Hours of rendering, each times the relative cost of its node.
    pub cost: f64,
    /// Jain's index over the GPU-seconds of equal members while all of them had jobs waiting.
    pub fairness_jain: f64,
    /// Longest time of a member past his aging bound.
    pub max_starvation_s: f64,
    /// Nodes that the autoscaler would have asked for, once a minute, without limits; 0 for policies that have none.
    pub desired_nodes: Percentiles,
    /// Jobs placed in a second of the policy's own time.
    pub decisions_per_s: f64,
    /// Starts of younger jobs while one past its bound waited for the same: 0, or the policy breaks its word. Not counted
    /// for those that give none, and no part of the printed report.
    #[serde(skip)]
    pub passed_over: u64,
}

impl Report {
    pub(super) fn new(
        scenario: &Scenario,
        books: &Books,
        decisions_per_s: f64,
        passed_over: u64,
        desired_nodes: Vec<f64>,
    ) -> Self {
        let mut by_tier: Vec<Vec<&Record>> = vec![Vec::new(); scenario.tiers.len()];
        for record in &books.records {
            by_tier[record.tier.0 as usize].push(record);
        }
        let tiers = scenario
            .tiers
            .iter()
            .zip(by_tier)
            .map(|(tier, records)| (tier.name.clone(), TierReport::new(tier, &records)))
            .collect();
        Self {
            tiers,
            utilisation: if books.up_s > 0.0 {
                books.busy_s / books.up_s
            } else {
                0.0
            },
            cold_loads: books.cold_loads,
            fallbacks: books.fallbacks,
            preemptions: books.preemptions,
            retries: books.retries,
            lost: books.open as u64,
            duplicated: books.duplicated,
            cost: books.cost,
            fairness_jain: jain(scenario, books),
            max_starvation_s: max_starvation_s(scenario, books),
            desired_nodes: Percentiles::of(desired_nodes),
            decisions_per_s,
            passed_over,
        }
    }
}

impl TierReport {
    fn new(tier: &TierRule, records: &[&Record]) -> Self {
        let count = |state: State| records.iter().filter(|r| r.state == state).count() as u64;
        let waits = records
            .iter()
            .filter_map(|r| Some(r.started?.since(r.submitted)))
            .collect();
        let done = |r: &&&Record| r.state == State::Completed;
        let total = |r: &Record| r.ended.map_or(f64::INFINITY, |end| end.since(r.submitted));
        let totals = records.iter().filter(done).map(|r| total(r)).collect();
        let refused = records.iter().filter(|r| r.state.is_refused()).count() as u64;
        let taken_in = records.len() as u64 - refused;
        // A millionth more is the rounding of a clock that counts microseconds.
        let share = |within: &dyn Fn(&Record) -> f64| {
            if taken_in == 0 {
                return 1.0;
            }
            let kept = records
                .iter()
                .filter(done)
                .filter(|r| total(r) <= within(r) * 1.000_001)
                .count();
            kept as f64 / taken_in as f64
        };
        Self {
            jobs: records.len() as u64,
            completed: count(State::Completed),
            failed: count(State::Failed),
            shed: count(State::Shed),
            refused,
            over_limits: count(State::OverLimit),
            quoted: records.iter().filter(|r| r.quoted).count() as u64,
            wait_s: Percentiles::of(waits),
            total_s: Percentiles::of(totals),
            slo_attainment: tier
                .slo_factor
                .map_or(1.0, |factor| share(&|r| factor * f64::from(r.alone_s))),
            slo_absolute: tier.slo_s.map_or(1.0, |slo_s| share(&|_| slo_s)),
        }
    }
}
