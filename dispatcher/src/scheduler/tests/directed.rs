//! Nodes that load, give up, pause and resume when they are told to.

use easel_domain::message::Residency;

use super::*;

const GIB: u64 = 1 << 30;

/// A node with room for 10 GiB of weights, and two models of 6.
fn node(m: Residency, n: Residency) -> Heartbeat {
    let mut beat = beat("a", 1, 1);
    beat.memory_bytes = 10 * GIB;
    beat.directed = true;
    let mut first = beat.models.remove(0);
    first.bytes = 6 * GIB;
    first.residency = m;
    let mut second = first.clone();
    second.hash = "n".into();
    second.residency = n;
    beat.models = vec![first, second];
    beat
}

fn wants(number: u32, model: &str) -> WaitingJob {
    let mut job = job(number, ServiceClass::Fast);
    job.model_hash = model.into();
    job
}

fn at(seconds: u64) -> OffsetDateTime {
    START + Duration::from_secs(seconds)
}

fn ended(scheduler: &mut Scheduler, number: u32, now: OffsetDateTime) {
    let job = JobId(Uuid::from_u128(u128::from(number)));
    scheduler.lease_ended(job, Outcome::Done, now);
}

/// Places jobs and says what the node is to give up for each, where it has to load.
fn load(scheduler: &mut Scheduler, now: OffsetDateTime) -> Vec<Option<Vec<String>>> {
    let placements = placements(scheduler, now).into_iter();
    placements.map(|placement| placement.load).collect()
}

#[test]
fn weights_on_disk_are_loaded_for_a_job_and_there_for_the_next() {
    use Residency::{Loading, Resident, Stored};
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&node(Stored, Stored), at(0));
    scheduler.job_waits(wants(1, "n"), at(0));
    assert_eq!(load(&mut scheduler, at(0)), [Some(vec![])]);
    // What the node said before it heard of the order means nothing.
    scheduler.node_speaks(&node(Stored, Stored), at(1));
    scheduler.node_speaks(&node(Stored, Loading), at(2));
    scheduler.node_speaks(&node(Stored, Resident), at(9));
    ended(&mut scheduler, 1, at(10));
    scheduler.job_waits(wants(2, "n"), at(10));
    assert_eq!(load(&mut scheduler, at(10)), [None], "warm");
}

#[test]
fn what_must_go_is_named_and_an_older_word_does_not_bring_it_back() {
    use Residency::{Resident, Stored};
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&node(Resident, Stored), at(0));
    scheduler.job_waits(wants(1, "n"), at(0));
    assert_eq!(load(&mut scheduler, at(0)), [Some(vec!["m".to_owned()])]);
    scheduler.node_speaks(&node(Resident, Stored), at(1));
    scheduler.node_speaks(&node(Stored, Resident), at(3));
    ended(&mut scheduler, 1, at(4));
    scheduler.job_waits(wants(2, "m"), at(4));
    assert_eq!(load(&mut scheduler, at(4)), [Some(vec!["n".to_owned()])]);
}

#[test]
fn a_load_that_never_comes_holds_nobody_up_for_long() {
    use Residency::{Resident, Stored};
    let mut scheduler = Scheduler::new();
    let mut two_places = node(Resident, Stored);
    two_places.memory_bytes = 100 * GIB;
    two_places.capacity = 2;
    scheduler.node_speaks(&two_places, at(0));
    scheduler.job_waits(wants(1, "n"), at(0));
    assert_eq!(load(&mut scheduler, at(0)), [Some(vec![])]);
    scheduler.job_waits(wants(2, "m"), at(1));
    scheduler.node_speaks(&two_places, at(1));
    assert_eq!(load(&mut scheduler, at(1)), [], "it loads");
    scheduler.node_speaks(&two_places, at(6));
    assert_eq!(load(&mut scheduler, at(6)), [None]);
    assert_eq!(scheduler.running_len(), 2, "its first job is still its own");
}

#[test]
fn weights_that_a_node_gave_up_by_itself_are_not_counted_on() {
    use Residency::{Resident, Stored};
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&node(Resident, Stored), at(0));
    scheduler.node_speaks(&node(Stored, Stored), at(1));
    scheduler.job_waits(wants(1, "m"), at(1));
    assert_eq!(load(&mut scheduler, at(1)), [Some(vec![])]);
}

/// A scheduler that is about to pause job 1 for job 2, ten minutes after the beginning.
fn urgency() -> Scheduler {
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&node(Residency::Resident, Residency::Stored), at(0));
    let mut relaxed = wants(1, "m");
    let slow = job(1, ServiceClass::Relax);
    relaxed.service_class = slow.service_class;
    relaxed.tier = "patient".into();
    let mut urgent = wants(2, "m");
    urgent.tier = "promised".into();
    urgent.submitted_at = at(1);
    let rule = |name: &str, class, slo_s, reserved| TierRule {
        name: name.into(),
        class,
        weight: 1.0,
        running: 9,
        waiting: 9,
        aging_s: 3_600.0,
        shed_s: None,
        slo_factor: None,
        slo_s,
        reserved,
    };
    let tiers = vec![
        rule("patient", ServiceClass::Relax, None, 0.0),
        rule("promised", ServiceClass::Fast, Some(1_000.0), 0.1),
    ];
    scheduler.tiers_are(tiers, at(0));
    scheduler.job_waits(relaxed, at(0));
    assert_eq!(placed(&mut scheduler, at(0)), [1]);
    scheduler.job_waits(urgent, at(1));
    scheduler.node_speaks(&node(Residency::Resident, Residency::Stored), at(600));
    scheduler
}

fn is_paused(scheduler: &Scheduler) -> bool {
    scheduler.is_paused(BootId(Uuid::from_u128(1)), JobId(Uuid::from_u128(1)))
}

#[test]
fn a_job_that_would_be_late_pauses_what_is_less_urgent_and_that_goes_on_after_it() {
    let mut scheduler = urgency();
    let decisions = scheduler.decide(at(600));
    let (Decision::Pause { jobs, .. }, Decision::Lease(placed)) = (&decisions[0], &decisions[1])
    else {
        panic!("{decisions:?}");
    };
    assert_eq!(jobs[..], [JobId(Uuid::from_u128(1))]);
    assert_eq!(placed.job.job_id, JobId(Uuid::from_u128(2)));
    assert!(is_paused(&scheduler));
    ended(&mut scheduler, 2, at(601));
    assert!(!is_paused(&scheduler));
    let decisions = scheduler.decide(at(601));
    assert!(
        matches!(decisions[..], [Decision::Resume(_)]),
        "{decisions:?}"
    );
}

#[test]
fn a_pause_does_not_outlive_the_silence_of_its_node() {
    let mut scheduler = urgency();
    scheduler.decide(at(600));
    assert!(is_paused(&scheduler));
    scheduler.decide(at(600) + SUSPECT_AFTER + Duration::from_secs(1));
    scheduler.node_speaks(&node(Residency::Resident, Residency::Stored), at(606));
    scheduler.decide(at(606));
    // Nobody would say that it may go on: whoever holds it up learns here that it may.
    assert!(!is_paused(&scheduler));
}
