//! What we read of Discord's answers, and the kinds of first answer we give.

use easel_domain::DiscordId;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::body::MessagePayload;

/// The first answer to an interaction.
#[derive(Debug, Clone)]
pub enum Callback {
    /// A message (type 4).
    Message(MessagePayload),
    /// "Thinking…" (type 5), to be replaced later.
    Thinking {
        /// Whether only the member sees it.
        ephemeral: bool,
    },
    /// A click that changes nothing for now (type 6).
    Noted,
}

const EPHEMERAL: u64 = 1 << 6;

impl Callback {
    /// The JSON body.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Message(payload) => json!({"type": 4, "data": payload.create_json()}),
            Self::Thinking { ephemeral: true } => json!({"type": 5, "data": {"flags": EPHEMERAL}}),
            Self::Thinking { ephemeral: false } => json!({"type": 5}),
            Self::Noted => json!({"type": 6}),
        }
    }

    /// A word for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Thinking { .. } => "thinking",
            Self::Noted => "noted",
        }
    }
}

/// A message as Discord returns it, as far as we look.
#[derive(Debug, Clone, Deserialize)]
pub struct ApiMessage {
    /// The message.
    #[serde(deserialize_with = "snowflake")]
    pub id: DiscordId,
    /// Its channel.
    #[serde(deserialize_with = "snowflake")]
    pub channel_id: DiscordId,
    /// Its rows of buttons, unread.
    #[serde(default)]
    pub components: Vec<Value>,
    /// What it answers, if it is the answer to an interaction; unread.
    #[serde(default)]
    pub interaction_metadata: Option<Value>,
}

impl ApiMessage {
    /// Whether this is the message that was posted for the job whose id is `text`, in place of `superseded`.
    ///
    /// Only a bot can hang buttons under a message, and no other bot knows the id; answers to interactions, such as the
    /// message that was given up or a `/show`, carry the same buttons and are not it.
    pub fn was_posted_for(&self, text: &str, superseded: Option<DiscordId>) -> bool {
        self.interaction_metadata.is_none()
            && superseded.is_none_or(|old| self.id > old)
            && self.has_custom_id(text)
    }

    /// Whether a button of this message carries `text` in its `custom_id`.
    pub fn has_custom_id(&self, text: &str) -> bool {
        fn any(value: &Value, text: &str) -> bool {
            let own = value
                .get("custom_id")
                .and_then(Value::as_str)
                .is_some_and(|id| id.contains(text));
            let children = value.get("components").and_then(Value::as_array);
            own || children.is_some_and(|children| children.iter().any(|child| any(child, text)))
        }
        self.components.iter().any(|row| any(row, text))
    }
}

/// A channel, as far as we look.
#[derive(Debug, Clone, Deserialize)]
pub struct ApiChannel {
    /// The channel.
    #[serde(deserialize_with = "snowflake")]
    pub id: DiscordId,
}

/// The answer to a callback sent with `with_response`.
#[derive(Debug, Clone, Deserialize)]
pub struct CallbackResponse {
    /// What the callback made.
    #[serde(default)]
    pub resource: Option<CallbackResource>,
}

/// What a callback made.
#[derive(Debug, Clone, Deserialize)]
pub struct CallbackResource {
    /// The message, where there is one.
    #[serde(default)]
    pub message: Option<ApiMessage>,
}

/// `GET /gateway/bot`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GatewayInfo {
    /// Where to connect.
    pub url: String,
    /// How many shards Discord recommends.
    pub shards: u32,
    /// How many sessions may still be started.
    pub session_start_limit: SessionStartLimit,
}

/// A limit over 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SessionStartLimit {
    /// Sessions left.
    pub remaining: u32,
    /// Until it is full again, in milliseconds.
    pub reset_after: u64,
}

/// Discord writes snowflakes as text.
fn snowflake<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DiscordId, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Number(i64),
    }
    match Form::deserialize(deserializer)? {
        Form::Text(text) => text
            .parse()
            .map(DiscordId)
            .map_err(serde::de::Error::custom),
        Form::Number(number) => Ok(DiscordId(number)),
    }
}
