//! The people's side: what the chat page (and tests over HTTP) call, documented in the README.

mod actions;
mod control;
mod events;
mod files;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};

use crate::server::Shared;

/// All routes of the people's side.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let api = Router::new()
        .route("/state", get(actions::state))
        .route("/events", get(events::upgrade))
        .route(
            "/channels/{channel}/messages",
            get(actions::history).post(actions::say),
        )
        .route(
            "/channels/{channel}/interactions",
            post(actions::use_command),
        )
        .route(
            "/messages/{message}/components",
            post(actions::use_component),
        )
        .route("/messages/{message}", delete(actions::delete_message))
        .route(
            "/messages/{message}/reactions/{emoji}",
            put(actions::react).delete(actions::unreact),
        )
        .route("/interactions/autocomplete", post(actions::autocomplete))
        .route(
            "/interactions/{interaction}/modal",
            post(actions::submit_modal),
        );
    let faults = Router::new()
        .route(
            "/",
            get(control::show).post(control::add).delete(control::clear),
        )
        .route("/gateway", post(control::gateway))
        .route("/clocks", post(control::clocks))
        .route("/permissions", post(control::permissions))
        .route("/installation", post(control::install))
        .route("/channels/{channel}", delete(control::delete_channel))
        .route("/messages/{message}", delete(control::delete_message))
        .route("/requests", get(control::requests))
        .route("/dispatches", get(control::dispatches));
    Router::new()
        .nest("/playground/api", api)
        .nest("/playground/faults", faults)
        .route("/", get(files::index))
        // Links to channels and messages, as Discord's client has them.
        .route("/channels/{*place}", get(files::index))
        .route("/{*path}", get(files::file))
        .layer(DefaultBodyLimit::max(crate::rest::body::REQUEST_LIMIT))
}
