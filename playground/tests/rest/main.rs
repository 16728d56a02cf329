//! The REST side, request by request, as a client without a library sees it.

mod api;
mod channels;
mod guests;
mod interactions;
mod limits;
#[path = "../support/second_reader.rs"]
mod second_reader;

use api::Api;
use easel_playground::PlaygroundConfig;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn requests_need_a_token_and_a_bots_user_agent() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let client = reqwest::Client::new();
    let url = format!("{}/api/v10/users/@me", api.world.origin());
    let bare = client
        .get(&url)
        .header("authorization", format!("Bot {}", api.world.token()))
        .send()
        .await?;
    assert_eq!(api::read(bare).await?.refusal(), (403, 40333));
    let wrong = client
        .get(&url)
        .header("user-agent", api::AGENT)
        .header("authorization", "Bot no")
        .send()
        .await?;
    assert_eq!(wrong.status(), 401);
    assert_eq!(api.get("/users/@me").await?.1["bot"], true);
    assert_eq!(api.get("/nowhere").await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn bodies_are_json_or_forms() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let path = api.messages("general");
    let text = api
        .request(Method::POST, &path)
        .header("content-type", "text/plain")
        .body("hi")
        .send()
        .await?;
    assert_eq!(api::read(text).await?.refusal(), (400, 50035));
    let broken = api
        .request(Method::POST, &path)
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await?;
    assert_eq!(api::read(broken).await?.refusal(), (400, 50109));
    let huge = vec![0; 26 * 1024 * 1024];
    let refused = api
        .request(Method::POST, &path)
        .header("content-type", "application/json")
        .body(huge)
        .send()
        .await?;
    assert_eq!(api::read(refused).await?.refusal(), (413, 40005));
    Ok(())
}

#[tokio::test]
async fn the_gateway_is_found_through_rest() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let found = api.get("/gateway/bot").await?.1;
    assert_eq!(
        found["url"],
        format!("ws://{}/gateway", api.world.address())
    );
    assert_eq!(found["session_start_limit"]["max_concurrency"], 1);
    Ok(())
}

#[tokio::test]
async fn putting_the_same_commands_again_changes_nothing() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let path = format!("/applications/{}/commands", api.world.application_id());
    let commands = json!([
        {"name": "imagine", "description": "draws", "options": [
            {"type": 3, "name": "prompt", "description": "what", "required": true}]},
        {"type": 3, "name": "Describe"},
    ]);
    let first = api.call(Method::PUT, &path, commands.clone()).await?;
    assert_eq!(first.0, 200);
    assert_eq!(first.1[1]["description"], "");
    assert_eq!(api.call(Method::PUT, &path, commands).await?, first);
    let changed = json!([{"name": "imagine", "description": "draws better"}]);
    let second = api.call(Method::PUT, &path, changed).await?.1;
    assert_eq!(second[0]["id"], first.1[0]["id"]);
    assert_ne!(second[0]["version"], first.1[0]["version"]);
    assert_eq!(api.get(&path).await?.1.as_array().map(Vec::len), Some(1));
    let bad = api
        .call(
            Method::PUT,
            &path,
            json!([{"name": "Two Words", "description": "d"}]),
        )
        .await?;
    assert_eq!(
        bad.1["errors"]["0"]["name"]["_errors"][0]["code"],
        "APPLICATION_COMMAND_INVALID_NAME"
    );
    Ok(())
}

#[tokio::test]
async fn people_can_only_use_commands_as_they_are_defined() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let guild = format!(
        "/applications/{}/guilds/{}/commands",
        api.world.application_id(),
        api.world.guild_id()
    );
    let command = json!({"name": "tune", "description": "tunes", "nsfw": true, "options": [
        {"type": 1, "name": "set", "description": "sets", "options": [
            {"type": 4, "name": "steps", "description": "how many", "required": true, "min_value": 1, "max_value": 50},
            {"type": 3, "name": "sampler", "description": "which", "choices": [{"name": "DDIM", "value": "ddim"}]}]}]});
    assert_eq!(api.post(&guild, command).await?.0, 201);
    let ada = api.world.user("ada");
    assert!(
        ada.begin("tune set", [("steps", "20")]).is_err(),
        "age-restricted"
    );
    let ada = ada.in_channel("nsfw");
    for options in [
        vec![],
        vec![("steps", "99")],
        vec![("steps", "x")],
        vec![("steps", "9"), ("sampler", "none")],
    ] {
        assert!(ada.begin("tune set", options).is_err());
    }
    ada.begin("tune set", [("steps", "20"), ("sampler", "ddim")])?;
    assert_eq!(api.world.dispatches().len(), 0, "nobody is connected");
    let mods =
        json!({"name": "purge", "description": "purges", "default_member_permissions": "8192"});
    api.post(
        &format!("/applications/{}/commands", api.world.application_id()),
        mods,
    )
    .await?;
    assert!(ada.begin("purge", []).is_err());
    api.world.user("linus").begin("purge", [])?;
    Ok(())
}

#[tokio::test]
async fn the_state_directory_brings_everything_back() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let config = || PlaygroundConfig {
        state_dir: Some(directory.path().to_owned()),
        ..PlaygroundConfig::default()
    };
    let api = Api::start(config()).await?;
    let (path, files) = (api.messages("general"), [(0, "a.txt", b"kept".to_vec())]);
    let posted = api
        .upload(Method::POST, &path, &json!({"content": "stay"}), &files)
        .await?
        .1;
    api.world
        .user("ada")
        .react(&api.world.user("ada").messages()[0], "✉️")?;
    api.world.shutdown().await;

    let api = Api::start(config()).await?;
    let found = api
        .get(&format!(
            "{path}/{}",
            posted["id"].as_str().unwrap_or_default()
        ))
        .await?
        .1;
    assert_eq!(
        (&found["content"], &found["reactions"][0]["count"]),
        (&json!("stay"), &json!(1))
    );
    let file = reqwest::get(found["attachments"][0]["url"].as_str().unwrap_or_default()).await?;
    assert_eq!(file.text().await?, "kept");
    let next = api.post(&path, json!({"content": "more"})).await?.1;
    assert!(
        next["id"].as_str() > posted["id"].as_str(),
        "ids go on growing"
    );
    Ok(())
}

/// The code of the first error of a field, down a path of keys.
fn field_error<'v>(body: &'v Value, path: &[&str]) -> &'v Value {
    let field = path.iter().fold(&body["errors"], |node, key| &node[*key]);
    &field["_errors"][0]["code"]
}
