//! The second reader: every gateway event and message that a test made must decode with twilight's types too.

use serde_json::Value;
use twilight_model::application::command::Command;
use twilight_model::application::interaction::Interaction;
use twilight_model::channel::{Channel, Message};
use twilight_model::gateway::GatewayReaction;
use twilight_model::gateway::connection_info::BotConnectionInfo;
use twilight_model::gateway::payload::incoming::{GuildCreate, MessageDelete, Ready};
use twilight_model::user::CurrentUser;

fn decode<T: serde::de::DeserializeOwned>(event: &Value) {
    if let Err(error) = serde_json::from_value::<T>(event["d"].clone()) {
        panic!(
            "twilight cannot read {}: {error}\n{:#}",
            event["t"], event["d"]
        );
    }
}

/// Decodes events as `{"t": NAME, "d": {…}}`.
pub fn reads(events: &[Value]) {
    assert!(!events.is_empty(), "nothing was sent");
    for event in events {
        match event["t"].as_str().expect("a name") {
            "READY" => decode::<Ready>(event),
            "GUILD_CREATE" => decode::<GuildCreate>(event),
            "INTERACTION_CREATE" => decode::<Interaction>(event),
            "MESSAGE_CREATE" | "MESSAGE_UPDATE" => decode::<Message>(event),
            "MESSAGE_DELETE" => decode::<MessageDelete>(event),
            "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => decode::<GatewayReaction>(event),
            "CHANNEL" | "THREAD_CREATE" | "THREAD_UPDATE" | "CHANNEL_DELETE" => {
                decode::<Channel>(event);
            }
            "COMMAND" => decode::<Command>(event),
            "CURRENT_USER" => decode::<CurrentUser>(event),
            "BOT_GATEWAY" => decode::<BotConnectionInfo>(event),
            "RESUMED" => {}
            other => panic!("no reader for {other}"),
        }
    }
}
