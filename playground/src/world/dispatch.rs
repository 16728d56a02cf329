//! Gateway events: which sessions get them, and what of them.

use serde_json::{Value, json};

use super::message::{Emoji, Message};
use super::people::{Channel, merge};
use super::session::Session;
use super::{DispatchFault, Effect, KEPT_DISPATCHES, World};
use crate::snowflake::{Snowflake, timestamp};

pub(crate) const GUILDS: u64 = 1;
const GUILD_MEMBERS: u64 = 1 << 1;
const GUILD_PRESENCES: u64 = 1 << 8;
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_REACTIONS: u64 = 1 << 10;
const DIRECT_MESSAGES: u64 = 1 << 12;
const DIRECT_REACTIONS: u64 = 1 << 13;
const MESSAGE_CONTENT: u64 = 1 << 15;
/// Intents that need an explicit grant.
pub(crate) const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;

/// One event for the sessions that want it.
pub(crate) struct Dispatch {
    pub(crate) name: &'static str,
    pub(crate) data: Value,
    pub(crate) guild: Option<Snowflake>,
    /// Sessions need one of these; 0 for events that everyone gets.
    pub(crate) intents: u64,
}

impl World {
    /// Sends an event to every session that it concerns, observing the dispatch faults.
    pub(crate) fn dispatch(&mut self, mut event: Dispatch) {
        if self.faults.novel_fields {
            event.data["field_from_the_future"] =
                json!({"nested": [1, {"deeper": null}], "type": 4711});
        }
        let copies = match self.faults.take_dispatch(event.name) {
            Some(DispatchFault::Drop) => 0,
            Some(DispatchFault::Duplicate) => 2,
            Some(DispatchFault::Late(ms)) => return self.hold(event, ms),
            Some(DispatchFault::Reorder) => return self.hold_behind_next(event),
            None => 1,
        };
        for _ in 0..copies {
            self.send_to_all(&event);
        }
        self.let_go_behind();
    }

    /// Sends an event to every session that it concerns.
    pub(super) fn send_to_all(&mut self, event: &Dispatch) {
        let sessions: Vec<String> = self
            .sessions
            .values()
            .filter(|session| wants(session, event))
            .map(|s| s.id.clone())
            .collect();
        for session in sessions {
            self.dispatch_to(&session, event.name, event.data.clone());
        }
    }

    /// Sends an event to one session.
    pub(crate) fn dispatch_to(&mut self, session: &str, name: &str, mut data: Value) {
        let bot = self.bot.id;
        let Some(session) = self.sessions.get_mut(session) else {
            return;
        };
        if matches!(name, "MESSAGE_CREATE" | "MESSAGE_UPDATE")
            && session.intents & MESSAGE_CONTENT == 0
        {
            hide_content(&mut data, bot);
        }
        session.seq += 1;
        let frame = json!({"op": 0, "t": name, "s": session.seq, "d": data});
        session.replay.push_back((session.seq, frame.clone()));
        if session.replay.len() > KEPT_DISPATCHES {
            session.replay.pop_front();
        }
        if let Some(connection) = session.connection {
            self.effects.push(Effect::Send {
                connection,
                text: frame.to_string(),
            });
        }
        self.dispatched
            .push_back(json!({"t": name, "d": frame["d"]}));
        if self.dispatched.len() > KEPT_DISPATCHES {
            self.dispatched.pop_front();
        }
    }

    pub(crate) fn dispatch_message(&mut self, name: &'static str, message: &Message) {
        if !self.hosts_bot(message.channel) {
            return;
        }
        let guild = self.channels.get(&message.channel).and_then(Channel::guild);
        let mut data = self.message_json(message);
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
            if let Some(mut member) = self.member_json(guild, message.author) {
                member.as_object_mut().map(|member| member.remove("user"));
                data["member"] = member;
            }
        }
        data["channel_type"] = json!(i32::from(guild.is_none()));
        let intents = if guild.is_some() {
            GUILD_MESSAGES
        } else {
            DIRECT_MESSAGES
        };
        self.dispatch(Dispatch {
            name,
            data,
            guild,
            intents,
        });
    }

    pub(crate) fn dispatch_deletion(&mut self, message: &Message) {
        if !self.hosts_bot(message.channel) {
            return;
        }
        let guild = self.channels.get(&message.channel).and_then(Channel::guild);
        let mut data = json!({"id": message.id, "channel_id": message.channel});
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        let intents = if guild.is_some() {
            GUILD_MESSAGES
        } else {
            DIRECT_MESSAGES
        };
        self.dispatch(Dispatch {
            name: "MESSAGE_DELETE",
            data,
            guild,
            intents,
        });
    }

    pub(crate) fn dispatch_reaction(
        &mut self,
        name: &'static str,
        message: &Message,
        user: Snowflake,
        emoji: &Emoji,
    ) {
        if !self.hosts_bot(message.channel) {
            return;
        }
        let guild = self.channels.get(&message.channel).and_then(Channel::guild);
        let mut data = json!({
            "user_id": user, "channel_id": message.channel, "message_id": message.id, "emoji": emoji.json(),
            "burst": false, "type": 0,
        });
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        if name == "MESSAGE_REACTION_ADD" {
            data["message_author_id"] = json!(message.author);
            data["burst_colors"] = json!([]);
            if let Some(member) = guild.and_then(|guild| self.member_json(guild, user)) {
                data["member"] = member;
            }
        }
        let intents = if guild.is_some() {
            GUILD_REACTIONS
        } else {
            DIRECT_REACTIONS
        };
        self.dispatch(Dispatch {
            name,
            data,
            guild,
            intents,
        });
    }

    /// A guild member as Discord writes it, the user included.
    pub(crate) fn member_json(&self, guild: Snowflake, user: Snowflake) -> Option<Value> {
        let member = self.guilds.get(&guild)?.member(user)?;
        Some(json!({
            "user": self.users.get(&user)?.json(), "nick": null, "avatar": null, "banner": null,
            "roles": member.roles, "joined_at": timestamp(guild.created_at()), "premium_since": null,
            "deaf": false, "mute": false, "flags": 0, "pending": false, "communication_disabled_until": null,
            "avatar_decoration_data": null,
        }))
    }

    /// `GUILD_CREATE`'s data: the guild and all in it that a bot is told without privileged intents.
    pub(crate) fn guild_create_json(&self, guild: Snowflake) -> Option<Value> {
        let entry = self.guilds.get(&guild)?;
        let mut json = entry.json();
        let channels = self
            .channels
            .values()
            .filter(|channel| channel.guild() == Some(guild));
        let (threads, texts): (Vec<_>, Vec<_>) = channels
            .map(|channel| channel.json(&[], channel.id.created_at()))
            .partition(|channel| channel["type"] == 11);
        merge(
            &mut json,
            json!({
                "joined_at": timestamp(guild.created_at()), "large": false, "unavailable": false,
                "member_count": entry.members.len(), "voice_states": [],
                "members": self.member_json(guild, self.bot.id).into_iter().collect::<Vec<_>>(),
                "channels": texts, "threads": threads, "presences": [], "stage_instances": [],
                "guild_scheduled_events": [], "soundboard_sounds": [],
            }),
        );
        Some(json)
    }
}

/// Whether a session's shard and intents take in the event.
fn wants(session: &Session, event: &Dispatch) -> bool {
    let (shard, shards) = session.shard;
    let shard_fits = match event.guild {
        Some(guild) => (guild.0 >> 22) % shards == shard,
        None => shard == 0,
    };
    shard_fits && (event.intents == 0 || session.intents & event.intents != 0)
}

/// What a bot without the message content intent gets of other people's messages in guilds.
fn hide_content(data: &mut Value, bot: Snowflake) {
    let bot = json!(bot);
    let own = data["author"]["id"] == bot;
    let mentioned = data["mentions"]
        .as_array()
        .is_some_and(|users| users.iter().any(|user| user["id"] == bot));
    if own || mentioned || data["guild_id"].is_null() {
        return;
    }
    data["content"] = json!("");
    for key in ["embeds", "attachments", "components"] {
        data[key] = json!([]);
    }
}
