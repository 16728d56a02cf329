//! `POST /interactions/{id}/{token}/callback`: the first answer to an interaction.

use serde_json::{Value, json};

use super::{Effect, Interaction, InteractionKind, Message, World};
use crate::error::ApiError;
use crate::rest::body::Payload;
use crate::snowflake::Snowflake;
use crate::validate::message::{COMPONENTS_V2, EPHEMERAL, LOADING, draft};
use crate::validate::modal;

impl World {
    /// Takes the first answer. The value is the answer's message, if it has one.
    pub(crate) fn answer_interaction(
        &mut self,
        id: Snowflake,
        token: &str,
        payload: &Payload,
        with_response: bool,
    ) -> Result<Option<Value>, ApiError> {
        let interaction = self
            .interactions
            .get(&id)
            .filter(|interaction| interaction.token == token);
        let interaction = interaction
            .cloned()
            .ok_or_else(ApiError::unknown_interaction)?;
        if interaction.answer.is_some() {
            return Err(ApiError::already_acknowledged());
        }
        if interaction.failed || self.now - id.created_at() > self.rules.first_answer {
            return Err(ApiError::unknown_interaction());
        }
        let kind = payload.json["type"].as_u64().unwrap_or(0);
        require_fitting(&interaction, kind)?;
        let original = match kind {
            4 | 5 => Some(self.answer_with_message(&interaction, kind, payload)?),
            6 => interaction.message,
            7 => {
                let message = interaction.message.ok_or_else(ApiError::unknown_message)?;
                self.edit(message, payload, Some("data"))?;
                Some(message)
            }
            8 => {
                self.take_choices(id, &payload.json["data"])?;
                None
            }
            _ => {
                self.open_modal(&interaction, &payload.json["data"])?;
                None
            }
        };
        let now = self.now;
        if let Some(entry) = self.interactions.get_mut(&id) {
            entry.answer = Some(kind as u8);
            entry.answered_at = Some(now);
            entry.original = original;
        }
        let event = json!({
            "type": "interaction_ack", "interaction_id": id, "kind": kind, "channel_id": interaction.channel,
            "message_id": original,
        });
        self.effects.push(Effect::Page {
            user: Some(interaction.user),
            event,
        });
        Ok(with_response.then(|| self.callback_response(&interaction, kind, original)))
    }

    fn callback_response(
        &self,
        interaction: &Interaction,
        kind: u64,
        original: Option<Snowflake>,
    ) -> Value {
        let message = original.and_then(|id| self.messages.get(&id));
        let mut about = json!({"id": interaction.id, "type": interaction.kind as u8});
        let mut resource = json!({"type": kind});
        if let Some(message) = message {
            about["response_message_id"] = json!(message.id);
            about["response_message_loading"] = json!(message.has(LOADING));
            about["response_message_ephemeral"] = json!(message.has(EPHEMERAL));
            if kind != 6 {
                resource["message"] = self.message_json(message);
            }
        }
        json!({"interaction": about, "resource": resource})
    }

    fn answer_with_message(
        &mut self,
        interaction: &Interaction,
        kind: u64,
        payload: &Payload,
    ) -> Result<Snowflake, ApiError> {
        let data = &payload.json["data"];
        let mut message = Message::new(self.draw_id(), interaction.channel, self.bot.id);
        message.origin = Some(self.origin_of(interaction, None));
        message.kind = if interaction.kind == InteractionKind::Command {
            20
        } else {
            19
        };
        message.reply_to = interaction.message;
        let rules = self.file_rules(interaction.channel, None);
        let draft = draft(data, payload, rules, Some("data"))?;
        let mut flags = draft.flags.unwrap_or(0);
        if self.must_whisper(interaction) {
            flags |= EPHEMERAL;
        }
        if flags & EPHEMERAL != 0 {
            message.ephemeral_for = Some(interaction.user);
            message.flags |= EPHEMERAL;
        }
        if kind == 5 {
            message.flags |= LOADING;
        } else {
            if draft.is_empty() {
                return Err(ApiError::empty_message());
            }
            message.flags |= flags & ((1 << 2) | (1 << 12) | COMPONENTS_V2);
            message.tts = draft.tts;
            self.apply(&mut message, draft);
        }
        let id = message.id;
        self.publish(message);
        Ok(id)
    }

    fn take_choices(&mut self, id: Snowflake, data: &Value) -> Result<(), ApiError> {
        let choices = data["choices"].as_array().cloned().unwrap_or_default();
        let mut form = crate::validate::form::Form::default();
        form.at("data", |form| {
            form.at("choices", |form| {
                if choices.len() > 25 {
                    form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
                }
                for (index, choice) in choices.iter().enumerate() {
                    form.at(index, |form| {
                        form.text(choice, "name", 1, 100);
                        if choice["value"].is_string() {
                            form.text(choice, "value", 1, 100);
                        }
                    });
                }
            });
        });
        form.finish()?;
        if let Some(entry) = self.interactions.get_mut(&id) {
            entry.choices = Some(choices);
        }
        Ok(())
    }

    fn open_modal(&mut self, interaction: &Interaction, data: &Value) -> Result<(), ApiError> {
        modal::check(data)?;
        if let Some(entry) = self.interactions.get_mut(&interaction.id) {
            entry.modal = Some(data.clone());
        }
        let event = json!({
            "type": "modal_open", "interaction_id": interaction.id, "channel_id": interaction.channel, "modal": data,
        });
        self.effects.push(Effect::Page {
            user: Some(interaction.user),
            event,
        });
        Ok(())
    }
}

/// Which kinds of answer an interaction takes.
fn require_fitting(interaction: &Interaction, kind: u64) -> Result<(), ApiError> {
    let has_message = interaction.message.is_some();
    let fits = match interaction.kind {
        InteractionKind::Command => matches!(kind, 4 | 5 | 9),
        InteractionKind::Component => matches!(kind, 4..=7 | 9),
        InteractionKind::Autocomplete => kind == 8,
        InteractionKind::Modal => matches!(kind, 4 | 5) || (has_message && matches!(kind, 6 | 7)),
    };
    if fits {
        return Ok(());
    }
    Err(ApiError::form(json!({"type": {"_errors": [{
        "code": "INTERACTION_CALLBACK_TYPE_INVALID",
        "message": "Interaction callback type is not valid for this interaction",
    }]}})))
}
