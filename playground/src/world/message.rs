//! Messages, and how Discord writes them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use super::people::merge;
use crate::snowflake::{Snowflake, timestamp};
use crate::validate::message::COMPONENTS_V2;

/// One emoji under a message and who gave it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reaction {
    pub(crate) emoji: Emoji,
    pub(crate) users: Vec<Snowflake>,
}

/// An emoji of Unicode, or a custom one with an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Emoji {
    pub(crate) id: Option<Snowflake>,
    pub(crate) name: String,
}

impl Emoji {
    /// Reads the path form: the characters themselves, or `name:id`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some((name, id)) = text.split_once(':') {
            return Some(Self {
                id: Some(id.parse().ok()?),
                name: name.to_owned(),
            });
        }
        let is_emoji = !text.is_empty()
            && text.chars().count() <= 12
            && !text.chars().any(char::is_alphabetic);
        is_emoji.then(|| Self {
            id: None,
            name: text.to_owned(),
        })
    }

    pub(crate) fn json(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }
}

/// The interaction that a message answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) interaction: Snowflake,
    pub(crate) kind: u8,
    pub(crate) user: Snowflake,
    pub(crate) guild: Option<Snowflake>,
    /// The command's name; empty for clicks and modals.
    pub(crate) name: String,
    /// For follow-ups: the first answer.
    pub(crate) original: Option<Snowflake>,
    /// For clicks: the message with the component.
    pub(crate) interacted: Option<Snowflake>,
    /// For modals: what opened the modal.
    pub(crate) triggering: Option<Box<Origin>>,
}

/// A message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: Snowflake,
    pub(crate) channel: Snowflake,
    pub(crate) author: Snowflake,
    pub(crate) content: String,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) attachments: Vec<Snowflake>,
    pub(crate) flags: u64,
    pub(crate) kind: u8,
    pub(crate) edited: Option<OffsetDateTime>,
    pub(crate) mentions: Vec<Snowflake>,
    pub(crate) mention_roles: Vec<Snowflake>,
    pub(crate) mentions_everyone: bool,
    pub(crate) nonce: Option<Value>,
    pub(crate) tts: bool,
    pub(crate) reply_to: Option<Snowflake>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) origin: Option<Origin>,
    /// The only user who sees it.
    pub(crate) ephemeral_for: Option<Snowflake>,
}

impl Message {
    pub(crate) fn new(id: Snowflake, channel: Snowflake, author: Snowflake) -> Self {
        Self {
            id,
            channel,
            author,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            attachments: Vec::new(),
            flags: 0,
            kind: 0,
            edited: None,
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            mentions_everyone: false,
            nonce: None,
            tts: false,
            reply_to: None,
            reactions: Vec::new(),
            origin: None,
            ephemeral_for: None,
        }
    }

    pub(crate) fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }
}

impl World {
    /// A message as the REST API answers it to the bot.
    pub(crate) fn message_json(&self, message: &Message) -> Value {
        let mut json = self.bare_message_json(message);
        if let Some(replied) = message.reply_to {
            let guild = self
                .channels
                .get(&message.channel)
                .and_then(super::people::Channel::guild);
            json["message_reference"] = json!({"type": 0, "message_id": replied, "channel_id": message.channel, "guild_id": guild});
            json["referenced_message"] = self
                .messages
                .get(&replied)
                .map_or(Value::Null, |replied| self.bare_message_json(replied));
        }
        json
    }

    fn bare_message_json(&self, message: &Message) -> Value {
        let author = self
            .users
            .get(&message.author)
            .map_or(Value::Null, super::people::User::json);
        let mut embeds = Value::Array(message.embeds.clone());
        let mut components = Value::Array(message.components.clone());
        self.resolve_links(message, &mut embeds);
        self.resolve_links(message, &mut components);
        let mentions: Vec<Value> = message
            .mentions
            .iter()
            .filter_map(|id| self.users.get(id))
            .map(super::people::User::json)
            .collect();
        let mut json = json!({
            "id": message.id, "channel_id": message.channel, "author": author, "content": message.content,
            "timestamp": timestamp(message.id.created_at()), "edited_timestamp": message.edited.map(timestamp),
            "tts": message.tts, "mention_everyone": message.mentions_everyone, "mentions": mentions,
            "mention_roles": message.mention_roles, "attachments": self.attachments_json(message), "embeds": embeds,
            "pinned": false, "type": message.kind, "flags": message.flags, "components": components,
        });
        if let Some(nonce) = &message.nonce {
            json["nonce"] = nonce.clone();
        }
        if !message.reactions.is_empty() {
            json["reactions"] = Self::reactions_json(message, self.bot.id);
        }
        if message.origin.is_some() {
            merge(
                &mut json,
                json!({"application_id": self.bot.id, "webhook_id": self.bot.id}),
            );
        }
        if let Some(origin) = &message.origin {
            json["interaction_metadata"] = self.origin_json(origin);
            if origin.kind == 2 {
                let user = self
                    .users
                    .get(&origin.user)
                    .map_or(Value::Null, super::people::User::json);
                json["interaction"] =
                    json!({"id": origin.interaction, "type": 2, "name": origin.name, "user": user});
            }
        }
        json
    }

    fn origin_json(&self, origin: &Origin) -> Value {
        let mut json = json!({
            "id": origin.interaction, "type": origin.kind,
            "user": self.users.get(&origin.user).map_or(Value::Null, super::people::User::json),
            "authorizing_integration_owners": {"0": origin.guild.unwrap_or_default()},
        });
        if let Some(original) = origin.original {
            json["original_response_message_id"] = json!(original);
        }
        if let Some(interacted) = origin.interacted {
            json["interacted_message_id"] = json!(interacted);
        }
        if origin.kind == 2 {
            json["command_type"] = json!(1);
            json["name"] = json!(origin.name);
        }
        if origin.kind == 5 {
            json["triggering_interaction_metadata"] = origin
                .triggering
                .as_deref()
                .map_or(Value::Null, |origin| self.origin_json(origin));
        }
        json
    }

    /// The reactions of a message as `viewer` sees them.
    pub(crate) fn reactions_json(message: &Message, viewer: Snowflake) -> Value {
        let list = message.reactions.iter().map(|reaction| {
            let count = reaction.users.len();
            json!({
                "emoji": reaction.emoji.json(), "count": count, "count_details": {"burst": 0, "normal": count},
                "me": reaction.users.contains(&viewer), "me_burst": false, "burst_colors": [],
            })
        });
        Value::Array(list.collect())
    }

    /// A message as the chat page gets it for one viewer.
    pub(crate) fn page_message_json(&self, message: &Message, viewer: Snowflake) -> Value {
        let mut json = self.message_json(message);
        json["ephemeral_for"] = json!(message.ephemeral_for);
        json["reactions"] = Self::reactions_json(message, viewer);
        json["is_v2"] = json!(message.has(COMPONENTS_V2));
        json
    }
}
