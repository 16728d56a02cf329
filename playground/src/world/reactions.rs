//! Reactions, by the bot and by people.

use serde_json::{Value, json};

use super::message::{Emoji, Reaction};
use super::permissions::{ADD_REACTIONS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY};
use super::{Effect, World};
use crate::error::ApiError;
use crate::snowflake::Snowflake;

/// Kinds of emoji under one message.
const KINDS: usize = 20;

impl World {
    /// `PUT /channels/{channel}/messages/{id}/reactions/{emoji}/@me`.
    pub(crate) fn bot_reacts(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
        emoji: &str,
    ) -> Result<(), ApiError> {
        let place = self.seen_channel(channel)?.clone();
        let message = self.channel_message(channel, id)?;
        Self::require_open(&place)?;
        let emoji = Emoji::parse(emoji).ok_or_else(ApiError::unknown_emoji)?;
        let is_new = !message
            .reactions
            .iter()
            .any(|reaction| reaction.emoji == emoji);
        let rights = if is_new {
            READ_MESSAGE_HISTORY | ADD_REACTIONS
        } else {
            READ_MESSAGE_HISTORY
        };
        self.require(&place, rights)?;
        self.react(id, self.bot.id, &emoji)
    }

    /// Adds one person's reaction.
    pub(crate) fn react(
        &mut self,
        id: Snowflake,
        user: Snowflake,
        emoji: &Emoji,
    ) -> Result<(), ApiError> {
        let message = self
            .messages
            .get_mut(&id)
            .ok_or_else(ApiError::unknown_message)?;
        let kinds = message.reactions.len();
        match message
            .reactions
            .iter_mut()
            .find(|reaction| reaction.emoji == *emoji)
        {
            Some(reaction) if reaction.users.contains(&user) => return Ok(()),
            Some(reaction) => reaction.users.push(user),
            None if kinds >= KINDS => return Err(ApiError::too_many_reactions()),
            None => message.reactions.push(Reaction {
                emoji: emoji.clone(),
                users: vec![user],
            }),
        }
        self.tell_reaction(id, user, emoji, true);
        Ok(())
    }

    /// Takes one person's reaction away; nothing happens if there is none.
    pub(crate) fn unreact(
        &mut self,
        id: Snowflake,
        user: Snowflake,
        emoji: &Emoji,
    ) -> Result<(), ApiError> {
        let message = self
            .messages
            .get_mut(&id)
            .ok_or_else(ApiError::unknown_message)?;
        let Some(reaction) = message
            .reactions
            .iter_mut()
            .find(|reaction| reaction.emoji == *emoji)
        else {
            return Ok(());
        };
        let before = reaction.users.len();
        reaction.users.retain(|other| *other != user);
        let removed = reaction.users.len() < before;
        message
            .reactions
            .retain(|reaction| !reaction.users.is_empty());
        if removed {
            self.tell_reaction(id, user, emoji, false);
        }
        Ok(())
    }

    /// `DELETE …/reactions/{emoji}/{user}` by the bot: its own freely, others' with the right to manage messages.
    pub(crate) fn bot_unreacts(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
        emoji: &str,
        user: Snowflake,
    ) -> Result<(), ApiError> {
        let place = self.seen_channel(channel)?.clone();
        self.channel_message(channel, id)?;
        if user != self.bot.id {
            self.require(&place, MANAGE_MESSAGES)?;
        }
        let emoji = Emoji::parse(emoji).ok_or_else(ApiError::unknown_emoji)?;
        self.unreact(id, user, &emoji)
    }

    /// `DELETE …/reactions`: all of them go.
    pub(crate) fn clear_reactions(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
    ) -> Result<(), ApiError> {
        let place = self.seen_channel(channel)?.clone();
        self.require(&place, MANAGE_MESSAGES)?;
        let mut message = self.channel_message(channel, id)?.clone();
        message.reactions.clear();
        self.republish(message);
        Ok(())
    }

    /// `GET …/reactions/{emoji}`: who gave it.
    pub(crate) fn reactors(
        &self,
        channel: Snowflake,
        id: Snowflake,
        emoji: &str,
    ) -> Result<Vec<Value>, ApiError> {
        let message = self.channel_message(channel, id)?;
        let emoji = Emoji::parse(emoji).ok_or_else(ApiError::unknown_emoji)?;
        let reaction = message
            .reactions
            .iter()
            .find(|reaction| reaction.emoji == emoji);
        let users = reaction
            .map(|reaction| reaction.users.as_slice())
            .unwrap_or_default();
        Ok(users
            .iter()
            .filter_map(|user| self.users.get(user))
            .map(super::User::json)
            .collect())
    }

    fn tell_reaction(&mut self, id: Snowflake, user: Snowflake, emoji: &Emoji, added: bool) {
        let Some(message) = self.messages.get(&id).cloned() else {
            return;
        };
        for viewer in self.viewers(message.channel) {
            let event = json!({
                "type": "reaction", "channel_id": message.channel, "message_id": id, "user_id": user,
                "emoji": emoji.json(), "added": added, "reactions": Self::reactions_json(&message, viewer),
            });
            self.effects.push(Effect::Page {
                user: Some(viewer),
                event,
            });
        }
        let name = if added {
            "MESSAGE_REACTION_ADD"
        } else {
            "MESSAGE_REACTION_REMOVE"
        };
        self.dispatch_reaction(name, &message, user, emoji);
    }
}
