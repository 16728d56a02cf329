//! The `INTERACTION_CREATE` payload, complete as Discord sends it.

use serde_json::{Value, json};

use super::people::merge;
use super::{Interaction, InteractionKind, World};
use crate::snowflake::Snowflake;

impl World {
    /// The whole payload of an interaction; `data` is its kind's own part.
    pub(crate) fn interaction_json(&self, interaction: &Interaction, mut data: Value) -> Value {
        let mut json = json!({
            "id": interaction.id, "application_id": self.bot.id, "type": interaction.kind as u8,
            "channel_id": interaction.channel, "token": interaction.token, "version": 1,
            "locale": self.users.get(&interaction.user).map_or("en-US", |user| user.locale.as_str()),
            "entitlements": [], "attachment_size_limit": self.file_limit(interaction.channel),
        });
        let Some(channel) = self.channels.get(&interaction.channel) else {
            return json;
        };
        let own = self.app_permissions(interaction.user, channel);
        json["app_permissions"] = json!(own.to_string());
        let mut place = self.channel_json(interaction.channel).unwrap_or_default();
        place["permissions"] = json!(self.permissions(interaction.user, channel).to_string());
        json["channel"] = place;
        if let Some(guild) = channel.guild().and_then(|guild| self.guilds.get(&guild)) {
            let mut member = self
                .member_json(guild.id, interaction.user)
                .unwrap_or_default();
            member["permissions"] = json!(self.permissions(interaction.user, channel).to_string());
            merge(
                &mut json,
                json!({
                    "guild_id": guild.id, "guild_locale": guild.locale, "member": member, "context": 0,
                    "guild": {"id": guild.id, "locale": guild.locale, "features": []},
                }),
            );
            let is_command = matches!(
                interaction.kind,
                InteractionKind::Command | InteractionKind::Autocomplete
            );
            if is_command {
                data["guild_id"] = json!(guild.id);
            }
        } else {
            let user = self
                .users
                .get(&interaction.user)
                .map_or(Value::Null, super::User::json);
            merge(
                &mut json,
                json!({"user": user, "context": channel.context()}),
            );
        }
        json["authorizing_integration_owners"] = self.owners(interaction.user, channel);
        if let Some(message) = interaction.message.and_then(|id| self.messages.get(&id)) {
            json["message"] = self.message_json(message);
        }
        json["data"] = data;
        json
    }

    /// The `resolved` part for the ids that a select returned.
    pub(crate) fn resolved_ids(&self, channel: Snowflake, ids: &[String]) -> Value {
        let mut resolved = json!({});
        for id in ids.iter().filter_map(|id| id.parse().ok()) {
            self.resolve_into(&mut resolved, channel, id);
        }
        resolved
    }

    /// Adds what `id` names (a user, role or channel) to a `resolved` object.
    pub(crate) fn resolve_into(&self, resolved: &mut Value, channel: Snowflake, id: Snowflake) {
        let guild = self.channels.get(&channel).and_then(super::Channel::guild);
        let key = id.to_string();
        if let Some(user) = self.users.get(&id) {
            resolved["users"][&key] = user.json();
            let place = self.channels.get(&channel);
            if let (Some(guild), Some(place)) = (guild, place)
                && let Some(mut member) = self.member_json(guild, id)
            {
                member.as_object_mut().map(|member| member.remove("user"));
                member["permissions"] = json!(self.permissions(id, place).to_string());
                resolved["members"][&key] = member;
            }
        } else if let Some(place) = self.channels.get(&id) {
            if place.context() == 0 {
                let mut channel = self.channel_json(id).unwrap_or_default();
                channel["permissions"] = json!(self.permissions(self.bot.id, place).to_string());
                resolved["channels"][&key] = channel;
            }
        } else if let Some(guild) = guild.and_then(|guild| self.guilds.get(&guild)) {
            let roles = guild.json()["roles"].take();
            let role = roles
                .as_array()
                .and_then(|roles| roles.iter().find(|role| role["id"] == key));
            if let Some(role) = role {
                resolved["roles"][&key] = role.clone();
            }
        }
    }
}
