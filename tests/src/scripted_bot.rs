//! A bot of a few lines over the bare protocol: the test itself decides what it answers, and when.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// How long the server may take to answer, and a visitor to click.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events that may wait for the test.
const WAITING: usize = 256;
const INTENT_GUILDS: u64 = 1;

/// A connected bot. Dropping it disconnects it.
#[derive(Debug)]
pub struct ScriptedBot {
    http: reqwest::Client,
    api: String,
    token: String,
    application: String,
    interactions: mpsc::Receiver<Value>,
    _gateway: JoinSet<()>,
}

/// Something a visitor asked of the bot.
#[derive(Clone, Debug)]
pub struct Interaction(pub Value);

/// A file to send with a message.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its name.
    pub name: &'static str,
    /// What it shows, for those who do not see it.
    pub description: &'static str,
    /// PNG data.
    pub png: Vec<u8>,
}

impl ScriptedBot {
    /// Connects to the server at `origin` and waits until it is ready.
    pub async fn connect(origin: &str, token: &str) -> Result<Self> {
        let api = format!("{origin}/api/v10");
        let agent = "DiscordBot (https://example.com, 1)";
        let http = reqwest::Client::builder()
            .user_agent(agent)
            .timeout(PATIENCE)
            .no_proxy()
            .build()?;
        let gateway: Value = http
            .get(format!("{api}/gateway"))
            .send()
            .await?
            .json()
            .await
            .context("ask for the gateway")?;
        let url = gateway["url"].as_str().context("the gateway has a url")?;
        let (mut socket, _) = connect_async(format!("{url}/?v=10&encoding=json"))
            .await
            .context("open the gateway")?;
        let identify = json!({"op": 2, "d": {"token": token, "intents": INTENT_GUILDS,
            "properties": {"os": "linux", "browser": "scripted", "device": "scripted"}}});
        socket
            .send(Message::text(identify.to_string()))
            .await
            .context("identify")?;
        let (ready, is_ready) = mpsc::channel(1);
        let (sender, interactions) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(Ok(frame)) = socket.next().await {
                let Ok(event) = serde_json::from_str::<Value>(frame.to_text().unwrap_or_default())
                else {
                    continue;
                };
                let answer = match (event["op"].as_u64(), event["t"].as_str()) {
                    (Some(1), _) => socket
                        .send(Message::text(json!({"op": 1, "d": null}).to_string()))
                        .await
                        .is_ok(),
                    (_, Some("READY")) => ready.send(event["d"].clone()).await.is_ok(),
                    (_, Some("INTERACTION_CREATE")) => {
                        sender.send(event["d"].clone()).await.is_ok()
                    }
                    _ => true,
                };
                if !answer {
                    return;
                }
            }
        });
        let application = first_ready(is_ready).await?;
        Ok(Self {
            http,
            api,
            token: token.to_owned(),
            application,
            interactions,
            _gateway: tasks,
        })
    }

    /// Registers these commands in place of all others.
    pub async fn register(&self, commands: Value) -> Result<()> {
        let path = format!("/applications/{}/commands", self.application);
        self.send(Method::PUT, &path, &commands, Vec::new())
            .await
            .map(drop)
    }

    /// The next thing that a visitor asks.
    pub async fn next(&mut self) -> Result<Interaction> {
        let interaction = timeout(PATIENCE, self.interactions.recv())
            .await
            .context("wait for an interaction")?;
        Ok(Interaction(interaction.context("the gateway closed")?))
    }

    /// Gives the first answer: callback type `kind` with its data.
    pub async fn answer(&self, to: &Interaction, kind: u8, data: Value) -> Result<()> {
        let path = format!(
            "/interactions/{}/{}/callback",
            to.text("id"),
            to.text("token")
        );
        self.send(
            Method::POST,
            &path,
            &json!({"type": kind, "data": data}),
            Vec::new(),
        )
        .await
        .map(drop)
    }

    /// Changes the first answer.
    pub async fn edit(
        &self,
        to: &Interaction,
        message: Value,
        pictures: Vec<Picture>,
    ) -> Result<()> {
        let path = format!(
            "/webhooks/{}/{}/messages/@original",
            self.application,
            to.text("token")
        );
        self.send(Method::PATCH, &path, &message, pictures)
            .await
            .map(drop)
    }

    /// Takes the first answer away.
    pub async fn delete(&self, to: &Interaction) -> Result<()> {
        let path = format!(
            "/webhooks/{}/{}/messages/@original",
            self.application,
            to.text("token")
        );
        self.send(Method::DELETE, &path, &Value::Null, Vec::new())
            .await
            .map(drop)
    }

    /// Posts another message that belongs to the interaction.
    pub async fn follow_up(
        &self,
        to: &Interaction,
        message: Value,
        pictures: Vec<Picture>,
    ) -> Result<()> {
        let path = format!("/webhooks/{}/{}", self.application, to.text("token"));
        self.send(Method::POST, &path, &message, pictures)
            .await
            .map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        pictures: Vec<Picture>,
    ) -> Result<Value> {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.api));
        let request = request.header("authorization", format!("Bot {}", self.token));
        let request = if pictures.is_empty() {
            request.json(body)
        } else {
            request.multipart(form(body, pictures)?)
        };
        let response = request
            .send()
            .await
            .with_context(|| format!("{method} {path}"))?;
        let status = response.status();
        let text = response
            .text()
            .await
            .with_context(|| format!("read the answer of {method} {path}"))?;
        ensure!(status.is_success(), "{method} {path}: {status} {text}");
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_str(&text)?)
        }
    }
}

fn form(body: &Value, pictures: Vec<Picture>) -> Result<Form> {
    let mut body = body.clone();
    let listed = pictures.iter().enumerate().map(|(index, picture)| {
        json!({"id": index.to_string(), "filename": picture.name, "description": picture.description})
    });
    body["attachments"] = listed.collect();
    let json = Part::text(body.to_string()).mime_str("application/json")?;
    let mut form = Form::new().part("payload_json", json);
    for (index, picture) in pictures.into_iter().enumerate() {
        let part = Part::bytes(picture.png)
            .file_name(picture.name)
            .mime_str("image/png")?;
        form = form.part(format!("files[{index}]"), part);
    }
    Ok(form)
}

async fn first_ready(mut ready: mpsc::Receiver<Value>) -> Result<String> {
    let ready = timeout(PATIENCE, ready.recv())
        .await
        .context("wait to be ready")?;
    let Some(ready) = ready else {
        bail!("the gateway closed before READY")
    };
    let application = ready["application"]["id"]
        .as_str()
        .context("READY names the application")?;
    Ok(application.to_owned())
}

impl Interaction {
    /// A field of the payload that is a text.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// The value of a command's option.
    pub fn option(&self, name: &str) -> Option<&Value> {
        let options = self.0["data"]["options"].as_array()?;
        options
            .iter()
            .find(|option| option["name"] == name)
            .map(|option| &option["value"])
    }

    /// The custom id of the component or modal.
    pub fn custom_id(&self) -> &str {
        self.0["data"]["custom_id"].as_str().unwrap_or_default()
    }

    /// The values chosen in a select.
    pub fn values(&self) -> &Value {
        &self.0["data"]["values"]
    }

    /// What was written into a modal's field.
    pub fn field(&self, custom_id: &str) -> Option<&str> {
        let rows = self.0["data"]["components"].as_array()?;
        let mut inputs = rows
            .iter()
            .filter_map(|row| row["components"].as_array())
            .flatten();
        inputs.find(|input| input["custom_id"] == custom_id)?["value"].as_str()
    }
}
