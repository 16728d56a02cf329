//! A bare HTTP client that plays the application.

use easel_playground::{Playground, PlaygroundConfig, PlaygroundHandle, StartedInteraction};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::second_reader;

pub const AGENT: &str = "DiscordBot (https://example.org, 1)";

/// A world and a client for it.
pub struct Api {
    pub world: PlaygroundHandle,
    client: reqwest::Client,
}

/// A status and a body.
#[derive(Debug, PartialEq)]
pub struct Reply(pub u16, pub Value);

impl Reply {
    /// The status and Discord's code of a refusal.
    pub fn refusal(&self) -> (u16, u64) {
        (self.0, self.1["code"].as_u64().unwrap_or(0))
    }
}

impl Api {
    pub async fn start(config: PlaygroundConfig) -> anyhow::Result<Self> {
        Ok(Self {
            world: Playground::start(config).await?,
            client: reqwest::Client::new(),
        })
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/api/v10{path}", self.world.origin()))
            .header("user-agent", AGENT)
            .header("authorization", format!("Bot {}", self.world.token()))
    }

    pub async fn raw(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Response> {
        let request = self.request(method, path);
        Ok(if body.is_null() {
            request.send().await?
        } else {
            request.json(body).send().await?
        })
    }

    pub async fn call(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Reply> {
        read(self.raw(method, path, &body).await?).await
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        self.call(Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Reply> {
        self.call(Method::POST, path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Reply> {
        self.call(Method::PATCH, path, body).await
    }

    /// Sends files with a JSON part.
    pub async fn upload(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        files: &[(u64, &str, Vec<u8>)],
    ) -> anyhow::Result<Reply> {
        let mut form = reqwest::multipart::Form::new().text("payload_json", body.to_string());
        for (number, name, bytes) in files {
            let part = reqwest::multipart::Part::bytes(bytes.clone()).file_name((*name).to_owned());
            form = form.part(format!("files[{number}]"), part);
        }
        read(self.request(method, path).multipart(form).send().await?).await
    }

    /// The path of a channel's messages.
    pub fn messages(&self, channel: &str) -> String {
        format!("/channels/{}/messages", self.world.channel_id(channel))
    }

    /// The path of an interaction's webhook.
    pub fn webhook(&self, interaction: &StartedInteraction) -> String {
        format!(
            "/webhooks/{}/{}",
            self.world.application_id(),
            interaction.token()
        )
    }

    /// Answers an interaction.
    pub async fn answer(
        &self,
        interaction: &StartedInteraction,
        body: Value,
    ) -> anyhow::Result<Reply> {
        self.post(
            &format!(
                "/interactions/{}/{}/callback",
                interaction.id(),
                interaction.token()
            ),
            body,
        )
        .await
    }

    /// Registers `/draw` and uses it as Ada, without an answer yet.
    pub async fn draw(&self) -> anyhow::Result<StartedInteraction> {
        let path = format!("/applications/{}/commands", self.world.application_id());
        let reply = self
            .post(&path, json!({"name": "draw", "description": "draws"}))
            .await?;
        anyhow::ensure!(matches!(reply.0, 200 | 201), "register: {reply:?}");
        Ok(self.world.user("ada").begin("draw", [])?)
    }
}

pub async fn read(response: Response) -> anyhow::Result<Reply> {
    let status = response.status().as_u16();
    let text = response.text().await?;
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text)?
    };
    if status < 300 {
        read_again(&body);
    }
    Ok(Reply(status, body))
}

/// Has the second reader decode what it knows.
fn read_again(body: &Value) {
    for item in body
        .as_array()
        .map_or(std::slice::from_ref(body), Vec::as_slice)
    {
        let kind = match item {
            _ if item["author"].is_object() => "MESSAGE_CREATE",
            _ if item["recipients"].is_array() => "CHANNEL",
            _ if item["version"].is_string() => "COMMAND",
            _ if item["session_start_limit"].is_object() => "BOT_GATEWAY",
            _ if item["username"].is_string() => "CURRENT_USER",
            _ => continue,
        };
        second_reader::reads(&[json!({"t": kind, "d": item})]);
    }
}
