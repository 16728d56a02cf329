//! Interactions: what people start, and the two clocks that run from then on.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::dispatch::Dispatch;
use super::{ChannelKind, Effect, Message, Origin, SlashCall, World};
use crate::error::ApiError;
use crate::snowflake::Snowflake;

/// What a person did. The numbers are Discord's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InteractionKind {
    /// Used a command.
    Command = 2,
    /// Clicked a component.
    Component = 3,
    /// Is typing an option's value.
    Autocomplete = 4,
    /// Submitted a modal.
    Modal = 5,
}

/// One interaction and how far its answer has come.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    pub(crate) id: Snowflake,
    pub(crate) token: String,
    pub(crate) kind: InteractionKind,
    pub(crate) user: Snowflake,
    pub(crate) channel: Snowflake,
    pub(crate) name: String,
    /// The message whose component was used, or from whose component the modal came.
    pub(crate) message: Option<Snowflake>,
    /// The type of the first answer.
    pub(crate) answer: Option<u8>,
    /// When it came.
    pub(crate) answered_at: Option<OffsetDateTime>,
    /// Nothing came in time.
    pub(crate) failed: bool,
    /// The message that `@original` means.
    pub(crate) original: Option<Snowflake>,
    pub(crate) modal: Option<Value>,
    pub(crate) choices: Option<Vec<Value>>,
    /// Messages besides the answer so far.
    pub(crate) follow_ups: u32,
    /// For a modal's submission: the interaction that opened it.
    pub(crate) parent: Option<Snowflake>,
}

impl World {
    /// Someone uses a command.
    pub(crate) fn use_command(&mut self, call: &SlashCall) -> Result<Snowflake, ApiError> {
        let (user, channel) = (call.user, call.channel);
        self.require_person(user, channel)?;
        let kind = if call.focused.is_some() {
            InteractionKind::Autocomplete
        } else {
            InteractionKind::Command
        };
        let name = call.command.clone();
        let data = self.command_data(call)?;
        Ok(self.start(kind, user, channel, name, None, None, data))
    }

    /// Someone uses a component of a message.
    pub(crate) fn use_component(
        &mut self,
        user: Snowflake,
        id: Snowflake,
        custom_id: &str,
        values: &[String],
    ) -> Result<Snowflake, ApiError> {
        let message = self.visible_message(user, id)?;
        let component = find_component(&message.components, custom_id)
            .ok_or_else(|| ApiError::plain(400, "This message has no such component"))?;
        if component["disabled"] == true {
            return Err(ApiError::plain(400, "This component is disabled"));
        }
        let kind = component["type"].as_u64().unwrap_or(2);
        let number = component["id"].clone();
        self.press(user, id, (kind, number, custom_id), values)
    }

    /// Someone uses a component, whether the message has it or not: forged, or of a message that has changed meanwhile.
    pub(crate) fn press(
        &mut self,
        user: Snowflake,
        id: Snowflake,
        (kind, number, custom_id): (u64, Value, &str),
        values: &[String],
    ) -> Result<Snowflake, ApiError> {
        let channel = self.visible_message(user, id)?.channel;
        let mut data = json!({"custom_id": custom_id, "component_type": kind, "id": number});
        if kind != 2 {
            data["values"] = json!(values);
            data["resolved"] = self.resolved_ids(channel, values);
        }
        Ok(self.start(
            InteractionKind::Component,
            user,
            channel,
            String::new(),
            Some(id),
            None,
            data,
        ))
    }

    /// Someone submits the modal that an interaction opened.
    pub(crate) fn submit_modal(
        &mut self,
        user: Snowflake,
        id: Snowflake,
        fields: &[(String, Value)],
    ) -> Result<Snowflake, ApiError> {
        let opener = self
            .interactions
            .get_mut(&id)
            .ok_or_else(ApiError::unknown_interaction)?;
        if opener.user != user {
            return Err(ApiError::plain(403, "This form is someone else's"));
        }
        let modal = opener
            .modal
            .take()
            .ok_or_else(|| ApiError::plain(400, "There is no open form"))?;
        let (channel, message) = (opener.channel, opener.message);
        let components = modal["components"]
            .as_array()
            .map(|list| submitted(list, fields))
            .unwrap_or_default();
        let data =
            json!({"custom_id": modal["custom_id"], "components": components, "resolved": {}});
        Ok(self.start(
            InteractionKind::Modal,
            user,
            channel,
            String::new(),
            message,
            Some(id),
            data,
        ))
    }

    /// Someone submits a form under a message that nobody has shown him.
    pub(crate) fn forge_form(
        &mut self,
        user: Snowflake,
        id: Snowflake,
        data: Value,
    ) -> Result<Snowflake, ApiError> {
        let channel = self.visible_message(user, id)?.channel;
        let (kind, name) = (InteractionKind::Modal, String::new());
        Ok(self.start(kind, user, channel, name, Some(id), None, data))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one private place makes interactions, from three kinds of source"
    )]
    fn start(
        &mut self,
        kind: InteractionKind,
        user: Snowflake,
        channel: Snowflake,
        name: String,
        message: Option<Snowflake>,
        parent: Option<Snowflake>,
        data: Value,
    ) -> Snowflake {
        let id = self.draw_id();
        let token = format!("{}{}", self.draw_hex::<40>(), self.draw_hex::<40>());
        self.interaction_tokens.insert(token.clone(), id);
        let interaction = Interaction {
            id,
            token,
            kind,
            user,
            channel,
            name,
            message,
            answer: None,
            answered_at: None,
            failed: false,
            original: None,
            modal: None,
            choices: None,
            follow_ups: 0,
            parent,
        };
        let payload = self.interaction_json(&interaction, data);
        self.interactions.insert(id, interaction);
        let guild = self.channels.get(&channel).and_then(super::Channel::guild);
        self.dispatch(Dispatch {
            name: "INTERACTION_CREATE",
            data: payload,
            guild,
            intents: 0,
        });
        id
    }

    /// The message, if this person can see it.
    pub(crate) fn visible_message(
        &self,
        user: Snowflake,
        id: Snowflake,
    ) -> Result<&Message, ApiError> {
        let message = self
            .messages
            .get(&id)
            .ok_or_else(ApiError::unknown_message)?;
        if message.ephemeral_for.is_some_and(|viewer| viewer != user) {
            return Err(ApiError::unknown_message());
        }
        self.require_person(user, message.channel)?;
        Ok(message)
    }

    /// Refuses people who cannot see the channel.
    pub(crate) fn require_person(
        &self,
        user: Snowflake,
        channel: Snowflake,
    ) -> Result<(), ApiError> {
        let place = self
            .channels
            .get(&channel)
            .ok_or_else(ApiError::unknown_channel)?;
        if !self.users.contains_key(&user) {
            return Err(ApiError::unknown_user());
        }
        if matches!(place.kind, ChannelKind::Thread { archived: true, .. }) {
            return Err(ApiError::archived_thread());
        }
        if self.permissions(user, place) == 0 {
            Err(ApiError::missing_access())
        } else {
            Ok(())
        }
    }

    /// What a message that answers the interaction says about it.
    pub(crate) fn origin_of(
        &self,
        interaction: &Interaction,
        original: Option<Snowflake>,
    ) -> Origin {
        let parent = interaction
            .parent
            .and_then(|parent| self.interactions.get(&parent));
        Origin {
            interaction: interaction.id,
            kind: interaction.kind as u8,
            user: interaction.user,
            guild: self
                .channels
                .get(&interaction.channel)
                .and_then(super::Channel::guild),
            name: interaction.name.clone(),
            original,
            interacted: interaction
                .message
                .filter(|_| interaction.kind == InteractionKind::Component),
            triggering: parent.map(|parent| Box::new(self.origin_of(parent, None))),
        }
    }

    /// Declares interactions failed whose first answer is overdue, and forgets those whose token is long dead.
    pub(crate) fn expire_interactions(&mut self) {
        let deadline = self.now - self.rules.first_answer;
        let overdue: Vec<Snowflake> = self
            .interactions
            .values()
            .filter(|i| i.answer.is_none() && !i.failed && i.id.created_at() <= deadline)
            .map(|i| i.id)
            .collect();
        for id in overdue {
            let Some(interaction) = self.interactions.get_mut(&id) else {
                continue;
            };
            interaction.failed = true;
            let event = json!({
                "type": "interaction_failed", "interaction_id": id, "channel_id": interaction.channel,
                "message_id": interaction.message, "reason": "The application did not respond",
            });
            let user = Some(interaction.user);
            self.effects.push(Effect::Page { user, event });
        }
        // Long enough for late calls to get the answer of an expired token and not of an unknown one.
        let horizon = self.now
            - self
                .rules
                .token_life
                .saturating_mul(8)
                .max(Duration::from_mins(5));
        let forgotten: Vec<Snowflake> = self
            .interactions
            .values()
            .filter(|i| i.id.created_at() < horizon)
            .map(|i| i.id)
            .collect();
        for id in forgotten {
            if let Some(interaction) = self.interactions.remove(&id) {
                self.interaction_tokens.remove(&interaction.token);
            }
        }
    }

    /// When the next clock of an interaction or connection runs out.
    pub(crate) fn next_deadline(&self) -> Option<OffsetDateTime> {
        let waiting = self
            .interactions
            .values()
            .filter(|i| i.answer.is_none() && !i.failed);
        let answers = waiting
            .map(|i| i.id.created_at() + self.rules.first_answer)
            .min();
        let beats = self
            .connections
            .values()
            .map(|c| c.last_heartbeat + self.rules.heartbeat.mul_f64(1.5))
            .min();
        let held = self.next_held();
        answers.into_iter().chain(beats).chain(held).min()
    }
}

/// The component of that custom id, however deep.
pub(crate) fn find_component<'c>(components: &'c [Value], custom_id: &str) -> Option<&'c Value> {
    components.iter().find_map(|component| {
        if component["custom_id"] == custom_id {
            return Some(component);
        }
        let children = component["components"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        find_component(children, custom_id).or_else(|| {
            (component["accessory"]["custom_id"] == custom_id).then(|| &component["accessory"])
        })
    })
}

/// A modal's rows with the values that were filled in.
fn submitted(rows: &[Value], fields: &[(String, Value)]) -> Vec<Value> {
    let fill = |input: &Value| {
        let id = input["custom_id"].as_str().unwrap_or_default();
        let given = fields
            .iter()
            .find(|(name, _)| name == id)
            .map(|(_, value)| value.clone());
        let kind = input["type"].as_u64().unwrap_or(4);
        let mut filled =
            json!({"type": kind, "custom_id": id, "id": input["id"].as_u64().unwrap_or(1)});
        match (kind, given) {
            (4, given) => {
                let preset = input["value"].clone();
                let value = given.unwrap_or(if preset.is_null() { json!("") } else { preset });
                filled["value"] = value;
            }
            (21 | 23, given) => filled["value"] = given.unwrap_or(Value::Null),
            (_, Some(Value::Array(values))) => filled["values"] = Value::Array(values),
            (_, Some(value)) => filled["values"] = json!([value]),
            (_, None) => filled["values"] = json!([]),
        }
        filled
    };
    rows.iter()
        .enumerate()
        .filter_map(|(index, row)| match row["type"].as_u64() {
            Some(1) => {
                let inputs = row["components"]
                    .as_array()
                    .map(|list| list.iter().map(fill).collect::<Vec<_>>());
                Some(json!({"type": 1, "id": index + 1, "components": inputs.unwrap_or_default()}))
            }
            Some(18) => {
                Some(json!({"type": 18, "id": index + 1, "component": fill(&row["component"])}))
            }
            _ => None,
        })
        .collect()
}
