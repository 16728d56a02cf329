//! A Discord that fails, limits, lies or says nothing.

use easel_bot::process;
use easel_playground::{Failure, RouteFault};
use easel_service::Context;

use crate::setting::{PATIENCE, World};

fn fault(method: &str, route: &str, times: u32, failure: Failure) -> RouteFault {
    RouteFault {
        method: Some(method.into()),
        route: route.into(),
        times,
        failure,
        takes_effect: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_fails_comes_again_whatever_the_failure_is() {
    let world = World::start_with(&[
        ("discord.try_timeout", "1s"),
        ("discord.call_timeout", "3s"),
    ])
    .await;
    let ada = world.discord.user("ada");
    let limited = Failure::RateLimited {
        retry_after: 0.4,
        scope: "user".into(),
    };
    let failures = [
        Failure::Status { status: 500 },
        limited,
        Failure::Garbage,
        Failure::Close,
        Failure::Hang,
    ];
    for (n, failure) in failures.into_iter().enumerate() {
        let prompt = format!("boat number {n}");
        let imagine = ada
            .slash("imagine", [("prompt", prompt.as_str())])
            .await
            .unwrap();
        let job = world.platform.job(n + 1).await;
        world.platform.shown(job).await;
        world
            .discord
            .fail(fault("PATCH", "/messages/@original", 2, failure.clone()));
        world.platform.complete(job).await;
        let grid = imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await;
        assert!(grid.is_some(), "no grid after {failure:?}");
        world.platform.shown(job).await;
        world.discord.heal();
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_starts_while_discord_fails_connects_all_the_same() {
    let settings = [
        ("discord.try_timeout", "500ms"),
        ("discord.call_timeout", "2s"),
    ];
    let mut world = World::without_bot(&settings).await;
    world.platform.announce_model().await;
    let unwell = fault("GET", "/gateway/bot", 6, Failure::Status { status: 502 });
    world.discord.fail(unwell);
    world.start_bot().await;
    let ada = world.discord.user("ada");
    ada.slash("help", []).await.unwrap();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nobody_listens_is_said_within_seconds() {
    let world = World::without_bot(&[("discord_api", "http://127.0.0.1:9")]).await;
    let run = process::run(Context::new("bot"), world.config());
    let error = tokio::time::timeout(PATIENCE / 2, run)
        .await
        .expect("it ends")
        .expect_err("there is no Discord");
    assert!(error.to_string().contains("EASEL_DISCORD_API"), "{error}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_answer_that_fails_once_is_repeated_in_time() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    world.discord.fail(fault(
        "POST",
        "/callback",
        1,
        Failure::Status { status: 502 },
    ));
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    assert_eq!(imagine.answer(), Some(5));
    world.platform.job(1).await;
    // An answer that arrived although its reply was lost is not given twice.
    world.discord.fail(RouteFault {
        takes_effect: true,
        ..fault("POST", "/callback", 1, Failure::Close)
    });
    let imagine = ada
        .slash("imagine", [("prompt", "another boat")])
        .await
        .unwrap();
    assert_eq!(imagine.answer(), Some(5));
    world.platform.job(2).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_nothing_is_started() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    world.discord.fail(fault(
        "POST",
        "/callback",
        50,
        Failure::Status { status: 500 },
    ));
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    assert!(imagine.failed());
    let settled = || async {
        let open = world
            .platform
            .one::<i64>("SELECT count(*) FROM intake WHERE state = 'open'")
            .await;
        (open == 0).then_some(())
    };
    crate::setting::eventually("the interaction to be settled", settled).await;
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.discord.heal();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_limit_delays_and_loses_nothing() {
    let world = World::start_with(&[("delivery.token_life", "1ms")]).await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    let limited = Failure::RateLimited {
        retry_after: 0.5,
        scope: "global".into(),
    };
    world.discord.fail(fault("PATCH", "/channels/", 1, limited));
    world.platform.complete(job).await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_gateway_connection_is_taken_up_again() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    world.discord.sever_connections();
    crate::setting::eventually("an answer after the cut", || async {
        let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.ok()?;
        (imagine.answer() == Some(5)).then_some(())
    })
    .await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_nobody_knows_are_ignored() {
    let world = World::start().await;
    world.discord.send_novel_fields(true);
    let imagine = world
        .discord
        .user("ada")
        .slash("imagine", [("prompt", "a boat")])
        .await
        .unwrap();
    assert_eq!(imagine.answer(), Some(5));
    world.platform.job(1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_arrived_though_no_reply_did_is_not_left_thinking() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    world.discord.fail(RouteFault {
        takes_effect: true,
        ..fault("POST", "/callback", 1, Failure::Close)
    });
    let broken = Failure::Status { status: 502 };
    world.discord.fail(fault("POST", "/callback", 50, broken));
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    assert_eq!(imagine.answer(), Some(5));
    let told = imagine
        .wait_for_message(|m| m.content().contains("try again"), PATIENCE)
        .await;
    assert!(told.is_some(), "the message thinks for ever");
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.discord.heal();
    world.close().await;
}

/// A second here is shorter than the time from one heartbeat to the next, so that a shard that lives looks like one that has
/// died without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_without_a_sign_of_life_ends_the_process_so_that_another_begins() {
    let mut world = World::start_with(&[("discord.silent_after", "1s")]).await;
    let why = world.until_failed().await;
    assert!(why.contains("shard 0 has shown no sign of life"), "{why}");
    world.close().await;
}
