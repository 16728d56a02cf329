//! A reaction to a message as plain data, apart from the gateway library.
//!
//! It carries ids alone: whose message it is and which job that shows is for others to find out.

use easel_domain::{DiscordId, GuildKey};
use poise::serenity_prelude as serenity;
use time::OffsetDateTime;

/// A reaction that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// ⭐: a favourite, for as long as it stands.
    Star,
    /// ✉️: the pictures by direct message.
    Envelope,
    /// ❌: stop it, or delete it.
    Cross,
}

impl Sign {
    /// What an emoji means, with or without the mark that asks for its coloured form.
    pub fn of(emoji: &str) -> Option<Self> {
        match emoji.trim_end_matches('\u{fe0f}') {
            "⭐" => Some(Self::Star),
            "✉" => Some(Self::Envelope),
            "❌" => Some(Self::Cross),
            _ => None,
        }
    }

    /// A word for metrics.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Star => "star",
            Self::Envelope => "envelope",
            Self::Cross => "cross",
        }
    }
}

/// Somebody's reaction, set or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Who.
    pub member: DiscordId,
    /// Where; `None` in direct messages.
    pub guild: Option<GuildKey>,
    /// Where.
    pub channel: DiscordId,
    /// To which message.
    pub message: DiscordId,
    /// Who wrote the message, where Discord says so.
    pub author: Option<DiscordId>,
    /// The member's roles in the guild, where Discord says so.
    pub roles: Vec<DiscordId>,
    /// Until when the member may do nothing in the guild.
    pub silenced_until: Option<OffsetDateTime>,
    /// The gateway shard that it came through.
    pub shard: u32,
    /// Which.
    pub sign: Sign,
    /// `false` where it was taken back.
    pub is_set: bool,
}

impl Reaction {
    /// What a person did; `None` for other emoji and for bots, ourselves included.
    pub fn of(
        event: &serenity::Reaction,
        shard: serenity::ShardId,
        bot: Option<DiscordId>,
        is_set: bool,
    ) -> Option<Self> {
        let serenity::ReactionType::Unicode(emoji) = &event.emoji else {
            return None;
        };
        let sign = Sign::of(emoji)?;
        let by_bot = event.member.as_ref().is_some_and(|member| member.user.bot);
        let member = DiscordId::from_u64(event.user_id?.get());
        if by_bot || Some(member) == bot {
            return None;
        }
        let author = event
            .message_author_id
            .map(|author| DiscordId::from_u64(author.get()));
        if author.is_some() && bot.is_some() && author != bot {
            // Somebody else's message shows no job.
            return None;
        }
        let roles = event.member.iter().flat_map(|member| &member.roles);
        let silenced = event
            .member
            .as_ref()
            .and_then(|member| member.communication_disabled_until);
        Some(Self {
            member,
            guild: event.guild_id.map(|guild| GuildKey::from_u64(guild.get())),
            channel: DiscordId::from_u64(event.channel_id.get()),
            message: DiscordId::from_u64(event.message_id.get()),
            author,
            roles: roles.map(|role| DiscordId::from_u64(role.get())).collect(),
            silenced_until: silenced
                .and_then(|until| OffsetDateTime::from_unix_timestamp(until.unix_timestamp()).ok()),
            shard: shard.0,
            sign,
            is_set,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const BOT: Option<DiscordId> = Some(DiscordId(1));

    fn event(changes: &Value) -> serenity::Reaction {
        let mut event = json!({"user_id": "7", "channel_id": "3", "message_id": "4", "guild_id": "2",
            "message_author_id": "1", "emoji": {"id": null, "name": "⭐"}, "burst": false, "burst_colors": [], "type": 0,
            "member": {"user": {"id": "7", "username": "ada", "discriminator": "0", "avatar": null, "bot": false},
                "roles": ["9"], "joined_at": "2026-01-01T00:00:00Z", "deaf": false, "mute": false, "flags": 0,
                "communication_disabled_until": "2026-01-02T00:00:00Z"}});
        for (pointer, value) in changes.as_object().unwrap() {
            *event.pointer_mut(pointer).unwrap() = value.clone();
        }
        serde_json::from_value(event).unwrap()
    }

    fn read(changes: &Value) -> Option<Reaction> {
        Reaction::of(&event(changes), serenity::ShardId(5), BOT, true)
    }

    #[test]
    fn a_persons_star_is_read_with_all_that_it_tells() {
        let reaction = read(&json!({})).unwrap();
        assert_eq!(
            (reaction.member, reaction.message),
            (DiscordId(7), DiscordId(4))
        );
        assert_eq!((reaction.sign, reaction.shard), (Sign::Star, 5));
        assert_eq!(reaction.roles, [DiscordId(9)]);
        assert_eq!(
            reaction.silenced_until.unwrap().unix_timestamp(),
            1_767_312_000
        );
    }

    #[test]
    fn bots_other_messages_and_other_emoji_are_nothing() {
        for changes in [
            json!({"/member/user/bot": true}),
            json!({"/user_id": "1", "/member": null}),
            json!({"/message_author_id": "8"}),
            json!({"/emoji/name": "🌟"}),
            json!({"/emoji": {"id": "12", "name": "⭐", "animated": false}}),
        ] {
            assert_eq!(read(&changes), None, "{changes}");
        }
        let unknown_author = read(&json!({"/message_author_id": null, "/member": null})).unwrap();
        assert_eq!(
            (unknown_author.author, unknown_author.roles.len()),
            (None, 0)
        );
    }

    #[test]
    fn a_sign_is_known_in_both_of_its_forms() {
        assert_eq!(Sign::of("✉️"), Some(Sign::Envelope));
        assert_eq!(Sign::of("✉"), Some(Sign::Envelope));
        assert_eq!(Sign::of("❌"), Some(Sign::Cross));
        assert_eq!(Sign::of("📧"), None);
        assert_eq!(Sign::of(""), None);
    }
}
