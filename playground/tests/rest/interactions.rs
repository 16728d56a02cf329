//! What an interaction's token can and cannot do.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::clock::ManualClock;
use easel_playground::PlaygroundConfig;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;

const LOADING: u64 = 1 << 7;

#[tokio::test]
async fn the_first_answer_comes_once() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let draw = api.draw().await?;
    let early = api
        .patch(
            &format!("{}/messages/@original", api.webhook(&draw)),
            json!({"content": "x"}),
        )
        .await?;
    assert_eq!(early.refusal(), (404, 10015));
    assert_eq!(
        api.answer(&draw, json!({"type": 6})).await?.refusal(),
        (400, 50035),
        "only components take type 6"
    );
    assert_eq!(api.answer(&draw, json!({"type": 5})).await?.0, 204);
    assert_eq!(
        api.answer(&draw, json!({"type": 5})).await?.refusal(),
        (400, 40060)
    );
    let forged = format!("/interactions/{}/nonsense/callback", draw.id());
    assert_eq!(
        api.post(&forged, json!({"type": 5})).await?.refusal(),
        (404, 10062)
    );
    Ok(())
}

#[tokio::test]
async fn a_thinking_message_is_filled_by_an_edit() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let draw = api.draw().await?;
    let path = format!(
        "/interactions/{}/{}/callback?with_response=true",
        draw.id(),
        draw.token()
    );
    let answered = api.post(&path, json!({"type": 5})).await?;
    assert_eq!(
        (
            answered.0,
            &answered.1["interaction"]["response_message_loading"]
        ),
        (200, &json!(true))
    );
    let message = &answered.1["resource"]["message"];
    assert_eq!(message["flags"], LOADING);
    assert_eq!(message["interaction_metadata"]["name"], "draw");
    let original = format!("{}/messages/@original", api.webhook(&draw));
    let filled = api.patch(&original, json!({"content": "done"})).await?.1;
    assert_eq!(
        (&filled["id"], &filled["flags"]),
        (&message["id"], &json!(0))
    );
    assert_eq!(filled["edited_timestamp"], Value::Null);
    assert_eq!(
        api.patch(&original, json!({"content": ""}))
            .await?
            .refusal(),
        (400, 50006)
    );
    let by_channel = format!(
        "{}/{}",
        api.messages("general"),
        message["id"].as_str().unwrap_or_default()
    );
    let edited = api
        .patch(&by_channel, json!({"content": "by the bot's token"}))
        .await?
        .1;
    assert_eq!(edited["content"], "by the bot's token");
    assert_eq!(
        api.call(Method::DELETE, &original, Value::Null).await?.0,
        204
    );
    assert_eq!(api.get(&original).await?.refusal(), (404, 10008));
    Ok(())
}

#[tokio::test]
async fn follow_ups_stand_alone_and_the_first_one_fills_a_bare_thinking_message()
-> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let draw = api.draw().await?;
    api.answer(&draw, json!({"type": 5, "data": {"flags": 64}}))
        .await?;
    let first = api
        .post(&api.webhook(&draw), json!({"content": "one"}))
        .await?
        .1;
    assert_eq!(
        draw.message().expect("the original").id().to_string(),
        first["id"]
    );
    assert_eq!(first["flags"], 64, "ephemeral was decided by the deferral");
    let second = api
        .post(&api.webhook(&draw), json!({"content": "two"}))
        .await?
        .1;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        second["interaction_metadata"]["original_response_message_id"],
        first["id"]
    );
    assert_eq!(
        api.world.user("grace").messages().len(),
        1,
        "the first is for Ada alone"
    );
    let hidden = format!(
        "{}/{}",
        api.messages("general"),
        first["id"].as_str().unwrap_or_default()
    );
    assert_eq!(
        api.patch(&hidden, json!({"content": "x"})).await?.refusal(),
        (404, 10008)
    );
    Ok(())
}

#[tokio::test]
async fn both_clocks_run_by_the_clock_that_was_handed_in() -> anyhow::Result<()> {
    let clock = Arc::new(ManualClock::at(
        time::OffsetDateTime::UNIX_EPOCH + Duration::from_hours(500_000),
    ));
    let api = Api::start(PlaygroundConfig {
        clock: Arc::clone(&clock) as _,
        ..PlaygroundConfig::default()
    })
    .await?;
    let answered = api.draw().await?;
    let forgotten = api.draw().await?;
    clock.advance(Duration::from_millis(2900));
    assert_eq!(api.answer(&answered, json!({"type": 5})).await?.0, 204);
    clock.advance(Duration::from_millis(200));
    assert_eq!(
        api.answer(&forgotten, json!({"type": 5})).await?.refusal(),
        (404, 10062)
    );
    let original = format!("{}/messages/@original", api.webhook(&answered));
    clock.advance(Duration::from_secs(896));
    assert_eq!(
        api.patch(&original, json!({"content": "in time"})).await?.0,
        200
    );
    let message = answered.message().expect("the message");
    clock.advance(Duration::from_secs(2));
    assert_eq!(
        api.patch(&original, json!({"content": "late"}))
            .await?
            .refusal(),
        (401, 50027)
    );
    let by_channel = format!("{}/{}", api.messages("general"), message.id());
    assert_eq!(
        api.patch(&by_channel, json!({"content": "by the other way"}))
            .await?
            .0,
        200
    );
    Ok(())
}

#[tokio::test]
async fn a_click_updates_the_message_it_is_on() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let draw = api.draw().await?;
    let button =
        json!({"type": 2, "style": 4, "emoji": {"name": "❌"}, "custom_id": "v1:cancel:7"});
    let row = json!([{"type": 1, "components": [button]}]);
    api.answer(
        &draw,
        json!({"type": 4, "data": {"content": "0%", "components": row}}),
    )
    .await?;
    let shown = draw.message().expect("an answer");
    let ada = api.world.user("ada");
    assert!(ada.begin_click(&shown, "v1:other").is_err());
    let click = ada.begin_click(
        &shown,
        &shown
            .button("❌")
            .and_then(|b| b.custom_id)
            .unwrap_or_default(),
    )?;
    api.answer(
        &click,
        json!({"type": 7, "data": {"content": "cancelled", "components": []}}),
    )
    .await?;
    let now = draw.message().expect("still there");
    assert_eq!((now.content(), now.buttons().len()), ("cancelled", 0));
    assert_eq!(
        click.message().map(|m| m.id()),
        Some(now.id()),
        "@original is the message with the button"
    );
    Ok(())
}
