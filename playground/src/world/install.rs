//! Where the bot may be: as a member of a server, or along with a person who has installed it for himself.

use serde_json::{Value, json};

use super::permissions::{ATTACH_FILES, EMBED_LINKS, MENTION_EVERYONE, USE_EXTERNAL_APPS};
use super::{Channel, ChannelKind, Interaction, World};
use crate::snowflake::Snowflake;

/// What files may have in servers of Discord's premium tiers 0 to 3, in bytes.
const TIER_LIMITS: [u64; 4] = [10 << 20, 10 << 20, 50 << 20, 100 << 20];

impl World {
    /// Whether the bot itself is in a channel: only then it sees and writes there by its own right.
    pub(crate) fn hosts_bot(&self, channel: Snowflake) -> bool {
        self.channels
            .get(&channel)
            .is_some_and(|channel| self.is_host(channel))
    }

    fn is_host(&self, channel: &Channel) -> bool {
        match &channel.kind {
            ChannelKind::Dm { .. } => true,
            ChannelKind::Private { .. } => false,
            ChannelKind::Text { guild } | ChannelKind::Thread { guild, .. } => self
                .guilds
                .get(guild)
                .is_some_and(|guild| guild.member(self.bot.id).is_some()),
        }
    }

    /// Bytes that one file may have in a channel.
    pub(crate) fn file_limit(&self, channel: Snowflake) -> u64 {
        let guild = self.channels.get(&channel).and_then(Channel::guild);
        let tier = guild.and_then(|guild| self.guilds.get(&guild));
        let tier = tier.map_or(0, |guild| usize::from(guild.premium_tier));
        if tier < 2 {
            return self.rules.file_limit;
        }
        self.rules.file_limit.max(TIER_LIMITS[tier.min(3)])
    }

    /// By whose installation a person has the bot in a channel, as an interaction tells it.
    pub(super) fn owners(&self, user: Snowflake, channel: &Channel) -> Value {
        let mut owners = json!({});
        if self.is_host(channel) {
            owners["0"] = channel.guild().map_or(json!("0"), |guild| json!(guild));
        }
        if !self.not_installed.contains(&user) {
            owners["1"] = json!(user);
        }
        owners
    }

    /// Whether a person has a command in a channel at all.
    pub(super) fn is_installed_for(
        &self,
        user: Snowflake,
        channel: &Channel,
        command: &Value,
    ) -> bool {
        let kinds = command["integration_types"].as_array();
        let takes = |kind: u64| {
            kinds.is_some_and(|kinds| kinds.iter().any(|known| known.as_u64() == Some(kind)))
        };
        (self.is_host(channel) && takes(0)) || (takes(1) && !self.not_installed.contains(&user))
    }

    /// What the bot may do in a channel, as an interaction tells it.
    pub(super) fn app_permissions(&self, user: Snowflake, channel: &Channel) -> u64 {
        if self.is_host(channel) {
            return self.permissions(self.bot.id, channel);
        }
        let external = self.permissions(user, channel) & USE_EXTERNAL_APPS;
        ATTACH_FILES | EMBED_LINKS | MENTION_EVERYONE | external
    }

    /// Whether an answer is seen by nobody but the person, whatever the bot asks for.
    pub(super) fn must_whisper(&self, interaction: &Interaction) -> bool {
        let channel = self.channels.get(&interaction.channel);
        channel.is_some_and(|channel| {
            channel.guild().is_some()
                && !self.is_host(channel)
                && self.permissions(interaction.user, channel) & USE_EXTERNAL_APPS == 0
        })
    }
}
