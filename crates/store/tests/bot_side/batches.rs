//! Several jobs that are proposed and agreed to.

use super::support::*;
use easel_domain::ledger::Credits;
use easel_domain::spec::InputPicture;
use easel_domain::{BatchId, DiscordId, InteractionId, JobId, UserId};
use easel_store::proposal::{NewProposal, NoRoom, ProposalState, Proposed, ProposedPicture};
use easel_store::submit::Submission;
use easel_store::submit::batch::{BatchSubmission, BatchSubmitted};
use easel_store::testing::TestDatabase;
use uuid::Uuid;

fn id(n: u128) -> BatchId {
    BatchId(Uuid::from_u128(n))
}

fn proposal(n: u16, jobs: u32) -> NewProposal {
    NewProposal {
        id: id(u128::from(n)),
        interaction: InteractionId(i64::from(n)),
        member: DiscordId(7),
        fresh_user: UserId(Uuid::from_u128(500 + u128::from(n))),
        default_tier: "standard".into(),
        guild: None,
        channel: DiscordId(3),
        words: "a {red, blue} boat".into(),
        pictures: vec![ProposedPicture {
            address: None,
            picture: InputPicture {
                key: format!("input/{n}.png"),
                sha256: "ab".to_owned(),
                width: 8,
                height: 8,
            },
        }],
        region: "local".into(),
        pool: "main".into(),
        jobs: vec![(None, spec()); jobs as usize],
        price: Credits(0),
        created_at: NOW,
        expires_at: NOW + WITHIN,
    }
}

/// So many jobs by one click, which is interaction `100 + n`.
fn batch(n: u16, jobs: u16) -> BatchSubmission {
    let job = |k: u16| Submission {
        job: JobId(Uuid::from_u128(u128::from(n) * 1_000 + u128::from(k))),
        interaction: InteractionId(100 + i64::from(n)),
        default_tier: "standard".into(),
        ..submission(n)
    };
    BatchSubmission {
        proposal: id(u128::from(n)),
        jobs: (0..jobs).map(job).collect(),
        at: NOW,
    }
}

#[tokio::test]
async fn jobs_that_are_agreed_to_twice_at_once_run_once_with_all_their_rows() {
    let db = TestDatabase::create().await;
    assert_eq!(
        db.store.propose(proposal(1, 3)).await.unwrap(),
        Proposed::Open { quoted: None }
    );
    assert_eq!(
        db.store.propose(proposal(1, 3)).await.unwrap(),
        Proposed::Open { quoted: None }
    );
    let found = db.store.proposal(id(1)).await.unwrap().unwrap();
    assert_eq!(
        (found.owner, found.state),
        (Some(DiscordId(7)), ProposalState::Open)
    );
    assert_eq!(found.words.as_deref(), Some("a {red, blue} boat"));
    assert_eq!(found.pictures, proposal(1, 3).pictures);
    let mut other = batch(1, 3);
    for job in &mut other.jobs {
        job.job = JobId(Uuid::from_u128(job.job.0.as_u128() + 50));
        job.interaction = InteractionId(900);
    }
    let (one, two) = tokio::join!(
        db.store.submit_batch(batch(1, 3)),
        db.store.submit_batch(other)
    );
    let mut outcomes = [one.unwrap(), two.unwrap()];
    outcomes.sort_by_key(|outcome| matches!(outcome, BatchSubmitted::Settled(_)));
    assert_eq!(
        outcomes[1],
        BatchSubmitted::Settled(ProposalState::Accepted)
    );
    let BatchSubmitted::Accepted { jobs } = &outcomes[0] else {
        panic!("not accepted")
    };
    assert_eq!(jobs.len(), 3);
    for (sql, rows) in [
        ("jobs", 3),
        ("jobs WHERE batch_id IS NOT NULL", 3),
        ("prompts", 3),
        ("ledger", 3),
        (
            "deliveries WHERE route = 'channel' AND interaction_token IS NULL",
            3,
        ),
        ("outbox", 3),
        ("job_events", 3),
        ("batches WHERE jobs = 3", 1),
        ("proposals WHERE state = 'accepted'", 1),
        ("proposals WHERE words IS NULL AND pictures IS NULL", 1),
    ] {
        let count = format!("SELECT count(*) FROM {sql}");
        assert_eq!(number(&db, &count).await, rows, "{sql}");
    }
    let ordinals = "SELECT count(DISTINCT ordinal) FROM jobs";
    assert_eq!(number(&db, ordinals).await, 3);
}

#[tokio::test]
async fn who_was_told_that_nothing_came_of_his_click_gets_no_jobs_by_it_and_may_click_again() {
    let db = TestDatabase::create().await;
    db.store.propose(proposal(1, 2)).await.unwrap();
    db.store.open_intake(&intake(101)).await.unwrap();
    let click = InteractionId(101);
    assert!(db.store.give_up_intake(click, NOW).await.unwrap());
    let late = db.store.submit_batch(batch(1, 2)).await.unwrap();
    assert_eq!(late, BatchSubmitted::GivenUp);
    assert_eq!(number(&db, "SELECT count(*) FROM jobs").await, 0);
    let mut next = batch(1, 2);
    for job in &mut next.jobs {
        job.interaction = InteractionId(102);
    }
    let next = db.store.submit_batch(next).await.unwrap();
    assert!(
        matches!(&next, BatchSubmitted::Accepted { jobs } if jobs.len() == 2),
        "{next:?}"
    );
}

#[tokio::test]
async fn nobody_agrees_to_what_is_not_his_or_too_late_or_declined() {
    let db = TestDatabase::create().await;
    assert_eq!(
        db.store.submit_batch(batch(1, 2)).await.unwrap(),
        BatchSubmitted::Unknown
    );
    db.store.propose(proposal(1, 2)).await.unwrap();
    let mut strange = batch(1, 2);
    for job in &mut strange.jobs {
        job.member = DiscordId(8);
        job.fresh_user = UserId(Uuid::from_u128(77));
    }
    assert_eq!(
        db.store.submit_batch(strange).await.unwrap(),
        BatchSubmitted::Unknown
    );
    let late = BatchSubmission {
        at: NOW + WITHIN,
        ..batch(1, 2)
    };
    let expired = BatchSubmitted::Settled(ProposalState::Expired);
    assert_eq!(db.store.submit_batch(late).await.unwrap(), expired);
    assert_eq!(db.store.expire_proposals(NOW, 10).await.unwrap(), 0);
    assert_eq!(
        db.store.expire_proposals(NOW + WITHIN, 10).await.unwrap(),
        1
    );
    assert_eq!(db.store.submit_batch(batch(1, 2)).await.unwrap(), expired);
    db.store.propose(proposal(2, 2)).await.unwrap();
    assert!(db.store.decline_proposal(id(2)).await.unwrap());
    assert!(!db.store.decline_proposal(id(2)).await.unwrap());
    let declined = BatchSubmitted::Settled(ProposalState::Declined);
    assert_eq!(db.store.submit_batch(batch(2, 2)).await.unwrap(), declined);
    let kept = "SELECT count(*) FROM proposals WHERE pictures IS NOT NULL";
    assert_eq!(number(&db, kept).await, 0, "erased with the words");
    assert_eq!(number(&db, "SELECT count(*) FROM jobs").await, 0);
}

#[tokio::test]
async fn all_of_them_fit_or_none_is_taken() {
    let db = TestDatabase::create().await;
    let too_many = Proposed::Refused(NoRoom::TooMany {
        limit: 4,
        tier: "standard".into(),
    });
    assert_eq!(db.store.propose(proposal(9, 5)).await.unwrap(), too_many);
    for n in 1..=4 {
        db.store.propose(proposal(n, 4)).await.unwrap();
    }
    for n in 1..=3 {
        let taken = db.store.submit_batch(batch(n, 4)).await.unwrap();
        assert!(matches!(taken, BatchSubmitted::Accepted { .. }));
    }
    let full = NoRoom::QueueFull {
        unfinished: 12,
        limit: 13,
        tier: "standard".into(),
    };
    assert_eq!(
        db.store.submit_batch(batch(4, 4)).await.unwrap(),
        BatchSubmitted::Refused(full.clone())
    );
    assert_eq!(number(&db, "SELECT count(*) FROM jobs").await, 12);
    let open = db.store.proposal(id(4)).await.unwrap().unwrap();
    assert_eq!(
        open.state,
        ProposalState::Open,
        "it can be pressed again later"
    );
    let mut dear = batch(4, 4);
    execute(&db, "UPDATE tiers SET waiting_limit = 20").await;
    dear.jobs[0].quote = Credits(5);
    assert_eq!(
        db.store.submit_batch(dear).await.unwrap(),
        BatchSubmitted::Refused(NoRoom::TooDear {
            balance: Credits(0)
        })
    );
}

#[tokio::test]
async fn the_usual_time_is_that_of_finished_jobs_of_the_same_weights() {
    let db = TestDatabase::create().await;
    assert_eq!(
        db.store.usual_seconds("m", "h", "imagine").await.unwrap(),
        None
    );
    db.store.submit(submission(1)).await.unwrap();
    execute(
        &db,
        "UPDATE jobs SET state = 'completed', started_at = now(), ended_at = now() + interval '4 s'",
    )
    .await;
    let usual = db.store.usual_seconds("m", "h", "imagine").await.unwrap();
    assert_eq!(usual, Some(4.0));
    assert_eq!(
        db.store.usual_seconds("m", "x", "imagine").await.unwrap(),
        None
    );
}
