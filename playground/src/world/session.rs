//! The gateway's side of a connection: hello, heartbeats, frames in, deadlines. Identify and resume are in `identify`.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Effect, World};

/// The longest frame that a client may send.
const FRAME_LIMIT: usize = 4096;
/// Frames that a client may send per minute.
const FRAMES_PER_MINUTE: usize = 120;

/// A logical session: it outlives its connections, so that a client can resume it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// This shard's number and how many there are.
    pub(crate) shard: (u64, u64),
    pub(crate) intents: u64,
    pub(crate) seq: u64,
    pub(crate) replay: VecDeque<(u64, Value)>,
    pub(crate) connection: Option<u64>,
}

/// One websocket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) session: Option<String>,
    pub(crate) last_heartbeat: OffsetDateTime,
    sent: VecDeque<OffsetDateTime>,
}

impl World {
    /// A client has connected: it gets its hello and, back, its number.
    pub(crate) fn gateway_opened(&mut self) -> u64 {
        let connection = self.next_connection;
        self.next_connection += 1;
        let entry = Connection {
            session: None,
            last_heartbeat: self.now,
            sent: VecDeque::new(),
        };
        self.connections.insert(connection, entry);
        let interval = u64::try_from(self.rules.heartbeat.as_millis()).unwrap_or(u64::MAX);
        self.gateway_send(connection, &json!({"op": 10, "d": {"heartbeat_interval": interval, "_trace": ["easel"]}, "s": null, "t": null}));
        connection
    }

    /// A connection is gone. Its session stays for a resume, unless the client closed it for good.
    pub(crate) fn gateway_closed(&mut self, connection: u64, code: Option<u16>) {
        let Some(entry) = self.connections.remove(&connection) else {
            return;
        };
        let Some(id) = entry.session else { return };
        if matches!(code, Some(1000 | 1001)) {
            self.sessions.remove(&id);
        } else if let Some(session) = self.sessions.get_mut(&id)
            && session.connection == Some(connection)
        {
            session.connection = None;
        }
        self.tell_bot_status();
    }

    /// A frame has come in.
    pub(crate) fn gateway_frame(&mut self, connection: u64, text: &str) {
        let now = self.now;
        let Some(entry) = self.connections.get_mut(&connection) else {
            return;
        };
        entry.sent.push_back(now);
        while entry
            .sent
            .front()
            .is_some_and(|at| now - *at > Duration::from_mins(1))
        {
            entry.sent.pop_front();
        }
        if entry.sent.len() > FRAMES_PER_MINUTE {
            return self.gateway_close(connection, 4008, "You are being rate limited.");
        }
        if text.len() > FRAME_LIMIT {
            return self.gateway_close(connection, 4002, "Error while decoding payload.");
        }
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            return self.gateway_close(connection, 4002, "Error while decoding payload.");
        };
        let identified = entry.session.is_some();
        match frame["op"].as_u64() {
            Some(1) => self.heartbeat(connection),
            Some(2 | 6) if identified => {
                self.gateway_close(connection, 4005, "Already authenticated.");
            }
            Some(2) => self.identify(connection, &frame["d"]),
            Some(6) => self.resume(connection, &frame["d"]),
            Some(3 | 4 | 8 | 31) if !identified => {
                self.gateway_close(connection, 4003, "Not authenticated.");
            }
            Some(8) => self.request_members(connection, &frame["d"]),
            Some(3 | 4 | 31) => {}
            _ => self.gateway_close(connection, 4001, "Unknown opcode."),
        }
    }

    fn heartbeat(&mut self, connection: u64) {
        if let Some(entry) = self.connections.get_mut(&connection) {
            entry.last_heartbeat = self.now;
        }
        if !self.faults.silent_heartbeats {
            self.gateway_send(
                connection,
                &json!({"op": 11, "d": null, "s": null, "t": null}),
            );
        }
    }

    /// Closes connections whose client has stopped beating.
    pub(crate) fn expire_connections(&mut self) {
        let patience = self.rules.heartbeat.mul_f64(1.5);
        let stale: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, entry)| self.now - entry.last_heartbeat > patience)
            .map(|(connection, _)| *connection)
            .collect();
        for connection in stale {
            self.gateway_close(connection, 4009, "Session timed out.");
        }
    }

    fn request_members(&mut self, connection: u64, data: &Value) {
        let session = self
            .connections
            .get(&connection)
            .and_then(|entry| entry.session.clone());
        let guild = crate::snowflake::Snowflake::from_json(&data["guild_id"]);
        let (Some(session), Some(guild)) = (session, guild) else {
            return;
        };
        let Some(entry) = self.guilds.get(&guild) else {
            return;
        };
        let members: Vec<Value> = entry
            .members
            .iter()
            .filter_map(|member| self.member_json(guild, member.user))
            .collect();
        let chunk = json!({"guild_id": guild, "members": members, "chunk_index": 0, "chunk_count": 1, "not_found": []});
        self.dispatch_to(&session, "GUILD_MEMBERS_CHUNK", chunk);
    }

    pub(crate) fn gateway_send(&mut self, connection: u64, frame: &Value) {
        self.effects.push(Effect::Send {
            connection,
            text: frame.to_string(),
        });
    }

    /// Closes a connection with a code; codes that forbid a resume also end the session.
    pub(crate) fn gateway_close(&mut self, connection: u64, code: u16, reason: &'static str) {
        if matches!(code, 4003 | 4004 | 4007 | 4009..=4014)
            && let Some(session) = self
                .connections
                .get(&connection)
                .and_then(|entry| entry.session.clone())
        {
            self.sessions.remove(&session);
        }
        self.effects.push(Effect::Close {
            connection,
            code,
            reason,
        });
    }

    /// Whether any session of the bot is connected.
    pub(crate) fn bot_is_online(&self) -> bool {
        self.sessions
            .values()
            .any(|session| session.connection.is_some())
    }

    pub(crate) fn tell_bot_status(&mut self) {
        let event = json!({"type": "bot_status", "online": self.bot_is_online()});
        self.effects.push(Effect::Page { user: None, event });
    }

    /// The numbers of the connections that have a session.
    pub(crate) fn live_connections(&self) -> Vec<u64> {
        self.sessions
            .values()
            .filter_map(|session| session.connection)
            .collect()
    }

    /// Tells every client to reconnect and resume (op 7).
    pub(crate) fn ask_to_reconnect(&mut self) {
        for connection in self.live_connections() {
            self.gateway_send(
                connection,
                &json!({"op": 7, "d": null, "s": null, "t": null}),
            );
        }
    }

    /// Declares every session invalid (op 9); `resumable` as in the frame.
    pub(crate) fn invalidate_sessions(&mut self, resumable: bool) {
        for connection in self.live_connections() {
            self.gateway_send(
                connection,
                &json!({"op": 9, "d": resumable, "s": null, "t": null}),
            );
            if !resumable
                && let Some(entry) = self.connections.get_mut(&connection)
                && let Some(session) = entry.session.take()
            {
                self.sessions.remove(&session);
            }
        }
        self.tell_bot_status();
    }

    /// Closes every connection that has a session with a code.
    pub(crate) fn close_connections(&mut self, code: u16) {
        for connection in self.live_connections() {
            self.gateway_close(connection, code, "Closed by a fault switch.");
        }
    }

    /// Leaves every connection that has a session open, and deaf and dumb: its sessions can be resumed by another.
    pub(crate) fn freeze_connections(&mut self) {
        for connection in self.live_connections() {
            self.effects.push(Effect::Freeze { connection });
            self.gateway_closed(connection, None);
        }
    }

    /// Cuts every connection that has a session, without a close frame.
    pub(crate) fn sever_connections(&mut self) {
        for connection in self.live_connections() {
            self.effects.push(Effect::Sever { connection });
        }
    }
}
