//! Messages in channels: by the bot's REST calls, and by people.

use serde_json::{Value, json};

use super::message::Message;
use super::people::ChannelKind;
use super::permissions::{
    ATTACH_FILES, EMBED_LINKS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY, VIEW_CHANNEL,
};
use super::{Channel, Effect, World};
use crate::error::ApiError;
use crate::rest::body::Payload;
use crate::snowflake::Snowflake;
use crate::validate::message::{COMPONENTS_V2, Draft, EPHEMERAL, Existing, LOADING, draft};

impl World {
    /// The channel, if the bot may see it.
    pub(crate) fn seen_channel(&self, id: Snowflake) -> Result<&Channel, ApiError> {
        let channel = self
            .channels
            .get(&id)
            .ok_or_else(ApiError::unknown_channel)?;
        self.require(channel, VIEW_CHANNEL)?;
        Ok(channel)
    }

    /// A message as channel endpoints see it: ephemeral ones do not exist there.
    pub(crate) fn channel_message(
        &self,
        channel: Snowflake,
        id: Snowflake,
    ) -> Result<&Message, ApiError> {
        self.seen_channel(channel)?;
        let message = self
            .messages
            .get(&id)
            .filter(|message| message.channel == channel);
        message
            .filter(|message| message.ephemeral_for.is_none())
            .ok_or_else(ApiError::unknown_message)
    }

    /// `POST /channels/{channel}/messages`.
    pub(crate) fn post_message(
        &mut self,
        channel: Snowflake,
        payload: &Payload,
    ) -> Result<Value, ApiError> {
        let place = self.seen_channel(channel)?.clone();
        self.require(&place, Self::right_to_send(&place))?;
        Self::require_open(&place)?;
        let draft = draft(&payload.json, payload, self.file_rules(channel, None), None)?;
        if draft.is_empty() {
            return Err(ApiError::empty_message());
        }
        if let ChannelKind::Dm { user } = place.kind {
            self.require_dm(user)?;
        }
        if !draft.uploads.is_empty() {
            self.require(&place, ATTACH_FILES)?;
        }
        if let Some(earlier) = self.same_nonce(channel, &draft) {
            return Ok(self.message_json(earlier));
        }
        let mut message = Message::new(self.draw_id(), channel, self.bot.id);
        message.tts = draft.tts;
        message.flags = draft.flags.unwrap_or(0) & !(EPHEMERAL | LOADING);
        if let Some((replied, must_exist)) = draft.reply_to {
            if self.channel_message(channel, replied).is_ok() {
                message.reply_to = Some(replied);
                message.kind = 19;
            } else if must_exist {
                return Err(ApiError::form(json!({"message_reference": {"_errors": [
                    {"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]}})));
            }
        }
        self.apply(&mut message, draft);
        if self.require(&place, EMBED_LINKS).is_err() {
            message.embeds.clear();
        }
        Ok(self.publish(message))
    }

    /// `PATCH /channels/{channel}/messages/{id}`.
    pub(crate) fn patch_message(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
        payload: &Payload,
    ) -> Result<Value, ApiError> {
        let place = self.seen_channel(channel)?.clone();
        let message = self.channel_message(channel, id)?;
        if message.author != self.bot.id {
            return Err(ApiError::cannot_edit_others_message());
        }
        Self::require_open(&place)?;
        self.count_old_edit(channel, id)?;
        self.edit(id, payload, None)
    }

    /// Old messages may be edited only so often.
    fn count_old_edit(&mut self, channel: Snowflake, id: Snowflake) -> Result<(), ApiError> {
        let (span, allowed) = (self.rules.old_message, self.rules.old_message_edits);
        let since = self.now - span;
        if id.created_at() > since {
            return Ok(());
        }
        let edits = self.old_edits.entry(channel).or_default();
        while edits.front().is_some_and(|at| *at <= since) {
            edits.pop_front();
        }
        if edits.len() >= allowed {
            return Err(ApiError::too_many_old_edits());
        }
        edits.push_back(self.now);
        Ok(())
    }

    /// Changes a message by a body, whoever asked; `under` as in [`draft`].
    pub(crate) fn edit(
        &mut self,
        id: Snowflake,
        payload: &Payload,
        under: Option<&str>,
    ) -> Result<Value, ApiError> {
        let mut message = self
            .messages
            .get(&id)
            .cloned()
            .ok_or_else(ApiError::unknown_message)?;
        let body = under.map_or(&payload.json, |key| &payload.json[key]);
        let rules = self.file_rules(message.channel, Some(&message));
        let draft = draft(body, payload, rules, under)?;
        let was_loading = message.has(LOADING);
        message.flags &= !LOADING;
        if let Some(flags) = draft.flags {
            let settable = (1 << 2) | COMPONENTS_V2;
            message.flags = (message.flags & (!settable | COMPONENTS_V2)) | (flags & settable);
        }
        self.apply(&mut message, draft);
        if message.content.trim().is_empty()
            && message.embeds.is_empty()
            && message.components.is_empty()
            && message.attachments.is_empty()
        {
            return Err(ApiError::empty_message());
        }
        // Filling in a "thinking" answer is not an edit that people are shown.
        if !was_loading {
            message.edited = Some(self.now);
        }
        Ok(self.republish(message))
    }

    /// What an edit of `message` (or a new message) in `channel` must observe.
    pub(crate) fn file_rules(&self, channel: Snowflake, message: Option<&Message>) -> Existing {
        Existing {
            v2: message.is_some_and(|message| message.has(COMPONENTS_V2)),
            is_edit: message.is_some(),
            file_limit: self.file_limit(channel),
        }
    }

    /// Lays a checked draft over a message: what is absent stays, `attachments` lists all that remain.
    pub(crate) fn apply(&mut self, message: &mut Message, draft: Draft) {
        if let Some(content) = draft.content {
            message.content = content;
        }
        if let Some(embeds) = draft.embeds {
            message.embeds = embeds;
            for embed in &mut message.embeds {
                embed["type"] = json!("rich");
            }
        }
        if let Some(components) = draft.components {
            message.components = components;
            number_components(&mut message.components, &mut 1);
        }
        if let Some(kept) = draft.kept {
            message.attachments.retain(|id| kept.contains(id));
        }
        for (upload, description) in draft.uploads {
            let id = self.store_file(
                message.channel,
                upload,
                description,
                message.ephemeral_for.is_some(),
            );
            message.attachments.push(id);
        }
        if draft.nonce.is_some() {
            message.nonce = draft.nonce;
        }
        self.resolve_mentions(message, draft.allowed_mentions.as_ref());
    }

    fn same_nonce(&self, channel: Snowflake, draft: &Draft) -> Option<&Message> {
        let nonce = draft.nonce.as_ref().filter(|_| draft.enforce_nonce)?;
        let since = Snowflake::first_at(self.now - self.rules.nonce_memory);
        self.messages
            .range(since..)
            .map(|(_, message)| message)
            .find(|message| {
                message.channel == channel
                    && message.author == self.bot.id
                    && message.nonce.as_ref() == Some(nonce)
            })
    }

    /// Puts a new message into the world and tells everyone who may see it.
    pub(crate) fn publish(&mut self, message: Message) -> Value {
        if let Some(channel) = self.channels.get_mut(&message.channel)
            && message.ephemeral_for.is_none()
        {
            channel.last_message = Some(message.id);
        }
        self.announce("message_create", "MESSAGE_CREATE", &message);
        let json = self.message_json(&message);
        self.messages.insert(message.id, message);
        self.forget_oldest();
        json
    }

    /// A message of the bot that no request made.
    pub(crate) fn write_as_bot(&mut self, channel: Snowflake, content: &str) -> Snowflake {
        let mut message = Message::new(self.draw_id(), channel, self.bot.id);
        content.clone_into(&mut message.content);
        let id = message.id;
        self.publish(message);
        id
    }

    /// Keeps memory bounded: the oldest messages and files go without a word.
    fn forget_oldest(&mut self) {
        while self.messages.len() > self.rules.kept_messages {
            self.messages.pop_first();
        }
        let mut bytes: u64 = self
            .attachments
            .values()
            .map(|file| file.bytes.len() as u64)
            .sum();
        while bytes > self.rules.kept_file_bytes
            && let Some((_, file)) = self.attachments.pop_first()
        {
            bytes -= file.bytes.len() as u64;
        }
    }

    /// Puts a changed message into the world and tells everyone who may see it.
    pub(crate) fn republish(&mut self, message: Message) -> Value {
        self.announce("message_update", "MESSAGE_UPDATE", &message);
        let json = self.message_json(&message);
        self.messages.insert(message.id, message);
        json
    }

    fn announce(&mut self, page: &str, gateway: &'static str, message: &Message) {
        let viewers = match message.ephemeral_for {
            _ if !self.is_watched => Vec::new(),
            Some(user) => vec![user],
            None => self.viewers(message.channel),
        };
        for user in viewers {
            let event = json!({"type": page, "channel_id": message.channel,
                               "message": self.page_message_json(message, user)});
            self.effects.push(Effect::Page {
                user: Some(user),
                event,
            });
        }
        if message.ephemeral_for.is_none() {
            self.dispatch_message(gateway, message);
        }
    }

    /// `DELETE /channels/{channel}/messages/{id}` by the bot.
    pub(crate) fn bot_deletes(
        &mut self,
        channel: Snowflake,
        id: Snowflake,
    ) -> Result<(), ApiError> {
        let place = self.seen_channel(channel)?.clone();
        if self.channel_message(channel, id)?.author != self.bot.id {
            self.require(&place, MANAGE_MESSAGES)?;
        }
        self.remove_message(id);
        Ok(())
    }

    /// Takes a message away and tells everyone who could see it. Its files' links die with it.
    pub(crate) fn remove_message(&mut self, id: Snowflake) {
        let Some(message) = self.messages.remove(&id) else {
            return;
        };
        for attachment in &message.attachments {
            self.attachments.remove(attachment);
        }
        let event =
            json!({"type": "message_delete", "channel_id": message.channel, "message_id": id});
        if let Some(user) = message.ephemeral_for {
            self.effects.push(Effect::Page {
                user: Some(user),
                event,
            });
        } else {
            self.tell_channel(message.channel, &event);
            self.dispatch_deletion(&message);
        }
    }

    /// `GET /channels/{channel}/messages`: newest first.
    pub(crate) fn list_messages(
        &self,
        channel: Snowflake,
        query: &[(String, String)],
    ) -> Result<Vec<Value>, ApiError> {
        let place = self.seen_channel(channel)?;
        if self.require(place, READ_MESSAGE_HISTORY).is_err() {
            return Ok(Vec::new());
        }
        let value = |key: &str| {
            query
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let id = |key: &str| value(key).and_then(|value| value.parse::<Snowflake>().ok());
        let limit = value("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(50usize);
        if limit == 0 || limit > 100 {
            return Err(ApiError::form(json!({"limit": {"_errors": [
                {"code": "NUMBER_TYPE_MAX", "message": "int value should be between 1 and 100."}]}})));
        }
        let mut found: Vec<&Message> = self
            .messages
            .values()
            .filter(|m| m.channel == channel && m.ephemeral_for.is_none())
            .collect();
        if let Some(before) = id("before") {
            found.retain(|message| message.id < before);
        }
        if let Some(after) = id("after") {
            found.retain(|message| message.id > after);
            found.truncate(limit);
        }
        if let Some(around) = id("around") {
            let middle = found.partition_point(|message| message.id <= around);
            let start = middle.saturating_sub(limit / 2 + 1);
            found = found.into_iter().skip(start).take(limit).collect();
        }
        Ok(found
            .into_iter()
            .rev()
            .take(limit)
            .map(|message| self.message_json(message))
            .collect())
    }
}

/// Gives each component without one a number, as Discord does.
fn number_components(components: &mut [Value], next: &mut u64) {
    for component in components.iter_mut().filter_map(Value::as_object_mut) {
        if component.get("id").and_then(Value::as_u64).unwrap_or(0) == 0 {
            component.insert("id".to_owned(), json!(*next));
        }
        *next += 1;
        if let Some(Value::Array(children)) = component.get_mut("components") {
            number_components(children, next);
        }
        if let Some(accessory) = component.get_mut("accessory") {
            number_components(std::slice::from_mut(accessory), next);
        }
    }
}
