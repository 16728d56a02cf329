//! What we read of Discord's answers, and the kinds of first answer we give.

use easel_domain::{DiscordId, JobId};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::body::MessagePayload;
use crate::custom_id::CustomId;

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
    /// The message of the click looks different now (type 7).
    Update(MessagePayload),
    /// What an option may hold, while it is typed (type 8): at most 25 names with values.
    Choices(Vec<Value>),
    /// A form (type 9).
    Form(Form),
}

/// A form with fields for text.
#[derive(Debug, Clone)]
pub struct Form {
    /// Comes back with what is filled in.
    pub custom_id: String,
    /// At most 45 characters.
    pub title: &'static str,
    /// One to five.
    pub fields: Vec<Field>,
}

/// One field of a form.
#[derive(Clone)]
pub struct Field {
    /// Names it among the fields.
    pub name: &'static str,
    /// At most 45 characters.
    pub label: &'static str,
    /// What stands in it at first, at most 4000 characters.
    pub value: String,
    /// Whether it has several lines.
    pub is_long: bool,
    /// Most characters that it takes.
    pub max_length: u16,
}

/// Fields hold prompts.
impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Field({}, {} bytes)", self.name, self.value.len())
    }
}

impl Form {
    fn to_json(&self) -> Value {
        let row = |field: &Field| {
            let style = if field.is_long { 2 } else { 1 };
            let input = json!({"type": 4, "custom_id": field.name, "label": field.label, "style": style,
                "value": field.value, "required": true, "min_length": 1, "max_length": field.max_length});
            json!({"type": 1, "components": [input]})
        };
        let rows: Vec<Value> = self.fields.iter().map(row).collect();
        json!({"custom_id": self.custom_id, "title": self.title, "components": rows})
    }
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
            Self::Update(payload) => json!({"type": 7, "data": payload.edit_json()}),
            Self::Choices(choices) => json!({"type": 8, "data": {"choices": choices}}),
            Self::Form(form) => json!({"type": 9, "data": form.to_json()}),
        }
    }

    /// A word for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Thinking { .. } => "thinking",
            Self::Noted => "noted",
            Self::Update(_) => "update",
            Self::Choices(_) => "choices",
            Self::Form(_) => "form",
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
    /// Discord's bits.
    #[serde(default)]
    pub flags: u64,
    /// What it answers, if it is the answer to an interaction; unread.
    #[serde(default)]
    pub interaction_metadata: Option<Value>,
}

impl ApiMessage {
    /// Whether only one person sees it.
    pub fn is_ephemeral(&self) -> bool {
        self.flags & EPHEMERAL != 0
    }

    /// Whether this is the message that was posted for the job whose id is `text`, in place of `superseded`.
    ///
    /// Only a bot can hang buttons under a message, and no other bot knows the id; answers to interactions, such as the
    /// message that was given up or a `/show`, carry the same buttons and are not it.
    pub fn was_posted_for(&self, text: &str, superseded: Option<DiscordId>) -> bool {
        self.interaction_metadata.is_none()
            && superseded.is_none_or(|old| self.id > old)
            && self.has_custom_id(text)
    }

    /// The job whose buttons hang under this message.
    pub fn job(&self) -> Option<JobId> {
        let buttons = self
            .components
            .iter()
            .filter_map(|row| row["components"].as_array());
        buttons
            .flatten()
            .filter_map(|button| button["custom_id"].as_str()?.parse::<CustomId>().ok())
            .find(|id| id.action.is_of_a_job())
            .map(|id| id.job)
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

/// A guild, as far as rights follow from it.
#[derive(Debug, Clone, Deserialize)]
pub struct ApiGuild {
    /// Who may do everything.
    #[serde(deserialize_with = "snowflake")]
    pub owner_id: DiscordId,
    /// Its roles; that of everybody has the guild's own id.
    pub roles: Vec<ApiRole>,
}

/// A role.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct ApiRole {
    /// Which.
    #[serde(deserialize_with = "snowflake")]
    pub id: DiscordId,
    /// Bits of what it allows.
    #[serde(deserialize_with = "bits")]
    pub permissions: u64,
}

/// A channel or thread, as far as rights follow from it.
#[derive(Debug, Clone, Deserialize)]
pub struct ApiPlace {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The category of a channel, or the channel of a thread.
    #[serde(default, deserialize_with = "maybe_snowflake")]
    pub parent_id: Option<DiscordId>,
    /// What roles and members may do there otherwise; threads have none.
    #[serde(default)]
    pub permission_overwrites: Vec<ApiOverwrite>,
}

impl ApiPlace {
    /// Whether it is a thread, of any of the three kinds.
    pub fn is_thread(&self) -> bool {
        (10..=12).contains(&self.kind)
    }
}

/// What a role or a member may do in a channel otherwise.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct ApiOverwrite {
    /// Whose.
    #[serde(deserialize_with = "snowflake")]
    pub id: DiscordId,
    /// 0 for a role, 1 for a member.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Bits that are added.
    #[serde(deserialize_with = "bits")]
    pub allow: u64,
    /// Bits that are taken.
    #[serde(deserialize_with = "bits")]
    pub deny: u64,
}

/// Discord writes bits as a number in text.
fn bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn maybe_snowflake<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DiscordId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let parsed = text.map(|text| text.parse().map(DiscordId)).transpose();
    parsed.map_err(serde::de::Error::custom)
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
    /// Sessions of a day.
    pub total: u32,
    /// Sessions left.
    pub remaining: u32,
    /// Until it is full again, in milliseconds.
    pub reset_after: u64,
    /// Shards that may begin at once: those of different numbers modulo this one.
    pub max_concurrency: u32,
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
