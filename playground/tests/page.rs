//! The people's side over HTTP, as the chat page uses it. The application is played by bare REST calls.

#[path = "support/second_reader.rs"]
mod second_reader;

use std::time::Duration;

use anyhow::Context;
use easel_playground::{Playground, PlaygroundConfig, PlaygroundHandle};
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);

struct Page {
    world: PlaygroundHandle,
    client: reqwest::Client,
}

type Events = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

impl Page {
    async fn open() -> anyhow::Result<Self> {
        let world = Playground::start(PlaygroundConfig::default()).await?;
        Ok(Self {
            world,
            client: reqwest::Client::new(),
        })
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.world.origin()));
        request = request.header("user-agent", "DiscordBot (https://example.org, 1)");
        request = request.header("authorization", format!("Bot {}", self.world.token()));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        anyhow::ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)?
        })
    }

    /// Registers a command as the application.
    async fn register(&self, command: Value) -> anyhow::Result<Value> {
        let path = format!(
            "/api/v10/applications/{}/commands",
            self.world.application_id()
        );
        self.call(Method::POST, &path, command).await
    }

    async fn events(&self, user: &str) -> anyhow::Result<Events> {
        let url = format!(
            "ws://{}/playground/api/events?user={user}",
            self.world.address()
        );
        Ok(connect_async(url).await?.0)
    }

    /// Answers an interaction as the application.
    async fn answer(&self, interaction: &Value, body: Value) -> anyhow::Result<()> {
        let path = format!(
            "/api/v10/interactions/{}/{}/callback",
            interaction["id"].as_str().context("an id")?,
            interaction["token"].as_str().context("a token")?
        );
        self.call(Method::POST, &path, body).await.map(drop)
    }

    fn channel(&self) -> String {
        format!(
            "/playground/api/channels/{}",
            self.world.channel_id("general")
        )
    }
}

async fn event(events: &mut Events, kind: &str) -> anyhow::Result<Value> {
    let search = async {
        while let Some(frame) = events.next().await {
            let event: Value = serde_json::from_str(&frame?.into_text()?)?;
            if event["type"] == kind {
                return Ok(event);
            }
        }
        anyhow::bail!("the events ended before {kind}")
    };
    tokio::time::timeout(PATIENCE, search)
        .await
        .with_context(|| format!("no {kind}"))?
}

/// A gateway client that only reads, to learn tokens.
async fn gateway(page: &Page) -> anyhow::Result<Events> {
    use futures::SinkExt;
    let mut socket = connect_async(format!("ws://{}/gateway", page.world.address()))
        .await?
        .0;
    let identify = json!({"op": 2, "d": {"token": page.world.token(), "intents": 0x3fff}});
    socket.send(identify.to_string().into()).await?;
    Ok(socket)
}

async fn interaction(socket: &mut Events) -> anyhow::Result<Value> {
    let search = async {
        while let Some(frame) = socket.next().await {
            let frame: Value = serde_json::from_str(&frame?.into_text()?)?;
            if frame["t"] == "INTERACTION_CREATE" {
                return Ok(frame["d"].clone());
            }
        }
        anyhow::bail!("the gateway closed")
    };
    tokio::time::timeout(PATIENCE, search).await?
}

#[tokio::test]
async fn the_page_and_its_files_are_served() -> anyhow::Result<()> {
    let page = Page::open().await?;
    let index = reqwest::get(page.world.origin()).await?;
    assert_eq!(index.headers()["content-type"], "text/html; charset=utf-8");
    let script = reqwest::get(format!("{}/js/main.js", page.world.origin())).await?;
    assert_eq!(
        script.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        reqwest::get(format!("{}/js/none.js", page.world.origin()))
            .await?
            .status(),
        404
    );
    Ok(())
}

#[tokio::test]
async fn the_state_names_people_places_commands_and_the_bot() -> anyhow::Result<()> {
    let page = Page::open().await?;
    page.register(json!({"name": "imagine", "description": "draws"}))
        .await?;
    let state = page
        .call(Method::GET, "/playground/api/state?user=grace", Value::Null)
        .await?;
    assert_eq!(state["me"]["name"], "grace");
    assert_eq!(state["users"].as_array().map(Vec::len), Some(4));
    let channels: Vec<&Value> = state["guilds"][0]["channels"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(channels, ["general", "gallery", "nsfw"]);
    assert_eq!(state["commands"][0]["name"], "imagine");
    assert_eq!(state["bot"]["online"], false);
    assert!(state["dms"][0]["channel_id"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_command_with_a_file_is_followed_live() -> anyhow::Result<()> {
    let page = Page::open().await?;
    let options = json!([{"type": 11, "name": "image", "description": "what", "required": true}]);
    page.register(json!({"name": "describe", "description": "looks", "options": options}))
        .await?;
    let (mut ada, mut bot) = (page.events("ada").await?, gateway(&page).await?);
    assert_eq!(event(&mut ada, "bot_status").await?["online"], true);

    let file = reqwest::multipart::Part::bytes(b"pixels".to_vec()).file_name("cat.png");
    let form = reqwest::multipart::Form::new()
        .text(
            "payload_json",
            json!({"user": "ada", "command": "describe", "options": {}}).to_string(),
        )
        .part("image", file);
    let url = format!("{}{}/interactions", page.world.origin(), page.channel());
    let started: Value = page
        .client
        .post(url)
        .multipart(form)
        .send()
        .await?
        .json()
        .await?;
    let used = interaction(&mut bot).await?;
    assert_eq!(used["id"], started["interaction_id"]);
    let attachment = used["data"]["options"][0]["value"]
        .as_str()
        .context("an attachment")?;
    let resolved = &used["data"]["resolved"]["attachments"][attachment];
    let url = resolved["url"].as_str().context("a link")?;
    assert_eq!(reqwest::get(url).await?.bytes().await?, "pixels");

    page.answer(&used, json!({"type": 5})).await?;
    let thinking = event(&mut ada, "message_create").await?;
    assert_eq!(thinking["message"]["flags"], 128);
    assert_eq!(event(&mut ada, "interaction_ack").await?["kind"], 5);
    let original = format!(
        "/api/v10/webhooks/{}/{}/messages/@original",
        page.world.application_id(),
        used["token"].as_str().context("a token")?
    );
    page.call(Method::PATCH, &original, json!({"content": "a cat"}))
        .await?;
    let update = event(&mut ada, "message_update").await?;
    assert_eq!(update["message"]["content"], "a cat");
    let history = page
        .call(
            Method::GET,
            &format!("{}/messages?user=grace", page.channel()),
            Value::Null,
        )
        .await?;
    assert_eq!(history[0]["interaction_metadata"]["name"], "describe");
    second_reader::reads(&page.world.dispatches());
    Ok(())
}

/// Ada uses `/draw`, and the application answers with a button; the message's id.
async fn drawn(page: &Page, bot: &mut Events, ada: &mut Events) -> anyhow::Result<String> {
    page.register(json!({"name": "draw", "description": "draws"}))
        .await?;
    let call = json!({"user": "ada", "command": "draw", "options": {}});
    let path = format!("{}/interactions", page.channel());
    page.call(Method::POST, &path, call).await?;
    let button = json!({"type": 2, "style": 1, "label": "Remix", "custom_id": "remix"});
    let row = json!([{"type": 1, "components": [button]}]);
    let used = interaction(bot).await?;
    let answer = json!({"type": 4, "data": {"content": "x", "components": row}});
    page.answer(&used, answer).await?;
    let shown = event(ada, "message_create").await?;
    Ok(shown["message"]["id"]
        .as_str()
        .context("a message")?
        .to_owned())
}

#[tokio::test]
async fn a_click_opens_a_modal_and_its_submission_answers_quietly() -> anyhow::Result<()> {
    let page = Page::open().await?;
    let (mut ada, mut bot) = (page.events("ada").await?, gateway(&page).await?);
    let message = drawn(&page, &mut bot, &mut ada).await?;
    let click = json!({"user": "ada", "custom_id": "remix"});
    let path = format!("/playground/api/messages/{message}/components");
    page.call(Method::POST, &path, click).await?;
    let clicked = interaction(&mut bot).await?;
    assert_eq!(
        (&clicked["type"], &clicked["message"]["id"]),
        (&json!(3), &json!(message))
    );
    let input = json!({"type": 4, "style": 2, "custom_id": "prompt"});
    let label = json!({"type": 18, "label": "Prompt", "component": input});
    let modal = json!({"custom_id": "remix", "title": "Remix", "components": [label]});
    page.answer(&clicked, json!({"type": 9, "data": modal}))
        .await?;

    let open = event(&mut ada, "modal_open").await?;
    let opener = open["interaction_id"].as_str().context("an id")?;
    let path = format!("/playground/api/interactions/{opener}/modal");
    let fields = json!([{"custom_id": "prompt", "value": "blue"}]);
    let filled = json!({"user": "ada", "custom_id": "remix", "components": fields});
    page.call(Method::POST, &path, filled).await?;
    let submitted = interaction(&mut bot).await?;
    assert_eq!(
        submitted["data"]["components"][0]["component"]["value"],
        "blue"
    );
    let quietly = json!({"type": 4, "data": {"content": "ok", "flags": 64}});
    page.answer(&submitted, quietly).await?;
    let quiet = event(&mut ada, "message_create").await?;
    let id = page.world.user("ada").id().to_string();
    assert_eq!(quiet["message"]["ephemeral_for"], id);
    let path = format!("{}/messages?user=grace", page.channel());
    let history = page.call(Method::GET, &path, Value::Null).await?;
    assert_eq!(
        history.as_array().map(Vec::len),
        Some(1),
        "the quiet answer is Ada's alone"
    );
    second_reader::reads(&page.world.dispatches());
    Ok(())
}

#[tokio::test]
async fn reactions_and_deletions_reach_everyone() -> anyhow::Result<()> {
    let page = Page::open().await?;
    let (mut ada, mut grace) = (page.events("ada").await?, page.events("grace").await?);
    let mut bot = gateway(&page).await?;
    let message = drawn(&page, &mut bot, &mut ada).await?;
    let path = format!("/playground/api/messages/{message}");
    let reaction = format!("{path}/reactions/%E2%9C%89%EF%B8%8F?user=grace");
    page.call(Method::PUT, &reaction, Value::Null).await?;
    assert_eq!(
        event(&mut grace, "reaction").await?["reactions"][0]["me"],
        true
    );
    assert_eq!(
        event(&mut ada, "reaction").await?["reactions"][0]["me"],
        false
    );
    page.call(Method::DELETE, &reaction, Value::Null).await?;
    assert_eq!(event(&mut ada, "reaction").await?["added"], false);
    let own_only = page
        .call(Method::DELETE, &format!("{path}?user=grace"), Value::Null)
        .await;
    assert!(own_only.is_err());
    page.call(Method::DELETE, &format!("{path}?user=linus"), Value::Null)
        .await?;
    assert_eq!(
        event(&mut grace, "message_delete").await?["message_id"],
        message
    );
    second_reader::reads(&page.world.dispatches());
    Ok(())
}

#[tokio::test]
async fn an_unanswered_command_fails_after_the_first_clock() -> anyhow::Result<()> {
    let page = Page::open().await?;
    page.register(json!({"name": "draw", "description": "draws"}))
        .await?;
    page.call(
        Method::POST,
        "/playground/faults/clocks",
        json!({"first_answer_ms": 50}),
    )
    .await?;
    let mut ada = page.events("ada").await?;
    let call = json!({"user": "ada", "command": "draw"});
    let started = page
        .call(
            Method::POST,
            &format!("{}/interactions", page.channel()),
            call,
        )
        .await?;
    let failed = event(&mut ada, "interaction_failed").await?;
    assert_eq!(failed["interaction_id"], started["interaction_id"]);
    assert_eq!(failed["reason"], "The application did not respond");
    Ok(())
}

#[tokio::test]
async fn faults_are_switched_over_http() -> anyhow::Result<()> {
    let page = Page::open().await?;
    let switches = json!({"routes": [{"route": "/users/@me", "times": 1, "failure": {"kind": "status", "status": 500}}],
                          "dispatches": [["MESSAGE_CREATE", "drop", 2]], "novel_fields": true});
    let on = page
        .call(Method::POST, "/playground/faults", switches)
        .await?;
    assert_eq!(on["dispatches"][0], json!(["MESSAGE_CREATE", "drop", 2]));
    assert!(
        page.call(Method::GET, "/api/v10/users/@me", Value::Null)
            .await
            .is_err()
    );
    page.call(Method::GET, "/api/v10/users/@me", Value::Null)
        .await?;
    let off = page
        .call(Method::DELETE, "/playground/faults", Value::Null)
        .await?;
    assert_eq!(off["novel_fields"], false);
    let log = page
        .call(Method::GET, "/playground/faults/requests", Value::Null)
        .await?;
    assert_eq!(
        (&log[0]["status"], &log[1]["status"]),
        (&json!(500), &json!(200))
    );
    let mut bot = gateway(&page).await?;
    assert!(page.world.wait_for_bot(PATIENCE).await);
    page.call(
        Method::POST,
        "/playground/faults/gateway",
        json!({"action": "close", "code": 4000}),
    )
    .await?;
    let closed = async { while let Some(Ok(_)) = bot.next().await {} };
    tokio::time::timeout(PATIENCE, closed).await?;
    Ok(())
}
