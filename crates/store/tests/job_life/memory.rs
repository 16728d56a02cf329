//! Tries that end for want of memory.

use std::time::Duration;

use easel_domain::JobId;
use easel_domain::failure::{AfterFailure, FailureKind, after_failure};
use easel_domain::job::JobState;
use easel_domain::message::LeaseRef;
use easel_domain::picture::PictureOutcome;
use easel_store::StoreError;
use easel_store::finish::AfterTry;

use super::world::World;

/// A lane of a tier that lets sizes be lowered, whose model was trained at 64 by 64 pixels.
async fn lenient() -> World {
    let world = World::new().await;
    let connection = world.store().connection().await.unwrap();
    connection
        .batch_execute(
            r#"UPDATE tiers SET lowers_size = true WHERE name = 'standard';
               INSERT INTO models (id, hash, profile) VALUES ('tiny', 'h', '{"id": "tiny", "native_width": 64,
                   "native_height": 64, "max_side": 96, "default_steps": 20, "default_guidance": 5.0}')"#,
        )
        .await
        .unwrap();
    world
}

/// A job of 64 by 64 pixels that nobody asked for.
async fn open_job(world: &World) -> JobId {
    let job = world.job().await;
    let connection = world.store().connection().await.unwrap();
    let open = "UPDATE jobs SET size_is_open = true WHERE id = $1";
    connection.execute(open, &[&job]).await.unwrap();
    job
}

async fn short(world: &World, lease: LeaseRef) -> Result<AfterTry, StoreError> {
    let after = match after_failure(FailureKind::Memory, lease.attempt, 0.0) {
        AfterFailure::Requeue { attempt, .. } => AfterFailure::Requeue {
            attempt,
            pause: Duration::ZERO,
        },
        AfterFailure::GiveUp => AfterFailure::GiveUp,
    };
    let store = world.store();
    store
        .end_try_by_memory(&world.leadership, lease, after, None, "full")
        .await
}

async fn tried(world: &World, job: JobId) -> AfterTry {
    let lease = world.lease(job, &world.node()).await.unwrap();
    short(world, lease).await.unwrap()
}

/// Size, attempt, and what it costs at most.
async fn drawn(world: &World, job: JobId) -> ((u32, u32), u32, i64) {
    let shown = world.store().job_snapshot(job).await.unwrap().unwrap();
    (shown.spec.finished_size(), shown.attempt, shown.price.0)
}

#[tokio::test]
async fn a_job_that_finds_no_memory_twice_is_drawn_smaller_for_less_and_its_message_tells() {
    let world = lenient().await;
    let job = open_job(&world).await;
    assert_eq!(tried(&world, job).await, AfterTry::Requeued(job));
    assert_eq!(drawn(&world, job).await, ((64, 64), 2, 8));
    let AfterTry::Lowered(lowered) = tried(&world, job).await else {
        panic!("it can be smaller");
    };
    assert_eq!((lowered.job_id, lowered.size), (job, (48, 48)));
    assert_eq!(world.state(job).await, "queued");
    assert_eq!(drawn(&world, job).await, ((48, 48), 2, 4));
    let shown = world.store().job_snapshot(job).await.unwrap().unwrap();
    assert_eq!(shown.shrunk(), Some(((64, 64), (48, 48))));
    assert_eq!(
        world
            .number("SELECT desired_rev::bigint FROM deliveries")
            .await,
        2,
        "its message has something to tell"
    );
    let hint = "SELECT count(*) FROM outbox WHERE queue = 'shard.0' AND sent_at IS NULL";
    assert_eq!(world.number(hint).await, 1);
    let event = "SELECT count(*) FROM job_events WHERE state = 'queued' AND attempt = 2
                 AND detail -> 'size' = '[48, 48]' AND detail -> 'instead_of' = '[64, 64]'";
    assert_eq!(world.number(event).await, 1);

    let lease = world.lease(job, &world.node()).await.unwrap();
    assert_eq!(lease.attempt, 2, "a smaller picture uses up no attempt");
    let store = world.store();
    store
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    store.complete(&world.leadership, &done).await.unwrap();
    // 8 of 100 credits were reserved, and nine sixteenths of the work cost 4.
    assert_eq!(world.number("SELECT balance FROM accounts").await, 96);
    let settled = "SELECT amount FROM ledger WHERE settles";
    assert_eq!(world.number(settled).await, 4);
}

#[tokio::test]
async fn lowering_ends_where_the_model_draws_nothing_sensible() {
    let world = lenient().await;
    let job = open_job(&world).await;
    tried(&world, job).await;
    for side in [48, 32] {
        assert!(matches!(tried(&world, job).await, AfterTry::Lowered(_)));
        assert_eq!(drawn(&world, job).await.0, (side, side));
    }
    let asked = "SELECT (asked_width + asked_height)::bigint FROM jobs";
    assert_eq!(
        world.number(asked).await,
        128,
        "what it was meant to be at first"
    );
    for _ in 2..5 {
        assert_eq!(tried(&world, job).await, AfterTry::Requeued(job));
    }
    let AfterTry::Ended(ended) = tried(&world, job).await else {
        panic!("that was the last attempt");
    };
    assert_eq!(ended.state, JobState::Failed);
    let reason = "SELECT count(*) FROM jobs WHERE end_reason = 'out_of_memory'";
    assert_eq!(world.number(reason).await, 1);
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn sizes_that_were_asked_for_and_tiers_that_do_not_allow_it_are_refused_in_the_end() {
    let world = lenient().await;
    let asked_for = world.job().await;
    for _ in 1..5 {
        assert_eq!(
            tried(&world, asked_for).await,
            AfterTry::Requeued(asked_for)
        );
    }
    assert!(matches!(tried(&world, asked_for).await, AfterTry::Ended(_)));
    assert_eq!(drawn(&world, asked_for).await, ((64, 64), 5, 8));

    let connection = world.store().connection().await.unwrap();
    connection
        .batch_execute("UPDATE tiers SET lowers_size = false")
        .await
        .unwrap();
    let open = open_job(&world).await;
    for _ in 1..5 {
        assert_eq!(tried(&world, open).await, AfterTry::Requeued(open));
    }
    assert!(matches!(tried(&world, open).await, AfterTry::Ended(_)));
    let reason =
        "SELECT count(*) FROM jobs WHERE end_reason = 'out_of_memory' AND end_detail = 'full'
                  AND asked_width IS NULL AND price IS NULL";
    assert_eq!(world.number(reason).await, 2);
}

#[tokio::test]
async fn an_old_lease_lowers_nothing_and_a_cancelled_job_ends() {
    let world = lenient().await;
    let job = open_job(&world).await;
    tried(&world, job).await;
    let old = world.lease(job, &world.node()).await.unwrap();
    assert!(matches!(
        short(&world, old).await.unwrap(),
        AfterTry::Lowered(_)
    ));
    let lease = world.lease(job, &world.node()).await.unwrap();
    assert!(short(&world, old).await.unwrap_err().is_lost_race());
    assert_eq!(drawn(&world, job).await.0, (48, 48));

    let connection = world.store().connection().await.unwrap();
    let ask = "INSERT INTO cancel_requests (job_id, requested_by) SELECT id, user_id FROM jobs WHERE id = $1";
    connection.execute(ask, &[&job]).await.unwrap();
    let AfterTry::Ended(ended) = short(&world, lease).await.unwrap() else {
        panic!("somebody has asked to cancel it");
    };
    assert_eq!(ended.state, JobState::Cancelled);
    assert_eq!(drawn(&world, job).await.0, (48, 48));
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn the_free_tier_lets_sizes_be_lowered_and_no_other_does_unless_it_is_told() {
    let world = World::new().await;
    let lenient = "SELECT count(*) FROM tiers WHERE lowers_size";
    assert_eq!(world.number(lenient).await, 1);
    let free = "SELECT count(*) FROM tiers WHERE lowers_size AND name = 'free'";
    assert_eq!(world.number(free).await, 1);
}
