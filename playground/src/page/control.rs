//! The fault switches over HTTP, for tests that run in another process and for people who want to see what happens.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::person;
use crate::error::ApiError;
use crate::server::Shared;
use crate::snowflake::Snowflake;
use crate::world::{Chaos, DispatchFault, Failure, Faults, RouteFault};

type Answer = Result<Json<Value>, ApiError>;
type Here = State<Arc<Shared>>;

/// Switches to add to those that are on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switches {
    #[serde(default)]
    routes: Vec<RouteFault>,
    #[serde(default)]
    dispatches: Vec<(String, DispatchFault, u32)>,
    chaos: Option<Chaos>,
    silent_heartbeats: Option<bool>,
    novel_fields: Option<bool>,
}

pub(super) async fn show(State(shared): Here) -> Json<Value> {
    Json(shared.read(|world| faults_json(&world.faults)))
}

fn faults_json(faults: &Faults) -> Value {
    json!({"routes": faults.routes, "dispatches": faults.dispatches,
           "chaos": faults.dice.as_ref().map(|dice| &dice.chaos), "silent_heartbeats": faults.silent_heartbeats, "novel_fields": faults.novel_fields})
}

pub(super) async fn add(State(shared): Here, Json(switches): Json<Switches>) -> Answer {
    let failures = switches.routes.iter().map(|fault| &fault.failure);
    let random = switches.chaos.iter().flat_map(|chaos| &chaos.routes);
    for failure in failures.chain(random.map(|chance| &chance.failure)) {
        if let Failure::Code { code } = failure
            && ApiError::by_code(*code).is_none()
        {
            let message = format!("no refusal is known with the code {code}: use \"refuse\"");
            return Err(ApiError::plain(400, &message));
        }
    }
    Ok(Json(shared.with(|world| {
        if let Some(chaos) = switches.chaos {
            world.begin_chaos(chaos);
        }
        let faults = &mut world.faults;
        faults.routes.extend(switches.routes);
        faults.dispatches.extend(switches.dispatches);
        faults.silent_heartbeats = switches
            .silent_heartbeats
            .unwrap_or(faults.silent_heartbeats);
        faults.novel_fields = switches.novel_fields.unwrap_or(faults.novel_fields);
        faults_json(faults)
    })))
}

pub(super) async fn clear(State(shared): Here) -> Json<Value> {
    Json(shared.with(|world| {
        world.heal();
        faults_json(&world.faults)
    }))
}

/// Something to do to every live gateway connection.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum GatewayAction {
    Reconnect,
    Invalidate { resumable: bool },
    Close { code: u16 },
    Sever,
    Freeze,
}

pub(super) async fn gateway(State(shared): Here, Json(action): Json<GatewayAction>) -> Json<Value> {
    shared.with(|world| match action {
        GatewayAction::Reconnect => world.ask_to_reconnect(),
        GatewayAction::Invalidate { resumable } => world.invalidate_sessions(resumable),
        GatewayAction::Close { code } => world.close_connections(code),
        GatewayAction::Sever => world.sever_connections(),
        GatewayAction::Freeze => world.freeze_connections(),
    });
    Json(json!({}))
}

/// New lengths for the clocks; absent ones stay.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clocks {
    #[serde(rename = "first_answer_ms")]
    first_answer: Option<u64>,
    #[serde(rename = "token_life_ms")]
    token_life: Option<u64>,
    #[serde(rename = "link_life_ms")]
    link_life: Option<u64>,
    #[serde(rename = "heartbeat_ms")]
    heartbeat: Option<u64>,
    #[serde(rename = "old_message_ms")]
    old_message: Option<u64>,
}

pub(super) async fn clocks(State(shared): Here, Json(clocks): Json<Clocks>) -> Json<Value> {
    shared.with(|world| {
        let rules = &mut world.rules;
        for (value, rule) in [
            (clocks.first_answer, &mut rules.first_answer),
            (clocks.token_life, &mut rules.token_life),
            (clocks.link_life, &mut rules.link_life),
            (clocks.heartbeat, &mut rules.heartbeat),
            (clocks.old_message, &mut rules.old_message),
        ] {
            if let Some(ms) = value {
                *rule = Duration::from_millis(ms);
            }
        }
    });
    Json(json!({}))
}

/// Rights (a bit set) to take from someone in a channel; 0 gives back all that was taken.
#[derive(Deserialize)]
pub(super) struct Revocation {
    channel: Snowflake,
    /// A person; the bot if absent.
    user: Option<String>,
    deny: u64,
}

pub(super) async fn permissions(State(shared): Here, Json(change): Json<Revocation>) -> Answer {
    shared.with(|world| {
        let user = match &change.user {
            Some(name) => person(world, name)?,
            None => world.bot.id,
        };
        if change.deny == 0 {
            world.restore_rights(change.channel, user);
        } else {
            world.deny(change.channel, user, change.deny);
        }
        Ok(Json(json!({})))
    })
}

/// Whether a person has installed the bot for himself.
#[derive(Deserialize)]
pub(super) struct Installation {
    user: String,
    installed: bool,
}

pub(super) async fn install(State(shared): Here, Json(change): Json<Installation>) -> Answer {
    shared.with(|world| {
        let user = person(world, &change.user)?;
        if change.installed {
            world.not_installed.remove(&user);
        } else {
            world.not_installed.insert(user);
        }
        Ok(Json(json!({})))
    })
}

pub(super) async fn delete_channel(
    State(shared): Here,
    Path(channel): Path<Snowflake>,
) -> Json<Value> {
    shared.with(|world| world.remove_channel(channel));
    Json(json!({}))
}

pub(super) async fn delete_message(
    State(shared): Here,
    Path(message): Path<Snowflake>,
) -> Json<Value> {
    shared.with(|world| world.remove_message(message));
    Json(json!({}))
}

pub(super) async fn requests(State(shared): Here) -> Json<Value> {
    Json(shared.read(crate::world::World::requests_json))
}

pub(super) async fn dispatches(State(shared): Here) -> Json<Value> {
    Json(shared.read(|world| json!(world.dispatched)))
}
