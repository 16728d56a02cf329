//! Messages in channels: limits of forms, files, permissions, threads, direct messages.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::clock::ManualClock;
use easel_playground::{PlaygroundConfig, RateLimits, Rules};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::field_error;

const ATTACH_FILES: u64 = 1 << 15;
const VIEW_CHANNEL: u64 = 1 << 10;
const SEND_MESSAGES: u64 = 1 << 11;

/// No limits on how often, so that these tests need not wait.
fn unhurried() -> PlaygroundConfig {
    let rate_limits = RateLimits {
        enabled: false,
        ..RateLimits::default()
    };
    PlaygroundConfig {
        rules: Rules {
            rate_limits,
            ..Rules::default()
        },
        ..PlaygroundConfig::default()
    }
}

#[tokio::test]
async fn forms_are_refused_where_they_are_wrong() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let path = api.messages("general");
    let button = |id: &str| json!({"type": 2, "style": 1, "label": "x", "custom_id": id});
    let long = "x".repeat(2001);
    let embeds = |n: usize| vec![json!({"description": "x".repeat(4000)}); n];
    let cases: Vec<(Value, &[&str], &str)> = vec![
        (
            json!({"content": long}),
            &["content"],
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            json!({"embeds": [{"title": "x".repeat(257)}]}),
            &["embeds", "0", "title"],
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            json!({"embeds": embeds(2)}),
            &["embeds"],
            "MAX_EMBED_SIZE_EXCEEDED",
        ),
        (
            json!({"embeds": [{}]}),
            &["embeds", "0", "description"],
            "BASE_TYPE_REQUIRED",
        ),
        (
            json!({"components": [{"type": 1, "components": [button("a"), button("a")]}]}),
            &["components", "0", "components", "1", "custom_id"],
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            json!({"components": [{"type": 1, "components": vec![button("a"); 6]}]}),
            &["components", "0", "components"],
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            json!({"components": [{"type": 10, "content": "x"}]}),
            &["components", "0", "type"],
            "BASE_TYPE_CHOICES",
        ),
        (
            json!({"flags": 1 << 15, "content": "x", "components": [{"type": 10, "content": "x"}]}),
            &["content"],
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        ),
        (
            json!({"content": "x", "nonce": "n".repeat(26)}),
            &["nonce"],
            "NONCE_TYPE_TOO_LONG",
        ),
    ];
    for (body, at, code) in cases {
        let reply = api.post(&path, body).await?;
        assert_eq!(reply.refusal(), (400, 50035));
        assert_eq!(field_error(&reply.1, at), code, "{:#}", reply.1);
    }
    assert_eq!(
        api.post(&path, json!({"content": "  "})).await?.refusal(),
        (400, 50006)
    );
    let layout = json!({"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "x"}]}]});
    assert_eq!(
        api.post(&path, layout).await?.1["components"][0]["components"][0]["id"],
        2
    );
    Ok(())
}

#[tokio::test]
async fn an_enforced_nonce_makes_posting_idempotent() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let body = json!({"content": "once", "nonce": "job-7", "enforce_nonce": true});
    let first = api.post(&api.messages("general"), body.clone()).await?;
    let second = api.post(&api.messages("general"), body).await?;
    assert_eq!(first.1["id"], second.1["id"]);
    assert_eq!(api.world.user("ada").messages().len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_edit_keeps_only_the_files_it_lists() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let path = api.messages("general");
    let files = [(0, "a.txt", b"a".to_vec()), (1, "b.txt", b"b".to_vec())];
    let described = json!({"attachments": [{"id": 0, "description": "first"}]});
    let posted = api.upload(Method::POST, &path, &described, &files).await?.1;
    assert_eq!(posted["attachments"][0]["description"], "first");
    let one = format!("{path}/{}", posted["id"].as_str().unwrap_or_default());
    let untouched = api.patch(&one, json!({"content": "words"})).await?.1;
    assert_eq!(untouched["attachments"].as_array().map(Vec::len), Some(2));
    let kept = json!({"attachments": [{"id": posted["attachments"][1]["id"]}, {"id": 0}]});
    let edited = api
        .upload(Method::PATCH, &one, &kept, &[(0, "c.txt", b"c".to_vec())])
        .await?
        .1;
    let names: Vec<&Value> = edited["attachments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| &a["filename"])
        .collect();
    assert_eq!(names, ["b.txt", "c.txt"]);
    let eleven: Vec<_> = (0..11).map(|n| (n, "x.txt", b"x".to_vec())).collect();
    let refused = api.upload(Method::POST, &path, &json!({}), &eleven).await?;
    assert_eq!(
        field_error(&refused.1, &["attachments"]),
        "BASE_TYPE_MAX_LENGTH"
    );
    let big = [(0, "big.bin", vec![0; 11 * 1024 * 1024])];
    assert_eq!(
        api.upload(Method::POST, &path, &json!({}), &big)
            .await?
            .refusal(),
        (413, 40005)
    );
    Ok(())
}

#[tokio::test]
async fn a_file_in_an_embed_is_linked_there_and_not_listed() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let body = json!({"embeds": [{"title": "t", "image": {"url": "attachment://a.png"}}]});
    let posted = api
        .upload(
            Method::POST,
            &api.messages("general"),
            &body,
            &[(0, "a.png", b"x".to_vec())],
        )
        .await?
        .1;
    assert_eq!(posted["attachments"], json!([]));
    let url = posted["embeds"][0]["image"]["url"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(url.starts_with(&api.world.origin()), "{url}");
    assert_eq!(reqwest::get(&url).await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn links_expire_and_cannot_be_forged_and_fetching_again_renews_them() -> anyhow::Result<()> {
    let clock = Arc::new(ManualClock::at(
        time::OffsetDateTime::UNIX_EPOCH + Duration::from_hours(500_000),
    ));
    let api = Api::start(PlaygroundConfig {
        clock: Arc::clone(&clock) as _,
        ..unhurried()
    })
    .await?;
    let path = api.messages("general");
    let posted = api
        .upload(
            Method::POST,
            &path,
            &json!({}),
            &[(0, "a.txt", b"a".to_vec())],
        )
        .await?
        .1;
    let url = |message: &Value| {
        message["attachments"][0]["url"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let first = url(&posted);
    assert_eq!(reqwest::get(&first).await?.text().await?, "a");
    assert_eq!(
        reqwest::get(first.replace("hm=", "hm=0")).await?.status(),
        404
    );
    assert_eq!(
        reqwest::get(first.split('?').next().unwrap_or_default())
            .await?
            .status(),
        404
    );
    clock.advance(Duration::from_hours(25));
    assert_eq!(reqwest::get(&first).await?.status(), 404, "expired");
    let one = format!("{path}/{}", posted["id"].as_str().unwrap_or_default());
    let second = url(&api.get(&one).await?.1);
    assert_eq!(reqwest::get(&second).await?.status(), 200, "renewed");
    api.call(Method::DELETE, &one, Value::Null).await?;
    assert_eq!(
        reqwest::get(&second).await?.status(),
        404,
        "gone with its message"
    );
    Ok(())
}

#[tokio::test]
async fn missing_rights_are_refused_as_discord_does() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let path = api.messages("general");
    api.world.deny_bot("general", ATTACH_FILES);
    let file = [(0, "a.txt", b"a".to_vec())];
    assert_eq!(
        api.upload(Method::POST, &path, &json!({}), &file)
            .await?
            .refusal(),
        (403, 50013)
    );
    api.world.deny_bot("general", SEND_MESSAGES);
    assert_eq!(
        api.post(&path, json!({"content": "x"})).await?.refusal(),
        (403, 50013)
    );
    api.world.deny_bot("general", VIEW_CHANNEL);
    assert_eq!(
        api.post(&path, json!({"content": "x"})).await?.refusal(),
        (403, 50001)
    );
    api.world.deny_bot("general", 0);
    assert_eq!(api.post(&path, json!({"content": "x"})).await?.0, 200);
    let said = api.world.user("ada").say("mine")?;
    let theirs = format!("{path}/{}", said.id());
    assert_eq!(
        api.patch(&theirs, json!({"content": "x"})).await?.refusal(),
        (403, 50005)
    );
    assert_eq!(
        api.call(Method::DELETE, &theirs, Value::Null)
            .await?
            .refusal(),
        (403, 50013)
    );
    api.world.delete_channel(api.world.channel_id("gallery"));
    assert_eq!(
        api.get("/channels/4711/messages").await?.refusal(),
        (404, 10003)
    );
    Ok(())
}

#[tokio::test]
async fn archived_threads_and_closed_direct_messages_refuse() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let thread = api.world.add_thread("general", "old", true);
    let path = format!("/channels/{thread}/messages");
    assert_eq!(
        api.post(&path, json!({"content": "x"})).await?.refusal(),
        (400, 50083)
    );
    api.patch(&format!("/channels/{thread}"), json!({"archived": false}))
        .await?;
    assert_eq!(api.post(&path, json!({"content": "x"})).await?.0, 200);

    let ada = api.world.user("ada");
    let dm = api
        .post("/users/@me/channels", json!({"recipient_id": ada.id()}))
        .await?
        .1;
    assert_eq!(dm["recipients"][0]["username"], "ada");
    let path = format!(
        "/channels/{}/messages",
        dm["id"].as_str().unwrap_or_default()
    );
    assert_eq!(api.post(&path, json!({"content": "hello"})).await?.0, 200);
    let heard = ada
        .clone()
        .in_dm()
        .wait_for_message(|m| m.content() == "hello", Duration::from_secs(5))
        .await;
    assert!(heard.is_some());
    assert!(api.world.user("grace").messages().is_empty());
    api.world.accept_dms("ada", false);
    assert_eq!(
        api.post(&path, json!({"content": "again"}))
            .await?
            .refusal(),
        (403, 50007)
    );
    Ok(())
}

#[tokio::test]
async fn mentions_ring_only_whom_the_sender_allows() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let path = api.messages("general");
    let content = format!("hi <@{}>", api.world.user("ada").id());
    let loud = api.post(&path, json!({"content": content})).await?.1;
    assert_eq!(loud["mentions"][0]["username"], "ada");
    let quiet = api
        .post(
            &path,
            json!({"content": content, "allowed_mentions": {"parse": []}}),
        )
        .await?
        .1;
    assert_eq!(quiet["mentions"], json!([]));
    Ok(())
}

#[tokio::test]
async fn history_is_listed_from_either_end() -> anyhow::Result<()> {
    let api = Api::start(unhurried()).await?;
    let path = api.messages("general");
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(api.post(&path, json!({"content": n.to_string()})).await?.1["id"].clone());
    }
    let contents = |list: &Value| -> String {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(|m| m["content"].as_str())
            .collect()
    };
    let id = |n: usize| ids[n].as_str().unwrap_or_default();
    assert_eq!(
        contents(&api.get(&format!("{path}?limit=2")).await?.1),
        "43"
    );
    assert_eq!(
        contents(
            &api.get(&format!("{path}?before={}&limit=2", id(3)))
                .await?
                .1
        ),
        "21"
    );
    assert_eq!(
        contents(&api.get(&format!("{path}?after={}&limit=2", id(1))).await?.1),
        "32"
    );
    assert_eq!(
        contents(
            &api.get(&format!("{path}?around={}&limit=3", id(2)))
                .await?
                .1
        ),
        "321"
    );
    Ok(())
}
