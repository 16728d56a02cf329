//! The application's commands as registered, globally and per guild.

use std::time::Duration;

use serde_json::{Value, json};

use super::people::merge;
use super::{Effect, World};
use crate::error::ApiError;
use crate::snowflake::Snowflake;
use crate::validate::{commands, form::Form};

/// Commands of one type (slash, user, message) in one scope.
const LIMITS: [(u64, usize); 3] = [(1, 100), (2, 15), (3, 15)];
const CREATES_PER_DAY: usize = 200;

/// Global commands, or those of one guild.
pub(crate) type Scope = Option<Snowflake>;

impl World {
    /// The commands of one scope.
    pub(crate) fn commands_in(&self, scope: Scope) -> Vec<Value> {
        self.commands
            .iter()
            .filter(|command| scope_of(command) == scope)
            .cloned()
            .collect()
    }

    /// `PUT …/commands`: these and no others. Unchanged commands keep id and version.
    pub(crate) fn put_commands(&mut self, scope: Scope, body: &Value) -> Result<Value, ApiError> {
        let Some(list) = body.as_array() else {
            return Err(ApiError::form(json!({"_errors": [
                {"code": "LIST_TYPE_CONVERT", "message": "Only iterables may be used in a ListType"}]})));
        };
        let mut form = Form::default();
        let mut names = std::collections::HashSet::new();
        for (index, command) in list.iter().enumerate() {
            form.at(index, |form| {
                commands::check(form, command, false);
                if !names.insert((kind(command), command["name"].as_str())) {
                    form.at("name", |form| {
                        form.refuse(
                            "APPLICATION_COMMANDS_DUPLICATE_NAME",
                            "Application command names must be unique",
                        );
                    });
                }
            });
        }
        for (number, limit) in LIMITS {
            if list
                .iter()
                .filter(|command| kind(command) == number)
                .count()
                > limit
            {
                form.refuse(
                    "BASE_TYPE_MAX_LENGTH",
                    format!("Must be {limit} or fewer in length."),
                );
            }
        }
        form.finish()?;
        let mut fresh = Vec::new();
        for command in list {
            fresh.push(self.registered(scope, command)?);
        }
        self.commands.retain(|command| scope_of(command) != scope);
        self.commands.extend(fresh.clone());
        self.tell_commands();
        Ok(Value::Array(fresh))
    }

    /// `POST …/commands`: adds one, or replaces the one of that name. The flag tells whether it is new.
    pub(crate) fn post_command(
        &mut self,
        scope: Scope,
        body: &Value,
    ) -> Result<(Value, bool), ApiError> {
        let mut form = Form::default();
        commands::check(&mut form, body, false);
        form.finish()?;
        let before = self.find_registered(scope, body).is_some();
        let command = self.registered(scope, body)?;
        self.replace(command.clone());
        Ok((command, !before))
    }

    /// `PATCH …/commands/{id}`.
    pub(crate) fn patch_command(
        &mut self,
        scope: Scope,
        id: Snowflake,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let mut form = Form::default();
        commands::check(&mut form, body, true);
        form.finish()?;
        let mut command = self.command(scope, id)?;
        merge(&mut command, body.clone());
        command["version"] = json!(self.draw_id());
        self.replace(command.clone());
        Ok(command)
    }

    /// `GET …/commands/{id}`.
    pub(crate) fn command(&self, scope: Scope, id: Snowflake) -> Result<Value, ApiError> {
        let id = json!(id);
        let found = self
            .commands
            .iter()
            .find(|command| scope_of(command) == scope && command["id"] == id);
        found.cloned().ok_or_else(ApiError::unknown_command)
    }

    /// `DELETE …/commands/{id}`.
    pub(crate) fn delete_command(&mut self, scope: Scope, id: Snowflake) -> Result<(), ApiError> {
        self.command(scope, id)?;
        let id = json!(id);
        self.commands.retain(|command| command["id"] != id);
        self.tell_commands();
        Ok(())
    }

    fn replace(&mut self, command: Value) {
        self.commands.retain(|other| {
            scope_of(other) != scope_of(&command)
                || kind(other) != kind(&command)
                || other["name"] != command["name"]
        });
        self.commands.push(command);
        self.tell_commands();
    }

    fn find_registered(&self, scope: Scope, body: &Value) -> Option<&Value> {
        self.commands.iter().find(|command| {
            scope_of(command) == scope
                && kind(command) == kind(body)
                && command["name"] == body["name"]
        })
    }

    /// The command as Discord would answer it: with id, version and defaults.
    fn registered(&mut self, scope: Scope, body: &Value) -> Result<Value, ApiError> {
        let former = self.find_registered(scope, body).cloned();
        let mut command = json!({
            "application_id": self.bot.id, "type": 1, "name_localizations": null, "description": "",
            "description_localizations": null, "default_member_permissions": null, "nsfw": false,
            "contexts": null, "integration_types": [0],
        });
        merge(&mut command, body.clone());
        if command["description"].is_null() {
            command["description"] = json!("");
        }
        match scope {
            Some(guild) => command["guild_id"] = json!(guild),
            None => {
                command["dm_permission"] =
                    body.get("dm_permission").cloned().unwrap_or(json!(true));
            }
        }
        let id = match &former {
            Some(former) => former["id"].clone(),
            None => json!(self.count_create()?),
        };
        command["id"] = id;
        command["version"] = former
            .as_ref()
            .map_or(Value::Null, |former| former["version"].clone());
        if former.as_ref() != Some(&command) {
            command["version"] = json!(self.draw_id());
        }
        Ok(command)
    }

    fn count_create(&mut self) -> Result<Snowflake, ApiError> {
        let now = self.now;
        self.command_creates
            .retain(|at| now - *at < Duration::from_hours(24));
        if self.command_creates.len() >= CREATES_PER_DAY {
            return Err(ApiError::too_many_command_creates());
        }
        self.command_creates.push_back(now);
        Ok(self.draw_id())
    }

    fn tell_commands(&mut self) {
        let people: Vec<Snowflake> = self
            .users
            .values()
            .filter(|user| !user.is_bot)
            .map(|user| user.id)
            .collect();
        for user in people {
            let event = json!({"type": "commands", "commands": self.commands_for(user)});
            self.effects.push(Effect::Page {
                user: Some(user),
                event,
            });
        }
    }
}

pub(crate) fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

pub(crate) fn scope_of(command: &Value) -> Scope {
    Snowflake::from_json(&command["guild_id"])
}
