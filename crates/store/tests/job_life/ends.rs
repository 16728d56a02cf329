//! How jobs end, and what that costs.

use std::time::Duration;

use super::world::*;
use easel_domain::LeaseToken;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::AfterFailure;
use easel_domain::job::{EndReason, JobState};
use easel_domain::model::ModelRef;
use easel_domain::picture::PictureOutcome;
use easel_store::finish::AfterTry;
use easel_store::grant::GrantedFile;

#[tokio::test]
async fn a_finished_job_is_charged_once_and_its_message_must_change() {
    let world = World::new().await;
    let job = world.job().await;
    assert_eq!(
        world
            .store()
            .waiting_jobs("eu", "main", None, 10)
            .await
            .unwrap()
            .jobs[0]
            .job_id,
        job
    );
    let lease = world.lease(job, &world.node()).await.unwrap();
    assert!(
        world
            .store()
            .waiting_job("eu", "main", job)
            .await
            .unwrap()
            .is_none()
    );

    let grants = [GrantedFile {
        key: "public/0".into(),
        claim: claim(0),
    }];
    for _ in 0..2 {
        world
            .store()
            .grant_uploads(&world.leadership, lease, &grants)
            .await
            .unwrap();
    }
    let stands = world.store().lease_files(lease).await.unwrap();
    assert_eq!(stands.granted, grants);

    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    let ended = world
        .store()
        .complete(&world.leadership, &done)
        .await
        .unwrap();
    assert_eq!(ended.state, JobState::Completed);
    let again = world.store().complete(&world.leadership, &done).await;
    assert!(again.unwrap_err().is_lost_race());

    assert_eq!(world.state(job).await, "completed");
    assert_eq!(world.number("SELECT balance FROM accounts").await, 92);
    assert_eq!(
        world
            .number("SELECT count(*) FROM ledger WHERE settles AND kind = 'charge'")
            .await,
        1
    );
    assert_eq!(world.number("SELECT count(*) FROM leases").await, 0);
    assert_eq!(
        world
            .number("SELECT desired_rev::bigint FROM deliveries")
            .await,
        2
    );
    let unsent = world
        .store()
        .unsent_outbox(Duration::ZERO, 10)
        .await
        .unwrap();
    assert_eq!(
        (unsent[0].queue.as_str(), unsent[0].id),
        ("shard.0", ended.outbox_id)
    );
}

#[tokio::test]
async fn a_blocked_picture_is_not_charged_and_has_no_file() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    let outcomes = [
        PictureOutcome::Pass,
        PictureOutcome::Block,
        PictureOutcome::Pass,
        PictureOutcome::Pass,
    ];
    world
        .store()
        .complete(&world.leadership, &world.completion(lease, outcomes))
        .await
        .unwrap();
    assert_eq!(world.number("SELECT balance FROM accounts").await, 94);
    assert_eq!(world.number("SELECT count(*) FROM job_files").await, 3);
}

#[tokio::test]
async fn equal_pictures_share_an_object_and_keep_their_places() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    let same: Vec<GrantedFile> = (0..4)
        .map(|index| GrantedFile {
            key: "public/same".into(),
            claim: claim(index),
        })
        .collect();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &same)
        .await
        .unwrap();
    let stands = world.store().lease_files(lease).await.unwrap();
    assert_eq!(stands.granted.len(), 4);
    let mut done = world.completion(lease, [PictureOutcome::Pass; 4]);
    for file in &mut done.files {
        file.key = "public/same".into();
    }
    world
        .store()
        .complete(&world.leadership, &done)
        .await
        .unwrap();
    assert_eq!(world.number("SELECT count(*) FROM job_files").await, 4);
    assert_eq!(world.number("SELECT count(*) FROM blobs").await, 1);
}

#[tokio::test]
async fn four_blocked_pictures_end_the_job_as_rejected_and_free() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    let done = world.completion(lease, [PictureOutcome::Block; 4]);
    let ended = world
        .store()
        .complete(&world.leadership, &done)
        .await
        .unwrap();
    assert_eq!(ended.state, JobState::Rejected);
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn giving_up_releases_the_reservation() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    let after = world
        .store()
        .end_try(
            &world.leadership,
            lease,
            AfterFailure::GiveUp,
            None,
            EndReason::AttemptsExhausted,
            "oom",
        )
        .await
        .unwrap();
    assert!(matches!(after, AfterTry::Ended(ended) if ended.state == JobState::Failed));
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn a_waiting_job_that_nobody_can_render_fails_and_a_leased_one_does_not() {
    let world = World::new().await;
    let (waiting, leased) = (world.job().await, world.job().await);
    world.lease(leased, &world.node()).await.unwrap();
    let gone = EndReason::ModelGone;
    let ended = world
        .store()
        .give_up_waiting(&world.leadership, waiting, gone, "")
        .await
        .unwrap();
    assert_eq!(ended.state, JobState::Failed);
    let refused = world
        .store()
        .give_up_waiting(&world.leadership, leased, gone, "")
        .await;
    assert!(refused.unwrap_err().is_lost_race());
    assert_eq!(world.state(leased).await, "leased");
}

#[tokio::test]
async fn a_cancel_ends_a_waiting_job_and_loses_against_one_that_finishes() {
    let world = World::new().await;
    let (waiting, finishing) = (world.job().await, world.job().await);
    let lease = world.lease(finishing, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    for job in [waiting, finishing] {
        let connection = world.store().connection().await.unwrap();
        connection
            .execute(
                "INSERT INTO cancel_requests (job_id, requested_by) SELECT id, user_id FROM jobs WHERE id = $1",
                &[&job],
            )
            .await
            .unwrap();
    }
    assert!(
        world
            .lease(waiting, &world.node())
            .await
            .unwrap_err()
            .is_lost_race()
    );
    let mut open = world
        .store()
        .open_cancel_requests("eu", "main", 10)
        .await
        .unwrap();
    open.sort();
    let mut both = vec![waiting, finishing];
    both.sort();
    assert_eq!(open, both);
    let ended = world
        .store()
        .cancel(&world.leadership, waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.state, JobState::Cancelled);
    assert_eq!(
        world
            .store()
            .cancel(&world.leadership, finishing)
            .await
            .unwrap(),
        None
    );
    assert_eq!(world.state(finishing).await, "finishing");
    assert!(
        world
            .store()
            .open_cancel_requests("eu", "main", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_cancel_that_lost_against_finishing_wins_when_the_try_must_be_repeated() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    let connection = world.store().connection().await.unwrap();
    let ask = "INSERT INTO cancel_requests (job_id, requested_by) SELECT id, user_id FROM jobs WHERE id = $1";
    connection.execute(ask, &[&job]).await.unwrap();
    assert_eq!(
        world.store().cancel(&world.leadership, job).await.unwrap(),
        None
    );
    let again = AfterFailure::Requeue {
        attempt: 1,
        pause: Duration::ZERO,
    };
    let reason = EndReason::AttemptsExhausted;
    let after = world
        .store()
        .end_try(&world.leadership, lease, again, None, reason, "")
        .await
        .unwrap();
    assert!(matches!(after, AfterTry::Ended(ended) if ended.state == JobState::Cancelled));
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn a_job_that_two_nodes_died_of_is_given_up_and_costs_nothing() {
    let world = World::new().await;
    let job = world.job().await;
    let first = world.node();
    let lease = world.lease(job, &first).await.unwrap();
    let after = world
        .store()
        .end_try_by_death(&world.leadership, lease, first.boot, "silent")
        .await
        .unwrap();
    assert_eq!(after, AfterTry::Requeued(job));
    let second = world.node();
    let lease = world.lease(job, &second).await.unwrap();
    assert_eq!(lease.attempt, 1);
    let after = world
        .store()
        .end_try_by_death(&world.leadership, lease, second.boot, "silent")
        .await
        .unwrap();
    assert!(matches!(after, AfterTry::Ended(ended) if ended.state == JobState::Failed));
    assert_eq!(
        world
            .number("SELECT count(*) FROM jobs WHERE end_reason = 'nodes_died' AND deaths = 2")
            .await,
        1
    );
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_hides_no_other() {
    let world = World::new().await;
    let mut jobs = [world.job().await, world.job().await, world.job().await];
    jobs.sort_unstable();
    let connection = world.store().connection().await.unwrap();
    connection
        .execute(
            "UPDATE jobs SET spec = '{\"kind\": \"sculpture\"}' WHERE id = $1",
            &[&jobs[1]],
        )
        .await
        .unwrap();
    let mut page = world
        .store()
        .waiting_jobs("eu", "main", None, 2)
        .await
        .unwrap();
    assert_eq!((page.jobs.len(), page.unreadable.len()), (1, 1));
    assert_eq!(
        (page.unreadable[0].job_id, page.next),
        (jobs[1], Some(jobs[1]))
    );
    page = world
        .store()
        .waiting_jobs("eu", "main", page.next, 2)
        .await
        .unwrap();
    assert_eq!((page.jobs[0].job_id, page.next), (jobs[2], None));
    let given_up = world
        .store()
        .give_up_waiting(&world.leadership, jobs[1], EndReason::Unrenderable, "")
        .await
        .unwrap();
    assert_eq!(given_up.state, JobState::Failed);
}

#[tokio::test]
async fn a_waiting_job_goes_on_with_the_weights_that_replaced_its_own() {
    let world = World::new().await;
    let (waiting, leased) = (world.job().await, world.job().await);
    world.lease(leased, &world.node()).await.unwrap();
    let new = ModelRef {
        id: "tiny".into(),
        hash: "h2".into(),
    };
    let moved = world
        .store()
        .retarget_waiting(&world.leadership, &[waiting, leased], "h", &new)
        .await
        .unwrap();
    assert_eq!(moved, [waiting]);
    let job = world
        .store()
        .waiting_job("eu", "main", waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.model_hash, "h2");
    let lease = LeaseToken(world.entropy.random_uuid());
    let taken = world
        .store()
        .take_lease(&world.leadership, waiting, lease, &world.node(), TERM)
        .await
        .unwrap();
    assert_eq!(taken.spec.model(), &new);
}
