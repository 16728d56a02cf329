//! A bot that loses the right to a message while it edits it.

use std::time::Duration;

use easel_domain::message::ProgressState;
use easel_playground::{Failure, RouteFault};

use crate::setting::{PATIENCE, World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_under_a_lost_lease_is_shown_again_by_its_owner() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    let before = world.platform.revisions(job).await;
    // The edit arrives; its answer comes after another process has taken over.
    world.discord.fail(RouteFault {
        method: Some("PATCH".into()),
        route: "@original".into(),
        times: 1,
        failure: Failure::Delay { ms: 2_500 },
        takes_effect: true,
    });
    let progress = ProgressState::Running {
        percent: 50,
        preview: None,
    };
    world.platform.progress(job, progress).await;
    assert!(
        imagine
            .wait_for_message(|m| m.content().contains("50"), PATIENCE)
            .await
            .is_some()
    );
    let taken = world
        .platform
        .take_over_shards(Duration::from_secs(1))
        .await;
    assert!(taken > 0, "no shard had an owner");
    eventually("the message to be shown again", || async {
        let (desired, shown) = world.platform.revisions(job).await;
        (desired > before.0 && shown == desired).then_some(())
    })
    .await;
    world.platform.complete(job).await;
    world.platform.shown(job).await;
    world.close().await;
}
