//! What the scheduler goes by, knows and sets aside.

use super::world::*;
use easel_domain::LeaseToken;
use easel_domain::admission::{ClassOutlook, GuildOutlook};
use easel_domain::clock::EntropyExt;
use easel_domain::job::JobState;
use easel_store::StoreError;
use easel_store::fleet::{LaneSnapshot, SharedClass, StepTime};
use easel_store::lease::Wish;

#[tokio::test]
async fn several_leases_are_taken_at_once_and_only_those_that_wait() {
    let world = World::new().await;
    let (one, two, ended) = (world.job().await, world.job().await, world.job().await);
    let store = world.store();
    let shed = store.shed(&world.leadership, ended).await.unwrap();
    assert_eq!(shed.state, JobState::Shed);
    assert_eq!(
        world
            .number("SELECT count(*) FROM jobs WHERE end_reason = 'overload'")
            .await,
        1
    );
    let node = world.node();
    let wishes: Vec<Wish> = [one, two, ended]
        .into_iter()
        .map(|job_id| Wish {
            job_id,
            token: LeaseToken(world.entropy.random_uuid()),
            holder: node.clone(),
        })
        .collect();
    let taken = store
        .take_leases(&world.leadership, &wishes, TERM)
        .await
        .unwrap();
    let mut leased: Vec<_> = taken
        .into_iter()
        .map(|taken| taken.unwrap().lease.job_id)
        .collect();
    leased.sort_unstable();
    let mut wanted = vec![one, two];
    wanted.sort_unstable();
    assert_eq!(leased, wanted);
    let jobs = store.leased_jobs("eu", "main").await.unwrap();
    assert_eq!(jobs.len(), 2);
    assert_eq!(
        (jobs[0].tier.as_str(), jobs[0].deaths),
        ("standard", 0),
        "{jobs:?}"
    );
    let late = store
        .take_leases(&world.leadership, &wishes, TERM)
        .await
        .unwrap();
    assert!(late.is_empty());
}

#[tokio::test]
async fn an_admin_changes_tiers_and_the_next_look_finds_them() {
    let world = World::new().await;
    let store = world.store();
    let connection = store.connection().await.unwrap();
    connection
        .execute(
            "UPDATE tiers SET running_limit = 7, promise_factor = 3, reserved = 0.25 WHERE name = 'premium'",
            &[],
        )
        .await
        .unwrap();
    let tiers = store.scheduling_tiers().await.unwrap();
    let premium = tiers
        .iter()
        .find(|tier| tier.tier.name == "premium")
        .unwrap();
    assert_eq!(premium.tier.running_limit, 7);
    assert_eq!(
        (
            premium.promise.within_s,
            premium.promise.factor,
            premium.reserved
        ),
        (Some(30.0), Some(3.0), 0.25)
    );
}

#[tokio::test]
async fn a_quarantine_ends_by_an_operators_word_alone_and_leaves_a_record() {
    let world = World::new().await;
    let (store, node) = (world.store(), world.node().node);
    for _ in 0..2 {
        store
            .quarantine_node(&world.leadership, &node, "it broke")
            .await
            .unwrap();
    }
    assert!(store.quarantined_nodes().await.unwrap().contains(&node));
    store.release_node(&node, "ada: new fan").await.unwrap();
    assert!(store.quarantined_nodes().await.unwrap().is_empty());
    let again = store.release_node(&node, "ada").await;
    assert!(again.unwrap_err().is_lost_race());
    assert_eq!(world.number("SELECT count(*) FROM node_decisions").await, 2);
}

#[tokio::test]
async fn only_the_leader_writes_what_its_lane_knows() {
    let world = World::new().await;
    let store = world.store();
    let guild = GuildOutlook {
        members: 3,
        owes_s: 1.5,
    };
    let outlook = ClassOutlook {
        waiting_s: 12.5,
        is_calm: true,
        ..ClassOutlook::default()
    };
    let shared = SharedClass {
        outlook,
        shared_by: [("2".to_owned(), guild)].into(),
    };
    let snapshot = LaneSnapshot {
        backlog_gpu_s: 12.5,
        oldest_s: 3.0,
        desired_nodes: 2,
        waiting: 4,
        running: 1,
        nodes: 1,
        waits: [("fast".to_owned(), 1.5)].into(),
        classes: [("fast".to_owned(), shared)].into(),
        steps: vec![StepTime {
            model: "m".into(),
            width: 512,
            height: 768,
            pictures: 4,
            step_s: 0.25,
        }],
        models: vec!["h".into()],
    };
    for _ in 0..2 {
        store
            .write_snapshot(&world.leadership, &snapshot)
            .await
            .unwrap();
    }
    let seen = store.snapshots().await.unwrap();
    assert_eq!((seen.len(), &seen[0].snapshot), (1, &snapshot));
    assert_eq!(
        (seen[0].region.as_str(), seen[0].pool.as_str()),
        ("eu", "main")
    );
    let mut deposed = world.leadership.clone();
    deposed.epoch -= 1;
    let refused = store.write_snapshot(&deposed, &snapshot).await;
    assert!(matches!(refused, Err(StoreError::LeadershipLost)));
}

#[tokio::test]
async fn a_message_that_nothing_could_read_is_kept_until_it_is_dropped() {
    let world = World::new().await;
    let store = world.store();
    let id = store
        .keep_dead_letter("jobs.eu.main.fast", "undecodable", b"\xffhello")
        .await
        .unwrap();
    let letters = store.dead_letters(0, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].id), (1, id));
    assert_eq!(
        store.dead_letter(id).await.unwrap().as_ref(),
        letters.first()
    );
    assert!(store.drop_dead_letter(id).await.unwrap());
    assert!(!store.drop_dead_letter(id).await.unwrap());
    assert_eq!(store.dead_letter(id).await.unwrap(), None);
}
