//! How many jobs a node has at once follows what its batches were measured to gain.

use super::*;

/// A node whose engine renders eight pictures in a call, and room for as many jobs.
fn mixing(node: &str, boot: u128) -> Heartbeat {
    let mut beat = beat(node, boot, 8);
    beat.most_pictures = Some(8);
    beat
}

fn single(number: u32) -> WaitingJob {
    let mut job = job(number, ServiceClass::Fast);
    job.pictures = 1;
    job
}

/// One node that was measured so: pictures in a call, and seconds of it.
fn measured(calls: &[(u32, f64)]) -> Scheduler {
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&mixing("a", 1), START);
    for &(pictures, seconds) in calls {
        let boot = BootId(Uuid::from_u128(1));
        scheduler.measured(&single(99), boot, pictures, seconds, START);
    }
    scheduler
}

fn placed_of(scheduler: &mut Scheduler, jobs: u32) -> usize {
    for number in 1..=jobs {
        scheduler.job_waits(single(number), START);
    }
    placed(scheduler, START).len()
}

#[test]
fn until_its_batches_are_measured_a_node_has_two_jobs_at_once() {
    assert_eq!(placed_of(&mut measured(&[]), 9), 2);
}

#[test]
fn where_batches_gain_nothing_it_stays_at_two() {
    let slow = [(1, 0.1), (2, 0.2), (4, 0.4)];
    assert_eq!(placed_of(&mut measured(&slow), 9), 2);
}

#[test]
fn where_they_do_it_has_as_many_as_pay_and_tries_twice_the_largest_that_was_measured() {
    let quick = [(1, 0.1), (2, 0.11)];
    assert_eq!(placed_of(&mut measured(&quick), 9), 4);
    let found = [(1, 0.1), (2, 0.11), (4, 0.15), (8, 0.24)];
    assert_eq!(placed_of(&mut measured(&found), 9), 6);
    let flat = [(1, 0.1), (8, 0.11)];
    assert_eq!(
        placed_of(&mut measured(&flat), 99),
        8,
        "one call holds no more"
    );
}

#[test]
fn an_idle_node_is_taken_before_a_batch_is_joined() {
    let mut scheduler = measured(&[(1, 0.1), (8, 0.11)]);
    scheduler.node_speaks(&mixing("b", 2), START);
    scheduler.job_waits(single(1), START);
    scheduler.job_waits(single(2), START);
    let boots: BTreeSet<_> = placements(&mut scheduler, START)
        .iter()
        .map(|placement| placement.node.boot)
        .collect();
    assert_eq!(boots.len(), 2);
}
