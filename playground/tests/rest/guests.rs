//! Where the bot is no member, and comes along with people who have installed it for themselves.

use easel_playground::{PlaygroundConfig, Seed, StartedInteraction};
use serde_json::json;

use crate::api::Api;

const USE_EXTERNAL_APPS: u64 = 1 << 50;

/// A playground with such places, and the command `/draw` for both kinds of installation.
async fn elsewhere() -> anyhow::Result<Api> {
    let api = Api::start(PlaygroundConfig {
        seed: Seed::default().with_places_elsewhere(),
        ..PlaygroundConfig::default()
    })
    .await?;
    let commands = format!("/applications/{}/commands", api.world.application_id());
    for (name, kinds) in [("draw", json!([0, 1])), ("hosted", json!([0]))] {
        let command = json!({"name": name, "description": "d", "integration_types": kinds, "contexts": [0, 1, 2]});
        assert_eq!(api.post(&commands, command).await?.0, 201);
    }
    Ok(api)
}

fn drawn(api: &Api, place: &str) -> anyhow::Result<StartedInteraction> {
    Ok(api.world.user("ada").in_channel(place).begin("draw", [])?)
}

#[tokio::test]
async fn the_bot_reaches_such_places_by_a_token_and_says_five_things_more() -> anyhow::Result<()> {
    let api = elsewhere().await?;
    api.world
        .change_rules(|rules| rules.rate_limits.enabled = false);
    for place in ["lobby", "ada-grace"] {
        let draw = drawn(&api, place)?;
        assert_eq!(api.answer(&draw, json!({"type": 5})).await?.0, 204);
        let original = format!("{}/messages/@original", api.webhook(&draw));
        let shown = api.patch(&original, json!({"content": "done"})).await?;
        assert_eq!((shown.0, &shown.1["flags"]), (200, &json!(0)));
        let by_right = api
            .post(&api.messages(place), json!({"content": "x"}))
            .await?;
        assert_eq!(by_right.refusal(), (403, 50001));
        for n in 0..6 {
            let said = api
                .post(&api.webhook(&draw), json!({"content": "more"}))
                .await?;
            if n < 5 {
                assert_eq!(said.0, 200);
            } else {
                assert_eq!(said.refusal(), (400, 40094));
            }
        }
    }
    assert!(api.world.dispatches().is_empty(), "nobody is connected");
    Ok(())
}

#[tokio::test]
async fn a_server_can_let_answers_be_seen_by_the_person_alone() -> anyhow::Result<()> {
    let api = elsewhere().await?;
    api.world.deny_person("ada", "lobby", USE_EXTERNAL_APPS);
    let draw = drawn(&api, "lobby")?;
    api.answer(&draw, json!({"type": 4, "data": {"content": "hi"}}))
        .await?;
    assert!(draw.message().is_some_and(|message| message.is_ephemeral()));
    let more = api
        .post(&api.webhook(&draw), json!({"content": "more"}))
        .await?;
    assert_eq!(more.1["flags"], 64);
    assert!(
        api.world
            .user("grace")
            .in_channel("lobby")
            .messages()
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn only_what_is_installed_comes_along() -> anyhow::Result<()> {
    let api = elsewhere().await?;
    let ada = api.world.user("ada");
    assert!(ada.clone().in_channel("lobby").begin("hosted", []).is_err());
    ada.begin("hosted", [])?;
    api.world.install_for("ada", false);
    assert!(drawn(&api, "lobby").is_err());
    ada.begin("draw", [])?;
    api.world.install_for("ada", true);
    drawn(&api, "lobby")?;
    Ok(())
}
