//! Jobs between two regions of a pool: fenced on both sides.

use std::time::Duration;

use super::world::*;
use easel_domain::tier::ServiceClass;
use easel_store::StoreError;
use easel_store::leadership::Leadership;
use easel_store::region::GivenAway;
use uuid::Uuid;

fn queues() -> [String; 4] {
    ["turbo", "fast", "standard", "relax"].map(|class| format!("jobs.us.main.{class}"))
}

async fn other_region(world: &World) -> Leadership {
    let lead = world
        .store()
        .try_lead("us", "main", Uuid::from_u128(2), TERM)
        .await;
    lead.unwrap().unwrap()
}

#[tokio::test]
async fn a_job_is_handed_over_once_with_its_hint_and_only_while_it_waits() {
    let world = World::new().await;
    let (waits, leased) = (world.job().await, world.job().await);
    world.lease(leased, &world.node()).await.unwrap();
    let jobs = [waits, leased].map(|job_id| GivenAway {
        job_id,
        class: ServiceClass::Standard,
    });
    let store = world.store();
    let queues = queues();
    let hand_over = || store.hand_over(&world.leadership, &jobs, "us", &queues);
    assert!(hand_over().await.unwrap().is_empty(), "nobody leads there");
    let there = other_region(&world).await;
    assert_eq!(hand_over().await.unwrap(), [waits]);
    assert!(hand_over().await.unwrap().is_empty());
    let known = store.waiting_job("us", "main", waits).await.unwrap();
    assert!(known.is_some_and(|job| !job.at_home));
    let hints = "SELECT count(*) FROM outbox WHERE queue = 'jobs.us.main.standard'";
    assert_eq!(world.number(hints).await, 1);
    let back = [GivenAway {
        job_id: waits,
        class: ServiceClass::Standard,
    }];
    let back = store.hand_over(&there, &back, "eu", &queues).await;
    assert!(back.unwrap().is_empty(), "a job goes once");
}

#[tokio::test]
async fn a_leader_that_was_replaced_hands_nothing_over() {
    let world = World::new().await;
    let job_id = world.job().await;
    other_region(&world).await;
    world.number("WITH late AS (UPDATE leadership SET epoch = epoch + 1 WHERE region = 'eu' RETURNING 1) SELECT count(*) FROM late").await;
    let class = ServiceClass::Standard;
    let refused = world
        .store()
        .hand_over(
            &world.leadership,
            &[GivenAway { job_id, class }],
            "us",
            &queues(),
        )
        .await;
    assert!(matches!(refused, Err(StoreError::LeadershipLost)));
}

#[tokio::test]
async fn what_a_lost_region_had_is_taken_and_its_leader_can_do_nothing_when_it_wakes_up() {
    let world = World::new().await;
    let node = world.node();
    let (waits, leased, alive) = (world.job().await, world.job().await, world.job().await);
    let held = world.lease(leased, &node).await.unwrap();
    world.lease(alive, &node).await.unwrap();
    let there = other_region(&world).await;
    let store = world.store();
    let models = ["h".to_owned()];
    let adopt = |models: &[String]| {
        let models = models.to_vec();
        let there = there.clone();
        async move {
            let mut jobs = store
                .adopt_orphans(&there, &models, Duration::from_secs(1), 9)
                .await
                .unwrap();
            jobs.sort_unstable();
            jobs
        }
    };
    assert!(adopt(&models).await.is_empty(), "its leader is there");
    let silent = "WITH late AS (UPDATE leadership SET expires_at = now() - interval '2 s' WHERE region = 'eu' RETURNING 1),
        out AS (UPDATE leases SET expires_at = now() - interval '1 s' WHERE job_id <> (SELECT max(job_id::text)::uuid FROM leases) RETURNING 1)
        SELECT count(*) FROM late, out";
    world.number(silent).await;
    assert!(
        adopt(&["z".to_owned()]).await.is_empty(),
        "it cannot serve them"
    );
    let expired = world
        .number("SELECT count(*) FROM leases WHERE expires_at <= now()")
        .await;
    assert_eq!((adopt(&models).await.len(), expired), (2, 1));
    assert!(adopt(&models).await.is_empty());
    let stale = store.shed(&world.leadership, waits).await;
    assert!(
        matches!(stale, Err(StoreError::LeadershipLost)),
        "{stale:?}"
    );
    let here = store.expired_leases(&there).await.unwrap();
    assert_eq!(here.len(), 1);
    assert!([leased, alive].contains(&here[0].lease.job_id) && held.attempt == 1);
    let lead = store
        .try_lead("eu", "main", Uuid::from_u128(3), TERM)
        .await
        .unwrap();
    assert!(lead.is_some_and(|lead| lead.epoch > world.leadership.epoch + 1));
}

#[tokio::test]
async fn a_question_is_taken_only_where_words_are_weighed() {
    let world = World::new().await;
    let (question, grid) = (world.question().await, world.job().await);
    let there = other_region(&world).await;
    let silent = "WITH late AS (UPDATE leadership SET expires_at = now() - interval '2 s' WHERE region = 'eu' RETURNING 1)
        SELECT count(*) FROM late";
    world.number(silent).await;
    let adopt = async |models: &[&str]| {
        let models: Vec<String> = models.iter().map(|name| (*name).to_owned()).collect();
        let (silent, store) = (Duration::from_secs(1), world.store());
        let adopted = store.adopt_orphans(&there, &models, silent, 9).await;
        adopted.unwrap()
    };
    assert_eq!(adopt(&["h"]).await, [grid]);
    assert_eq!(adopt(&["h", "h words"]).await, [question]);
}
