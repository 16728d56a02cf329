//! Jobs that have nothing to do with each other, submitted in one transaction.

use std::time::Duration;

use super::support::*;
use easel_domain::{DiscordId, JobId};
use easel_store::submit::{Repetition, Submission, Submitted};
use easel_store::testing::TestDatabase;
use uuid::Uuid;

fn of_member(n: u16, member: i64) -> Submission {
    Submission {
        member: DiscordId(member),
        ..submission(n)
    }
}

#[tokio::test]
async fn each_is_decided_as_if_it_had_come_alone_after_those_before_it() {
    let db = TestDatabase::create().await;
    let words = |n| Submission {
        repetition: Repetition::SameWords(WITHIN),
        submitted_at: NOW + Duration::from_secs(u64::from(n)),
        ..of_member(n, 2)
    };
    let twin = Submission {
        job: JobId(Uuid::from_u128(99)),
        ..of_member(1, 1)
    };
    let all = vec![of_member(1, 1), words(2), twin, words(3), of_member(4, 3)];
    let outcomes = db.store.submit_all(all).await.unwrap();
    let job = |n: u16| JobId(Uuid::from_u128(u128::from(n)));
    assert!(matches!(outcomes[0], Submitted::Accepted { .. }));
    assert!(matches!(outcomes[1], Submitted::Accepted { .. }));
    assert_eq!(outcomes[2], Submitted::Already { job: job(1) });
    assert!(matches!(outcomes[3], Submitted::Repeated { job: first, .. } if first == job(2)));
    assert!(matches!(outcomes[4], Submitted::Accepted { .. }));
    for table in [
        "jobs",
        "prompts",
        "ledger",
        "deliveries",
        "outbox",
        "users",
        "accounts",
    ] {
        let count = number(&db, &format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(count, 3, "{table}");
    }
    for (n, outcome) in [(1, &outcomes[0]), (2, &outcomes[1]), (4, &outcomes[4])] {
        let Submitted::Accepted {
            outbox_id, queue, ..
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        let hint = format!(
            "SELECT count(*) FROM outbox WHERE id = {outbox_id} AND queue = '{queue}' AND body ->> 'job_id' = '{}'",
            job(n).0
        );
        assert_eq!(number(&db, &hint).await, 1, "{n}");
    }
}

#[tokio::test]
async fn a_member_gets_no_more_together_than_one_by_one() {
    let db = TestDatabase::create().await;
    let all: Vec<Submission> = (1..=64).map(|n| of_member(n, 1)).collect();
    let outcomes = db.store.submit_all(all).await.unwrap();
    let accepted = outcomes
        .iter()
        .filter(|o| matches!(o, Submitted::Accepted { .. }))
        .count();
    let limit = "SELECT (running_limit + waiting_limit)::bigint FROM tiers WHERE name = 'free'";
    assert_eq!(accepted as i64, number(&db, limit).await);
    let refused = &outcomes[accepted];
    assert!(
        matches!(refused, Submitted::QueueFull { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn submits_of_the_same_new_members_in_another_order_both_get_through() {
    let db = TestDatabase::create().await;
    let one = (1..=8).map(|n| of_member(n, i64::from(n))).collect();
    let other = (1..=8)
        .rev()
        .map(|n| of_member(n + 8, i64::from(n)))
        .collect();
    let (one, other) = tokio::join!(db.store.submit_all(one), db.store.submit_all(other));
    let outcomes = one.unwrap().into_iter().chain(other.unwrap());
    assert_eq!(
        outcomes
            .filter(|o| matches!(o, Submitted::Accepted { .. }))
            .count(),
        16
    );
    assert_eq!(number(&db, "SELECT count(*) FROM users").await, 8);
}
