//! Every accepted job ends in exactly one visible end state, whatever dies meanwhile.

use std::time::Duration;

use easel_domain::message::ProgressState;
use easel_playground::{Failure, RouteFault};

use crate::setting::{PATIENCE, World, eventually, picture_server};

const VIEW_CHANNEL: u64 = 1 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_killed_between_answer_and_commit_leaves_nobody_waiting() {
    let mut world = World::start().await;
    let ada = world.discord.user("ada");
    // The answer takes effect; its reply never comes, so the bot is still before the commit.
    world.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: "/callback".into(),
        times: 1,
        failure: Failure::Hang,
        takes_effect: true,
    });
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    assert_eq!(imagine.answer(), Some(5));
    eventually("the intake row", || async {
        (world
            .platform
            .one::<i64>("SELECT count(*) FROM intake")
            .await
            == 1)
            .then_some(())
    })
    .await;
    world.kill_bot().await;
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.start_bot().await;
    let told = imagine
        .wait_for_message(|m| m.content().contains("try again"), PATIENCE)
        .await
        .unwrap();
    assert!(!told.is_loading());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_while_the_bot_is_dead_is_shown_once_when_it_lives_again() {
    let mut world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world
        .platform
        .progress(
            job,
            ProgressState::Running {
                percent: 50,
                preview: None,
            },
        )
        .await;
    assert!(
        imagine
            .wait_for_message(|m| m.content().contains("50 %"), PATIENCE)
            .await
            .is_some()
    );
    world.kill_bot().await;
    world.platform.complete_silently(job).await;
    world.start_bot().await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hint_is_found_by_the_sweep() {
    let world = World::start().await;
    let imagine = world
        .discord
        .user("ada")
        .slash("imagine", [("prompt", "a boat")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete_silently(job).await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_is_not_used_and_the_same_message_is_edited_by_the_bot() {
    let world = World::start_with(&[("delivery.token_life", "1ms")]).await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let grid = imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    assert_eq!(world.public_messages().len(), 1);
    assert_eq!(Some(grid.id()), imagine.message().map(|m| m.id()));
    assert!(
        world
            .discord
            .requests()
            .iter()
            .all(|r| !r.path.contains("/messages/@original"))
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_early_costs_one_refusal() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world
        .discord
        .change_rules(|rules| rules.token_life = Duration::from_millis(1));
    world.platform.complete(job).await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    let refused = world
        .discord
        .requests()
        .iter()
        .filter(|r| r.status == 401)
        .count();
    assert_eq!(refused, 1);
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_is_followed_by_one_new_one_when_the_job_ends() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world
        .discord
        .delete_message(imagine.message().unwrap().id());
    world
        .platform
        .progress(
            job,
            ProgressState::Running {
                percent: 50,
                preview: None,
            },
        )
        .await;
    world.platform.complete(job).await;
    let grid = ada
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    assert!(
        grid.content().contains(&format!("<@{}>", ada.id())),
        "{}",
        grid.content()
    );
    world.platform.shown(job).await;
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_channel_sends_the_result_to_direct_messages() {
    let world = World::start_with(&[("delivery.token_life", "1ms")]).await;
    let ada = world.discord.user("ada");
    ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world.discord.deny_bot("general", VIEW_CHANNEL);
    world.platform.complete(job).await;
    let direct = ada.clone().in_dm();
    assert!(
        direct
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.platform.shown(job).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_direct_messages_closed_too_the_delivery_is_given_up_with_a_reason() {
    let world = World::start_with(&[("delivery.token_life", "1ms")]).await;
    let ada = world.discord.user("ada");
    ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world.discord.deny_bot("general", VIEW_CHANNEL);
    world.discord.accept_dms("ada", false);
    world.platform.complete(job).await;
    eventually("the delivery to be given up", || async {
        world
            .platform
            .store
            .delivery(job)
            .await
            .unwrap()
            .unwrap()
            .undeliverable
    })
    .await;
    // `/show` brings it back anyway.
    let show = ada
        .clone()
        .in_channel("gallery")
        .slash("show", [("job", job.to_string().as_str())])
        .await
        .unwrap();
    world.discord.change_rules(|_| {});
    assert!(
        show.wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_killed_while_posting_finds_its_message_instead_of_posting_twice() {
    let mut world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world
        .discord
        .delete_message(imagine.message().unwrap().id());
    // Without its memory of nonces, only the bot's own search keeps the message from standing there twice.
    world
        .discord
        .change_rules(|rules| rules.nonce_memory = Duration::ZERO);
    world.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: "/channels/".into(),
        times: 1,
        failure: Failure::Hang,
        takes_effect: true,
    });
    world.platform.complete(job).await;
    assert!(
        ada.wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.kill_bot().await;
    world.start_bot().await;
    world.platform.shown(job).await;
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_bot_hands_its_messages_to_its_successor() {
    let mut world = World::start().await;
    let imagine = world
        .discord
        .user("ada")
        .slash("imagine", [("prompt", "a boat")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world.stop_bot().await;
    world.platform.complete(job).await;
    world.start_bot().await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_killed_before_posting_does_not_take_the_message_that_it_gave_up_for_the_new_one() {
    let mut world = World::start_with(&[("delivery.token_life", "1ms")]).await;
    let ada = world.discord.user("ada");
    ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world.discord.fail(RouteFault {
        method: Some("PATCH".into()),
        route: "/channels/".into(),
        times: 1,
        failure: Failure::Refuse {
            status: 400,
            code: 30_046,
            message: "Maximum number of edits to messages older than 1 hour reached.".into(),
        },
        takes_effect: false,
    });
    world.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: "/channels/".into(),
        times: 1,
        failure: Failure::Hang,
        takes_effect: false,
    });
    world.platform.complete(job).await;
    let intent = world
        .discord
        .wait_for_request(
            |r| r.method == "POST" && r.path.contains("/channels/"),
            PATIENCE,
        )
        .await;
    assert!(intent.is_some(), "the bot posts");
    world.kill_bot().await;
    world.start_bot().await;
    assert!(
        ada.wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.platform.shown(job).await;
    assert_eq!(world.public_messages().len(), 2);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_cannot_be_attached_ends_in_a_message_that_says_how_to_fetch_it() {
    let nobody = "http://127.0.0.1:9";
    let world =
        World::start_with(&[("delivery.pictures", "attach"), ("cdn.base_url", nobody)]).await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let message = imagine
        .wait_for_message(|m| m.button("Fetch").is_some(), PATIENCE)
        .await
        .unwrap();
    assert!(
        message.content().contains("Press **Fetch**") && message.button("U1").is_some(),
        "{}",
        message.content()
    );
    world.platform.shown(job).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_goes_without_its_picture() {
    let (cdn, _server) = picture_server().await;
    let world = World::start_with(&[("delivery.pictures", "attach"), ("cdn.base_url", &cdn)]).await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world.discord.change_rules(|rules| rules.file_limit = 100);
    world.platform.complete(job).await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("Fetch").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.close().await;
}
