//! Objects that nothing refers to any more.

use std::collections::HashSet;
use std::time::Duration;

use super::world::*;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::AfterFailure;
use easel_domain::job::EndReason;
use easel_domain::message::{LeaseRef, StoredFile};
use easel_domain::picture::PictureOutcome;
use easel_domain::{DiscordId, JobId, UserId};
use easel_store::StoreError;
use easel_store::complete::Completion;
use easel_store::grant::{GrantedFile, MayStore};
use easel_store::removal::{Removal, Removed};
use tokio::task::JoinSet;
use uuid::Uuid;

const NOW: Duration = Duration::ZERO;

/// A job under a lease that may store four files under these names.
async fn granted(world: &World) -> (JobId, LeaseRef) {
    let (lease, files, _) = same_again(world).await;
    let store = world.store();
    let granted = store.grant_uploads(&world.leadership, lease, &files).await;
    granted.unwrap();
    (lease.job_id, lease)
}

async fn finished(world: &World) -> JobId {
    let (job, lease) = granted(world).await;
    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    let store = world.store();
    store.complete(&world.leadership, &done).await.unwrap();
    job
}

async fn removed(world: &World, job: JobId) {
    let member = DiscordId(i64::from(world.entropy.random_u32()));
    let connection = world.store().connection().await.unwrap();
    let known = "INSERT INTO discord_users (user_id, discord_id) SELECT user_id, $2 FROM jobs WHERE id = $1";
    connection.execute(known, &[&job, &member]).await.unwrap();
    let removal = Removal {
        job,
        member,
        fresh_user: UserId(Uuid::from_u128(77)),
        moderates: None,
        shard: 0,
        at: time::OffsetDateTime::UNIX_EPOCH,
    };
    let outcome = world.store().remove_result(removal).await.unwrap();
    assert_eq!(outcome, Removed::Done);
}

async fn collected(world: &World) -> usize {
    let store = world.store();
    store.settle_grants(NOW, 100).await.unwrap();
    let keys = store.collect_garbage(&world.leadership, NOW, 100).await;
    let keys = keys.unwrap();
    store.garbage_gone(&keys).await.unwrap();
    keys.len()
}

#[tokio::test]
async fn what_a_deleted_result_showed_goes_once_nothing_else_shows_it() {
    let world = World::new().await;
    // Equal pictures: both results show the same objects.
    let (first, second) = (finished(&world).await, finished(&world).await);
    assert_eq!(collected(&world).await, 0);
    removed(&world, first).await;
    assert_eq!(collected(&world).await, 0, "the other one shows them");
    removed(&world, second).await;
    let later = world.store().collect_garbage(&world.leadership, TERM, 100);
    assert!(later.await.unwrap().is_empty(), "not at once");
    assert_eq!(collected(&world).await, 4);
    assert_eq!(collected(&world).await, 0);
    let state = world.store().garbage_state().await.unwrap();
    assert_eq!((state.waiting, state.marked, state.oldest), (0, 0, NOW));
    let left = "SELECT (SELECT count(*) FROM blobs) + (SELECT count(*) FROM garbage) + (SELECT count(*) FROM upload_grants)";
    assert_eq!(world.number(left).await, 0);
}

#[tokio::test]
async fn what_an_unfinished_job_reads_stays_until_it_has_ended() {
    let world = World::new().await;
    let made = finished(&world).await;
    let asks = world.picture_question().await;
    let connection = world.store().connection().await.unwrap();
    let reads = "UPDATE jobs SET spec = jsonb_set(spec, '{inputs,0,key}', to_jsonb(
                     (SELECT blob_key FROM job_files WHERE job_id = $2 ORDER BY blob_key LIMIT 1))) WHERE id = $1";
    connection.execute(reads, &[&asks, &made]).await.unwrap();
    removed(&world, made).await;
    assert_eq!(collected(&world).await, 3, "one of them is read");
    let over = "UPDATE jobs SET state = 'cancelled', ended_at = now(), end_reason = 'cancelled' WHERE id = $1";
    connection.execute(over, &[&asks]).await.unwrap();
    assert_eq!(collected(&world).await, 1);
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_holds_up_no_other() {
    let world = World::new().await;
    let made = finished(&world).await;
    removed(&world, made).await;
    let store = world.store();
    store.settle_grants(NOW, 100).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let one = store.collect_garbage(&world.leadership, NOW, 1).await;
        seen.extend(one.unwrap());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "{seen:?}");
    let state = store.garbage_state().await.unwrap();
    assert_eq!((state.waiting, state.marked), (0, 4));
    assert!(state.oldest > NOW);
    // They come again.
    assert_eq!(collected(&world).await, 4);
}

#[tokio::test]
async fn what_a_lost_try_stored_goes_and_what_a_lease_may_yet_store_stays() {
    let world = World::new().await;
    let (_, lost) = granted(&world).await;
    let (_, other) = granted(&world).await;
    let store = world.store();
    let (give_up, reason) = (AfterFailure::GiveUp, EndReason::AttemptsExhausted);
    let failed = store.end_try(&world.leadership, lost, give_up, None, reason, "it broke");
    failed.await.unwrap();
    assert_eq!(
        collected(&world).await,
        0,
        "the other job may store the same"
    );
    let done = world.completion(other, [PictureOutcome::Block; 4]);
    store.complete(&world.leadership, &done).await.unwrap();
    assert_eq!(collected(&world).await, 4, "nothing of it is shown");
}

/// Marks what a deleted result showed, as the first step of its collection.
async fn marked(world: &World) -> Vec<String> {
    let first = finished(world).await;
    removed(world, first).await;
    let store = world.store();
    store.settle_grants(NOW, 100).await.unwrap();
    let keys = store.collect_garbage(&world.leadership, NOW, 100).await;
    let keys = keys.unwrap();
    assert_eq!(keys.len(), 4);
    keys
}

/// A lease of a job that makes the same pictures, what it may store, and what it reports.
async fn same_again(world: &World) -> (LeaseRef, Vec<GrantedFile>, Completion) {
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    let granted = |file: &StoredFile| GrantedFile {
        key: file.key.clone(),
        claim: file.claim.clone(),
    };
    let files = done.files.iter().map(granted).collect();
    (lease, files, done)
}

#[tokio::test]
async fn an_object_that_is_being_deleted_is_granted_to_nobody_until_it_is_gone() {
    let world = World::new().await;
    let keys = marked(&world).await;
    let store = world.store();
    let (lease, files, done) = same_again(&world).await;
    // The object is still there: the node would be told so, and believe that it need not store its own.
    let early = store.grant_uploads(&world.leadership, lease, &files).await;
    assert!(
        matches!(early, Err(StoreError::Contention { .. })),
        "{early:?}"
    );
    assert!(store.lease_files(lease).await.unwrap().granted.is_empty());
    // Who stores something else at the same time is held up by it no more than others are.
    let other = world.lease(world.job().await, &world.node()).await.unwrap();
    let (key, claim) = ("public/other.png".to_owned(), files[0].claim.clone());
    let others = [GrantedFile { key, claim }];
    let both = [(lease, files.as_slice()), (other, others.as_slice())];
    let both = store.grant_all(&world.leadership, &both).await.unwrap();
    assert_eq!(both[&lease.job_id], MayStore::OnceDeleted);
    assert_eq!(both[&other.job_id], MayStore::Now);
    store.garbage_gone(&keys).await.unwrap();
    let granted = store.grant_uploads(&world.leadership, lease, &files).await;
    granted.unwrap();
    let stands = store.lease_files(lease).await.unwrap();
    assert_eq!((stands.granted, stands.being_deleted), (files, false));
    store.complete(&world.leadership, &done).await.unwrap();
    assert_eq!(collected(&world).await, 0);
    assert_eq!(world.number("SELECT count(*) FROM blobs").await, 4);
}

#[tokio::test]
async fn whoever_marks_an_object_is_waited_for_before_the_store_is_asked_what_arrived() {
    let world = World::new().await;
    let store = world.store();
    let (lease, files, done) = same_again(&world).await;
    let granted = store.grant_uploads(&world.leadership, lease, &files).await;
    granted.unwrap();
    // A collector that looked just before this was granted, and has not come to its commit yet.
    let noticed = "INSERT INTO garbage (key) VALUES ($1)";
    let connection = store.connection().await.unwrap();
    connection.execute(noticed, &[&files[0].key]).await.unwrap();
    connection.batch_execute("BEGIN").await.unwrap();
    let marks = "UPDATE garbage SET collected_at = now() WHERE key = $1";
    connection.execute(marks, &[&files[0].key]).await.unwrap();
    let mut asking = JoinSet::new();
    asking.spawn({
        let store = store.clone();
        async move { store.lease_files(lease).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND wait_event_type = 'Lock' AND query LIKE '%grant::lease_files%'";
    while world.number(waits).await == 0 {
        assert!(asking.try_join_next().is_none(), "it did not wait");
        tokio::task::yield_now().await;
    }
    connection.batch_execute("COMMIT").await.unwrap();
    let asked = asking.join_next().await.unwrap().unwrap();
    assert!(asked.unwrap().being_deleted);
    // And were it asked nevertheless, no result refers to it.
    let early = store.complete(&world.leadership, &done).await;
    assert!(
        matches!(early, Err(StoreError::Contention { .. })),
        "{early:?}"
    );
}

#[tokio::test]
async fn what_a_collector_that_died_had_marked_is_collected_by_another() {
    let world = World::new().await;
    let keys = marked(&world).await;
    let again = world.store().collect_garbage(&world.leadership, NOW, 100);
    let again: HashSet<String> = again.await.unwrap().into_iter().collect();
    assert_eq!(again, keys.into_iter().collect());
}
