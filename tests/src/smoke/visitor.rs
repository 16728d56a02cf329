//! Somebody in front of the chat page.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt;
use reqwest::Client;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use url::Url;

use easel_domain::Clock;
use easel_service::SystemClock;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_mins(5);

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The first answer of a job that is taken on.
const THINKING: u8 = 5;
/// A part of the refusal of a platform without a model.
const NO_MODEL: &str = "announced a model";

/// A job that was taken on.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub interaction: String,
    /// The message that shows it.
    pub message_id: Value,
    pub sent_at: OffsetDateTime,
    pub acknowledged_at: OffsetDateTime,
}

/// A visitor with his page open.
pub(super) struct Visitor {
    http: Client,
    api: String,
    user: String,
    channel: String,
    events: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// Something that the page was told, and when.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub at: OffsetDateTime,
    pub event: Value,
}

impl Seen {
    /// The message of the event, if it is about one.
    pub fn message(&self) -> &Value {
        &self.event["message"]
    }
}

/// A message's text.
pub(super) fn content(message: &Value) -> &str {
    message["content"].as_str().unwrap_or_default()
}

/// The address of the picture that a message shows.
pub(super) fn picture(message: &Value) -> Option<&str> {
    message["embeds"][0]["image"]["url"].as_str()
}

/// The custom id of a message's button.
pub(super) fn button<'m>(message: &'m Value, name: &str) -> Option<&'m str> {
    let rows = message["components"].as_array()?.iter();
    let mut buttons = rows
        .filter_map(|row| row["components"].as_array())
        .flatten();
    let found =
        buttons.find(|button| button["label"] == name || button["emoji"]["name"] == name)?;
    found["custom_id"].as_str()
}

impl Visitor {
    /// Opens the page and waits until the bot is there.
    pub async fn arrive(origin: &Url, user: &str) -> Result<Self> {
        let origin = origin.as_str().trim_end_matches('/');
        let api = format!("{origin}/playground/api");
        let http = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let socket = format!("{}/events?user={user}", api.replacen("http", "ws", 1));
        let (events, _) = connect_async(socket)
            .await
            .context("open the page's event stream")?;
        let mut visitor = Self {
            http,
            api,
            user: user.to_owned(),
            channel: String::new(),
            events,
        };
        visitor.wait_for_bot().await?;
        Ok(visitor)
    }

    async fn wait_for_bot(&mut self) -> Result<()> {
        let waiting = async {
            loop {
                let state = self.get(&format!("/state?user={}", self.user)).await?;
                let commands = state["commands"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                if state["bot"]["online"] == true
                    && commands.iter().any(|command| command["name"] == "imagine")
                {
                    let channel = state["guilds"][0]["channels"][0]["id"].as_str();
                    channel
                        .context("there is a channel")?
                        .clone_into(&mut self.channel);
                    return anyhow::Ok(());
                }
                // An event may tell sooner; no event is promised.
                if let Ok(event) = timeout(LOOK_EVERY, self.next()).await {
                    event?;
                }
            }
        };
        timeout(PATIENCE, waiting)
            .await
            .context("wait for the bot")?
            .context("wait for the bot")
    }

    /// Uses a command; returns the interaction and when it was sent.
    async fn command(&self, name: &str, options: Value) -> Result<(String, OffsetDateTime)> {
        let path = format!("/channels/{}/interactions", self.channel);
        self.interact(
            &path,
            json!({"user": self.user, "command": name, "options": options}),
        )
        .await
    }

    /// Uses `/imagine` until it is taken on: a platform that has just started may not know its model yet.
    pub async fn imagine(&mut self, prompt: &str) -> Result<Taken> {
        let asking = async {
            loop {
                let (interaction, sent_at) =
                    self.command("imagine", json!({"prompt": prompt})).await?;
                let is_ack = |seen: &Seen| {
                    seen.event["type"] == "interaction_ack"
                        && seen.event["interaction_id"] == interaction.as_str()
                };
                let ack = self.until("the first answer", is_ack).await?;
                let message_id = ack.event["message_id"].clone();
                if ack.event["kind"] == THINKING {
                    return anyhow::Ok(Taken {
                        interaction,
                        message_id,
                        sent_at,
                        acknowledged_at: ack.at,
                    });
                }
                let words = self.words_of(&message_id).await?;
                ensure!(words.contains(NO_MODEL), "the bot refuses: {words}");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(PATIENCE, asking)
            .await
            .context("wait for a model")?
    }

    async fn words_of(&self, message: &Value) -> Result<String> {
        let messages = self
            .get(&format!(
                "/channels/{}/messages?user={}",
                self.channel, self.user
            ))
            .await?;
        let found = messages
            .as_array()
            .and_then(|all| all.iter().find(|one| one["id"] == *message));
        Ok(found.map_or("", content).to_owned())
    }

    /// Presses a button.
    pub async fn press(&self, message: &Value, name: &str) -> Result<(String, OffsetDateTime)> {
        let id = message["id"].as_str().context("a message has an id")?;
        let custom_id = button(message, name)
            .with_context(|| format!("there is no button {name}: {}", content(message)))?;
        let path = format!("/messages/{id}/components");
        self.interact(&path, json!({"user": self.user, "custom_id": custom_id}))
            .await
    }

    async fn interact(&self, path: &str, body: Value) -> Result<(String, OffsetDateTime)> {
        let sent_at = SystemClock.now();
        let answer = self
            .http
            .post(format!("{}{path}", self.api))
            .json(&body)
            .send()
            .await?;
        let status = answer.status();
        let answer: Value = answer
            .json()
            .await
            .with_context(|| format!("read the answer to {path}"))?;
        ensure!(status.is_success(), "{path}: {status} {answer}");
        let id = answer["interaction_id"]
            .as_str()
            .context("an interaction has an id")?;
        Ok((id.to_owned(), sent_at))
    }

    /// The next thing that the page is told.
    pub async fn next(&mut self) -> Result<Seen> {
        loop {
            let frame = timeout(PATIENCE, self.events.next())
                .await
                .context("wait for the page to change")?;
            match frame.context("the page's event stream ended")?? {
                Message::Text(text) => {
                    let event: Value =
                        serde_json::from_str(&text).context("read an event of the page")?;
                    if event["type"] == "interaction_failed" {
                        bail!("the application did not respond");
                    }
                    return Ok(Seen {
                        at: SystemClock.now(),
                        event,
                    });
                }
                Message::Close(_) => bail!("the page's event stream was closed"),
                _ => {}
            }
        }
    }

    /// Waits for an event that fits.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Seen) -> bool) -> Result<Seen> {
        let search = async {
            loop {
                let seen = self.next().await?;
                if fits(&seen) {
                    return anyhow::Ok(seen);
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .with_context(|| format!("wait for {what}"))?
            .with_context(|| format!("wait for {what}"))
    }

    /// A file, as the page loads it.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>> {
        let answer = self
            .http
            .get(url)
            .send()
            .await
            .with_context(|| format!("load {url}"))?;
        let answer = answer
            .error_for_status()
            .with_context(|| format!("load {url}"))?;
        Ok(answer.bytes().await?.to_vec())
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.api)).send().await?;
        answer.json().await.with_context(|| format!("read {path}"))
    }
}
