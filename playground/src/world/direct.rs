//! Direct messages and threads: channels that appear while the world runs.

use serde_json::{Value, json};

use super::dispatch::{Dispatch, GUILDS};
use super::permissions::{CREATE_PUBLIC_THREADS, MANAGE_THREADS};
use super::{Channel, ChannelKind, Effect, World};
use crate::error::ApiError;
use crate::snowflake::Snowflake;
use crate::validate::form::Form;

impl World {
    /// The channel between the bot and a person, made when it is missing.
    pub(crate) fn dm_with(&mut self, user: Snowflake) -> Snowflake {
        let existing = self.channels.values().find(
            |channel| matches!(channel.kind, ChannelKind::Dm { user: other } if other == user),
        );
        if let Some(channel) = existing {
            return channel.id;
        }
        let id = self.draw_id();
        self.channels
            .insert(id, Channel::new(id, ChannelKind::Dm { user }, ""));
        let event = json!({"type": "dms", "dms": self.dms_json(user)});
        self.effects.push(Effect::Page {
            user: Some(user),
            event,
        });
        id
    }

    /// `POST /users/@me/channels`.
    pub(crate) fn open_dm(&mut self, body: &Value) -> Result<Value, ApiError> {
        let user = Snowflake::from_json(&body["recipient_id"]).ok_or_else(|| {
            ApiError::form(json!({"recipient_id": {"_errors": [
                {"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]}}))
        })?;
        if !self.users.contains_key(&user) || user == self.bot.id {
            return Err(ApiError::unknown_user());
        }
        let channel = self.dm_with(user);
        self.channel_json(channel)
            .ok_or_else(ApiError::unknown_channel)
    }

    /// Refuses to write to people who do not want it (50007) or share no server with the bot (50278).
    pub(crate) fn require_dm(&self, user: Snowflake) -> Result<(), ApiError> {
        if !self
            .guilds
            .values()
            .any(|guild| guild.member(user).is_some())
        {
            return Err(ApiError::no_mutual_guild());
        }
        match self.users.get(&user) {
            Some(user) if user.accepts_dms => Ok(()),
            _ => Err(ApiError::cannot_message_user()),
        }
    }

    /// A channel as the REST API answers it.
    pub(crate) fn channel_json(&self, id: Snowflake) -> Option<Value> {
        let channel = self.channels.get(&id)?;
        let named = match &channel.kind {
            ChannelKind::Dm { user } => std::slice::from_ref(user),
            ChannelKind::Private { members } => members,
            ChannelKind::Text { .. } | ChannelKind::Thread { .. } => &[],
        };
        let recipients: Vec<_> = named.iter().filter_map(|id| self.users.get(id)).collect();
        Some(channel.json(&recipients, id.created_at()))
    }

    /// `POST /channels/{channel}/threads` and `…/messages/{message}/threads`.
    pub(crate) fn start_thread(
        &mut self,
        parent: Snowflake,
        message: Option<Snowflake>,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let place = self.seen_channel(parent)?.clone();
        self.require(&place, CREATE_PUBLIC_THREADS)?;
        if let Some(message) = message {
            self.channel_message(parent, message)?;
        }
        let mut form = Form::default();
        form.text(body, "name", 1, 100);
        form.finish()?;
        let id = match message {
            Some(message) if !self.channels.contains_key(&message) => message,
            _ => self.draw_id(),
        };
        let name = body["name"].as_str().unwrap_or_default();
        let thread = self
            .add_thread(id, parent, name)
            .ok_or_else(ApiError::unknown_channel)?;
        self.channel_json(thread)
            .ok_or_else(ApiError::unknown_channel)
    }

    /// Adds a thread under a text channel and tells everyone.
    pub(crate) fn add_thread(
        &mut self,
        id: Snowflake,
        parent: Snowflake,
        name: &str,
    ) -> Option<Snowflake> {
        let guild = self.channels.get(&parent)?.guild()?;
        let kind = ChannelKind::Thread {
            guild,
            parent,
            archived: false,
            locked: false,
        };
        let mut thread = Channel::new(id, kind, name);
        thread.nsfw = self.channels.get(&parent).is_some_and(|parent| parent.nsfw);
        self.channels.insert(id, thread);
        self.dispatch_channel("THREAD_CREATE", id);
        Some(id)
    }

    /// `PATCH /channels/{thread}`: archives, unarchives or renames a thread.
    pub(crate) fn patch_channel(&mut self, id: Snowflake, body: &Value) -> Result<Value, ApiError> {
        let mut channel = self.seen_channel(id)?.clone();
        if matches!(channel.kind, ChannelKind::Thread { locked: true, .. }) {
            self.require(&channel, MANAGE_THREADS)?;
        }
        let ChannelKind::Thread { archived, .. } = &mut channel.kind else {
            return Err(ApiError::missing_permissions());
        };
        if let Some(value) = body["archived"].as_bool() {
            *archived = value;
        }
        if let Some(name) = body["name"].as_str() {
            name.clone_into(&mut channel.name);
        }
        self.channels.insert(id, channel);
        self.dispatch_channel("THREAD_UPDATE", id);
        self.channel_json(id).ok_or_else(ApiError::unknown_channel)
    }

    /// Tells bots and pages about a new, changed or (still present) leaving channel.
    pub(crate) fn dispatch_channel(&mut self, name: &'static str, id: Snowflake) {
        let Some(data) = self.channel_json(id) else {
            return;
        };
        let place = self.channels.get(&id);
        let (guild, is_hosted) = (place.and_then(Channel::guild), self.hosts_bot(id));
        self.effects.push(Effect::Page {
            user: None,
            event: json!({"type": "channels", "channel_id": id}),
        });
        if !is_hosted {
            return;
        }
        self.dispatch(Dispatch {
            name,
            data,
            guild,
            intents: GUILDS,
        });
    }

    /// Takes a channel away with all that is in it.
    pub(crate) fn remove_channel(&mut self, id: Snowflake) {
        let is_thread = self
            .channels
            .get(&id)
            .is_some_and(|c| matches!(c.kind, ChannelKind::Thread { .. }));
        self.dispatch_channel(
            if is_thread {
                "THREAD_DELETE"
            } else {
                "CHANNEL_DELETE"
            },
            id,
        );
        self.channels.remove(&id);
        self.messages.retain(|_, message| message.channel != id);
        self.attachments
            .retain(|_, attachment| attachment.channel != id);
    }
}
