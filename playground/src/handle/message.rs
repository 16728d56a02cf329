//! A message as a person sees it.

use serde_json::Value;

use crate::snowflake::Snowflake;
use crate::validate::message::{EPHEMERAL, LOADING};
use crate::world::{Message, World};

/// A message at one moment, with typed looks into its JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenMessage {
    json: Value,
}

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// Its text.
    pub label: Option<String>,
    /// Its emoji.
    pub emoji: Option<String>,
    /// What the application gets when it is clicked; none for links.
    pub custom_id: Option<String>,
    /// Whether it cannot be clicked.
    pub is_disabled: bool,
}

impl Button {
    pub(super) fn is_called(&self, name: &str) -> bool {
        [&self.label, &self.emoji, &self.custom_id]
            .into_iter()
            .any(|text| text.as_deref() == Some(name))
    }
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAttachment {
    /// Its id.
    pub id: Snowflake,
    /// Its name.
    pub filename: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its type.
    pub content_type: Option<String>,
    /// Its signed link.
    pub url: String,
    /// Its alternative text.
    pub description: Option<String>,
    /// Width and height of a picture.
    pub dimensions: Option<(u64, u64)>,
}

impl SeenMessage {
    pub(super) fn of(world: &World, message: &Message, viewer: Snowflake) -> Self {
        Self {
            json: world.page_message_json(message, viewer),
        }
    }

    pub(super) fn from_json(json: Value) -> Self {
        Self { json }
    }

    /// The message as JSON, as the chat page gets it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Its id.
    pub fn id(&self) -> Snowflake {
        Snowflake::from_json(&self.json["id"]).unwrap_or_default()
    }

    /// Its channel.
    pub fn channel_id(&self) -> Snowflake {
        Snowflake::from_json(&self.json["channel_id"]).unwrap_or_default()
    }

    /// Its text.
    pub fn content(&self) -> &str {
        self.json["content"].as_str().unwrap_or_default()
    }

    /// All texts in it: content, embeds and text components, a line each.
    pub fn all_text(&self) -> String {
        let mut texts = vec![self.content().to_owned()];
        collect_texts(&self.json["embeds"], &mut texts);
        collect_texts(&self.json["components"], &mut texts);
        texts.retain(|text| !text.is_empty());
        texts.join("\n")
    }

    /// Whether the bot wrote it.
    pub fn is_by_bot(&self) -> bool {
        self.json["author"]["bot"] == true
    }

    /// Whether it still says that the application is thinking.
    pub fn is_loading(&self) -> bool {
        self.flags() & LOADING != 0
    }

    /// Whether only one person sees it.
    pub fn is_ephemeral(&self) -> bool {
        self.flags() & EPHEMERAL != 0
    }

    fn flags(&self) -> u64 {
        self.json["flags"].as_u64().unwrap_or(0)
    }

    /// Its embeds.
    pub fn embeds(&self) -> &[Value] {
        self.json["embeds"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Its buttons, in reading order.
    pub fn buttons(&self) -> Vec<Button> {
        let mut found = Vec::new();
        collect_buttons(&self.json["components"], &mut found);
        found
    }

    /// The button with that label, emoji or custom id.
    pub fn button(&self, name: &str) -> Option<Button> {
        self.buttons()
            .into_iter()
            .find(|button| button.is_called(name))
    }

    /// Its files.
    pub fn attachments(&self) -> Vec<SeenAttachment> {
        let list = self.json["attachments"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let text = |file: &Value, key: &str| file[key].as_str().map(ToOwned::to_owned);
        list.iter()
            .map(|file| SeenAttachment {
                id: Snowflake::from_json(&file["id"]).unwrap_or_default(),
                filename: text(file, "filename").unwrap_or_default(),
                size: file["size"].as_u64().unwrap_or(0),
                content_type: text(file, "content_type"),
                url: text(file, "url").unwrap_or_default(),
                description: text(file, "description"),
                dimensions: file["width"].as_u64().zip(file["height"].as_u64()),
            })
            .collect()
    }

    /// Its reactions as (emoji, how many).
    pub fn reactions(&self) -> Vec<(String, u64)> {
        let list = self.json["reactions"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter()
            .map(|r| {
                (
                    r["emoji"]["name"].as_str().unwrap_or_default().to_owned(),
                    r["count"].as_u64().unwrap_or(0),
                )
            })
            .collect()
    }
}

fn collect_buttons(components: &Value, found: &mut Vec<Button>) {
    for component in components.as_array().into_iter().flatten() {
        if component["type"] == 2 {
            let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
            found.push(Button {
                label: text(&component["label"]),
                emoji: text(&component["emoji"]["name"]),
                custom_id: text(&component["custom_id"]),
                is_disabled: component["disabled"] == true,
            });
        }
        collect_buttons(&component["components"], found);
        if component["accessory"].is_object() {
            collect_buttons(&Value::Array(vec![component["accessory"].clone()]), found);
        }
    }
}

fn collect_texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, found)),
        Value::Object(fields) => {
            for key in ["title", "description", "name", "value", "text", "content"] {
                if let Some(text) = fields.get(key).and_then(Value::as_str) {
                    found.push(text.to_owned());
                }
            }
            for key in ["fields", "footer", "author", "components", "accessory"] {
                if let Some(inner) = fields.get(key) {
                    collect_texts(inner, found);
                }
            }
        }
        _ => {}
    }
}
