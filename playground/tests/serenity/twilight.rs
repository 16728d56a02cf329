//! The second reader: every gateway event and message that a test made must decode with twilight's types too.

use easel_playground::PlaygroundHandle;
use serde_json::Value;
use twilight_model::application::interaction::Interaction;
use twilight_model::channel::{Channel, Message};
use twilight_model::gateway::GatewayReaction;
use twilight_model::gateway::payload::incoming::{GuildCreate, MessageDelete, Ready};

fn decode<T: serde::de::DeserializeOwned>(event: &Value) {
    if let Err(error) = serde_json::from_value::<T>(event["d"].clone()) {
        panic!(
            "twilight cannot read {}: {error}\n{:#}",
            event["t"], event["d"]
        );
    }
}

/// Decodes every event that the world has sent.
pub fn reads_everything(world: &PlaygroundHandle) {
    let events = world.dispatches();
    assert!(!events.is_empty());
    for event in &events {
        match event["t"].as_str().expect("a name") {
            "READY" => decode::<Ready>(event),
            "GUILD_CREATE" => decode::<GuildCreate>(event),
            "INTERACTION_CREATE" => decode::<Interaction>(event),
            "MESSAGE_CREATE" | "MESSAGE_UPDATE" => decode::<Message>(event),
            "MESSAGE_DELETE" => decode::<MessageDelete>(event),
            "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => decode::<GatewayReaction>(event),
            "THREAD_CREATE" | "THREAD_UPDATE" | "CHANNEL_DELETE" => decode::<Channel>(event),
            "RESUMED" => {}
            other => panic!("no reader for {other}"),
        }
    }
}
