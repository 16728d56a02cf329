//! People in a Discord on localhost: what they do, and what they come to see.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use easel_playground::{
    Playground, PlaygroundConfig, PlaygroundHandle, SeenMessage, StartedInteraction,
};

use crate::seen::seen;

/// How long people wait for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server with ada, grace, alan and the moderator linus.
pub struct People {
    /// Where they meet.
    pub discord: PlaygroundHandle,
}

impl People {
    /// Opens the server.
    pub async fn gather() -> Result<Self> {
        let discord = Playground::start(PlaygroundConfig::default())
            .await
            .context("start a playground")?;
        Ok(Self { discord })
    }

    /// Waits until a bot is there and has its commands.
    pub async fn until_served(&self) -> Result<()> {
        ensure!(
            self.discord.wait_for_bot(PATIENCE).await,
            "the bot never came"
        );
        for command in ["imagine", "show", "help"] {
            let registered = self.discord.wait_for_command(command, PATIENCE).await;
            registered.with_context(|| format!("/{command} was never registered"))?;
        }
        Ok(())
    }

    /// Waits until Discord has noticed that the bot is gone.
    pub async fn until_alone(&self) -> Result<()> {
        ensure!(
            self.discord.wait_for_silence(PATIENCE).await,
            "the bot is still there"
        );
        Ok(())
    }

    /// A member uses `/imagine` in #general and waits for the first answer.
    pub async fn imagine(&self, member: &str, prompt: &str) -> Result<StartedInteraction> {
        let started = self
            .discord
            .user(member)
            .slash("imagine", [("prompt", prompt)])
            .await;
        started.map_err(|error| anyhow!("use /imagine: {error:?}"))
    }

    /// A member presses a button.
    pub async fn click(
        &self,
        member: &str,
        message: &SeenMessage,
        button: &str,
    ) -> Result<StartedInteraction> {
        let clicked = self.discord.user(member).click(message, button).await;
        clicked.map_err(|error| {
            anyhow!(
                "press {button}: {error:?}; the message is\n{}",
                seen(message)
            )
        })
    }

    /// Waits until somebody sees a message that contains `text`.
    pub async fn until_shown(&self, member: &str, text: &str) -> Result<SeenMessage> {
        let person = self.discord.user(member);
        let found = person
            .wait_for_message(|message| seen(message).contains(text), PATIENCE)
            .await;
        let all = || {
            person
                .messages()
                .iter()
                .map(seen)
                .collect::<Vec<_>>()
                .join("\n---\n")
        };
        found.with_context(|| format!("{member} never saw {text:?}, but\n{}", all()))
    }

    /// Waits until the answer to an interaction contains `text`.
    pub async fn until_answered(&self, to: &StartedInteraction, text: &str) -> Result<SeenMessage> {
        let found = to
            .wait_for_message(|message| seen(message).contains(text), PATIENCE)
            .await;
        found.with_context(|| {
            let now = to
                .message()
                .map_or_else(|| "nothing".to_owned(), |message| seen(&message));
            format!("the answer never contained {text:?}; it is\n{now}")
        })
    }

    /// How many messages of the bot a member sees that contain `text`.
    pub fn count_of(&self, member: &str, text: &str) -> usize {
        let messages = self.discord.user(member).messages();
        messages
            .iter()
            .filter(|message| message.is_by_bot() && seen(message).contains(text))
            .count()
    }
}
