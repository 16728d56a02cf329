//! Jobs without pictures: what words count for a model.

use super::*;
use easel_domain::spec::Question;

fn question(number: u32) -> WaitingJob {
    let mut row = job(number, ServiceClass::Fast);
    (row.pictures, row.shape) = (0, (64, 64, 1));
    row.question = Some(Question::Words);
    row
}

fn able(node: &str, boot: u128) -> Heartbeat {
    let mut beat = beat(node, boot, 2);
    beat.models[0].weighs = true;
    beat
}

#[test]
fn a_question_goes_only_to_a_node_that_says_that_it_can_answer() {
    let mut scheduler = scheduler(4);
    scheduler.job_waits(question(1), START);
    scheduler.job_waits(job(2, ServiceClass::Relax), START);
    assert_eq!(placed(&mut scheduler, START), [2], "the old node draws");
    scheduler.node_speaks(&able("b", 2), START);
    let placements = placements(&mut scheduler, START);
    assert_eq!(placements.len(), 1);
    assert_eq!(placements[0].node.boot, BootId(Uuid::from_u128(2)));
    assert_eq!(placements[0].load, None, "its engine sees to the weights");
}

#[test]
fn each_question_goes_to_a_node_that_answers_this_one() {
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&able("a", 1), START);
    let mut about_pictures = question(1);
    about_pictures.question = Some(Question::Pictures);
    scheduler.job_waits(about_pictures, START);
    assert!(placed(&mut scheduler, START).is_empty(), "it has no eyes");
    let mut seeing = beat("b", 2, 2);
    seeing.models[0].describes = true;
    scheduler.node_speaks(&seeing, START);
    let placements = placements(&mut scheduler, START);
    assert_eq!(placements.len(), 1);
    assert_eq!(placements[0].node.boot, BootId(Uuid::from_u128(2)));
}

#[test]
fn a_node_that_can_answer_draws_too_and_forgets_nothing_when_it_speaks_again() {
    let mut scheduler = Scheduler::new();
    scheduler.node_speaks(&able("a", 1), START);
    scheduler.job_waits(question(1), START);
    scheduler.job_waits(job(2, ServiceClass::Fast), START);
    let mut all = placed(&mut scheduler, START);
    all.sort_unstable();
    assert_eq!(all, [1, 2]);
    for second in 1..4 {
        let now = START + Duration::from_secs(second);
        scheduler.node_speaks(&able("a", 1), now);
        assert!(placed(&mut scheduler, now).is_empty());
    }
    assert_eq!(scheduler.running_len(), 2);
    for number in 1..=2 {
        let job = JobId(Uuid::from_u128(number));
        scheduler.lease_ended(job, Outcome::Done, START + Duration::from_secs(4));
    }
    assert_eq!(scheduler.running_len(), 0);
}

#[test]
fn a_directed_node_that_has_the_weights_on_disk_is_not_told_to_load_for_a_question() {
    let mut scheduler = Scheduler::new();
    let mut beat = able("a", 1);
    beat.directed = true;
    beat.models[0].residency = easel_domain::message::Residency::Stored;
    scheduler.node_speaks(&beat, START);
    scheduler.job_waits(question(1), START);
    let placements = placements(&mut scheduler, START);
    assert_eq!(placements.len(), 1);
    assert_eq!(placements[0].load, None);
}
