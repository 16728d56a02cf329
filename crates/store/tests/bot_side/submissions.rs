//! What becomes of a submission.

use std::time::Duration;

use super::support::*;
use easel_domain::ledger::Credits;
use easel_domain::spec::Action;
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, JobId, UserId};
use easel_store::submit::{MessagePlace, Repetition, Submission, Submitted};
use easel_store::testing::TestDatabase;
use uuid::Uuid;

#[tokio::test]
async fn a_submission_is_one_job_with_words_reservation_message_and_hint_however_often_it_comes() {
    let db = TestDatabase::create().await;
    let first = db.store.submit(submission(1)).await.unwrap();
    assert_eq!(class_of(&first), ServiceClass::Relax);
    let again = Submission {
        job: JobId(Uuid::from_u128(99)),
        ..submission(1)
    };
    assert_eq!(
        db.store.submit(again).await.unwrap(),
        Submitted::Already {
            job: submission(1).job
        }
    );
    for table in [
        "jobs",
        "prompts",
        "ledger",
        "deliveries",
        "outbox",
        "job_events",
        "moderation_decisions",
        "users",
    ] {
        assert_eq!(
            number(&db, &format!("SELECT count(*) FROM {table}")).await,
            1,
            "{table}"
        );
    }
}

#[tokio::test]
async fn one_interaction_dispatched_twice_at_once_is_one_job() {
    let db = TestDatabase::create().await;
    let twin = Submission {
        job: JobId(Uuid::from_u128(2)),
        fresh_user: UserId(Uuid::from_u128(3)),
        ..submission(1)
    };
    let (one, other) = tokio::join!(db.store.submit(submission(1)), db.store.submit(twin));
    let outcomes = [one.unwrap(), other.unwrap()];
    assert_eq!(
        outcomes
            .iter()
            .filter(|o| matches!(o, Submitted::Accepted { .. }))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(number(&db, "SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_member_who_was_told_that_nothing_was_started_gets_no_job_after_all() {
    let db = TestDatabase::create().await;
    let late = submission(1);
    let interaction = late.interaction;
    db.store.open_intake(&intake(interaction.0)).await.unwrap();
    assert!(db.store.give_up_intake(interaction, NOW).await.unwrap());
    assert_eq!(db.store.submit(late).await.unwrap(), Submitted::GivenUp);
    assert_eq!(number(&db, "SELECT count(*) FROM jobs").await, 0);
    // And the other way round: of an interaction with a job nobody is told that nothing was started.
    let in_time = submission(2);
    let interaction = in_time.interaction;
    db.store.open_intake(&intake(interaction.0)).await.unwrap();
    db.store.submit(in_time).await.unwrap();
    assert!(!db.store.give_up_intake(interaction, NOW).await.unwrap());
}

#[tokio::test]
async fn of_a_submit_and_a_sweep_that_meet_exactly_one_has_its_way() {
    let db = TestDatabase::create().await;
    for n in 1..=20 {
        let submission = Submission {
            member: DiscordId(i64::from(n)),
            ..submission(n)
        };
        let interaction = submission.interaction;
        db.store.open_intake(&intake(interaction.0)).await.unwrap();
        let (submitted, given_up) = tokio::join!(
            db.store.submit(submission),
            db.store.give_up_intake(interaction, NOW)
        );
        let submitted = submitted.unwrap();
        assert_eq!(
            submitted == Submitted::GivenUp,
            given_up.unwrap(),
            "{submitted:?}"
        );
    }
}

#[tokio::test]
async fn the_same_words_soon_after_are_the_running_job_and_not_later_elsewhere_or_by_others() {
    let db = TestDatabase::create().await;
    let words = |n, seconds: u64| Submission {
        repetition: Repetition::SameWords(WITHIN),
        submitted_at: NOW + Duration::from_secs(seconds),
        ..submission(n)
    };
    db.store.submit(words(1, 0)).await.unwrap();
    let repeated = db.store.submit(words(2, 9)).await.unwrap();
    assert!(
        matches!(repeated, Submitted::Repeated { job, .. } if job == submission(1).job),
        "{repeated:?}"
    );
    class_of(&db.store.submit(words(3, 11)).await.unwrap());
    let elsewhere = MessagePlace {
        channel: DiscordId(8),
        ..submission(4).place
    };
    class_of(
        &db.store
            .submit(Submission {
                place: elsewhere,
                ..words(4, 0)
            })
            .await
            .unwrap(),
    );
    class_of(
        &db.store
            .submit(Submission {
                member: DiscordId(9),
                ..words(5, 0)
            })
            .await
            .unwrap(),
    );
}

#[tokio::test]
async fn a_button_pressed_twice_is_one_job_and_u_is_one_for_ever_unless_it_failed() {
    let db = TestDatabase::create().await;
    db.store.submit(submission(1)).await.unwrap();
    let parent = Some((submission(1).job, 2));
    let click = |n, seconds: u64| Submission {
        action: Action::Vary,
        parent,
        repetition: Repetition::SameClick(Duration::from_secs(3)),
        submitted_at: NOW + Duration::from_secs(seconds),
        ..submission(n)
    };
    db.store.submit(click(2, 0)).await.unwrap();
    assert!(matches!(
        db.store.submit(click(3, 2)).await.unwrap(),
        Submitted::Repeated { .. }
    ));
    class_of(&db.store.submit(click(4, 4)).await.unwrap());
    execute(&db, "UPDATE jobs SET state = 'failed', ended_at = now()").await;
    let once = |n| Submission {
        action: Action::Upscale,
        parent,
        repetition: Repetition::Once,
        ..submission(n)
    };
    db.store.submit(once(5)).await.unwrap();
    execute(
        &db,
        "UPDATE jobs SET state = 'completed', ended_at = now() WHERE action = 'upscale'",
    )
    .await;
    let again = db.store.submit(once(6)).await.unwrap();
    assert!(
        matches!(again, Submitted::Repeated { job, .. } if job == once(5).job),
        "{again:?}"
    );
    execute(
        &db,
        "UPDATE jobs SET state = 'failed' WHERE action = 'upscale'",
    )
    .await;
    class_of(&db.store.submit(once(7)).await.unwrap());
}

#[tokio::test]
async fn limits_and_prices_are_decided_under_the_lock() {
    let db = TestDatabase::create().await;
    let dear = Submission {
        quote: Credits(5),
        ..submission(1)
    };
    assert_eq!(
        db.store.submit(dear.clone()).await.unwrap(),
        Submitted::TooDear {
            balance: Credits(0)
        }
    );
    let all: Vec<_> = futures_of(&db, 2..10).await;
    assert_eq!(
        all.iter()
            .filter(|o| matches!(o, Submitted::Accepted { .. }))
            .count(),
        4,
        "{all:?}"
    );
    assert!(all.contains(&Submitted::QueueFull {
        unfinished: 4,
        limit: 4,
        tier: "free".into()
    }));
    execute(&db, "UPDATE jobs SET state = 'failed', ended_at = now(); UPDATE accounts SET balance = 7, tier = 'premium'").await;
    let paid = db
        .store
        .submit(Submission {
            lane: Some(ServiceClass::Relax),
            ..dear
        })
        .await
        .unwrap();
    assert_eq!(
        class_of(&paid),
        ServiceClass::Relax,
        "a less urgent lane may be asked for"
    );
    assert_eq!(number(&db, "SELECT balance FROM accounts").await, 2);
    assert_eq!(number(&db, "SELECT min(amount) FROM ledger").await, -5);
    let turbo = Submission {
        lane: Some(ServiceClass::Turbo),
        ..submission(12)
    };
    assert_eq!(
        class_of(&db.store.submit(turbo).await.unwrap()),
        ServiceClass::Fast,
        "a more urgent one may not"
    );
}

/// Many submissions of one member at once.
async fn futures_of(db: &TestDatabase, range: std::ops::Range<u16>) -> Vec<Submitted> {
    let mut running = tokio::task::JoinSet::new();
    for n in range {
        let store = db.store.clone();
        running.spawn(async move { store.submit(submission(n)).await.unwrap() });
    }
    running.join_all().await
}
