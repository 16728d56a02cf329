//! The connection to Discord's gateway.

mod budget;
mod pulse;
mod shared;
mod turns;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use easel_domain::clock::EntropyExt;
use easel_domain::{DiscordId, Entropy};
use easel_service::health::ReadySwitch;
use easel_service::{Shutdown, chain};
use easel_store::Store;
use poise::serenity_prelude as serenity;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::commands::{self, CommandError};
use crate::intake::Intake;
use crate::intake::reactions::ReactionHandle;
use crate::live::backoff;
use crate::rest::{GatewayInfo, Rest, RestError, SessionStartLimit};
use budget::pause_before;
use pulse::Watch;
pub use shared::Shared;
use turns::Turns;

/// A limit that lasts longer is nothing that a moment mends.
const LONGEST_LIMIT: Duration = Duration::from_mins(1);
/// Longest wait for the shards to close their connections.
const CLOSING: Duration = Duration::from_secs(10);

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
    /// Where the same is told to whoever acts on it.
    pub connected: watch::Sender<bool>,
    /// Cancelled when no more interactions can come.
    pub closed: CancellationToken,
    /// Where processes agree on when the next session begins.
    pub store: Store,
    /// From one session to the next of the same start key.
    pub identify_every: Duration,
    /// A shard that shows no sign of life for so long is dead.
    pub silent_after: Duration,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

/// Asks where to connect. Every failure is an error: the real Discord is never a fallback. What a moment may mend, an
/// overloaded Discord or machine, is tried again until `patience` is over: a process that ends is only started again.
///
/// # Errors
///
/// Discord cannot be reached, does not answer for long, refuses the token, or allows no more sessions.
pub async fn look_up(
    rest: &Rest,
    origin: &Url,
    patience: Duration,
    entropy: &dyn Entropy,
    shutdown: &Shutdown,
) -> anyhow::Result<GatewayInfo> {
    let (since, mut failures) = (Instant::now(), 0);
    let info = loop {
        let error = match rest.gateway().await {
            Ok(info) => break info,
            Err(error) => error,
        };
        let pause = backoff(failures, entropy.random_unit());
        failures += 1;
        let over = since.elapsed() + pause >= patience || shutdown.is_draining();
        if over || !may_pass(&error) {
            return Err(error).with_context(|| {
                format!("ask {origin} for its gateway; check that it runs, `discord_api` (EASEL_DISCORD_API) and DISCORD_TOKEN")
            });
        }
        tracing::warn!(
            "ask for the gateway: {error}; again in {pause:?}",
            error = chain(&error)
        );
        tokio::select! {
            () = shutdown.soft().cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    };
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

/// Whether the same question may be answered in a moment. Where nobody listens the address is wrong, or Discord is not
/// there: that is said at once.
fn may_pass(error: &RestError) -> bool {
    match error {
        RestError::Unavailable { connected, .. } => *connected,
        RestError::Limited { retry_after, .. } => *retry_after < LONGEST_LIMIT,
        RestError::Refused { .. } | RestError::Garbage { .. } | RestError::Paused { .. } => false,
    }
}

/// How a shard's client came to its end.
type Served = Result<(), serenity::Error>;

impl Gateway {
    /// Serves the shards until draining.
    ///
    /// # Errors
    ///
    /// The gateway cannot be connected, or refuses for good.
    pub async fn run(self, info: GatewayInfo, shutdown: Shutdown) -> anyhow::Result<()> {
        let _closed = self.closed.clone().drop_guard();
        let (shards, total) = (self.shards.clone(), self.total);
        if !wait_for_budget(&info.session_start_limit, &shards, &shutdown).await {
            return Ok(());
        }
        let (turns, noted) = Turns::new(
            self.store.clone(),
            info.session_start_limit.max_concurrency,
            self.identify_every,
        );
        let worn_out = CancellationToken::new();
        let (origin, token) = (self.origin.clone(), self.token.clone());
        let mut watch = Watch::new(self.silent_after);
        let shared = Arc::new(self.shared(turns.clone(), worn_out.clone()));
        // The library starts one shard after another, whatever Discord allows: each has a client of its own.
        let mut managers = Vec::new();
        let mut serving: JoinSet<Served> = JoinSet::new();
        for shard in shards {
            let mut client = client(&origin, &token, &info, &shared).await?;
            managers.push(Arc::clone(&client.shard_manager));
            watch.add(shard, Arc::clone(&client.shard_manager));
            let (turns, shutdown) = (turns.clone(), shutdown.clone());
            serving.spawn(async move {
                if turns.wait(shard, &shutdown).await {
                    client.start_shard(shard, total).await
                } else {
                    Ok(())
                }
            });
        }
        let noting = noted.run(shutdown.clone());
        tokio::pin!(noting);
        let mut silent = None;
        let ended = tokio::select! {
            () = shutdown.soft().cancelled() => None,
            () = worn_out.cancelled() => None,
            () = &mut noting => None,
            // It only looks, so nothing is lost where it is dropped.
            found = watch.run(&shared) => {
                silent = Some(found);
                None
            }
            ended = serving.join_next() => ended,
        };
        close(&managers, serving).await;
        if shutdown.is_draining() {
            return Ok(());
        }
        anyhow::ensure!(
            !worn_out.is_cancelled(),
            "a shard began too many sessions within minutes; ending before Discord's daily budget of them is used up"
        );
        if let Some(shard) = silent {
            anyhow::bail!("shard {shard} has shown no sign of life for `discord.silent_after`");
        }
        if let Some(ended) = ended {
            ended
                .context("serve the gateway")?
                .context("serve the gateway")?;
        }
        anyhow::bail!(
            "the gateway closed a shard for good; check DISCORD_TOKEN and `discord.total_shards`"
        )
    }

    fn shared(self, turns: Turns, worn_out: CancellationToken) -> Shared {
        Shared::new(shared::Parts {
            intake: self.intake,
            reactions: self.reactions,
            application: self.application,
            shards: self.shards,
            turns,
            worn_out,
            switch: self.switch,
            connected: self.connected,
        })
    }
}

/// A client for one shard.
async fn client(
    origin: &Url,
    token: &SecretString,
    info: &GatewayInfo,
    shared: &Arc<Shared>,
) -> anyhow::Result<serenity::Client> {
    let origin = origin.as_str().trim_end_matches('/').to_owned();
    // The built-in limiter would bypass the proxy; the hot calls are ours anyway.
    let http = serenity::HttpBuilder::new(token.expose_secret())
        .proxy(origin)
        .ratelimiter_disabled(true)
        .build();
    let shared = Arc::clone(shared);
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

/// Closes the connections of all shards, in good order as long as that takes no longer than [`CLOSING`].
async fn close(managers: &[Arc<serenity::ShardManager>], mut serving: JoinSet<Served>) {
    let closing = futures::future::join_all(managers.iter().map(|manager| async {
        manager.shutdown_all().await;
        // While the shard is not connected, closing does nothing and wakes nobody.
        manager.return_with_value(Ok(())).await;
    }));
    let closed = tokio::time::timeout(CLOSING, async {
        closing.await;
        while serving.join_next().await.is_some() {}
    });
    if closed.await.is_err() {
        tracing::warn!("the gateway's shards do not close; leaving them");
        serving.shutdown().await;
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

fn options() -> poise::FrameworkOptions<Arc<Shared>, CommandError> {
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
fn on_error(error: &poise::FrameworkError<'_, Arc<Shared>, CommandError>) {
    match error {
        poise::FrameworkError::ArgumentParse { .. }
        | poise::FrameworkError::CommandStructureMismatch { .. } => {
            tracing::warn!("a command came with other options than registered");
        }
        poise::FrameworkError::CommandPanic { .. } => tracing::error!("a command panicked"),
        _ => tracing::warn!("the gateway library reports an error"),
    }
}
