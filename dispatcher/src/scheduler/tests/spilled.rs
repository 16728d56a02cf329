//! What goes to other regions, and what does not.

use std::collections::BTreeSet;

use super::*;
use crate::scheduler::spill::Neighbour;

fn neighbour(region: &str, wait_s: f64, model: &str) -> Neighbour {
    Neighbour {
        region: region.into(),
        waits: ServiceClass::ALL
            .map(|class| (class.as_str().to_owned(), wait_s))
            .into(),
        models: [model.to_owned()].into(),
    }
}

fn crowded() -> Scheduler {
    let mut scheduler = scheduler(1);
    for number in 1..=100 {
        scheduler.job_waits(job(number, ServiceClass::Fast), START);
    }
    assert_eq!(placed(&mut scheduler, START).len(), 1);
    scheduler
}

fn going(scheduler: &Scheduler, there: &[Neighbour], now: OffsetDateTime) -> Vec<u128> {
    let all = scheduler.hand_overs(there, 1.0, now);
    let jobs = all.into_iter().flat_map(|to| to.jobs);
    jobs.map(|(job_id, _)| job_id.0.as_u128()).collect()
}

#[test]
fn the_youngest_go_where_the_wait_is_shorter_and_about_half_of_them() {
    let scheduler = crowded();
    let all = going(&scheduler, &[neighbour("far", 0.0, "m")], START);
    assert!((45..=50).contains(&all.len()), "{}", all.len());
    assert_eq!(all[0], 100);
}

#[test]
fn nothing_goes_where_its_weights_are_not_served_or_the_wait_is_no_shorter() {
    let scheduler = crowded();
    assert!(going(&scheduler, &[neighbour("far", 0.0, "other")], START).is_empty());
    assert!(going(&scheduler, &[neighbour("far", 1e6, "m")], START).is_empty());
    assert!(going(&scheduler, &[], START).is_empty());
}

#[test]
fn a_job_that_came_from_elsewhere_stays() {
    let mut scheduler = scheduler(1);
    for number in 1..=50 {
        let mut guest = job(number, ServiceClass::Fast);
        guest.at_home = false;
        scheduler.job_waits(guest, START);
    }
    placed(&mut scheduler, START);
    assert!(going(&scheduler, &[neighbour("far", 0.0, "m")], START).is_empty());
}

#[test]
fn where_no_node_is_heard_all_go_that_have_waited_for_as_long_as_the_bound() {
    let mut scheduler = Scheduler::new();
    scheduler.job_waits(job(1, ServiceClass::Fast), START);
    let mut young = job(2, ServiceClass::Fast);
    young.submitted_at = START + Duration::from_secs(9);
    scheduler.job_waits(young, START);
    let there = [neighbour("far", 5.0, "m")];
    assert!(going(&scheduler, &there, START).is_empty());
    let later = START + Duration::from_millis(9_500);
    assert_eq!(going(&scheduler, &there, later), [1]);
}

#[test]
fn the_nearest_to_idle_of_several_regions_gets_the_jobs() {
    let scheduler = crowded();
    let there = [neighbour("slow", 3.0, "m"), neighbour("idle", 0.0, "m")];
    let regions: BTreeSet<String> = scheduler
        .hand_overs(&there, 1.0, START)
        .into_iter()
        .map(|to| to.region)
        .collect();
    assert_eq!(regions, ["idle".to_owned()].into());
}
