use std::collections::BTreeSet;
use std::time::Duration;

use easel_domain::message::{Heartbeat, NodeModel};
use easel_domain::model::ModelProfile;
use easel_domain::spec::Sampler;
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, NodeId};
use proptest::prelude::*;
use uuid::Uuid;

mod admission;
mod batches;
mod directed;
mod questions;
mod spilled;

use super::*;

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn job(number: u32, class: ServiceClass) -> WaitingJob {
    WaitingJob {
        job_id: JobId(Uuid::from_u128(u128::from(number))),
        user_id: UserId(Uuid::from_u128(u128::from(number))),
        guild_id: None,
        tier: class.as_str().into(),
        service_class: class,
        running_limit: 3,
        aging: Duration::from_mins(5),
        model_id: "tiny".into(),
        model_hash: "m".into(),
        pictures: 4,
        question: None,
        shape: (64, 64, 20),
        attempt: 1,
        deaths: 0,
        not_before: None,
        avoid_boot: None,
        submitted_at: START + Duration::from_millis(u64::from(number)),
        shard: 0,
        channel_id: DiscordId(1),
        at_home: true,
    }
}

fn beat(node: &str, boot: u128, capacity: u32) -> Heartbeat {
    let profile = ModelProfile {
        id: "tiny".into(),
        native_width: 64,
        native_height: 64,
        max_side: 96,
        multiple: 16,
        default_steps: 20,
        default_guidance: 5.0,
        default_sampler: Sampler::Default,
        safe: true,
        finish_scale: 1,
        aliases: vec![],
    };
    Heartbeat {
        from: NodeBoot {
            node: node
                .parse::<NodeId>()
                .expect("a test names its nodes soundly"),
            boot: BootId(Uuid::from_u128(boot)),
        },
        class: "cpu".into(),
        memory_bytes: 1,
        models: vec![NodeModel::resident("m", profile)],
        capacity,
        most_pictures: None,
        leases: vec![],
        draining: false,
        directed: false,
        paused: vec![],
        trouble: None,
    }
}

fn scheduler(capacity: u32) -> Scheduler {
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&beat("a", 1, capacity), START);
    scheduler
}

fn placements(scheduler: &mut Scheduler, now: OffsetDateTime) -> Vec<Placement> {
    scheduler
        .decide(now)
        .into_iter()
        .filter_map(|decision| match decision {
            Decision::Lease(placement) => Some(*placement),
            Decision::Shed(_)
            | Decision::Broken(_)
            | Decision::Quarantine(_)
            | Decision::Load { .. }
            | Decision::Pause { .. }
            | Decision::Resume(_) => None,
        })
        .collect()
}

fn placed(scheduler: &mut Scheduler, now: OffsetDateTime) -> Vec<u128> {
    placements(scheduler, now)
        .iter()
        .map(|placement| placement.job.job_id.0.as_u128())
        .collect()
}

#[test]
fn a_job_is_placed_once_and_its_slot_is_free_after_the_lease() {
    let mut scheduler = scheduler(1);
    scheduler.job_waits(job(1, ServiceClass::Fast), START);
    scheduler.job_waits(job(2, ServiceClass::Fast), START);
    assert_eq!(placed(&mut scheduler, START), [1]);
    scheduler.job_waits(job(1, ServiceClass::Fast), START);
    assert!(placed(&mut scheduler, START).is_empty());
    scheduler.lease_ended(JobId(Uuid::from_u128(1)), Outcome::Done, START);
    assert_eq!(placed(&mut scheduler, START), [2]);
}

#[test]
fn a_suspect_or_draining_node_gets_nothing_and_a_lonely_one_gets_what_it_failed() {
    let mut scheduler = scheduler(1);
    let mut failed = job(1, ServiceClass::Fast);
    failed.avoid_boot = Some(BootId(Uuid::from_u128(1)));
    scheduler.job_waits(failed.clone(), START);
    assert!(placed(&mut scheduler, START + SUSPECT_AFTER).is_empty());
    let mut draining = beat("a", 1, 1);
    draining.draining = true;
    scheduler.node_speaks(&draining, START);
    assert!(placed(&mut scheduler, START).is_empty());

    scheduler.node_speaks(&beat("a", 1, 1), START);
    scheduler.node_speaks(&beat("b", 2, 1), START);
    assert_eq!(
        placements(&mut scheduler, START)[0].node.boot,
        BootId(Uuid::from_u128(2))
    );
    scheduler.lease_ended(failed.job_id, Outcome::Done, START);
    scheduler.node_gone(BootId(Uuid::from_u128(2)), START);
    scheduler.job_waits(failed, START);
    assert_eq!(
        placements(&mut scheduler, START)[0].node.boot,
        BootId(Uuid::from_u128(1))
    );
}

#[test]
fn a_node_without_the_model_is_passed_over_and_blocks_nobody() {
    let mut scheduler = scheduler(4);
    let mut other = job(1, ServiceClass::Turbo);
    other.model_hash = "elsewhere".into();
    scheduler.job_waits(other, START);
    scheduler.job_waits(job(2, ServiceClass::Relax), START);
    assert_eq!(placed(&mut scheduler, START), [2]);
}

#[test]
fn a_member_at_his_running_limit_waits_and_others_pass() {
    let mut scheduler = scheduler(9);
    for number in 1..=5 {
        let mut mine = job(number, ServiceClass::Fast);
        mine.user_id = UserId(Uuid::from_u128(77));
        scheduler.job_waits(mine, START);
    }
    scheduler.job_waits(job(9, ServiceClass::Relax), START);
    assert_eq!(placed(&mut scheduler, START), [1, 9, 2, 3]);
}

#[test]
fn a_pausing_job_starts_when_its_pause_is_over() {
    let mut scheduler = scheduler(1);
    let mut pausing = job(1, ServiceClass::Fast);
    pausing.not_before = Some(START + Duration::from_secs(2));
    scheduler.job_waits(pausing, START);
    assert!(placed(&mut scheduler, START + Duration::from_secs(1)).is_empty());
    assert_eq!(placed(&mut scheduler, START + Duration::from_secs(2)), [1]);
}

#[test]
fn an_aged_job_goes_first_within_its_class_only() {
    let mut scheduler = scheduler(1);
    let mut young = job(1, ServiceClass::Standard);
    young.aging = Duration::from_hours(1);
    scheduler.job_waits(young, START);
    let mut aged = job(2, ServiceClass::Standard);
    aged.tier = "hasty".into();
    aged.aging = Duration::from_secs(1);
    scheduler.job_waits(aged, START);
    scheduler.job_waits(job(3, ServiceClass::Turbo), START);
    let order: Vec<_> = scheduler
        .ranking(START + Duration::from_secs(3), 9)
        .iter()
        .map(|id| id.0.as_u128())
        .collect();
    assert_eq!(order, [3, 2, 1]);
}

#[test]
fn the_least_urgent_class_gets_its_share_under_constant_pressure() {
    let mut scheduler = scheduler(1);
    scheduler.job_waits(job(1, ServiceClass::Relax), START);
    for number in 2..100 {
        scheduler.job_waits(job(number, ServiceClass::Turbo), START);
        let now = placed(&mut scheduler, START)[0];
        scheduler.lease_ended(JobId(Uuid::from_u128(now)), Outcome::Done, START);
        if now == 1 {
            return;
        }
    }
    panic!("the relax job starved");
}

#[test]
fn the_ranking_is_the_order_of_placement() {
    let mut scheduler = scheduler(1);
    for number in 1..40 {
        scheduler.job_waits(job(number, ServiceClass::ALL[number as usize % 4]), START);
    }
    let ranking: Vec<_> = scheduler
        .ranking(START, 100)
        .iter()
        .map(|id| id.0.as_u128())
        .collect();
    let mut order = Vec::new();
    while let Some(next) = placed(&mut scheduler, START).first().copied() {
        scheduler.lease_ended(JobId(Uuid::from_u128(next)), Outcome::Done, START);
        order.push(next);
    }
    assert_eq!(ranking, order);
}

proptest! {
    #[test]
    fn no_node_is_overloaded_no_job_runs_twice_and_none_is_forgotten(
        operations in prop::collection::vec((0..5_u8, 0..12_u32, 0..4_usize), 1..200),
        capacity in 1..4_u32,
    ) {
        let mut scheduler = scheduler(capacity);
        let mut alive: BTreeMap<u128, bool> = BTreeMap::new();
        for (operation, number, class) in operations {
            let id = JobId(Uuid::from_u128(u128::from(number)));
            match operation {
                0 | 1 => {
                    scheduler.job_waits(job(number, ServiceClass::ALL[class]), START);
                    alive.entry(id.0.as_u128()).or_insert(false);
                }
                2 => {
                    scheduler.job_gone(id, START);
                    if alive.get(&id.0.as_u128()) == Some(&false) {
                        alive.remove(&id.0.as_u128());
                    }
                }
                3 => {
                    scheduler.lease_ended(id, Outcome::Done, START);
                    if alive.get(&id.0.as_u128()) == Some(&true) {
                        alive.remove(&id.0.as_u128());
                    }
                }
                _ => {
                    for placement in placed(&mut scheduler, START) {
                        prop_assert_eq!(alive.insert(placement, true), Some(false));
                    }
                }
            }
            let running = alive.values().filter(|running| **running).count();
            prop_assert!(running <= capacity as usize);
            prop_assert_eq!(scheduler.running_len(), running);
            prop_assert_eq!(scheduler.waiting_len(), alive.len() - running);
        }
    }
}

#[test]
fn a_limit_that_an_admin_raises_holds_at_once() {
    let mut scheduler = scheduler(9);
    for number in 1..=3 {
        let mut mine = job(number, ServiceClass::Fast);
        mine.user_id = UserId(Uuid::from_u128(77));
        mine.running_limit = 1;
        scheduler.job_waits(mine, START);
    }
    assert_eq!(placed(&mut scheduler, START), [1]);
    let raised = TierRule {
        name: "fast".into(),
        class: ServiceClass::Fast,
        weight: 1.0,
        running: 3,
        waiting: 9,
        aging_s: 60.0,
        shed_s: None,
        slo_factor: None,
        slo_s: None,
        reserved: 0.0,
    };
    scheduler.tiers_are(vec![raised], START);
    assert_eq!(placed(&mut scheduler, START), [2, 3]);
}

#[test]
fn a_node_that_fails_three_jobs_in_a_row_is_left_alone_and_a_quarantined_one_for_good() {
    let mut scheduler = scheduler(1);
    for number in 1..=4 {
        scheduler.job_waits(job(number, ServiceClass::Fast), START);
    }
    for number in 1..=3 {
        assert_eq!(placed(&mut scheduler, START), [number]);
        let id = JobId(Uuid::from_u128(number));
        scheduler.lease_ended(id, Outcome::Failed, START);
    }
    assert!(placed(&mut scheduler, START).is_empty());
    let later = START + Duration::from_secs(61);
    scheduler.node_speaks(&beat("a", 1, 1), later);
    assert_eq!(placed(&mut scheduler, later), [4]);

    scheduler.lease_ended(JobId(Uuid::from_u128(4)), Outcome::Done, later);
    scheduler.job_waits(job(5, ServiceClass::Fast), later);
    let quarantined: NodeId = "a".parse().expect("the name is sound");
    scheduler.quarantined_are([quarantined].into(), later);
    scheduler.node_speaks(&beat("a", 1, 1), later);
    assert!(placed(&mut scheduler, later).is_empty());
    scheduler.quarantined_are(BTreeSet::new(), later);
    scheduler.node_speaks(&beat("a", 1, 1), later);
    assert_eq!(placed(&mut scheduler, later), [5]);
}
