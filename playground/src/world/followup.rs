//! `/webhooks/{application}/{token}`: what an interaction's token can do after the first answer.

use serde_json::Value;

use super::{Interaction, Message, World};
use crate::error::ApiError;
use crate::rest::body::Payload;
use crate::snowflake::Snowflake;
use crate::validate::message::{COMPONENTS_V2, EPHEMERAL, LOADING, draft};

/// What one interaction may say besides its answer, where the bot is no member.
const GUEST_FOLLOW_UPS: u32 = 5;

impl World {
    /// The interaction behind a token: unknown (10015), expired (50027), or not answered yet (10015).
    fn by_token(&self, application: Snowflake, token: &str) -> Result<&Interaction, ApiError> {
        let id = self
            .interaction_tokens
            .get(token)
            .filter(|_| application == self.bot.id);
        let interaction = id
            .and_then(|id| self.interactions.get(id))
            .ok_or_else(ApiError::unknown_webhook)?;
        if self.now - interaction.id.created_at() > self.rules.token_life {
            return Err(ApiError::invalid_webhook_token());
        }
        if interaction.answer.is_none() {
            return Err(ApiError::unknown_webhook());
        }
        Ok(interaction)
    }

    /// A message that the token may touch; `name` is `@original` or an id.
    fn own_message(
        &self,
        application: Snowflake,
        token: &str,
        name: &str,
    ) -> Result<&Message, ApiError> {
        let interaction = self.by_token(application, token)?;
        let id = match name {
            "@original" => interaction.original,
            id => id.parse().ok(),
        };
        let message = id
            .and_then(|id| self.messages.get(&id))
            .ok_or_else(ApiError::unknown_message)?;
        let own = message
            .origin
            .as_ref()
            .is_some_and(|origin| origin.interaction == interaction.id);
        if own
            || interaction.original == Some(message.id)
            || interaction.message == Some(message.id)
        {
            Ok(message)
        } else {
            Err(ApiError::unknown_message())
        }
    }

    /// `GET …/messages/{name}`.
    pub(crate) fn webhook_message(
        &self,
        app: Snowflake,
        token: &str,
        name: &str,
    ) -> Result<Value, ApiError> {
        Ok(self.message_json(self.own_message(app, token, name)?))
    }

    /// `PATCH …/messages/{name}`.
    pub(crate) fn webhook_edit(
        &mut self,
        app: Snowflake,
        token: &str,
        name: &str,
        payload: &Payload,
    ) -> Result<Value, ApiError> {
        let id = self.own_message(app, token, name)?.id;
        self.edit(id, payload, None)
    }

    /// `DELETE …/messages/{name}`.
    pub(crate) fn webhook_delete(
        &mut self,
        app: Snowflake,
        token: &str,
        name: &str,
    ) -> Result<(), ApiError> {
        let id = self.own_message(app, token, name)?.id;
        self.remove_message(id);
        Ok(())
    }

    /// `POST …`: a follow-up. The first one after a bare "thinking" fills that in instead, as Discord still does.
    pub(crate) fn follow_up(
        &mut self,
        app: Snowflake,
        token: &str,
        payload: &Payload,
    ) -> Result<Value, ApiError> {
        let interaction = self.by_token(app, token)?.clone();
        let waiting = interaction
            .original
            .filter(|id| self.messages.get(id).is_some_and(|m| m.has(LOADING)));
        if let Some(original) = waiting {
            return self.edit(original, payload, None);
        }
        let is_guest = !self.hosts_bot(interaction.channel);
        if is_guest && interaction.follow_ups >= GUEST_FOLLOW_UPS {
            return Err(ApiError::too_many_follow_ups());
        }
        let rules = self.file_rules(interaction.channel, None);
        let draft = draft(&payload.json, payload, rules, None)?;
        if draft.is_empty() {
            return Err(ApiError::empty_message());
        }
        let mut message = Message::new(self.draw_id(), interaction.channel, self.bot.id);
        message.origin = Some(self.origin_of(&interaction, interaction.original));
        message.reply_to = interaction.original;
        message.kind = if message.reply_to.is_some() { 19 } else { 0 };
        let mut flags = draft.flags.unwrap_or(0);
        if self.must_whisper(&interaction) {
            flags |= EPHEMERAL;
        }
        if let Some(counted) = self.interactions.get_mut(&interaction.id) {
            counted.follow_ups += 1;
        }
        message.flags = flags & ((1 << 2) | (1 << 12) | EPHEMERAL | COMPONENTS_V2);
        message.tts = draft.tts;
        message.ephemeral_for = (flags & EPHEMERAL != 0).then_some(interaction.user);
        self.apply(&mut message, draft);
        Ok(self.publish(message))
    }
}
