//! Users, guilds and channels, and how Discord writes them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::permissions::{EVERYONE, MODERATOR};
use crate::snowflake::{Snowflake, timestamp};

/// A person or the bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: Snowflake,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) avatar_color: String,
    pub(crate) is_bot: bool,
    pub(crate) locale: String,
    pub(crate) accepts_dms: bool,
}

impl User {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "username": self.name, "discriminator": "0", "global_name": self.display_name,
            "avatar": null, "bot": self.is_bot, "system": false, "mfa_enabled": true, "banner": null,
            "accent_color": null, "public_flags": 0, "flags": 0, "avatar_decoration_data": null, "clan": null,
            "primary_guild": null, "collectibles": null,
        })
    }
}

/// A role; the one with the guild's own id is @everyone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) id: Snowflake,
    pub(crate) name: String,
    pub(crate) permissions: u64,
    pub(crate) position: u32,
    pub(crate) color: u32,
}

impl Role {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "permissions": self.permissions.to_string(), "position": self.position,
            "color": self.color, "hoist": self.position > 0, "managed": false, "mentionable": false, "flags": 0,
            "colors": {"primary_color": self.color, "secondary_color": null, "tertiary_color": null},
            "icon": null, "unicode_emoji": null, "description": null,
        })
    }
}

/// A member's part of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) user: Snowflake,
    pub(crate) roles: Vec<Snowflake>,
}

/// A server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Guild {
    pub(crate) id: Snowflake,
    pub(crate) name: String,
    pub(crate) icon_text: String,
    pub(crate) owner: Snowflake,
    pub(crate) roles: Vec<Role>,
    pub(crate) members: Vec<Member>,
    pub(crate) locale: String,
    /// Discord's premium tier, 0 to 3: how large files may be there.
    pub(crate) premium_tier: u8,
}

impl Guild {
    /// A guild with the roles @everyone and Moderator.
    pub(crate) fn new(
        id: Snowflake,
        moderator_role: Snowflake,
        name: &str,
        icon_text: &str,
        owner: Snowflake,
    ) -> Self {
        let role = |id, name: &str, permissions, position, color| Role {
            id,
            name: name.to_owned(),
            permissions,
            position,
            color,
        };
        Self {
            id,
            name: name.to_owned(),
            icon_text: icon_text.to_owned(),
            owner,
            roles: vec![
                role(id, "@everyone", EVERYONE, 0, 0),
                role(
                    moderator_role,
                    "Moderator",
                    EVERYONE | MODERATOR,
                    1,
                    0xE9_1E63,
                ),
            ],
            members: Vec::new(),
            locale: "en-US".to_owned(),
            premium_tier: 0,
        }
    }

    pub(crate) fn member(&self, user: Snowflake) -> Option<&Member> {
        self.members.iter().find(|member| member.user == user)
    }

    /// Fields that a REST answer and `GUILD_CREATE` share.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "icon": null, "icon_hash": null, "splash": null,
            "discovery_splash": null, "owner_id": self.owner, "afk_channel_id": null, "afk_timeout": 300,
            "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
            "default_message_notifications": 1, "explicit_content_filter": 0,
            "roles": self.roles.iter().map(Role::json).collect::<Vec<_>>(), "emojis": [], "features": [],
            "mfa_level": 0, "application_id": null, "system_channel_id": null, "system_channel_flags": 0,
            "rules_channel_id": null, "max_presences": null, "max_members": 500_000, "vanity_url_code": null,
            "description": null, "banner": null, "premium_tier": self.premium_tier, "premium_subscription_count": 0,
            "preferred_locale": self.locale, "public_updates_channel_id": null, "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50, "nsfw_level": 0, "stickers": [],
            "premium_progress_bar_enabled": false, "safety_alerts_channel_id": null, "incidents_data": null,
            "approximate_member_count": self.members.len(), "approximate_presence_count": self.members.len(),
        })
    }
}

/// What a channel is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ChannelKind {
    Text {
        guild: Snowflake,
    },
    Dm {
        user: Snowflake,
    },
    /// Between people, without the bot.
    Private {
        members: Vec<Snowflake>,
    },
    Thread {
        guild: Snowflake,
        parent: Snowflake,
        archived: bool,
        locked: bool,
    },
}

/// Permissions given to or taken from one role or member in a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Overwrite {
    pub(crate) id: Snowflake,
    pub(crate) is_member: bool,
    pub(crate) allow: u64,
    pub(crate) deny: u64,
}

/// A place for messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: Snowflake,
    pub(crate) kind: ChannelKind,
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    pub(crate) nsfw: bool,
    pub(crate) position: u32,
    pub(crate) overwrites: Vec<Overwrite>,
    pub(crate) last_message: Option<Snowflake>,
}

impl Channel {
    pub(crate) fn new(id: Snowflake, kind: ChannelKind, name: &str) -> Self {
        Self {
            id,
            kind,
            name: name.to_owned(),
            topic: None,
            nsfw: false,
            position: 0,
            overwrites: Vec::new(),
            last_message: None,
        }
    }

    pub(crate) fn guild(&self) -> Option<Snowflake> {
        match self.kind {
            ChannelKind::Text { guild } | ChannelKind::Thread { guild, .. } => Some(guild),
            ChannelKind::Dm { .. } | ChannelKind::Private { .. } => None,
        }
    }

    /// What Discord's commands call this kind of place: 0 a server, 1 direct messages with the bot, 2 any other.
    pub(crate) fn context(&self) -> u64 {
        match self.kind {
            ChannelKind::Text { .. } | ChannelKind::Thread { .. } => 0,
            ChannelKind::Dm { .. } => 1,
            ChannelKind::Private { .. } => 2,
        }
    }

    pub(crate) fn json(&self, recipients: &[&User], created: OffsetDateTime) -> Value {
        let overwrites: Vec<Value> = self
            .overwrites
            .iter()
            .map(|o| {
                json!({"id": o.id, "type": u8::from(o.is_member), "allow": o.allow.to_string(),
                       "deny": o.deny.to_string()})
            })
            .collect();
        let mut channel = json!({"id": self.id, "last_message_id": self.last_message, "flags": 0});
        let extra = match &self.kind {
            ChannelKind::Text { guild } => json!({
                "type": 0, "guild_id": guild, "name": self.name, "topic": self.topic, "nsfw": self.nsfw,
                "position": self.position, "permission_overwrites": overwrites, "rate_limit_per_user": 0,
                "parent_id": null,
            }),
            ChannelKind::Dm { .. } => {
                json!({"type": 1, "recipients": recipients.iter().map(|user| user.json()).collect::<Vec<_>>()})
            }
            ChannelKind::Private { members } => json!({
                "type": if members.len() > 2 { 3 } else { 1 },
                "recipients": recipients.iter().map(|user| user.json()).collect::<Vec<_>>(),
            }),
            ChannelKind::Thread {
                guild,
                parent,
                archived,
                locked,
            } => json!({
                "type": 11, "guild_id": guild, "name": self.name, "parent_id": parent, "owner_id": null,
                "rate_limit_per_user": 0, "message_count": 0, "member_count": 1, "total_message_sent": 0,
                "nsfw": self.nsfw,
                "thread_metadata": {"archived": archived, "locked": locked, "auto_archive_duration": 1440,
                    "archive_timestamp": timestamp(created), "create_timestamp": timestamp(created)},
            }),
        };
        merge(&mut channel, extra);
        channel
    }
}

/// Puts the fields of `extra` into `object`.
pub(crate) fn merge(object: &mut Value, extra: Value) {
    if let (Value::Object(object), Value::Object(extra)) = (object, extra) {
        object.extend(extra);
    }
}
