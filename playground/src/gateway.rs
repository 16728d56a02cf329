//! The websocket of the gateway: frames in, frames out; what they mean is the world's business.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::response::Response;

use crate::server::{Shared, Wire};

/// A half-open connection is kept no longer.
const FROZEN: Duration = Duration::from_mins(2);

/// A closing handshake takes no longer.
const CLOSING: Duration = Duration::from_secs(1);

/// `GET /gateway`.
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| converse(socket, shared))
}

async fn converse(mut socket: WebSocket, shared: Arc<Shared>) {
    let (connection, mut wires) = shared.open_wire();
    let stop = shared.stop.clone();
    let mut code = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            wire = wires.recv() => match wire {
                Some(Wire::Text(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        break;
                    }
                }
                Some(Wire::Close(close, reason)) => {
                    let frame = CloseFrame { code: close, reason: reason.into() };
                    // The client may be gone already; the connection ends either way.
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    break;
                }
                Some(Wire::Freeze) => {
                    // Half open: what the client sends is lost, and nothing comes back.
                    let _ = tokio::time::timeout(FROZEN, stop.cancelled()).await;
                    break;
                }
                Some(Wire::Sever) | None => break,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => shared.with(|world| world.gateway_frame(connection, &text)),
                Some(Ok(Message::Binary(bytes))) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    shared.with(|world| world.gateway_frame(connection, &text));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    code = frame.map(|frame| frame.code);
                    // Reading on sends the answer to it: who closes waits for that.
                    let _ = tokio::time::timeout(CLOSING, socket.recv()).await;
                    break;
                }
                Some(Err(_)) | None => break,
            },
        }
    }
    shared.close_wire(connection, code);
}
