//! One person in one channel: tests read as what people do and see.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::interaction::StartedInteraction;
use super::message::SeenMessage;
use crate::error::ApiError;
use crate::rest::body::Upload;
use crate::server::Shared;
use crate::snowflake::Snowflake;
use crate::world::{SlashCall, World};

/// Discord's numbers for kinds of components.
const BUTTON: u64 = 2;
const SELECT: u64 = 3;

/// A person and the channel they are looking at.
#[derive(Clone)]
pub struct Person {
    shared: Arc<Shared>,
    id: Snowflake,
    channel: Snowflake,
}

impl Person {
    pub(super) fn new(shared: Arc<Shared>, id: Snowflake, channel: Snowflake) -> Self {
        Self {
            shared,
            id,
            channel,
        }
    }

    /// The person's id.
    pub fn id(&self) -> Snowflake {
        self.id
    }

    /// The channel the person is looking at.
    pub fn channel_id(&self) -> Snowflake {
        self.channel
    }

    /// The same person in another channel.
    ///
    /// # Panics
    /// If there is none of that name: a mistake in the test.
    #[must_use]
    pub fn in_channel(mut self, name: &str) -> Self {
        let found = self.shared.read(|world| {
            world
                .channels
                .values()
                .find(|c| c.name == name)
                .map(|c| c.id)
        });
        self.channel = found.unwrap_or_else(|| panic!("the playground has no channel #{name}"));
        self
    }

    /// The same person in the channel of that id.
    #[must_use]
    pub fn at(mut self, channel: Snowflake) -> Self {
        self.channel = channel;
        self
    }

    /// The same person in direct messages with the bot.
    #[must_use]
    pub fn in_dm(mut self) -> Self {
        self.channel = self.shared.with(|world| world.dm_with(self.id));
        self
    }

    /// Uses a command (`name` or `name sub`) and waits for the application's first answer or for the clock to run out.
    pub async fn slash<'o>(
        &self,
        command: &str,
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> Result<StartedInteraction, ApiError> {
        self.use_command(self.call(command, options)).await
    }

    /// Uses a command without waiting for an answer, for tests that play the application themselves.
    pub fn begin<'o>(
        &self,
        command: &str,
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> Result<StartedInteraction, ApiError> {
        let call = self.call(command, options);
        let id = self.shared.with(|world| world.use_command(&call))?;
        Ok(StartedInteraction::new(
            Arc::clone(&self.shared),
            id,
            self.id,
        ))
    }

    /// Clicks a component without waiting for an answer.
    pub fn begin_click(
        &self,
        message: &SeenMessage,
        custom_id: &str,
    ) -> Result<StartedInteraction, ApiError> {
        let id = self
            .shared
            .with(|world| world.use_component(self.id, message.id(), custom_id, &[]))?;
        Ok(StartedInteraction::new(
            Arc::clone(&self.shared),
            id,
            self.id,
        ))
    }

    /// As [`Person::slash`], with one file for an attachment option.
    pub async fn slash_with_file<'o>(
        &self,
        command: &str,
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
        file: (&'o str, &'o str, Bytes),
    ) -> Result<StartedInteraction, ApiError> {
        self.slash_with_files(command, options, [file]).await
    }

    /// As [`Person::slash`], with files for attachment options: each with its option and its name.
    pub async fn slash_with_files<'o>(
        &self,
        command: &str,
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
        files: impl IntoIterator<Item = (&'o str, &'o str, Bytes)>,
    ) -> Result<StartedInteraction, ApiError> {
        let mut call = self.call(command, options);
        for (option, filename, bytes) in files {
            let upload = Upload {
                filename: filename.to_owned(),
                content_type: None,
                bytes,
            };
            call.files.insert(option.to_owned(), upload);
        }
        self.use_command(call).await
    }

    /// Uses a user or message command on something.
    pub async fn choose(
        &self,
        command: &str,
        target: Snowflake,
    ) -> Result<StartedInteraction, ApiError> {
        let call = SlashCall {
            target: Some(target),
            ..self.call(command, [])
        };
        self.use_command(call).await
    }

    /// The choices offered while `focused` is being typed.
    pub async fn complete<'o>(
        &self,
        command: &str,
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
        focused: &str,
    ) -> Result<Vec<Value>, ApiError> {
        let call = SlashCall {
            focused: Some(focused.to_owned()),
            ..self.call(command, options)
        };
        let started = self.use_command(call).await?;
        Ok(started.choices())
    }

    /// Clicks the button with that label, emoji or custom id.
    pub async fn click(
        &self,
        message: &SeenMessage,
        label: &str,
    ) -> Result<StartedInteraction, ApiError> {
        let button = message
            .buttons()
            .into_iter()
            .find(|button| button.is_called(label));
        let custom_id = button
            .and_then(|button| button.custom_id)
            .unwrap_or_else(|| label.to_owned());
        self.use_component(message.id(), &custom_id, &[]).await
    }

    /// Chooses values in a select menu.
    pub async fn select(
        &self,
        message: &SeenMessage,
        custom_id: &str,
        values: &[&str],
    ) -> Result<StartedInteraction, ApiError> {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.use_component(message.id(), custom_id, &values).await
    }

    /// Presses a button that the message has not, as forged clients and outdated messages do.
    pub async fn forge_click(
        &self,
        message: &SeenMessage,
        custom_id: &str,
    ) -> Result<StartedInteraction, ApiError> {
        self.forge(message, BUTTON, custom_id, &[]).await
    }

    /// Chooses values that no menu of the message offers.
    pub async fn forge_select(
        &self,
        message: &SeenMessage,
        custom_id: &str,
        values: &[&str],
    ) -> Result<StartedInteraction, ApiError> {
        self.forge(message, SELECT, custom_id, values).await
    }

    async fn forge(
        &self,
        message: &SeenMessage,
        kind: u64,
        custom_id: &str,
        values: &[&str],
    ) -> Result<StartedInteraction, ApiError> {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let pressed = (kind, Value::from(1), custom_id);
        let id = self
            .shared
            .with(|world| world.press(self.id, message.id(), pressed, &values))?;
        Ok(StartedInteraction::answered(Arc::clone(&self.shared), id, self.id).await)
    }

    /// Submits a form that nobody has opened.
    pub async fn forge_form<'o>(
        &self,
        message: &SeenMessage,
        custom_id: &str,
        fields: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> Result<StartedInteraction, ApiError> {
        let row = |(name, value)| {
            let field = json!({"type": 4, "id": 2, "custom_id": name, "value": value});
            json!({"type": 1, "id": 1, "components": [field]})
        };
        let rows: Vec<Value> = fields.into_iter().map(row).collect();
        let data = json!({"custom_id": custom_id, "components": rows, "resolved": {}});
        let id = self
            .shared
            .with(|world| world.forge_form(self.id, message.id(), data))?;
        Ok(StartedInteraction::answered(Arc::clone(&self.shared), id, self.id).await)
    }

    /// Fills in and submits the modal that an interaction opened.
    pub async fn submit<'o>(
        &self,
        opener: &StartedInteraction,
        fields: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> Result<StartedInteraction, ApiError> {
        let fields: Vec<(String, Value)> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let id = self
            .shared
            .with(|world| world.submit_modal(self.id, opener.id(), &fields))?;
        Ok(StartedInteraction::answered(Arc::clone(&self.shared), id, self.id).await)
    }

    /// Writes a message.
    pub fn say(&self, content: &str) -> Result<SeenMessage, ApiError> {
        self.shared
            .with(|world| world.say(self.id, self.channel, content))
            .map(SeenMessage::from_json)
    }

    /// Adds a reaction.
    pub fn react(&self, message: &SeenMessage, emoji: &str) -> Result<(), ApiError> {
        self.shared
            .with(|world| world.person_reacts(self.id, message.id(), emoji, true))
    }

    /// Takes a reaction away.
    pub fn unreact(&self, message: &SeenMessage, emoji: &str) -> Result<(), ApiError> {
        self.shared
            .with(|world| world.person_reacts(self.id, message.id(), emoji, false))
    }

    /// Deletes a message, or dismisses an ephemeral one.
    pub fn delete(&self, message: &SeenMessage) -> Result<(), ApiError> {
        self.shared
            .with(|world| world.person_deletes(self.id, message.id()))
    }

    /// What the person sees in the channel, oldest first.
    pub fn messages(&self) -> Vec<SeenMessage> {
        self.shared.read(|world| self.look(world).collect())
    }

    /// Waits until the person sees a message that fits.
    pub async fn wait_for_message(
        &self,
        mut fits: impl FnMut(&SeenMessage) -> bool,
        patience: Duration,
    ) -> Option<SeenMessage> {
        self.shared
            .wait_for(patience, |world| {
                self.look(world).find(|message| fits(message))
            })
            .await
    }

    fn look<'w>(&'w self, world: &'w World) -> impl Iterator<Item = SeenMessage> + 'w {
        let visible = world.visible_to(self.id, self.channel).into_iter();
        visible.map(move |message| SeenMessage::of(world, message, self.id))
    }

    fn call<'o>(
        &self,
        command: &str,
        options: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> SlashCall {
        let options: Map<String, Value> = options
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        SlashCall {
            user: self.id,
            channel: self.channel,
            command: command.to_owned(),
            options,
            ..SlashCall::default()
        }
    }

    async fn use_command(&self, call: SlashCall) -> Result<StartedInteraction, ApiError> {
        let id = self.shared.with(|world| world.use_command(&call))?;
        Ok(StartedInteraction::answered(Arc::clone(&self.shared), id, self.id).await)
    }

    async fn use_component(
        &self,
        message: Snowflake,
        custom_id: &str,
        values: &[String],
    ) -> Result<StartedInteraction, ApiError> {
        let id = self
            .shared
            .with(|world| world.use_component(self.id, message, custom_id, values))?;
        Ok(StartedInteraction::answered(Arc::clone(&self.shared), id, self.id).await)
    }
}
