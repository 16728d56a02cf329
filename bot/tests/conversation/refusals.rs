//! What is refused, and how it is said.

use easel_bot::process;
use easel_playground::{Failure, RouteFault};
use easel_service::Context;

use crate::setting::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_does_not_parse_is_answered_with_its_place_and_nothing_else_happens() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada
        .slash("imagine", [("prompt", "a castle --ar 16:nine")])
        .await
        .unwrap();
    assert_eq!(imagine.answer(), Some(4));
    let answer = imagine.message().unwrap();
    assert!(answer.is_ephemeral());
    assert!(
        answer
            .content()
            .contains("a castle --ar 16:nine\n              ^^^^^^^"),
        "{}",
        answer.content()
    );
    assert_eq!(
        world
            .platform
            .one::<i64>("SELECT count(*) FROM intake")
            .await,
        0
    );
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_without_words_and_words_of_no_weight_do_not_slip_through() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    for (prompt, said) in [
        ("https://e.org/a.png https://e.org/b.png", "it needs words"),
        ("a cat::1 extreme gore, a beheading::0", "extreme violence"),
        ("a cat\u{1b}[31m", "control character U+001B"),
    ] {
        let imagine = ada.slash("imagine", [("prompt", prompt)]).await.unwrap();
        let answer = imagine.message().unwrap();
        assert!(
            answer.is_ephemeral() && answer.content().contains(said),
            "{}",
            answer.content()
        );
    }
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_words_are_refused_by_category_and_the_decision_is_kept_without_them() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada
        .slash("imagine", [("prompt", "extreme gore, a beheading")])
        .await
        .unwrap();
    assert_eq!(imagine.answer(), Some(4));
    let answer = imagine.message().unwrap();
    assert!(
        answer.is_ephemeral() && answer.content().contains("extreme violence"),
        "{}",
        answer.content()
    );
    let kept = crate::setting::eventually("the decision", || async {
        let count = world
            .platform
            .one::<i64>("SELECT count(*) FROM moderation_decisions")
            .await;
        (count == 1).then_some(())
    });
    kept.await;
    let text = world
        .platform
        .one::<String>("SELECT decision::text FROM moderation_decisions")
        .await;
    assert!(
        text.contains("block") && !text.contains("beheading a"),
        "{text}"
    );
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_nothing_is_accepted() {
    let mut world = World::without_bot(&[]).await;
    world.start_bot().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    assert!(
        imagine
            .message()
            .unwrap()
            .content()
            .contains("No GPU node has announced a model yet")
    );
    // As soon as one is there, it goes.
    world.platform.announce_model().await;
    crate::setting::eventually("the model to be noticed", || async {
        let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
        (imagine.answer() == Some(5)).then_some(())
    })
    .await;
    world.platform.job(1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_said_and_nothing_is_left_thinking() {
    let world = World::start_with(&[("intake.default_tier", "free")]).await;
    let ada = world.discord.user("ada");
    for n in 0..4_usize {
        ada.slash("imagine", [("prompt", format!("boat number {n}").as_str())])
            .await
            .unwrap();
        world.platform.job(n + 1).await;
    }
    ada.slash("imagine", [("prompt", "one boat too many")])
        .await
        .unwrap();
    let note = ada
        .wait_for_message(|m| m.content().contains("queue is full"), PATIENCE)
        .await
        .unwrap();
    assert!(
        note.is_ephemeral() && note.content().contains("4 of 4"),
        "{}",
        note.content()
    );
    assert_eq!(world.public_messages().len(), 4);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_short_and_only_for_the_one_who_asks() {
    let world = World::start().await;
    let help = world.discord.user("ada").slash("help", []).await.unwrap();
    let message = help.message().unwrap();
    assert!(message.is_ephemeral() && message.content().contains("/imagine"));
    for named in [
        "/blend",
        "/history",
        "/settings",
        "`{red, blue}`",
        "--ar 3:2",
    ] {
        assert!(message.content().contains(named), "{named}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discord_that_cannot_name_its_gateway_ends_the_start_with_its_address() {
    let short = [
        ("discord.call_timeout", "2s"),
        ("discord.start_timeout", "2s"),
    ];
    let world = World::without_bot(&short).await;
    let failures = [
        Failure::Status { status: 500 },
        Failure::Garbage,
        Failure::Close,
    ];
    for failure in failures {
        world.discord.fail(RouteFault {
            method: None,
            route: "/gateway/bot".into(),
            times: 100,
            failure,
            takes_effect: false,
        });
        let error = process::run(Context::new("bot"), world.config())
            .await
            .unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains(&world.discord.origin()) && text.contains("EASEL_DISCORD_API"),
            "{text}"
        );
        world.discord.heal();
    }
    world.close().await;
}
