//! Who may write, and for how long.

use std::time::Duration;

use super::world::*;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::AfterFailure;
use easel_domain::job::EndReason;
use easel_domain::message::LeaseRef;
use easel_domain::model::ModelRef;
use easel_domain::picture::PictureOutcome;
use easel_domain::spec::Sampler;
use easel_domain::{BootId, LeaseToken};
use easel_store::StoreError;
use easel_store::finish::AfterTry;
use uuid::Uuid;

const RETRY: AfterFailure = AfterFailure::Requeue {
    attempt: 2,
    pause: Duration::ZERO,
};

#[tokio::test]
async fn a_node_that_lost_its_lease_can_change_nothing() {
    let world = World::new().await;
    let job = world.job().await;
    let node = world.node();
    let old = world.lease(job, &node).await.unwrap();
    let after = world
        .store()
        .end_try(
            &world.leadership,
            old,
            RETRY,
            Some(node.boot),
            EndReason::AttemptsExhausted,
            "lost",
        )
        .await
        .unwrap();
    assert_eq!(after, AfterTry::Requeued(job));
    let new = world.lease(job, &world.node()).await.unwrap();
    assert_eq!(new.attempt, 2);

    let late = [
        world
            .store()
            .grant_uploads(&world.leadership, old, &[])
            .await,
        world
            .store()
            .complete(
                &world.leadership,
                &world.completion(old, [PictureOutcome::Pass; 4]),
            )
            .await
            .map(|_| ()),
        world
            .store()
            .end_try(
                &world.leadership,
                old,
                AfterFailure::GiveUp,
                None,
                EndReason::Unrenderable,
                "",
            )
            .await
            .map(|_| ()),
    ];
    assert!(
        late.into_iter()
            .all(|write| write.is_err_and(|error| error.is_lost_race()))
    );
    assert_eq!(world.state(job).await, "leased");
}

#[tokio::test]
async fn a_job_is_leased_once_and_not_while_it_pauses() {
    let world = World::new().await;
    let job = world.job().await;
    let node = world.node();
    let (first, second) = tokio::join!(world.lease(job, &node), world.lease(job, &node));
    assert!(first.is_ok() != second.is_ok());
    let lease = first.or(second).unwrap();
    let pause = AfterFailure::Requeue {
        attempt: 2,
        pause: Duration::from_mins(1),
    };
    world
        .store()
        .end_try(
            &world.leadership,
            lease,
            pause,
            None,
            EndReason::AttemptsExhausted,
            "oom",
        )
        .await
        .unwrap();
    assert!(world.lease(job, &node).await.unwrap_err().is_lost_race());
}

#[tokio::test]
async fn a_lease_runs_out_unless_its_node_renews_it() {
    let world = World::new().await;
    let job = world.job().await;
    let node = world.node();
    let token = LeaseToken(world.entropy.random_uuid());
    let store = world.store();
    store
        .take_lease(&world.leadership, job, token, &node, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        store.expired_leases(&world.leadership).await.unwrap()[0]
            .lease
            .token,
        token
    );
    let lease = LeaseRef {
        job_id: job,
        attempt: 1,
        token,
    };
    let stranger = LeaseRef {
        token: LeaseToken(world.entropy.random_uuid()),
        ..lease
    };
    assert_eq!(
        store
            .renew_leases(node.boot, &[lease, stranger], TERM)
            .await
            .unwrap(),
        [token]
    );
    assert!(
        store
            .expired_leases(&world.leadership)
            .await
            .unwrap()
            .is_empty()
    );
    let held = store
        .extend_all_leases(&world.leadership, TERM)
        .await
        .unwrap();
    assert_eq!((held.len(), &held[0].holder), (1, &node));
}

#[tokio::test]
async fn a_leader_that_was_replaced_can_change_nothing() {
    let world = World::new().await;
    let job = world.job().await;
    let store = world.store();
    assert_eq!(
        store
            .try_lead("eu", "main", Uuid::from_u128(2), TERM)
            .await
            .unwrap(),
        None
    );
    let leading = async || store.current_epoch("eu", "main").await.unwrap();
    assert_eq!(leading().await, Some(world.leadership.epoch));
    store.resign(&world.leadership).await.unwrap();
    assert_eq!(leading().await, None);
    let next = store
        .try_lead("eu", "main", Uuid::from_u128(2), TERM)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(next.epoch, world.leadership.epoch + 1);
    assert_eq!(leading().await, Some(next.epoch));
    let refused = world.lease(job, &world.node()).await;
    assert!(matches!(refused, Err(StoreError::LeadershipLost)));
    assert!(matches!(
        store.renew_leadership(&world.leadership, TERM).await,
        Err(StoreError::LeadershipLost)
    ));
    store.renew_leadership(&next, TERM).await.unwrap();
    assert_eq!(world.state(job).await, "queued");
}

fn model(hash: &str) -> ModelRef {
    ModelRef {
        id: "tiny".into(),
        hash: hash.into(),
    }
}

#[tokio::test]
async fn new_jobs_follow_the_weights_that_were_announced_last() {
    let world = World::new().await;
    let store = world.store();
    let profile = easel_domain::model::ModelProfile {
        id: "tiny".into(),
        native_width: 64,
        native_height: 64,
        max_side: 96,
        multiple: 16,
        default_steps: 20,
        default_guidance: 5.0,
        default_sampler: Sampler::Ddim,
        safe: true,
        finish_scale: 4,
        aliases: vec![],
    };
    let boots: Vec<BootId> = (1..4).map(|n| BootId(Uuid::from_u128(n))).collect();
    let announce = async |boot: usize, hash: &str| {
        let model = easel_domain::message::NodeModel::resident(hash, profile.clone());
        store.announce_model(boots[boot], &model).await.unwrap();
        store.newest_model().await.unwrap().unwrap()
    };
    assert_eq!(announce(0, "old").await.0.hash, "old");
    assert_eq!(announce(1, "new").await, (model("new"), profile.clone()));
    // A start that is heard again after a takeover is no news; one that brings the old weights back is.
    assert_eq!(announce(0, "old").await.0.hash, "new");
    assert_eq!(announce(2, "old").await.0.hash, "old");
    assert_eq!(store.prune_announcements(Duration::ZERO).await.unwrap(), 3);
}
