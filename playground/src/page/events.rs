//! The websocket by which a chat page stays up to date.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Query, State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::actions::person;
use crate::server::Shared;
use crate::snowflake::Snowflake;

#[derive(Deserialize)]
pub(super) struct Viewer {
    user: String,
}

/// `GET /playground/api/events?user=ID`.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(viewer): Query<Viewer>,
    upgrade: WebSocketUpgrade,
) -> Response {
    match shared.read(|world| person(world, &viewer.user)) {
        Ok(user) => upgrade.on_upgrade(move |socket| relay(socket, shared, user)),
        Err(refusal) => refusal.into_response(),
    }
}

async fn relay(mut socket: WebSocket, shared: Arc<Shared>, user: Snowflake) {
    let mut events = shared.page_events();
    let stop = shared.stop.clone();
    loop {
        let text = tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => match event {
                Ok((audience, event)) if audience.is_none_or(|only| only == user) => event.to_string(),
                Ok(_) => continue,
                Err(RecvError::Lagged(_)) => json!({"type": "resync"}).to_string(),
                Err(RecvError::Closed) => return,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
    }
}
