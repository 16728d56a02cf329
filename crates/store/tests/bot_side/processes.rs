//! What several bot processes agree on.

use std::time::Duration;

use easel_store::testing::TestDatabase;
use uuid::Uuid;

const TERM: Duration = Duration::from_mins(1);
const GONE: Duration = Duration::ZERO;

#[tokio::test]
async fn a_shard_is_let_go_for_the_one_who_asked_and_for_nobody_else() {
    let db = TestDatabase::create().await;
    let [old, new, third] = [1, 2, 3].map(Uuid::from_u128);
    db.store.ask_for_shard(0, new, TERM).await.unwrap();
    let lease = db.store.claim_shard(0, old, TERM).await.unwrap().unwrap();
    assert!(!db.store.renew_shard(lease, TERM).await.unwrap());
    db.store.ask_for_shard(0, old, TERM).await.unwrap();
    assert!(
        !db.store.renew_shard(lease, TERM).await.unwrap(),
        "by itself"
    );
    db.store.ask_for_shard(0, new, TERM).await.unwrap();
    db.store.ask_for_shard(0, third, TERM).await.unwrap();
    assert!(db.store.renew_shard(lease, TERM).await.unwrap());
    assert_eq!(db.store.claim_shard(0, new, TERM).await.unwrap(), None);
    db.store.release_shard(lease).await.unwrap();
    assert_eq!(db.store.claim_shard(0, third, TERM).await.unwrap(), None);
    let next = db.store.claim_shard(0, new, TERM).await.unwrap().unwrap();
    assert!(next.epoch() > lease.epoch());
    assert!(!db.store.renew_shard(next, TERM).await.unwrap());
}

#[tokio::test]
async fn who_asked_and_died_keeps_a_shard_from_nobody() {
    let db = TestDatabase::create().await;
    let [old, new, third] = [1, 2, 3].map(Uuid::from_u128);
    let lease = db.store.claim_shard(0, old, TERM).await.unwrap().unwrap();
    db.store.ask_for_shard(0, new, GONE).await.unwrap();
    assert!(!db.store.renew_shard(lease, TERM).await.unwrap());
    db.store.release_shard(lease).await.unwrap();
    assert!(
        db.store
            .claim_shard(0, third, TERM)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn processes_are_counted_by_what_they_own_and_ask_for() {
    let db = TestDatabase::create().await;
    let [old, new, other, dead] = [1, 2, 3, 4].map(Uuid::from_u128);
    assert_eq!(db.store.count_processes(old).await.unwrap(), 1);
    for (shard, holder, term) in [
        (0, old, TERM),
        (1, old, TERM),
        (2, other, TERM),
        (3, dead, GONE),
    ] {
        db.store.claim_shard(shard, holder, term).await.unwrap();
    }
    assert_eq!(db.store.count_processes(old).await.unwrap(), 2);
    assert_eq!(db.store.count_processes(new).await.unwrap(), 3);
    db.store.ask_for_shard(0, new, TERM).await.unwrap();
    assert_eq!(db.store.count_processes(old).await.unwrap(), 3);
}

#[tokio::test]
async fn sessions_of_one_remainder_begin_one_after_another() {
    let db = TestDatabase::create().await;
    let take = async |bucket, pause| db.store.take_identify_turn(bucket, pause).await.unwrap();
    assert_eq!(take(0, TERM).await, None);
    let left = take(0, TERM).await.unwrap();
    assert!(left > TERM / 2 && left <= TERM, "{left:?}");
    assert_eq!(take(1, GONE).await, None, "another remainder");
    assert_eq!(take(1, GONE).await, None, "its pause is over");
    db.store.note_identify(1, TERM).await.unwrap();
    assert!(
        take(1, GONE).await.is_some(),
        "a session began later than its turn was taken"
    );
    db.store.note_identify(0, GONE).await.unwrap();
    assert!(take(0, GONE).await.is_some(), "no pause is shortened");
}
