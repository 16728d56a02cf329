//! The connection to Discord's gateway.

mod budget;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use easel_domain::DiscordId;
use easel_service::Shutdown;
use easel_service::health::ReadySwitch;
use poise::serenity_prelude as serenity;
use secrecy::{ExposeSecret, SecretString};
use serenity::ConnectionStage;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::commands::{self, CommandError};
use crate::intake::Intake;
use crate::intake::reactions::ReactionHandle;
use crate::reaction::Reaction;
use crate::rest::{GatewayInfo, Rest, SessionStartLimit};
use budget::{SessionGuard, pause_before};

/// Longest wait for the shards to close their connections.
const CLOSING: Duration = Duration::from_secs(10);

/// What the gateway's handlers share.
pub struct Shared {
    /// Takes interactions.
    pub intake: Intake,
    reactions: ReactionHandle,
    /// The bot's own account, once Discord has told it.
    bot: OnceLock<DiscordId>,
    application: watch::Sender<Option<DiscordId>>,
    shards: Mutex<BTreeMap<u32, bool>>,
    sessions: Mutex<SessionGuard>,
    worn_out: CancellationToken,
    switch: ReadySwitch,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
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
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            if !sessions.begins(shard.0, Instant::now()) {
                self.worn_out.cancel();
            }
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
        if missing.is_empty() {
            self.switch.ready();
        } else {
            self.switch
                .unready(format!("not connected: shard {}", missing.join(", ")));
        }
    }
}

/// What the gateway needs.
pub struct Gateway {
    /// Origin of Discord.
    pub origin: Url,
    /// The bot's credential.
    pub token: SecretString,
    /// The shards of this process.
    pub shards: RangeInclusive<u32>,
    /// Shards in all processes together.
    pub total: u32,
    /// Takes interactions.
    pub intake: Intake,
    /// Takes reactions.
    pub reactions: ReactionHandle,
    /// Where the application's id is told.
    pub application: watch::Sender<Option<DiscordId>>,
    /// Whether all shards are connected.
    pub switch: ReadySwitch,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// Asks where to connect. Every failure is an error: the real Discord is never a fallback.
///
/// # Errors
///
/// Discord does not answer, refuses the token, or allows no more sessions.
pub async fn look_up(rest: &Rest, origin: &Url) -> anyhow::Result<GatewayInfo> {
    let info = rest.gateway().await.with_context(|| {
        format!("ask {origin} for its gateway; check that it runs, `discord_api` (EASEL_DISCORD_API) and DISCORD_TOKEN")
    })?;
    let limit = &info.session_start_limit;
    anyhow::ensure!(
        limit.remaining > 0,
        "Discord allows no more sessions for another {} s; not starting",
        limit.reset_after / 1_000
    );
    anyhow::ensure!(
        info.url.starts_with("ws://") || info.url.starts_with("wss://"),
        "{origin} named a gateway that is no websocket address"
    );
    Ok(info)
}

impl Gateway {
    /// Serves the shards until draining.
    ///
    /// # Errors
    ///
    /// The gateway cannot be connected, or refuses for good.
    pub async fn run(self, info: GatewayInfo, shutdown: Shutdown) -> anyhow::Result<()> {
        let (shards, total) = (self.shards.clone(), self.total);
        if !wait_for_budget(&info.session_start_limit, &shards, &shutdown).await {
            return Ok(());
        }
        let worn_out = CancellationToken::new();
        let mut client = self.client(&info, worn_out.clone()).await?;
        let manager = Arc::clone(&client.shard_manager);
        let soft = shutdown.soft().clone();
        let mut closing = tokio::task::JoinSet::new();
        let stopped = worn_out.clone();
        closing.spawn(async move {
            tokio::select! {
                () = soft.cancelled() => {}
                () = stopped.cancelled() => {}
            }
            if tokio::time::timeout(CLOSING, manager.shutdown_all())
                .await
                .is_err()
            {
                tracing::warn!("the gateway's shards do not close; leaving them");
            }
            // While no shard is connected, closing all of them does nothing and wakes nobody.
            manager.return_with_value(Ok(())).await;
        });
        let served = if shards.start() == shards.end() {
            client.start_shard(*shards.start(), total).await
        } else {
            // The library counts the end of the range as part of it.
            client
                .start_shard_range(*shards.start()..*shards.end(), total)
                .await
        };
        if shutdown.is_draining() {
            closing.join_next().await;
            return Ok(());
        }
        closing.shutdown().await;
        served.context("serve the gateway")?;
        anyhow::ensure!(
            !worn_out.is_cancelled(),
            "a shard began too many sessions within minutes; ending before Discord's daily budget of them is used up"
        );
        anyhow::bail!(
            "the gateway closed every shard for good; check DISCORD_TOKEN and `discord.total_shards`"
        )
    }

    async fn client(
        self,
        info: &GatewayInfo,
        worn_out: CancellationToken,
    ) -> anyhow::Result<serenity::Client> {
        let origin = self.origin.as_str().trim_end_matches('/').to_owned();
        // The built-in limiter would bypass the proxy; the hot calls are ours anyway.
        let http = serenity::HttpBuilder::new(self.token.expose_secret())
            .proxy(origin)
            .ratelimiter_disabled(true)
            .build();
        let shared = Shared {
            intake: self.intake,
            reactions: self.reactions,
            bot: OnceLock::new(),
            application: self.application,
            shards: Mutex::new(self.shards.map(|shard| (shard, false)).collect()),
            sessions: Mutex::default(),
            worn_out,
            switch: self.switch,
        };
        let framework = poise::Framework::builder()
            .options(options())
            .initialize_owners(false)
            .setup(|ctx, ready, _| {
                // Nothing here may fail: interactions would hang for ever.
                shared.ready(ctx.shard_id, ready);
                Box::pin(async move { Ok(shared) })
            })
            .build();
        let client = tokio::time::timeout(
            Duration::from_secs(30),
            serenity::ClientBuilder::new_with_http(http, intents()).framework(framework),
        )
        .await
        .context("prepare the gateway client")?
        .context("prepare the gateway client")?;
        // Building looks the address up once more and falls back to the real Discord: ours counts.
        info.url.clone_into(&mut *client.ws_url.lock().await);
        Ok(client)
    }
}

/// Spreads starts where few sessions are left. `false` where draining came first.
async fn wait_for_budget(
    limit: &SessionStartLimit,
    shards: &RangeInclusive<u32>,
    shutdown: &Shutdown,
) -> bool {
    let count = u32::try_from(shards.clone().count()).unwrap_or(u32::MAX);
    let pause = pause_before(limit, count);
    if pause.is_zero() {
        return true;
    }
    let left = limit.remaining;
    tracing::warn!(
        left,
        "Discord allows {left} more sessions before they are counted anew; connecting in {} s",
        pause.as_secs()
    );
    tokio::select! {
        () = shutdown.soft().cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// Interactions need none of them; none needs to be granted to the application.
fn intents() -> serenity::GatewayIntents {
    serenity::GatewayIntents::GUILDS
        | serenity::GatewayIntents::GUILD_MESSAGE_REACTIONS
        | serenity::GatewayIntents::DIRECT_MESSAGE_REACTIONS
}

fn options() -> poise::FrameworkOptions<Shared, CommandError> {
    poise::FrameworkOptions {
        commands: commands::all(),
        event_handler: |ctx, event| {
            commands::on_event(event, ctx.serenity_context, ctx.user_data);
            Box::pin(async { Ok(()) })
        },
        on_error: |error| Box::pin(async move { on_error(&error) }),
        ..poise::FrameworkOptions::default()
    }
}

/// Our commands do not fail: what comes here is a mistake of ours or a client with an old command.
fn on_error(error: &poise::FrameworkError<'_, Shared, CommandError>) {
    match error {
        poise::FrameworkError::ArgumentParse { .. }
        | poise::FrameworkError::CommandStructureMismatch { .. } => {
            tracing::warn!("a command came with other options than registered");
        }
        poise::FrameworkError::CommandPanic { .. } => tracing::error!("a command panicked"),
        _ => tracing::warn!("the gateway library reports an error"),
    }
}
