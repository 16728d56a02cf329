//! Who may do what where. Only the rights that an image bot or its users can run into are told apart.

use super::World;
use super::people::{Channel, ChannelKind, Overwrite};
use crate::error::ApiError;
use crate::snowflake::Snowflake;

pub(crate) const ADD_REACTIONS: u64 = 1 << 6;
pub(crate) const VIEW_CHANNEL: u64 = 1 << 10;
pub(crate) const SEND_MESSAGES: u64 = 1 << 11;
pub(crate) const MANAGE_MESSAGES: u64 = 1 << 13;
pub(crate) const EMBED_LINKS: u64 = 1 << 14;
pub(crate) const ATTACH_FILES: u64 = 1 << 15;
pub(crate) const READ_MESSAGE_HISTORY: u64 = 1 << 16;
pub(crate) const MENTION_EVERYONE: u64 = 1 << 17;
pub(crate) const MANAGE_THREADS: u64 = 1 << 34;
pub(crate) const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
pub(crate) const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
pub(crate) const USE_EXTERNAL_APPS: u64 = 1 << 50;

/// What every member may do: see, write, react, embed, attach, read back, use emojis, commands and threads.
pub(crate) const EVERYONE: u64 = ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | (1 << 18)
    | (1 << 31)
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS
    | USE_EXTERNAL_APPS;
/// What a moderator may do besides: kick, ban, manage the server, messages, threads and time out members.
pub(crate) const MODERATOR: u64 =
    (1 << 1) | (1 << 2) | (1 << 5) | MANAGE_MESSAGES | MANAGE_THREADS | (1 << 40) | (1 << 51);
/// In a direct message everyone may do everything that matters.
const IN_DM: u64 = EVERYONE;
const ADMINISTRATOR: u64 = 1 << 3;
/// Every right that Discord defines.
const ALL: u64 = (1 << 53) - 1;

impl World {
    /// What `user` may do in `channel`, overwrites applied.
    pub(crate) fn permissions(&self, user: Snowflake, channel: &Channel) -> u64 {
        let Some(guild) = channel.guild().and_then(|guild| self.guilds.get(&guild)) else {
            let takes_part = match &channel.kind {
                ChannelKind::Dm { user: other } => *other == user || user == self.bot.id,
                ChannelKind::Private { members } => members.contains(&user),
                ChannelKind::Text { .. } | ChannelKind::Thread { .. } => false,
            };
            return if takes_part { IN_DM } else { 0 };
        };
        let Some(member) = guild.member(user) else {
            return 0;
        };
        if guild.owner == user {
            return ALL;
        }
        let base = guild
            .roles
            .iter()
            .filter(|role| role.id == guild.id || member.roles.contains(&role.id))
            .fold(0, |sum, role| sum | role.permissions);
        if base & ADMINISTRATOR != 0 {
            return ALL;
        }
        let holder = match channel.kind {
            ChannelKind::Thread { parent, .. } => self.channels.get(&parent).unwrap_or(channel),
            ChannelKind::Text { .. } | ChannelKind::Dm { .. } | ChannelKind::Private { .. } => {
                channel
            }
        };
        let mut permissions = base;
        for pass in [false, true] {
            for o in holder.overwrites.iter().filter(|o| o.is_member == pass) {
                if o.id == user || o.id == guild.id || member.roles.contains(&o.id) {
                    permissions = (permissions & !o.deny) | o.allow;
                }
            }
        }
        if permissions & VIEW_CHANNEL == 0 {
            0
        } else {
            permissions
        }
    }

    /// Refuses unless the bot sees the channel (50001) and has these rights in it (50013).
    pub(crate) fn require(&self, channel: &Channel, rights: u64) -> Result<(), ApiError> {
        let held = self.permissions(self.bot.id, channel);
        if held & VIEW_CHANNEL == 0 {
            return Err(ApiError::missing_access());
        }
        if held & rights == rights {
            Ok(())
        } else {
            Err(ApiError::missing_permissions())
        }
    }

    /// The right to write here, which in threads is another one.
    pub(crate) fn right_to_send(channel: &Channel) -> u64 {
        match channel.kind {
            ChannelKind::Thread { .. } => SEND_MESSAGES_IN_THREADS,
            ChannelKind::Text { .. } | ChannelKind::Dm { .. } | ChannelKind::Private { .. } => {
                SEND_MESSAGES
            }
        }
    }

    /// Refuses a write in an archived thread (50083).
    pub(crate) fn require_open(channel: &Channel) -> Result<(), ApiError> {
        match channel.kind {
            ChannelKind::Thread { archived: true, .. } => Err(ApiError::archived_thread()),
            _ => Ok(()),
        }
    }

    /// Takes rights from a member in a channel.
    pub(crate) fn deny(&mut self, channel: Snowflake, user: Snowflake, rights: u64) {
        let Some(channel) = self.channels.get_mut(&channel) else {
            return;
        };
        match channel
            .overwrites
            .iter_mut()
            .find(|o| o.is_member && o.id == user)
        {
            Some(overwrite) => overwrite.deny |= rights,
            None => channel.overwrites.push(Overwrite {
                id: user,
                is_member: true,
                allow: 0,
                deny: rights,
            }),
        }
    }

    /// Gives back what [`World::deny`] took.
    pub(crate) fn restore_rights(&mut self, channel: Snowflake, user: Snowflake) {
        if let Some(channel) = self.channels.get_mut(&channel) {
            channel
                .overwrites
                .retain(|o| !(o.is_member && o.id == user));
        }
    }
}
