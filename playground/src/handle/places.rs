//! What a test changes about places: who may do what there, and who has brought the bot along.

use super::PlaygroundHandle;
use crate::snowflake::Snowflake;
use crate::world::ChannelKind;

impl PlaygroundHandle {
    /// Takes rights (Discord's permission bits) from the bot in a channel; 0 gives back all that was taken.
    pub fn deny_bot(&self, channel: &str, rights: u64) {
        let channel = self.channel_id(channel);
        self.shared.with(|world| {
            let bot = world.bot.id;
            if rights == 0 {
                world.restore_rights(channel, bot);
            } else {
                world.deny(channel, bot, rights);
            }
        });
    }

    /// Takes rights (Discord's permission bits) from a person in a channel.
    pub fn deny_person(&self, user: &str, channel: &str, rights: u64) {
        let channel = self.channel_id(channel);
        self.shared.with(|world| {
            if let Some(user) = world.find_user(user).map(|user| user.id) {
                world.deny(channel, user, rights);
            }
        });
    }

    /// Lets a person take the bot along, or no more.
    pub fn install_for(&self, user: &str, installed: bool) {
        self.shared.with(|world| {
            let Some(user) = world.find_user(user).map(|user| user.id) else {
                return;
            };
            if installed {
                world.not_installed.remove(&user);
            } else {
                world.not_installed.insert(user);
            }
        });
    }

    /// Starts a thread under a channel, perhaps archived, and returns its id.
    pub fn add_thread(&self, parent: &str, name: &str, is_archived: bool) -> Snowflake {
        let parent = self.channel_id(parent);
        self.shared.with(|world| {
            let id = world.draw_id();
            world.add_thread(id, parent, name);
            if let Some(thread) = world.channels.get_mut(&id)
                && let ChannelKind::Thread { archived, .. } = &mut thread.kind
            {
                *archived = is_archived;
            }
            id
        })
    }

    /// Archives a thread, or opens it again.
    pub fn archive(&self, thread: Snowflake, is_archived: bool) {
        self.shared.with(|world| {
            if let Some(channel) = world.channels.get_mut(&thread)
                && let ChannelKind::Thread { archived, .. } = &mut channel.kind
            {
                *archived = is_archived;
            }
        });
    }

    /// Lets a person refuse direct messages, or accept them again.
    pub fn accept_dms(&self, user: &str, accepts: bool) {
        self.shared.with(|world| {
            let id = world.find_user(user).map(|user| user.id);
            if let Some(user) = id.and_then(|id| world.users.get_mut(&id)) {
                user.accepts_dms = accepts;
            }
        });
    }
}
