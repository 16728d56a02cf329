//! From what a person typed to a command's data: the checks that Discord's client makes before it sends anything.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::World;
use super::catalogue::{kind, scope_of};
use super::people::merge;
use crate::error::ApiError;
use crate::rest::body::Upload;
use crate::snowflake::Snowflake;

/// A command as a person uses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlashCall {
    pub(crate) user: Snowflake,
    pub(crate) channel: Snowflake,
    /// The command's name, with the sub-command's after a space.
    pub(crate) command: String,
    pub(crate) options: Map<String, Value>,
    pub(crate) files: BTreeMap<String, Upload>,
    /// For user and message commands: what was chosen.
    pub(crate) target: Option<Snowflake>,
    /// For autocomplete: the option being typed.
    pub(crate) focused: Option<String>,
}

impl World {
    /// The commands that a person may use somewhere.
    pub(crate) fn commands_for(&self, user: Snowflake) -> Vec<Value> {
        let may = |command: &&Value| match command["default_member_permissions"].as_str() {
            Some(text) => {
                let needed = text.parse::<u64>().unwrap_or(0);
                let held = self
                    .channels
                    .values()
                    .map(|channel| self.permissions(user, channel));
                held.into_iter()
                    .any(|held| needed != 0 && held & needed == needed)
            }
            None => true,
        };
        self.commands.iter().filter(may).cloned().collect()
    }

    /// The `data` of the interaction that a call makes.
    pub(crate) fn command_data(&mut self, call: &SlashCall) -> Result<Value, ApiError> {
        let mut words = call.command.split(' ');
        let name = words.next().unwrap_or_default();
        let command = self.find_command(call, name)?;
        self.require_usable(call, &command)?;
        let mut data =
            json!({"id": command["id"], "name": command["name"], "type": kind(&command)});
        let mut resolved = json!({});
        if kind(&command) == 1 {
            let path: Vec<&str> = words.collect();
            let options = self.fill(&command, &path, call, &mut resolved)?;
            data["options"] = Value::Array(options);
        } else {
            self.choose_target(call, kind(&command), &mut data, &mut resolved)?;
        }
        if resolved
            .as_object()
            .is_some_and(|resolved| !resolved.is_empty())
        {
            data["resolved"] = resolved;
        }
        Ok(data)
    }

    fn find_command(&self, call: &SlashCall, name: &str) -> Result<Value, ApiError> {
        let guild = self
            .channels
            .get(&call.channel)
            .and_then(super::Channel::guild);
        let named = |command: &&Value| {
            command["name"] == name
                || (kind(command) != 1 && command["name"] == call.command.as_str())
        };
        let here = |command: &&Value| scope_of(command).is_none() || scope_of(command) == guild;
        // A guild's own command hides the global one of the same name.
        let mut found: Vec<&Value> = self.commands.iter().filter(named).filter(here).collect();
        found.sort_by_key(|command| scope_of(command).is_none());
        found
            .first()
            .map(|command| (*command).clone())
            .ok_or_else(ApiError::unknown_command)
    }

    fn require_usable(&self, call: &SlashCall, command: &Value) -> Result<(), ApiError> {
        let place = self
            .channels
            .get(&call.channel)
            .ok_or_else(ApiError::unknown_channel)?;
        if !self
            .commands_for(call.user)
            .iter()
            .any(|usable| usable["id"] == command["id"])
        {
            return Err(ApiError::plain(403, "You may not use this command"));
        }
        let context = place.context();
        let contexts = command["contexts"].as_array();
        let fits =
            contexts.is_none_or(|contexts| contexts.iter().any(|c| c.as_u64() == Some(context)));
        let installed = self.is_installed_for(call.user, place, command);
        if !fits || !installed || (context == 1 && command["dm_permission"] == false) {
            return Err(ApiError::plain(400, "This command cannot be used here"));
        }
        if command["nsfw"] == true && !place.nsfw {
            return Err(ApiError::plain(
                400,
                "This command is for age-restricted channels",
            ));
        }
        Ok(())
    }

    fn choose_target(
        &self,
        call: &SlashCall,
        kind: u64,
        data: &mut Value,
        resolved: &mut Value,
    ) -> Result<(), ApiError> {
        let target = call
            .target
            .ok_or_else(|| ApiError::plain(400, "This command needs a target"))?;
        data["target_id"] = json!(target);
        if kind == 2 {
            self.users.get(&target).ok_or_else(ApiError::unknown_user)?;
            self.resolve_into(resolved, call.channel, target);
        } else {
            let message = self.visible_message(call.user, target)?;
            resolved["messages"][target.to_string()] = self.message_json(message);
        }
        Ok(())
    }

    /// The options of a command, or of the sub-command at `path`.
    fn fill(
        &mut self,
        parent: &Value,
        path: &[&str],
        call: &SlashCall,
        resolved: &mut Value,
    ) -> Result<Vec<Value>, ApiError> {
        let defined = parent["options"].as_array().cloned().unwrap_or_default();
        if defined
            .iter()
            .any(|option| matches!(option["type"].as_u64(), Some(1 | 2)))
        {
            let wanted = path.first().copied().unwrap_or_default();
            let sub = defined
                .iter()
                .find(|option| option["name"] == wanted)
                .ok_or_else(|| ApiError::plain(400, "This command needs a sub-command"))?;
            let options = self.fill(sub, &path[1..], call, resolved)?;
            return Ok(vec![
                json!({"name": wanted, "type": sub["type"], "options": options}),
            ]);
        }
        let unknown = call
            .options
            .keys()
            .find(|name| !defined.iter().any(|option| option["name"] == name.as_str()));
        if let Some(name) = unknown {
            return Err(ApiError::plain(400, &format!("There is no option {name}")));
        }
        let mut filled = Vec::new();
        for option in &defined {
            let name = option["name"].as_str().unwrap_or_default();
            let focused = call.focused.as_deref() == Some(name);
            let value = match (call.options.get(name), call.files.get(name)) {
                (_, Some(file)) => Some(self.attach(call.channel, file.clone(), resolved)),
                (Some(value), None) if focused => Some(json!(plain_text(value))),
                (Some(value), None) if !is_blank(value) => {
                    Some(self.typed(option, value, call, resolved)?)
                }
                (_, None) if focused => Some(json!("")),
                _ => None,
            };
            let Some(value) = value else {
                if option["required"] == true && call.focused.is_none() {
                    return Err(ApiError::plain(
                        400,
                        &format!("The option {name} is required"),
                    ));
                }
                continue;
            };
            let mut entry = json!({"name": name, "type": option["type"], "value": value});
            if focused {
                merge(&mut entry, json!({"focused": true}));
            }
            filled.push(entry);
        }
        Ok(filled)
    }

    fn attach(&mut self, channel: Snowflake, file: Upload, resolved: &mut Value) -> Value {
        let id = self.store_file(channel, file, None, true);
        if let Some(attachment) = self.attachments.get(&id) {
            resolved["attachments"][id.to_string()] = self.attachment_json(attachment);
        }
        json!(id)
    }

    /// The value as the option's type wants it, within the option's bounds.
    fn typed(
        &self,
        option: &Value,
        value: &Value,
        call: &SlashCall,
        resolved: &mut Value,
    ) -> Result<Value, ApiError> {
        let name = option["name"].as_str().unwrap_or_default();
        let refuse = |what: &str| ApiError::plain(400, &format!("The option {name} {what}"));
        let text = plain_text(value);
        let typed = match option["type"].as_u64() {
            Some(3) => {
                let length = text.chars().count() as u64;
                let (min, max) = (option["min_length"].as_u64(), option["max_length"].as_u64());
                if min.is_some_and(|min| length < min) || length > max.unwrap_or(6000) {
                    return Err(refuse("has the wrong length"));
                }
                json!(text)
            }
            Some(4) => json!(
                text.parse::<i64>()
                    .map_err(|_| refuse("must be a whole number"))?
            ),
            Some(5) => json!(
                text.parse::<bool>()
                    .map_err(|_| refuse("must be true or false"))?
            ),
            Some(10) => json!(
                text.parse::<f64>()
                    .map_err(|_| refuse("must be a number"))?
            ),
            Some(6..=9) => {
                let id = self
                    .named(&text, call.channel)
                    .ok_or_else(|| refuse("names nobody and nothing here"))?;
                self.resolve_into(resolved, call.channel, id);
                json!(id)
            }
            _ => return Err(refuse("needs a file")),
        };
        if let Some(number) = typed.as_f64() {
            let outside = option["min_value"].as_f64().is_some_and(|min| number < min)
                || option["max_value"].as_f64().is_some_and(|max| number > max);
            if outside {
                return Err(refuse("is out of range"));
            }
        }
        let choices = option["choices"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if !choices.is_empty() && !choices.iter().any(|choice| choice["value"] == typed) {
            return Err(refuse("is not one of the choices"));
        }
        Ok(typed)
    }

    /// The id of a user, channel or role by id or name.
    fn named(&self, text: &str, channel: Snowflake) -> Option<Snowflake> {
        let text = text
            .trim_start_matches(['<', '@', '#', '&', '!'])
            .trim_end_matches('>');
        if let Some(user) = self.find_user(text) {
            return Some(user.id);
        }
        let id = text.parse().ok();
        let guild = self
            .channels
            .get(&channel)
            .and_then(super::Channel::guild)?;
        let mut places = self
            .channels
            .values()
            .filter(|place| place.guild() == Some(guild));
        if let Some(place) = places.find(|place| place.name == text || Some(place.id) == id) {
            return Some(place.id);
        }
        let roles = &self.guilds.get(&guild)?.roles;
        roles
            .iter()
            .find(|role| role.name == text || Some(role.id) == id)
            .map(|role| role.id)
    }
}

fn plain_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value == ""
}
