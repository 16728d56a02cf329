//! Random lists of events against the policy: what it may never do, whatever happens in whatever order.

#[path = "policy/checks.rs"]
mod checks;
#[path = "policy/truth.rs"]
mod truth;

use std::collections::BTreeMap;

use easel_domain::JobId;
use easel_scheduler::{Event, UserIx};
use proptest::prelude::*;
use truth::Truth;
use uuid::Uuid;

/// What a test does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Submit { user: u32, tier: u16, model: u32 },
    Cancel(usize),
    End { which: usize, outcome: u8 },
    NodeUp(u128),
    NodeGone(u128),
    Drain(u128),
    Loaded(usize),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u32, 0..3_u16, 0..5_u32).prop_map(|(user, tier, model)| Step::Submit { user, tier, model }),
        1 => any::<usize>().prop_map(Step::Cancel),
        4 => (any::<usize>(), 0..4_u8).prop_map(|(which, outcome)| Step::End { which, outcome }),
        2 => (0..5_u128).prop_map(Step::NodeUp),
        1 => (0..5_u128).prop_map(Step::NodeGone),
        1 => (0..5_u128).prop_map(Step::Drain),
        4 => any::<usize>().prop_map(Step::Loaded),
        3 => (1..30_u8).prop_map(Step::Wait),
    ]
}

fn nth<K: Copy + Ord, V>(map: &BTreeMap<K, V>, which: usize) -> Option<K> {
    (!map.is_empty()).then(|| *map.keys().nth(which % map.len()).expect("it is in range"))
}

fn play(steps: Vec<Step>) {
    let mut truth = Truth::new();
    for step in steps {
        truth.apply(step);
        truth.check_totals();
    }
    truth.wind_up();
    truth.check_totals();
}

proptest! {
    #[test]
    fn no_job_is_forgotten_doubled_misplaced_or_passed(steps in prop::collection::vec(step(), 1..200)) {
        play(steps);
    }
}

/// Found by the random lists: the only node with the weights was the one to avoid, and nobody loaded them elsewhere.
#[test]
fn a_job_that_avoids_the_only_node_with_its_weights_goes_to_one_that_loads_them() {
    let submit = |model| Step::Submit {
        user: 0,
        tier: 0,
        model,
    };
    let failed = Step::End {
        which: 0,
        outcome: 0,
    };
    play(vec![
        Step::NodeUp(1),
        submit(0),
        submit(0),
        submit(1),
        Step::Loaded(0),
        failed,
        submit(0),
    ]);
}

/// Found by the random lists: the only job that a node had put aside failed, and the next one was put aside long after.
#[test]
fn a_node_whose_paused_job_failed_may_be_paused_again() {
    let submit = |tier, model| Step::Submit {
        user: model,
        tier,
        model,
    };
    let end = |outcome| Step::End { which: 0, outcome };
    let mut truth = Truth::new();
    truth.apply(Step::NodeUp(1));
    // Both models are at hand, so that neither waits for weights.
    for model in [0, 1] {
        truth.apply(submit(1, model));
        truth.apply(Step::Loaded(0));
        truth.apply(end(3));
    }
    let mut pauses = 0;
    for _ in 0..2 {
        truth.apply(submit(2, 0));
        truth.apply(submit(0, 1));
        while truth.paused.is_empty() && !truth.waiting.is_empty() {
            truth.apply(Step::Wait(1));
        }
        pauses += truth.paused.len();
        // The one put aside is the older one. It fails, and is cancelled before its second attempt.
        truth.apply(end(0));
        truth.apply(Step::Cancel(0));
        truth.apply(end(3));
    }
    assert_eq!(pauses, 2);
    truth.wind_up();
}

/// Two members of one guild, one with jobs ten times as large: each gets half.
#[test]
fn members_share_by_gpu_time_and_not_by_jobs() {
    let mut truth = Truth::new();
    truth.apply(Step::NodeUp(0));
    for number in 0..240_u32 {
        truth.submit(0, 1, 0);
        if number % 10 == 0 {
            truth.next += 1;
            let mut job = truth.waiting.values().next().cloned().unwrap_or_else(|| {
                truth
                    .running
                    .values()
                    .next()
                    .expect("one of them is somewhere")
                    .0
                    .clone()
            });
            job.id = JobId(Uuid::from_u128(truth.next));
            job.user = UserIx(2);
            job.steps = 200;
            truth.waiting.insert(job.id, job.clone());
            truth.tell(Event::Waits(Box::new(job)));
        }
    }
    let mut served = [0_u32; 2];
    for _ in 0..600 {
        while !truth.loading.is_empty() {
            truth.apply(Step::Loaded(0));
        }
        let Some((_, (job, _))) = truth.running.iter().next() else {
            break;
        };
        let large = job.user == UserIx(2);
        let both_wait = truth.waiting.values().any(|job| job.user == UserIx(0))
            && truth.waiting.values().any(|job| job.user == UserIx(2));
        if both_wait {
            served[usize::from(large)] += job.steps;
        }
        truth.apply(Step::End {
            which: 0,
            outcome: 3,
        });
    }
    let (small, large) = (f64::from(served[0]), f64::from(served[1]));
    assert!(
        (small / large - 1.0).abs() < 0.25,
        "{small} against {large}"
    );
}
