//! Who is taken in, and what he is told of his wait.

use std::time::Duration;

use easel_domain::admission::GuildOutlook;
use easel_domain::ledger::Credits;
use easel_domain::tier::ServiceClass;
use easel_domain::{BatchId, DiscordId, InteractionId, JobId, UserId};
use easel_store::proposal::{NewProposal, NoRoom, Proposed};
use easel_store::submit::batch::{BatchSubmission, BatchSubmitted};
use easel_store::submit::{Submission, Submitted};
use easel_store::testing::TestDatabase;
use uuid::Uuid;

use super::support::*;

const RELAX: ServiceClass = ServiceClass::Relax;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The `n`-th request of anybody.
fn by(member: i64, n: u16) -> Submission {
    Submission {
        member: DiscordId(member),
        ..submission(n)
    }
}

fn quote(submitted: &Submitted) -> Option<Duration> {
    match submitted {
        Submitted::Accepted { quoted, .. } => *quoted,
        other => panic!("not accepted: {other:?}"),
    }
}

fn refused(wait: u64, again: u64) -> Submitted {
    Submitted::Crowded {
        wait: seconds(wait),
        again: seconds(again),
        tier: "free".into(),
    }
}

#[tokio::test]
async fn a_job_that_would_be_dropped_is_refused_at_once_and_told_when_to_ask_again() {
    let db = TestDatabase::create().await;
    // Members of the default tier are dropped after an hour.
    let fast = (ServiceClass::Fast, waiting(9_000.0, 0.0));
    snapshot(&db, &[(RELAX, waiting(3_000.0, 0.0)), fast], "now()").await;
    let outcome = db.store.submit(submission(1)).await.unwrap();
    assert_eq!(outcome, refused(3_000, 120));
    assert_eq!(number(&db, "SELECT count(*) FROM jobs").await, 0);
    // A shorter wait, and one that nobody has told of lately, are no reason.
    snapshot(&db, &[(RELAX, waiting(2_000.0, 0.0))], "now()").await;
    class_of(&db.store.submit(submission(1)).await.unwrap());
    let long_ago = "now() - interval '1 minute'";
    snapshot(&db, &[(RELAX, waiting(3_000.0, 0.0))], long_ago).await;
    class_of(&db.store.submit(submission(2)).await.unwrap());
}

#[tokio::test]
async fn a_burst_refuses_nobody_who_stays_within_his_share() {
    let db = TestDatabase::create().await;
    // Nothing waits yet; three guilds ask, and the members of this one are two.
    let mut relax = waiting(0.0, 0.0);
    relax.outlook.guilds = 3;
    let members = |owes_s| GuildOutlook { members: 2, owes_s };
    relax.shared_by.insert(GUILD.to_string(), members(0.0));
    snapshot(&db, &[(RELAX, relax.clone())], "now()").await;
    for n in 1..=3 {
        class_of(&db.store.submit(by(7, n)).await.unwrap());
    }
    // A job takes ten seconds, and a share is a sixth of a node: the first is paid off in a minute, the others never.
    let within = "SELECT count(*) FROM jobs WHERE paid_off_at IS NOT NULL";
    assert_eq!(number(&db, within).await, 1);
    let left = "SELECT extract(epoch FROM max(paid_off_at) - max(submitted_at))::bigint FROM jobs";
    assert_eq!(number(&db, left).await, 60);

    // The burst has filled the class.
    (relax.outlook.within_s, relax.outlook.waiting_s) = (10.0, 4_000.0);
    snapshot(&db, &[(RELAX, relax.clone())], "now()").await;
    let more = db.store.submit(by(7, 4)).await.unwrap();
    assert_eq!(more, refused(4_000, 1_120));
    class_of(&db.store.submit(by(8, 5)).await.unwrap());
    // His own share counts the job that no leader has told of yet, and has paid it off after a minute.
    let again = by(8, 6);
    let outcome = db.store.submit(again.clone()).await.unwrap();
    assert_eq!(outcome, refused(4_000, 1_120));
    let later = Submission {
        submitted_at: NOW + seconds(61),
        ..again
    };
    class_of(&db.store.submit(later).await.unwrap());
    // Whose guild has had its share and eight jobs more asks for more than he may, and so does everybody while bounds
    // are broken.
    relax.shared_by.insert(GUILD.to_string(), members(241.0));
    snapshot(&db, &[(RELAX, relax.clone())], "now()").await;
    let outcome = db.store.submit(by(9, 7)).await.unwrap();
    assert_eq!(outcome, refused(4_000, 1_120));
    relax.shared_by.clear();
    relax.outlook.is_calm = false;
    snapshot(&db, &[(RELAX, relax)], "now()").await;
    let outcome = db.store.submit(by(9, 7)).await.unwrap();
    assert_eq!(outcome, refused(4_000, 1_120));
}

#[tokio::test]
async fn a_job_that_starts_later_than_its_tier_promises_is_taken_in_and_quoted() {
    let db = TestDatabase::create().await;
    execute(
        &db,
        "UPDATE tiers SET promise_factor = 3 WHERE name = 'free'",
    )
    .await;
    // Three times ten seconds are promised, so it may wait for twenty.
    snapshot(&db, &[(RELAX, waiting(20.0, 0.0))], "now()").await;
    let in_time = db.store.submit(submission(1)).await.unwrap();
    assert_eq!(quote(&in_time), None);
    snapshot(&db, &[(RELAX, waiting(30.0, 0.0))], "now()").await;
    let late = db.store.submit(by(8, 2)).await.unwrap();
    assert_eq!(quote(&late), Some(seconds(30)));
    let shown = |n: u16| db.store.job_snapshot(submission(n).job);
    let told = [shown(1).await, shown(2).await].map(|job| job.unwrap().unwrap().quoted_wait);
    assert_eq!(told, [None, Some(seconds(30))]);
    // What is within a share does not wait for what is beyond, and is told so.
    snapshot(&db, &[(RELAX, waiting(30.0, 70.0))], "now()").await;
    let beyond = db.store.submit(by(8, 3)).await.unwrap();
    assert_eq!(quote(&beyond), Some(seconds(100)));
    let outlook = |n: u16| db.store.queue_outlook(submission(n).job);
    let waits = [outlook(2).await, outlook(3).await].map(|known| known.unwrap().unwrap().1);
    assert_eq!(waits, [Some(30.0), Some(100.0)]);
}

#[tokio::test]
async fn several_jobs_are_quoted_before_they_are_agreed_to_and_refused_together() {
    let db = TestDatabase::create().await;
    let rules = "permutation_limit = 4, promise_factor = 3";
    execute(
        &db,
        &format!("UPDATE tiers SET {rules} WHERE name = 'free'"),
    )
    .await;
    let proposal = |n: u16| NewProposal {
        id: BatchId(Uuid::from_u128(u128::from(n))),
        interaction: InteractionId(i64::from(n)),
        member: DiscordId(7),
        fresh_user: UserId(Uuid::from_u128(500)),
        default_tier: "free".into(),
        guild: Some(GUILD),
        channel: DiscordId(3),
        words: "a {red, blue} boat".into(),
        pictures: Vec::new(),
        region: "local".into(),
        pool: "main".into(),
        jobs: vec![(None, spec()); 2],
        price: Credits(0),
        created_at: NOW,
        expires_at: NOW + WITHIN,
    };
    // The first is within his share and would start in time; the second is not.
    snapshot(&db, &[(RELAX, waiting(0.0, 500.0))], "now()").await;
    let quoted = Some(seconds(500));
    let proposed = db.store.propose(proposal(1)).await.unwrap();
    assert_eq!(proposed, Proposed::Open { quoted });
    let job = |k: u16| Submission {
        job: JobId(Uuid::from_u128(u128::from(k))),
        interaction: InteractionId(100),
        ..submission(1)
    };
    let batch = BatchSubmission {
        proposal: BatchId(Uuid::from_u128(1)),
        jobs: vec![job(1), job(2)],
        at: NOW,
    };
    snapshot(&db, &[(RELAX, waiting(0.0, 4_000.0))], "now()").await;
    let crowded = NoRoom::Crowded {
        wait: seconds(4_000),
        again: seconds(1_120),
        tier: "free".into(),
    };
    let outcome = db.store.submit_batch(batch.clone()).await.unwrap();
    assert_eq!(outcome, BatchSubmitted::Refused(crowded.clone()));
    let proposed = db.store.propose(proposal(2)).await.unwrap();
    assert_eq!(proposed, Proposed::Refused(crowded));
    assert_eq!(number(&db, "SELECT count(*) FROM jobs").await, 0);
    // The proposal is still open, and what he agrees to is quoted as it is then.
    snapshot(&db, &[(RELAX, waiting(0.0, 600.0))], "now()").await;
    let outcome = db.store.submit_batch(batch).await.unwrap();
    assert!(matches!(outcome, BatchSubmitted::Accepted { .. }));
    let told = "SELECT coalesce(sum(quoted_wait_s), 0)::bigint FROM jobs";
    assert_eq!(number(&db, told).await, 600);
}
