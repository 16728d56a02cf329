//! The whole state of the stand-in as one value without I/O: every request, click and gateway frame is a method that
//! changes it and leaves [`Effect`]s behind for the server to carry out. Time and randomness are handed in.

mod attachments;
mod callback;
mod catalogue;
mod chaos;
mod direct;
mod dispatch;
mod faults;
mod followup;
mod held;
mod identify;
mod install;
mod interaction;
mod limits;
mod mentions;
mod message;
mod options;
mod payload;
mod people;
mod permissions;
mod posting;
mod reactions;
mod seed;
mod session;
mod snapshot;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

pub(crate) use attachments::{Attachment, LinkProof};
pub use chaos::{Chaos, EventChance, RouteChance};
pub use faults::{DispatchFault, Failure, RouteFault};
pub(crate) use faults::{Faults, Misbehaviour};
pub(crate) use interaction::{Interaction, InteractionKind};
pub use limits::RateLimits;
pub(crate) use limits::{Limiter, Verdict};
pub(crate) use message::{Emoji, Message, Origin};
pub(crate) use options::SlashCall;
pub(crate) use people::{Channel, ChannelKind, Guild, User};
pub use seed::{GuildSeed, Seed, UserSeed};
pub(crate) use session::{Connection, Session};
pub(crate) use snapshot::Snapshot;

use crate::rest::RequestRecord;
use crate::snowflake::{Snowflake, SnowflakeSource};
use easel_domain::Entropy;

/// Dispatches kept for inspection and, by session, for resumes.
pub(crate) const KEPT_DISPATCHES: usize = 4096;

/// The times and sizes by which the stand-in plays. The defaults are Discord's.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long an application has for its first answer.
    pub first_answer: Duration,
    /// How long an interaction's token lives.
    pub token_life: Duration,
    /// How long an attachment's link is good.
    pub link_life: Duration,
    /// The heartbeat interval told to clients.
    pub heartbeat: Duration,
    /// Bytes allowed for one file where nothing else allows more.
    pub file_limit: u64,
    /// How long an enforced nonce is remembered.
    pub nonce_memory: Duration,
    /// Messages kept; the oldest go first.
    pub kept_messages: usize,
    /// Bytes of files kept; the oldest go first.
    pub kept_file_bytes: u64,
    /// Privileged intents that the application has been granted.
    pub granted_intents: u64,
    /// A message older than this is edited by the bot in its channel only so often within that time (30046).
    pub old_message: Duration,
    /// How often, in one channel. Discord does not document its number.
    pub old_message_edits: usize,
    /// Request limits.
    pub rate_limits: RateLimits,
    /// How many shards may identify at once: one for each remainder of its number.
    pub max_concurrency: u64,
    /// How long those of one remainder must stay apart. Discord's is 5 seconds; none here unless a test asks for it, because
    /// people start bots again and again.
    pub identify_pause: Duration,
    /// How long an answer of the API takes on its way back.
    pub latency: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            first_answer: Duration::from_secs(3),
            token_life: Duration::from_mins(15),
            link_life: Duration::from_hours(24),
            heartbeat: Duration::from_millis(41_250),
            file_limit: 10 * 1024 * 1024,
            nonce_memory: Duration::from_mins(5),
            kept_messages: 20_000,
            kept_file_bytes: 2 * 1024 * 1024 * 1024,
            granted_intents: dispatch::PRIVILEGED,
            old_message: Duration::from_hours(1),
            old_message_edits: 30,
            rate_limits: RateLimits::default(),
            max_concurrency: 1,
            identify_pause: Duration::ZERO,
            latency: Duration::ZERO,
        }
    }
}

/// What the server has to do after the world changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Send a frame to a gateway connection.
    Send { connection: u64, text: String },
    /// Close a gateway connection with a code.
    Close {
        connection: u64,
        code: u16,
        reason: &'static str,
    },
    /// Leave a gateway connection open, and neither send nor read on it any more.
    Freeze { connection: u64 },
    /// Cut a gateway connection without a word.
    Sever { connection: u64 },
    /// Tell the chat pages of one user (or of all).
    Page {
        user: Option<Snowflake>,
        event: Value,
    },
}

/// The state. See the module's documentation.
pub(crate) struct World {
    pub(crate) now: OffsetDateTime,
    pub(crate) rules: Rules,
    /// `http://host:port`, under which clients reach the stand-in.
    pub(crate) origin: String,
    pub(crate) token: String,
    pub(crate) bot: User,
    pub(crate) users: BTreeMap<Snowflake, User>,
    pub(crate) guilds: BTreeMap<Snowflake, Guild>,
    pub(crate) channels: BTreeMap<Snowflake, Channel>,
    pub(crate) messages: BTreeMap<Snowflake, Message>,
    pub(crate) attachments: BTreeMap<Snowflake, Attachment>,
    pub(crate) commands: Vec<Value>,
    pub(crate) command_creates: VecDeque<OffsetDateTime>,
    pub(crate) interactions: BTreeMap<Snowflake, Interaction>,
    pub(crate) interaction_tokens: HashMap<String, Snowflake>,
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) next_connection: u64,
    pub(crate) identifies_left: u32,
    /// When each remainder identified last.
    pub(crate) identified: BTreeMap<u64, OffsetDateTime>,
    /// Sessions that were refused for coming too early.
    pub(crate) early_identifies: u32,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    pub(crate) held: Vec<held::Held>,
    /// People who have not installed the bot for themselves.
    pub(crate) not_installed: BTreeSet<Snowflake>,
    /// When the bot edited old messages, by channel.
    pub(crate) old_edits: HashMap<Snowflake, VecDeque<OffsetDateTime>>,
    /// Every dispatch sent lately: `{"t": NAME, "d": {…}}`.
    pub(crate) dispatched: VecDeque<Value>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) requests: VecDeque<RequestRecord>,
    /// Answers so far, by template and status.
    pub(crate) tallies: BTreeMap<(String, u16), u64>,
    /// 429s so far, by template and scope.
    pub(crate) limited: BTreeMap<(String, String), u64>,
    /// Whether a chat page is open: nobody else is told what happens in channels.
    pub(crate) is_watched: bool,
    link_secret: Vec<u8>,
    ids: SnowflakeSource,
    entropy: Box<dyn Entropy>,
}

impl World {
    /// Draws a fresh id.
    pub(crate) fn draw_id(&mut self) -> Snowflake {
        self.ids.draw(self.now)
    }

    /// Never draws `id` or an earlier one again; for ids that come from elsewhere.
    pub(crate) fn reserve_id(&mut self, id: Snowflake) {
        self.ids.skip_past(id);
    }

    /// Draws `N` random bytes as hex.
    pub(crate) fn draw_hex<const N: usize>(&self) -> String {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        hex::encode(bytes)
    }

    /// Sends an event to the pages of everyone who may see `channel`.
    pub(crate) fn tell_channel(&mut self, channel: Snowflake, event: &Value) {
        if !self.is_watched {
            return;
        }
        for user in self.viewers(channel) {
            self.effects.push(Effect::Page {
                user: Some(user),
                event: event.clone(),
            });
        }
    }

    /// The people (not the bot) who see a channel.
    pub(crate) fn viewers(&self, channel: Snowflake) -> Vec<Snowflake> {
        let Some(channel) = self.channels.get(&channel) else {
            return Vec::new();
        };
        let people = self.users.values().filter(|user| !user.is_bot);
        people
            .map(|user| user.id)
            .filter(|user| self.permissions(*user, channel) != 0)
            .collect()
    }

    /// Finds a person by name or id.
    pub(crate) fn find_user(&self, name: &str) -> Option<&User> {
        let id = name.parse().ok();
        self.users
            .values()
            .find(|user| user.name == name || Some(user.id) == id)
    }
}
