//! What of the world outlives the process: history, commands and files. Sessions, tokens and limits do not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attachment, Channel, Message, World};
use crate::snowflake::Snowflake;

/// The lasting part of a world. Files' bytes lie beside it, by attachment id.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    version: u32,
    last_id: Snowflake,
    /// Hex; links given out before stay good.
    link_secret: String,
    commands: Vec<Value>,
    channels: BTreeMap<Snowflake, Channel>,
    messages: BTreeMap<Snowflake, Message>,
    pub(crate) attachments: BTreeMap<Snowflake, Attachment>,
}

/// The only version so far.
const VERSION: u32 = 1;

impl World {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: VERSION,
            last_id: self.ids.last_drawn(),
            link_secret: hex::encode(&self.link_secret),
            commands: self.commands.clone(),
            channels: self.channels.clone(),
            messages: self.messages.clone(),
            attachments: self.attachments.clone(),
        }
    }

    /// Puts a snapshot into a new world; false if it is of another version.
    pub(crate) fn restore(&mut self, snapshot: Snapshot) -> bool {
        let Ok(secret) = hex::decode(&snapshot.link_secret) else {
            return false;
        };
        if snapshot.version != VERSION {
            return false;
        }
        self.reserve_id(snapshot.last_id);
        self.link_secret = secret;
        self.commands = snapshot.commands;
        // Channels of a seed that has grown since stay.
        self.channels.extend(snapshot.channels);
        self.messages = snapshot.messages;
        self.attachments = snapshot.attachments;
        true
    }
}
