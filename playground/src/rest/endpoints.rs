//! Which request does what.

use serde_json::{Value, json};

use super::{ApiRequest, Reply};
use crate::error::ApiError;
use crate::snowflake::Snowflake;
use crate::world::World;

type Answer = Result<Reply, ApiError>;

/// Carries out a request that has passed the gate.
pub(super) fn answer(world: &mut World, request: &ApiRequest) -> Answer {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["gateway"] => Ok(Reply::ok(json!({"url": world.gateway_url()}))),
        ["gateway", "bot"] => Ok(Reply::ok(json!({
            "url": world.gateway_url(), "shards": 1,
            "session_start_limit": {"total": 1000, "remaining": world.identifies_left, "reset_after": 86_400_000,
                                    "max_concurrency": world.rules.max_concurrency},
        }))),
        ["applications", "@me"] | ["oauth2", "applications", "@me"] => {
            Ok(Reply::ok(application(world)))
        }
        ["applications", app, rest @ ..] => applications(world, request, app, rest),
        ["users", rest @ ..] => users(world, request, rest),
        ["guilds", guild, rest @ ..] => guilds(world, request, guild, rest),
        ["channels", channel, rest @ ..] => channels(
            world,
            request,
            id(channel, ApiError::unknown_channel)?,
            rest,
        ),
        ["interactions", interaction, token, "callback"] if request.method == "POST" => {
            let interaction = id(interaction, ApiError::unknown_interaction)?;
            let shown = request.flag("with_response");
            let reply = world.answer_interaction(interaction, token, &request.payload, shown)?;
            Ok(reply.map_or_else(Reply::nothing, Reply::ok))
        }
        ["webhooks", app, token, rest @ ..] => webhooks(
            world,
            request,
            id(app, ApiError::unknown_webhook)?,
            token,
            rest,
        ),
        _ => Err(ApiError::no_route()),
    }
}

fn id(text: &str, missing: fn() -> ApiError) -> Result<Snowflake, ApiError> {
    text.parse().map_err(|_| missing())
}

fn application(world: &World) -> Value {
    let owner = world
        .users
        .values()
        .find(|user| !user.is_bot)
        .unwrap_or(&world.bot);
    json!({
        "id": world.bot.id, "name": world.bot.display_name, "icon": null, "description": "A bot under test",
        "rpc_origins": [], "bot_public": true, "bot_require_code_grant": false, "bot": world.bot.json(),
        "owner": owner.json(), "summary": "", "verify_key": "00".repeat(32), "team": null, "flags": 0,
        "hook": true, "type": null, "integration_types_config": {"0": {}, "1": {}}, "approximate_guild_count": world.guilds.len(),
        "approximate_user_install_count": 0, "redirect_uris": [], "interactions_endpoint_url": null,
        "is_monetized": false, "event_webhooks_status": 1,
    })
}

fn applications(world: &mut World, request: &ApiRequest, app: &str, rest: &[&str]) -> Answer {
    if app != world.bot.id.to_string() {
        return Err(ApiError::unknown_application());
    }
    match rest {
        ["commands", tail @ ..] => commands(world, request, None, tail),
        ["guilds", guild, "commands", tail @ ..] => {
            let guild = id(guild, ApiError::unknown_guild)?;
            if !world.guilds.contains_key(&guild) {
                return Err(ApiError::missing_access());
            }
            commands(world, request, Some(guild), tail)
        }
        ["entitlements" | "skus" | "emojis"] if request.method == "GET" => Ok(Reply::ok(json!([]))),
        _ => Err(ApiError::no_route()),
    }
}

fn commands(
    world: &mut World,
    request: &ApiRequest,
    scope: Option<Snowflake>,
    tail: &[&str],
) -> Answer {
    let body = &request.payload.json;
    match (request.method.as_str(), tail) {
        ("GET", []) => Ok(Reply::ok(Value::Array(world.commands_in(scope)))),
        ("PUT", []) => world.put_commands(scope, body).map(Reply::ok),
        ("POST", []) => {
            let (command, is_new) = world.post_command(scope, body)?;
            Ok(if is_new {
                Reply::created(command)
            } else {
                Reply::ok(command)
            })
        }
        ("GET", [one]) => world
            .command(scope, id(one, ApiError::unknown_command)?)
            .map(Reply::ok),
        ("PATCH", [one]) => world
            .patch_command(scope, id(one, ApiError::unknown_command)?, body)
            .map(Reply::ok),
        ("DELETE", [one]) => {
            world.delete_command(scope, id(one, ApiError::unknown_command)?)?;
            Ok(Reply::nothing())
        }
        (_, [] | [_]) => Err(ApiError::wrong_method()),
        _ => Err(ApiError::no_route()),
    }
}

fn users(world: &mut World, request: &ApiRequest, rest: &[&str]) -> Answer {
    match (request.method.as_str(), rest) {
        ("GET", ["@me"]) => Ok(Reply::ok(world.bot.json())),
        ("GET", ["@me", "guilds"]) => {
            let guilds = world.guilds.values().map(|guild| {
                json!({"id": guild.id, "name": guild.name, "icon": null, "banner": null, "owner": false,
                       "permissions": "0", "features": []})
            });
            Ok(Reply::ok(Value::Array(guilds.collect())))
        }
        ("POST", ["@me", "channels"]) => world.open_dm(&request.payload.json).map(Reply::ok),
        ("GET", [user]) => {
            let user = world
                .users
                .get(&id(user, ApiError::unknown_user)?)
                .ok_or_else(ApiError::unknown_user)?;
            Ok(Reply::ok(user.json()))
        }
        _ => Err(ApiError::no_route()),
    }
}

fn guilds(world: &mut World, request: &ApiRequest, guild: &str, rest: &[&str]) -> Answer {
    let guild = id(guild, ApiError::unknown_guild)?;
    let entry = world
        .guilds
        .get(&guild)
        .ok_or_else(ApiError::unknown_guild)?;
    match (request.method.as_str(), rest) {
        ("GET", []) => Ok(Reply::ok(entry.json())),
        ("GET", ["roles"]) => Ok(Reply::ok(entry.json()["roles"].take())),
        ("GET", ["channels"]) => {
            let own = world
                .channels
                .values()
                .filter(|channel| channel.guild() == Some(guild));
            Ok(Reply::ok(Value::Array(
                own.filter_map(|channel| world.channel_json(channel.id))
                    .collect(),
            )))
        }
        ("GET", ["members", user]) => {
            let user = if *user == "@me" {
                world.bot.id
            } else {
                id(user, ApiError::unknown_user)?
            };
            world
                .member_json(guild, user)
                .map(Reply::ok)
                .ok_or_else(ApiError::unknown_member)
        }
        _ => Err(ApiError::no_route()),
    }
}

fn channels(world: &mut World, request: &ApiRequest, channel: Snowflake, rest: &[&str]) -> Answer {
    let payload = &request.payload;
    let message = |text: &str| id(text, ApiError::unknown_message);
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            world.seen_channel(channel)?;
            world
                .channel_json(channel)
                .map(Reply::ok)
                .ok_or_else(ApiError::unknown_channel)
        }
        ("PATCH", []) => world.patch_channel(channel, &payload.json).map(Reply::ok),
        ("POST", ["typing"]) => {
            world.seen_channel(channel)?;
            world.tell_channel(
                channel,
                &json!({"type": "typing", "channel_id": channel, "user_id": world.bot.id}),
            );
            Ok(Reply::nothing())
        }
        ("POST", ["threads"]) => world
            .start_thread(channel, None, &payload.json)
            .map(Reply::created),
        ("POST", ["messages", one, "threads"]) => world
            .start_thread(channel, Some(message(one)?), &payload.json)
            .map(Reply::created),
        ("GET", ["messages"]) => world
            .list_messages(channel, &request.query)
            .map(|list| Reply::ok(Value::Array(list))),
        ("POST", ["messages"]) => world.post_message(channel, payload).map(Reply::ok),
        ("GET", ["messages", one]) => world
            .channel_message(channel, message(one)?)
            .map(|found| Reply::ok(world.message_json(found))),
        ("PATCH", ["messages", one]) => world
            .patch_message(channel, message(one)?, payload)
            .map(Reply::ok),
        ("DELETE", ["messages", one]) => {
            world.bot_deletes(channel, message(one)?)?;
            Ok(Reply::nothing())
        }
        (_, ["messages", one, "reactions", tail @ ..]) => {
            reactions(world, request, channel, message(one)?, tail)
        }
        _ => Err(ApiError::no_route()),
    }
}

fn reactions(
    world: &mut World,
    request: &ApiRequest,
    channel: Snowflake,
    message: Snowflake,
    tail: &[&str],
) -> Answer {
    match (request.method.as_str(), tail) {
        ("PUT", [emoji, "@me"]) => world.bot_reacts(channel, message, emoji)?,
        ("DELETE", [emoji, user]) => {
            let user = if *user == "@me" {
                world.bot.id
            } else {
                id(user, ApiError::unknown_user)?
            };
            world.bot_unreacts(channel, message, emoji, user)?;
        }
        ("DELETE", []) => world.clear_reactions(channel, message)?,
        ("GET", [emoji]) => {
            return world
                .reactors(channel, message, emoji)
                .map(|users| Reply::ok(Value::Array(users)));
        }
        _ => return Err(ApiError::no_route()),
    }
    Ok(Reply::nothing())
}

fn webhooks(
    world: &mut World,
    request: &ApiRequest,
    app: Snowflake,
    token: &str,
    rest: &[&str],
) -> Answer {
    match (request.method.as_str(), rest) {
        ("POST", []) => world.follow_up(app, token, &request.payload).map(Reply::ok),
        ("GET", ["messages", name]) => world.webhook_message(app, token, name).map(Reply::ok),
        ("PATCH", ["messages", name]) => world
            .webhook_edit(app, token, name, &request.payload)
            .map(Reply::ok),
        ("DELETE", ["messages", name]) => {
            world.webhook_delete(app, token, name)?;
            Ok(Reply::nothing())
        }
        (_, [] | ["messages", _]) => Err(ApiError::wrong_method()),
        _ => Err(ApiError::no_route()),
    }
}
