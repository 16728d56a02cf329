//! Identify and resume: how a connection gets its session.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::dispatch::{GUILDS, PRIVILEGED};
use super::{Session, World};
use crate::snowflake::Snowflake;

/// Every intent bit that Discord defines.
const KNOWN_INTENTS: u64 = 0b11_0011_1111_1111_1111_1111 | (1 << 24) | (1 << 25);

impl World {
    /// Op 2: a new session, or a close code that says why not.
    pub(crate) fn identify(&mut self, connection: u64, data: &Value) {
        if !self.token_fits(&data["token"]) {
            return self.gateway_close(connection, 4004, "Authentication failed.");
        }
        let Some(intents) = data["intents"].as_u64() else {
            return self.gateway_close(connection, 4013, "Invalid intent(s).");
        };
        if intents & !KNOWN_INTENTS != 0 {
            return self.gateway_close(connection, 4013, "Invalid intent(s).");
        }
        if intents & PRIVILEGED & !self.rules.granted_intents != 0 {
            return self.gateway_close(connection, 4014, "Disallowed intent(s).");
        }
        let shard = match &data["shard"] {
            Value::Null => Some((0, 1)),
            value => value[0]
                .as_u64()
                .zip(value[1].as_u64())
                .filter(|(shard, of)| shard < of),
        };
        let Some(shard) = shard else {
            return self.gateway_close(connection, 4010, "Invalid shard.");
        };
        if self.identifies_left == 0 {
            return self.gateway_close(connection, 4004, "Authentication failed.");
        }
        if !self.may_begin(shard.0) {
            let invalid = json!({"op": 9, "d": false, "s": null, "t": null});
            return self.gateway_send(connection, &invalid);
        }
        self.identifies_left -= 1;
        // A shard that identifies anew replaces its former self.
        self.sessions
            .retain(|_, session| session.shard != shard || session.connection.is_some());
        let id = self.draw_hex::<16>();
        let session = Session {
            id: id.clone(),
            shard,
            intents,
            seq: 0,
            replay: VecDeque::new(),
            connection: Some(connection),
        };
        self.sessions.insert(id.clone(), session);
        if let Some(entry) = self.connections.get_mut(&connection) {
            entry.session = Some(id.clone());
        }
        self.greet(&id, shard, intents);
        self.tell_bot_status();
    }

    /// Whether the last session of the shard's remainder is long enough ago.
    fn may_begin(&mut self, shard: u64) -> bool {
        let key = shard % self.rules.max_concurrency.max(1);
        let (now, pause) = (self.now, self.rules.identify_pause);
        if self
            .identified
            .get(&key)
            .is_some_and(|at| now - *at < pause)
        {
            self.early_identifies += 1;
            return false;
        }
        self.identified.insert(key, now);
        true
    }

    fn greet(&mut self, session: &str, shard: (u64, u64), intents: u64) {
        let guilds: Vec<Snowflake> = self
            .guilds
            .values()
            .filter(|guild| guild.member(self.bot.id).is_some())
            .map(|guild| guild.id)
            .filter(|guild| (guild.0 >> 22) % shard.1 == shard.0)
            .collect();
        let listed: Vec<Value> = guilds
            .iter()
            .map(|id| json!({"id": id, "unavailable": true}))
            .collect();
        let mut user = self.bot.json();
        user["verified"] = json!(true);
        user["email"] = Value::Null;
        let ready = json!({
            "v": 10, "user": user, "guilds": listed, "session_id": session, "resume_gateway_url": self.gateway_url(),
            "shard": [shard.0, shard.1], "application": {"id": self.bot.id, "flags": 0},
            "session_type": "normal", "private_channels": [], "presences": [], "relationships": [],
            "geo_ordered_rtc_regions": [], "user_settings": {}, "guild_join_requests": [], "_trace": ["easel"],
        });
        self.dispatch_to(session, "READY", ready);
        if intents & GUILDS != 0 {
            for guild in guilds {
                if let Some(data) = self.guild_create_json(guild) {
                    self.dispatch_to(session, "GUILD_CREATE", data);
                }
            }
        }
    }

    /// Op 6: what was missed, then RESUMED; or op 9 where the session is gone.
    pub(crate) fn resume(&mut self, connection: u64, data: &Value) {
        if !self.token_fits(&data["token"]) {
            return self.gateway_close(connection, 4004, "Authentication failed.");
        }
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let seen = data["seq"].as_u64().unwrap_or(0);
        let Some(session) = self.sessions.get_mut(&id) else {
            return self.gateway_send(
                connection,
                &json!({"op": 9, "d": false, "s": null, "t": null}),
            );
        };
        if seen > session.seq {
            return self.gateway_close(connection, 4007, "Invalid seq.");
        }
        let lost = session
            .replay
            .front()
            .is_some_and(|(first, _)| *first > seen + 1);
        if lost {
            self.sessions.remove(&id);
            return self.gateway_send(
                connection,
                &json!({"op": 9, "d": false, "s": null, "t": null}),
            );
        }
        session.connection = Some(connection);
        let missed: Vec<Value> = session
            .replay
            .iter()
            .filter(|(seq, _)| *seq > seen)
            .map(|(_, frame)| frame.clone())
            .collect();
        if let Some(entry) = self.connections.get_mut(&connection) {
            entry.session = Some(id.clone());
        }
        for frame in missed {
            self.gateway_send(connection, &frame);
        }
        self.dispatch_to(&id, "RESUMED", json!({"_trace": ["easel"]}));
        self.tell_bot_status();
    }

    /// Where clients find the gateway.
    pub(crate) fn gateway_url(&self) -> String {
        format!("{}/gateway", self.origin.replacen("http", "ws", 1))
    }

    fn token_fits(&self, token: &Value) -> bool {
        token
            .as_str()
            .is_some_and(|token| token.trim_start_matches("Bot ") == self.token)
    }
}
