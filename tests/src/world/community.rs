//! The same platform with people: a Discord on localhost and the real bot before it.

use anyhow::{Context as _, Result};
use easel_bot::config::BotConfig;
use easel_service::config::{Sources, load};

use super::World;
use super::watch::eventually;
use crate::people::People;
use crate::running::Running;
use crate::servers;

/// A server full of people, and a bot among them.
pub struct Community {
    /// Those people.
    pub people: People,
    /// The bot's process.
    pub bot: Running,
    config: BotConfig,
}

impl World {
    /// Opens a Discord and connects the bot, once some node has announced a model.
    pub async fn community(&self) -> Result<Community> {
        self.until_served().await?;
        let people = People::gather().await?;
        let settings = self.bot_settings(&people)?.into_iter();
        let sources = settings.fold(Sources::default(), |sources, (key, value)| {
            sources.flag(key, value)
        });
        let config = load::<BotConfig>("bot", &sources)
            .context("read the bot's settings")?
            .config;
        Community::start(people, config).await
    }

    /// Waits until some node has announced a model.
    pub async fn until_served(&self) -> Result<()> {
        let models =
            || async { Ok((self.number("SELECT count(*) FROM models").await? > 0).then_some(())) };
        eventually("a node to announce its model", models).await
    }

    /// What the bot is told.
    pub(crate) fn bot_settings(&self, people: &People) -> Result<Vec<(&'static str, String)>> {
        Ok(vec![
            ("discord_token", people.discord.token()),
            ("discord_api", people.discord.origin()),
            ("database.url", self.database.url.clone()),
            ("broker.url", self.vhost.url.to_string()),
            ("broker.prefix", self.prefix.clone()),
            ("cdn.base_url", servers::cdn()?.base_url.to_string()),
            ("delivery.edit_interval", "50ms".into()),
            ("delivery.sweep_every", "500ms".into()),
            ("delivery.owner_term", "2s".into()),
            ("delivery.abandoned_after", "2s".into()),
            ("discord.identify_every", "10ms".into()),
        ])
    }
}

impl Community {
    /// Kills the bot, waits until Discord has noticed, and starts it anew.
    pub async fn restart_bot(self) -> Result<Self> {
        let Self {
            people,
            bot,
            config,
        } = self;
        bot.kill();
        people.until_alone().await?;
        Self::start(people, config).await
    }

    async fn start(people: People, config: BotConfig) -> Result<Self> {
        let own = config.clone();
        let bot = Running::start("bot", |ctx| easel_bot::process::run(ctx, own))?;
        people.until_served().await?;
        Ok(Self {
            people,
            bot,
            config,
        })
    }
}
