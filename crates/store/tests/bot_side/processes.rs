//! What several bot processes agree on.

use std::time::Duration;

use easel_store::shard::BotProcess;
use easel_store::testing::TestDatabase;
use uuid::Uuid;

const TERM: Duration = Duration::from_mins(1);
const GONE: Duration = Duration::ZERO;

/// Processes in the order of their starts.
async fn started<const COUNT: usize>(db: &TestDatabase) -> [BotProcess; COUNT] {
    let mut all = Vec::new();
    for n in 0..COUNT as u128 {
        let one = db.store.begin_process(Uuid::from_u128(n + 1), 0).await;
        all.push(one.unwrap());
    }
    all.try_into().unwrap()
}

#[tokio::test]
async fn a_shard_is_let_go_for_the_one_who_asked_and_for_nobody_else() {
    let db = TestDatabase::create().await;
    let [old, new, third] = started(&db).await;
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
    let [old, new, third] = started(&db).await;
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
async fn only_a_later_process_is_a_successor() {
    let db = TestDatabase::create().await;
    let [old, new] = started(&db).await;
    let lease = db.store.claim_shard(0, new, TERM).await.unwrap().unwrap();
    assert!(!db.store.ask_for_shard(0, old, TERM).await.unwrap());
    assert!(!db.store.renew_shard(lease, TERM).await.unwrap());
    // What a later process lets go of, anybody may have.
    db.store.release_shard(lease).await.unwrap();
    let back = db.store.claim_shard(0, old, TERM).await.unwrap().unwrap();
    assert!(db.store.ask_for_shard(0, new, TERM).await.unwrap());
    assert!(db.store.renew_shard(back, TERM).await.unwrap());
}

#[tokio::test]
async fn a_process_of_an_older_release_is_no_successor_however_often_it_starts() {
    let db = TestDatabase::create().await;
    let begin = async |id, release| {
        let begun = db.store.begin_process(Uuid::from_u128(id), release).await;
        begun.unwrap()
    };
    let (new, restarted) = (begin(1, 8).await, begin(2, 7).await);
    let lease = db.store.claim_shard(0, new, TERM).await.unwrap().unwrap();
    assert!(!db.store.ask_for_shard(0, restarted, TERM).await.unwrap());
    assert!(!db.store.renew_shard(lease, TERM).await.unwrap());
    let next = begin(3, 8).await;
    assert!(db.store.ask_for_shard(0, next, TERM).await.unwrap());
}

#[tokio::test]
async fn processes_are_counted_by_what_they_own_and_ask_for() {
    let db = TestDatabase::create().await;
    let [old, new, other, dead] = started(&db).await;
    assert_eq!(db.store.count_processes(old.id()).await.unwrap(), 1);
    for (shard, holder, term) in [
        (0, old, TERM),
        (1, old, TERM),
        (2, other, TERM),
        (3, dead, GONE),
    ] {
        db.store.claim_shard(shard, holder, term).await.unwrap();
    }
    assert_eq!(db.store.count_processes(old.id()).await.unwrap(), 2);
    assert_eq!(db.store.count_processes(new.id()).await.unwrap(), 3);
    db.store.ask_for_shard(2, new, TERM).await.unwrap();
    assert_eq!(
        db.store.count_processes(old.id()).await.unwrap(),
        2,
        "who asks in vain does not count"
    );
    db.store.ask_for_shard(0, new, TERM).await.unwrap();
    assert_eq!(db.store.count_processes(old.id()).await.unwrap(), 3);
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
