//! What the handlers of all shards of this process share.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use easel_domain::DiscordId;
use easel_service::health::ReadySwitch;
use poise::serenity_prelude as serenity;
use serenity::ConnectionStage;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::budget::SessionGuard;
use super::turns::Turns;
use crate::intake::Intake;
use crate::intake::reactions::ReactionHandle;
use crate::metric;
use crate::reaction::Reaction;

/// What the gateway's handlers share.
pub struct Shared {
    /// Takes interactions.
    pub intake: Intake,
    reactions: ReactionHandle,
    /// The bot's own account, once Discord has told it.
    bot: OnceLock<DiscordId>,
    application: watch::Sender<Option<DiscordId>>,
    shards: Mutex<BTreeMap<u32, bool>>,
    /// Those that were found unconnected without having said so.
    lost: Mutex<BTreeSet<u32>>,
    sessions: Mutex<SessionGuard>,
    turns: Turns,
    worn_out: CancellationToken,
    switch: ReadySwitch,
    connected: watch::Sender<bool>,
}

/// What they are made of.
pub(super) struct Parts {
    pub(super) intake: Intake,
    pub(super) reactions: ReactionHandle,
    pub(super) application: watch::Sender<Option<DiscordId>>,
    pub(super) shards: RangeInclusive<u32>,
    pub(super) turns: Turns,
    pub(super) worn_out: CancellationToken,
    pub(super) switch: ReadySwitch,
    pub(super) connected: watch::Sender<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            intake: parts.intake,
            reactions: parts.reactions,
            bot: OnceLock::new(),
            application: parts.application,
            shards: Mutex::new(parts.shards.map(|shard| (shard, false)).collect()),
            lost: Mutex::default(),
            sessions: Mutex::default(),
            turns: parts.turns,
            worn_out: parts.worn_out,
            switch: parts.switch,
            connected: parts.connected,
        }
    }

    /// A shard has a new session.
    pub(crate) fn ready(&self, shard: serenity::ShardId, about: &serenity::Ready) {
        let guilds = about.guilds.len();
        tracing::info!(
            shard = shard.0,
            guilds,
            "shard {} is connected, {guilds} guilds",
            shard.0
        );
        // The same for every shard, and for ever.
        let _ = self.bot.set(DiscordId::from_u64(about.user.id.get()));
        self.application
            .send_replace(Some(DiscordId::from_u64(about.application.id.get())));
        self.set(shard.0, true);
    }

    /// A shard has its session again.
    pub(crate) fn resumed(&self, shard: serenity::ShardId) {
        tracing::info!(shard = shard.0, "shard {} has resumed", shard.0);
        self.set(shard.0, true);
    }

    /// A shard's connection changed.
    pub(crate) fn stage(&self, shard: serenity::ShardId, stage: ConnectionStage) {
        if stage != ConnectionStage::Connected {
            self.set(shard.0, false);
        }
        if stage == ConnectionStage::Identifying {
            metrics::counter!(metric::SESSIONS).increment(1);
            self.turns.note(shard.0);
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            if !sessions.begins(shard.0, Instant::now()) {
                self.worn_out.cancel();
            }
        }
    }

    /// Whether a shard is connected, as it looks from outside. One that is has said so itself, unless it was only lost from
    /// sight.
    pub(super) fn seen(&self, shard: u32, is_connected: bool) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_connected {
            lost.insert(shard);
            self.set(shard, false);
        } else if lost.remove(&shard) {
            self.set(shard, true);
        }
    }

    /// Somebody has reacted to a message, or taken it back.
    pub(crate) fn reacted(
        &self,
        event: &serenity::Reaction,
        shard: serenity::ShardId,
        is_set: bool,
    ) {
        if let Some(reaction) = Reaction::of(event, shard, self.bot.get().copied(), is_set) {
            self.reactions.take(reaction);
        }
    }

    fn set(&self, shard: u32, connected: bool) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.insert(shard, connected);
        let missing: Vec<String> = shards
            .iter()
            .filter(|(_, up)| !**up)
            .map(|(shard, _)| shard.to_string())
            .collect();
        self.connected.send_replace(missing.is_empty());
        if missing.is_empty() {
            self.switch.ready();
        } else {
            self.switch
                .unready(format!("not connected: shard {}", missing.join(", ")));
        }
    }
}
