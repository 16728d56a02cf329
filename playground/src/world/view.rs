//! What the chat page of one person shows, and what that person does besides commands.

use serde_json::{Value, json};

use super::permissions::MANAGE_MESSAGES;
use super::{Channel, ChannelKind, Emoji, Guild, Message, World};
use crate::error::ApiError;
use crate::snowflake::Snowflake;

/// Messages in one page of history.
const HISTORY: usize = 50;

impl World {
    /// `GET /playground/api/state`.
    pub(crate) fn state_json(&mut self, user: Option<&str>) -> Value {
        let people: Vec<Value> = self
            .users
            .values()
            .filter(|user| !user.is_bot)
            .map(person_json)
            .collect();
        let me = user
            .and_then(|name| self.find_user(name))
            .or_else(|| self.users.values().find(|user| !user.is_bot));
        let Some(me) = me.cloned() else {
            return json!({"users": people});
        };
        self.dm_with(me.id);
        let guilds: Vec<Value> = self
            .guilds
            .values()
            .filter(|guild| guild.member(me.id).is_some())
            .map(|guild| self.guild_view(guild, me.id))
            .collect();
        json!({
            "users": people, "me": person_json(&me), "guilds": guilds, "dms": self.dms_json(me.id),
            "commands": self.commands_for(me.id),
            "bot": {"id": self.bot.id, "name": self.bot.display_name, "online": self.bot_is_online(),
                    "avatar_color": self.bot.avatar_color},
        })
    }

    fn guild_view(&self, guild: &Guild, user: Snowflake) -> Value {
        let mut places: Vec<&Channel> = self
            .channels
            .values()
            .filter(|channel| {
                channel.guild() == Some(guild.id) && self.permissions(user, channel) != 0
            })
            .collect();
        places.sort_by_key(|channel| (channel.position, channel.id));
        let channels: Vec<Value> = places
            .into_iter()
            .map(|channel| {
                let (parent, archived) = match channel.kind {
                    ChannelKind::Thread { parent, archived, .. } => (Some(parent), archived),
                    ChannelKind::Text { .. } | ChannelKind::Dm { .. } | ChannelKind::Private { .. } => (None, false),
                };
                json!({"id": channel.id, "name": channel.name, "topic": channel.topic, "nsfw": channel.nsfw,
                       "parent_id": parent, "archived": archived})
            })
            .collect();
        let moderator = self.permissions_in_guild(guild, user) & MANAGE_MESSAGES != 0;
        json!({"id": guild.id, "name": guild.name, "icon_text": guild.icon_text, "channels": channels,
               "moderator": moderator, "has_bot": guild.member(self.bot.id).is_some()})
    }

    fn permissions_in_guild(&self, guild: &Guild, user: Snowflake) -> u64 {
        let first = self
            .channels
            .values()
            .find(|channel| channel.guild() == Some(guild.id));
        first.map_or(0, |channel| self.permissions(user, channel))
    }

    /// The direct channels of one person.
    pub(crate) fn dms_json(&self, user: Snowflake) -> Value {
        let with = |channel: &Channel| match &channel.kind {
            ChannelKind::Dm { user: other } if *other == user => Some(self.bot.id),
            ChannelKind::Private { members } if members.contains(&user) => {
                members.iter().copied().find(|member| *member != user)
            }
            _ => None,
        };
        let own = self.channels.values().filter_map(|channel| {
            let other = self.users.get(&with(channel)?)?;
            let json = json!({"channel_id": channel.id, "user": person_json(other)});
            Some((channel.context(), json))
        });
        // The bot's own first.
        let mut own: Vec<(u64, Value)> = own.collect();
        own.sort_by_key(|(context, _)| *context);
        Value::Array(own.into_iter().map(|(_, json)| json).collect())
    }

    /// Messages of a channel as one person sees them, oldest first.
    pub(crate) fn history_json(
        &self,
        user: Snowflake,
        channel: Snowflake,
        before: Option<Snowflake>,
    ) -> Result<Value, ApiError> {
        let place = self
            .channels
            .get(&channel)
            .ok_or_else(ApiError::unknown_channel)?;
        if self.permissions(user, place) == 0 {
            return Err(ApiError::missing_access());
        }
        let mut shown: Vec<&Message> = self.visible_to(user, channel);
        if let Some(before) = before {
            shown.retain(|message| message.id < before);
        }
        let start = shown.len().saturating_sub(HISTORY);
        let list = shown[start..]
            .iter()
            .map(|message| self.page_message_json(message, user));
        Ok(Value::Array(list.collect()))
    }

    /// The messages of a channel that one person sees.
    pub(crate) fn visible_to(&self, user: Snowflake, channel: Snowflake) -> Vec<&Message> {
        let in_channel = self
            .messages
            .values()
            .filter(|message| message.channel == channel);
        in_channel
            .filter(|message| message.ephemeral_for.is_none_or(|viewer| viewer == user))
            .collect()
    }

    /// Someone writes a message.
    pub(crate) fn say(
        &mut self,
        user: Snowflake,
        channel: Snowflake,
        content: &str,
    ) -> Result<Value, ApiError> {
        self.require_person(user, channel)?;
        if content.trim().is_empty() {
            return Err(ApiError::empty_message());
        }
        if content.chars().count() > 2000 {
            return Err(ApiError::plain(
                400,
                "A message has at most 2000 characters",
            ));
        }
        let mut message = Message::new(self.draw_id(), channel, user);
        content.clone_into(&mut message.content);
        self.resolve_mentions(&mut message, None);
        Ok(self.publish(message))
    }

    /// Someone deletes a message: their own, or any with the right to; ephemeral ones are only dismissed.
    pub(crate) fn person_deletes(
        &mut self,
        user: Snowflake,
        id: Snowflake,
    ) -> Result<(), ApiError> {
        let message = self.visible_message(user, id)?;
        let place = self
            .channels
            .get(&message.channel)
            .ok_or_else(ApiError::unknown_channel)?;
        let may = message.author == user
            || message.ephemeral_for == Some(user)
            || self.permissions(user, place) & MANAGE_MESSAGES != 0;
        if !may {
            return Err(ApiError::missing_permissions());
        }
        self.remove_message(id);
        Ok(())
    }

    /// Someone adds a reaction or takes their own away.
    pub(crate) fn person_reacts(
        &mut self,
        user: Snowflake,
        id: Snowflake,
        emoji: &str,
        added: bool,
    ) -> Result<(), ApiError> {
        if self.visible_message(user, id)?.ephemeral_for.is_some() {
            return Err(ApiError::unknown_message());
        }
        let emoji = Emoji::parse(emoji).ok_or_else(ApiError::unknown_emoji)?;
        if added {
            self.react(id, user, &emoji)
        } else {
            self.unreact(id, user, &emoji)
        }
    }
}

fn person_json(user: &super::User) -> Value {
    json!({"id": user.id, "name": user.name, "display_name": user.display_name, "avatar_color": user.avatar_color})
}
