//! What people do: look, type, use commands, click, fill in forms, react.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::header;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::rest::body::{self, REQUEST_LIMIT};
use crate::server::Shared;
use crate::snowflake::Snowflake;
use crate::world::{SlashCall, World};

type Answer = Result<Json<Value>, ApiError>;
type Here = State<Arc<Shared>>;

#[derive(Deserialize)]
pub(super) struct Viewer {
    user: Option<String>,
    before: Option<Snowflake>,
}

/// The person that a request speaks for, by id or name.
pub(super) fn person(world: &World, name: &str) -> Result<Snowflake, ApiError> {
    let user = world.find_user(name).filter(|user| !user.is_bot);
    user.map(|user| user.id).ok_or_else(ApiError::unknown_user)
}

fn viewer(world: &World, viewer: &Viewer) -> Result<Snowflake, ApiError> {
    person(world, viewer.user.as_deref().unwrap_or_default())
}

pub(super) async fn state(State(shared): Here, Query(viewer): Query<Viewer>) -> Json<Value> {
    Json(shared.with(|world| world.state_json(viewer.user.as_deref())))
}

pub(super) async fn history(
    State(shared): Here,
    Path(channel): Path<Snowflake>,
    Query(query): Query<Viewer>,
) -> Answer {
    shared
        .read(|world| world.history_json(viewer(world, &query)?, channel, query.before))
        .map(Json)
}

#[derive(Deserialize)]
pub(super) struct Said {
    user: String,
    content: String,
}

pub(super) async fn say(
    State(shared): Here,
    Path(channel): Path<Snowflake>,
    Json(said): Json<Said>,
) -> Answer {
    shared
        .with(|world| world.say(person(world, &said.user)?, channel, &said.content))
        .map(Json)
}

#[derive(Deserialize)]
struct CommandForm {
    user: String,
    command: String,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    target: Option<Snowflake>,
    /// Only in autocomplete, where it is not in the path.
    #[serde(default)]
    channel: Option<Snowflake>,
    #[serde(default)]
    focused: Option<String>,
}

impl CommandForm {
    fn call(self, world: &World, channel: Snowflake) -> Result<SlashCall, ApiError> {
        Ok(SlashCall {
            user: person(world, &self.user)?,
            channel,
            command: self.command,
            options: self.options,
            target: self.target,
            focused: self.focused,
            ..SlashCall::default()
        })
    }
}

pub(super) async fn use_command(
    State(shared): Here,
    Path(channel): Path<Snowflake>,
    request: Request,
) -> Answer {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .map(ToOwned::to_owned);
    let payload = body::read(kind.as_deref(), request.into_body(), REQUEST_LIMIT).await?;
    let mut form: CommandForm = read_form(payload.json)?;
    form.focused = None;
    let files = payload.named;
    let id = shared.with(|world| {
        let call = SlashCall {
            files,
            ..form.call(world, channel)?
        };
        world.use_command(&call)
    })?;
    Ok(Json(json!({"interaction_id": id})))
}

fn read_form<T: serde::de::DeserializeOwned>(json: Value) -> Result<T, ApiError> {
    serde_json::from_value(json).map_err(|error| ApiError::plain(400, &error.to_string()))
}

/// How much longer than the first-answer clock to wait for choices, so that the clock decides.
const GRACE: Duration = Duration::from_millis(500);

pub(super) async fn autocomplete(State(shared): Here, Json(form): Json<Value>) -> Answer {
    let form: CommandForm = read_form(form)?;
    let channel = form.channel.ok_or_else(ApiError::unknown_channel)?;
    let id = shared.with(|world| {
        let call = form.call(world, channel)?;
        if call.focused.is_none() {
            return Err(ApiError::plain(400, "focused names the option being typed"));
        }
        world.use_command(&call)
    })?;
    let patience = shared.read(|world| world.rules.first_answer) + GRACE;
    let choices = shared
        .wait_for(patience, |world| {
            let interaction = world.interactions.get(&id)?;
            interaction
                .choices
                .clone()
                .or_else(|| interaction.failed.then(Vec::new))
        })
        .await;
    Ok(Json(
        json!({"interaction_id": id, "choices": choices.unwrap_or_default()}),
    ))
}

#[derive(Deserialize)]
pub(super) struct Click {
    user: String,
    custom_id: String,
    #[serde(default)]
    values: Vec<String>,
}

pub(super) async fn use_component(
    State(shared): Here,
    Path(message): Path<Snowflake>,
    Json(click): Json<Click>,
) -> Answer {
    let id = shared.with(|world| {
        let user = person(world, &click.user)?;
        world.use_component(user, message, &click.custom_id, &click.values)
    })?;
    Ok(Json(json!({"interaction_id": id})))
}

#[derive(Deserialize)]
pub(super) struct FilledForm {
    user: String,
    components: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    custom_id: String,
    #[serde(default)]
    value: Value,
}

pub(super) async fn submit_modal(
    State(shared): Here,
    Path(interaction): Path<Snowflake>,
    Json(form): Json<FilledForm>,
) -> Answer {
    let fields: Vec<(String, Value)> = form
        .components
        .into_iter()
        .map(|field| (field.custom_id, field.value))
        .collect();
    let id = shared
        .with(|world| world.submit_modal(person(world, &form.user)?, interaction, &fields))?;
    Ok(Json(json!({"interaction_id": id})))
}

pub(super) async fn delete_message(
    State(shared): Here,
    Path(message): Path<Snowflake>,
    Query(query): Query<Viewer>,
) -> Answer {
    shared.with(|world| world.person_deletes(viewer(world, &query)?, message))?;
    Ok(Json(json!({})))
}

pub(super) async fn react(
    State(shared): Here,
    Path((message, emoji)): Path<(Snowflake, String)>,
    Query(query): Query<Viewer>,
) -> Answer {
    shared.with(|world| world.person_reacts(viewer(world, &query)?, message, &emoji, true))?;
    Ok(Json(json!({})))
}

pub(super) async fn unreact(
    State(shared): Here,
    Path((message, emoji)): Path<(Snowflake, String)>,
    Query(query): Query<Viewer>,
) -> Answer {
    shared.with(|world| world.person_reacts(viewer(world, &query)?, message, &emoji, false))?;
    Ok(Json(json!({})))
}
