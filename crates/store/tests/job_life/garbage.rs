//! Objects that nothing refers to any more.

use std::time::Duration;

use super::world::*;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::AfterFailure;
use easel_domain::job::EndReason;
use easel_domain::message::LeaseRef;
use easel_domain::picture::PictureOutcome;
use easel_domain::{DiscordId, JobId, UserId};
use easel_store::StoreError;
use easel_store::grant::GrantedFile;
use easel_store::removal::{Removal, Removed};
use uuid::Uuid;

const NOW: Duration = Duration::ZERO;

/// A job under a lease that may store four files under these names.
async fn granted(world: &World) -> (JobId, LeaseRef) {
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    let files: Vec<GrantedFile> = done
        .files
        .iter()
        .map(|file| GrantedFile {
            key: file.key.clone(),
            claim: file.claim.clone(),
        })
        .collect();
    let store = world.store();
    store
        .grant_uploads(&world.leadership, lease, &files)
        .await
        .unwrap();
    (job, lease)
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

#[tokio::test]
async fn no_result_refers_to_an_object_that_is_being_deleted() {
    let world = World::new().await;
    let first = finished(&world).await;
    removed(&world, first).await;
    let store = world.store();
    store.settle_grants(NOW, 100).await.unwrap();
    let keys = store.collect_garbage(&world.leadership, NOW, 100).await;
    let keys = keys.unwrap();
    assert_eq!(keys.len(), 4);
    // A node has just found the objects in the store, where they still are.
    let (_, lease) = granted(&world).await;
    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    let early = store.complete(&world.leadership, &done).await;
    assert!(
        matches!(early, Err(StoreError::Contention { .. })),
        "{early:?}"
    );
    // A collector that died is followed by another one.
    let again = store.collect_garbage(&world.leadership, NOW, 100).await;
    assert_eq!(again.unwrap().len(), 4);
    store.garbage_gone(&keys).await.unwrap();
    store.complete(&world.leadership, &done).await.unwrap();
    assert_eq!(collected(&world).await, 0);
    assert_eq!(world.number("SELECT count(*) FROM blobs").await, 4);
}
