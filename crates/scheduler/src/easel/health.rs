//! Which nodes can be trusted with work.
//!
//! ```text
//! sound ── three jobs in a row fail ──> broken ── a minute ──> on trial ── one good job ──> sound
//!                                        ^                        │
//!                                        └──── one failure ───────┘
//! broken for the third time within an hour ──> quarantined ── an operator ──> sound
//! ```

use std::collections::BTreeMap;

use easel_domain::JobId;

use crate::job::NodeKey;
use crate::moment::Moment;

const STRIKES: usize = 3;
const BROKEN_S: f64 = 60.0;
const BREAKS: u32 = 3;
const BREAKS_WITHIN_S: f64 = 3600.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    Broken(Moment),
    OnTrial,
    Quarantined,
}

#[derive(Debug, Clone)]
struct Record {
    state: State,
    /// The jobs that failed since the last good one. One that fails again and again counts once: the fault may be its own.
    strikes: Vec<JobId>,
    breaks: Vec<Moment>,
}

/// What follows for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Unchanged,
    /// It gets nothing until then.
    Broken(Moment),
    /// It gets nothing until an operator says so.
    Quarantined,
}

/// The records of nodes that have failed lately.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    records: BTreeMap<NodeKey, Record>,
}

impl Health {
    /// A job went well.
    pub fn good(&mut self, node: NodeKey) -> Verdict {
        let Some(record) = self.records.get_mut(&node) else {
            return Verdict::Unchanged;
        };
        match record.state {
            State::Sound | State::OnTrial => {
                record.state = State::Sound;
                record.strikes.clear();
                if record.breaks.is_empty() {
                    self.records.remove(&node);
                }
                Verdict::Unchanged
            }
            // What it had begun before: no reason to trust it.
            State::Broken(_) | State::Quarantined => Verdict::Unchanged,
        }
    }

    /// A job failed or hung.
    pub fn bad(&mut self, node: NodeKey, job: JobId, now: Moment) -> Verdict {
        let record = self.records.entry(node).or_insert(Record {
            state: State::Sound,
            strikes: Vec::new(),
            breaks: Vec::new(),
        });
        if !record.strikes.contains(&job) {
            record.strikes.push(job);
        }
        let breaks = match record.state {
            State::Sound => record.strikes.len() >= STRIKES,
            State::OnTrial => true,
            State::Broken(_) | State::Quarantined => false,
        };
        if !breaks {
            return Verdict::Unchanged;
        }
        record.strikes.clear();
        record.breaks.retain(|at| now.since(*at) < BREAKS_WITHIN_S);
        record.breaks.push(now);
        if record.breaks.len() as u32 >= BREAKS {
            record.state = State::Quarantined;
            return Verdict::Quarantined;
        }
        let until = now.after(BROKEN_S);
        record.state = State::Broken(until);
        Verdict::Broken(until)
    }

    /// Nodes that may be tried again.
    pub fn due(&mut self, now: Moment) -> Vec<NodeKey> {
        let mut due = Vec::new();
        for (node, record) in &mut self.records {
            if matches!(record.state, State::Broken(until) if until <= now) {
                record.state = State::OnTrial;
                due.push(*node);
            }
        }
        due
    }

    /// When the next node may be tried again.
    pub fn next(&self) -> Option<Moment> {
        self.records
            .values()
            .filter_map(|record| match record.state {
                State::Broken(until) => Some(until),
                State::Sound | State::OnTrial | State::Quarantined => None,
            })
            .min()
    }

    /// Whether a node gets nothing now.
    pub fn is_blocked(&self, node: NodeKey, now: Moment) -> bool {
        self.records
            .get(&node)
            .is_some_and(|record| match record.state {
                State::Broken(until) => now < until,
                State::Quarantined => true,
                State::Sound | State::OnTrial => false,
            })
    }

    /// An operator trusts it again.
    pub fn release(&mut self, node: NodeKey) {
        self.records.remove(&node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeKey = NodeKey(1);

    fn at(seconds: f64) -> Moment {
        Moment::from_secs(seconds)
    }

    fn fails(health: &mut Health, job: u128, seconds: f64) -> Verdict {
        health.bad(NODE, JobId(uuid::Uuid::from_u128(job)), at(seconds))
    }

    #[test]
    fn three_failed_jobs_in_a_row_break_a_node_and_one_good_job_on_trial_mends_it() {
        let mut health = Health::default();
        assert_eq!(fails(&mut health, 1, 1.0), Verdict::Unchanged);
        assert_eq!(fails(&mut health, 2, 2.0), Verdict::Unchanged);
        assert_eq!(health.good(NODE), Verdict::Unchanged);
        assert_eq!(fails(&mut health, 3, 3.0), Verdict::Unchanged);
        assert_eq!(fails(&mut health, 4, 4.0), Verdict::Unchanged);
        assert_eq!(fails(&mut health, 5, 5.0), Verdict::Broken(at(65.0)));
        assert!(health.due(at(64.0)).is_empty());
        assert_eq!(health.due(at(65.0)), [NODE]);
        health.good(NODE);
        assert_eq!(fails(&mut health, 6, 66.0), Verdict::Unchanged);
    }

    #[test]
    fn a_job_that_fails_again_and_again_breaks_no_node() {
        let mut health = Health::default();
        for second in 0..9 {
            assert_eq!(fails(&mut health, 1, f64::from(second)), Verdict::Unchanged);
        }
    }

    #[test]
    fn a_node_that_breaks_for_the_third_time_waits_for_an_operator() {
        let mut health = Health::default();
        for job in 1..=3_u32 {
            fails(&mut health, u128::from(job), f64::from(job));
        }
        health.due(at(100.0));
        assert_eq!(fails(&mut health, 4, 101.0), Verdict::Broken(at(161.0)));
        health.due(at(200.0));
        assert_eq!(fails(&mut health, 4, 201.0), Verdict::Quarantined);
        assert!(health.due(at(9_000.0)).is_empty() && health.is_blocked(NODE, at(9_000.0)));
        health.release(NODE);
        assert!(!health.is_blocked(NODE, at(9_000.0)));
    }
}
