//! Putting the bot together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use easel_broker::{Broker, Topology};
use easel_domain::clock::EntropyExt;
use easel_moderation::PromptPolicy;
use easel_service::{BadInput, Context};
use easel_store::{Store, StoreConfig};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::BotConfig;
use crate::gateway::{self, Gateway};
use crate::inputs::Inputs;
use crate::intake::{Intake, IntakeParts, reactions};
use crate::live::ownership::Claimer;
use crate::live::{
    self, Deliverer, DeliverySettings, ErrandHandle, Errands, Feeds, LiveHandle, Ownership,
    OwnershipSettings, PictureSource, Sweeper,
};
use crate::register;
use crate::rest::{GatewayInfo, Rest, RestSettings};

const PING_EVERY: Duration = Duration::from_secs(2);

/// The body of `easel-bot run`.
///
/// # Errors
///
/// Whatever keeps the bot from serving: Discord, the database's schema, a broken list.
pub async fn run(ctx: Context, config: BotConfig) -> anyhow::Result<()> {
    ctx.serve_health(&config.http, Router::new()).await?;
    let store = store(&ctx, &config)?;
    let rest = rest(&ctx, &config)?;
    // Discord is asked first: with a wrong token or address nothing else is worth starting.
    let info = gateway::look_up(
        &rest,
        &config.discord_api,
        config.discord.start_timeout,
        &*ctx.entropy,
        &ctx.shutdown,
    )
    .await?;
    store
        .migrate()
        .await
        .with_context(|| format!("prepare the database at {}", config.database.shown()))?;
    let broker = broker(&ctx, &config).await?;
    let pictures = PictureSource::new(&config.cdn, config.attaches_pictures())?;
    let (connected, claimer, ownership) = own_shards(&ctx, &config, &store, &rest).await?;
    let uses = MessageUses {
        store: &store,
        rest: &rest,
        broker: &broker,
        pictures: &pictures,
    };
    let live = messages(&ctx, &config, &uses, claimer, ownership);
    let tracker = TaskTracker::new();
    let intake = intake(
        &ctx,
        &config,
        IntakeUses {
            store: store.clone(),
            rest: rest.clone(),
            broker: broker.clone(),
            pictures,
            live: live.handle,
            errands: live.errands,
            tracker: tracker.clone(),
        },
    )?;
    intake.look_up_model().await;
    intake.look_up_limits().await;
    ctx.tasks
        .spawn("limits", intake.clone().follow_limits(ctx.shutdown.clone()));
    ctx.tasks
        .spawn("models", intake.clone().follow_models(ctx.shutdown.clone()));

    let closed = serve_gateway(
        &ctx,
        &config,
        info,
        GatewayUses {
            store,
            rest,
            intake,
            connected,
        },
    );

    ctx.shutdown.soft().cancelled().await;
    // Until the gateway is closed interactions come, and each is answered. What was answered is brought to its end before
    // the broker goes away.
    let settled = async {
        closed.cancelled().await;
        tracker.close();
        tracker.wait().await;
    };
    tokio::select! {
        () = settled => {}
        () = ctx.shutdown.hard().cancelled() => {}
    }
    broker.close().await;
    Ok(())
}

struct GatewayUses {
    store: Store,
    rest: Rest,
    intake: Intake,
    connected: watch::Sender<bool>,
}

/// Serves the gateway, and what comes with it. The token is cancelled when no more interactions can come.
fn serve_gateway(
    ctx: &Context,
    config: &BotConfig,
    info: GatewayInfo,
    uses: GatewayUses,
) -> CancellationToken {
    let GatewayUses {
        store,
        rest,
        intake,
        connected,
    } = uses;
    let (reactions, lanes) = reactions::lanes();
    ctx.tasks
        .spawn("reactions", lanes.run(intake.clone(), ctx.shutdown.clone()));

    let (application, known_application) = watch::channel(None);
    if config.discord.register {
        let registering = register::register(
            rest,
            known_application,
            Arc::clone(&ctx.entropy),
            ctx.shutdown.clone(),
        );
        ctx.tasks.spawn_finite("register commands", registering);
    }
    let closed = CancellationToken::new();
    let gateway = Gateway {
        origin: config.discord_api.clone(),
        token: config.discord_token.clone(),
        shards: config.discord.shards(),
        total: config.discord.total_shards,
        intake,
        reactions,
        application,
        switch: ctx.readiness.switch("gateway"),
        connected,
        closed: closed.clone(),
        store,
        identify_every: config.discord.identify_every,
        silent_after: config.discord.silent_after,
    };
    ctx.tasks
        .spawn("gateway", gateway.run(info, ctx.shutdown.clone()));
    closed
}

/// Ownership of this process's shards, which begins when the claimer is run, and where it is told that all are connected.
async fn own_shards(
    ctx: &Context,
    config: &BotConfig,
    store: &Store,
    rest: &Rest,
) -> anyhow::Result<(watch::Sender<bool>, Claimer, Ownership)> {
    let holder = store.begin_process(ctx.entropy.random_uuid(), config.discord.release);
    let holder = holder
        .await
        .context("enter the order of the bot's processes")?;
    // Others count this process only once it owns shards or asks for them.
    let processes = store.count_processes(holder.id()).await;
    rest.share(processes.context("count the bot's processes")?);
    let (connected, sessions) = watch::channel(false);
    let settings = OwnershipSettings {
        shards: config.discord.shards().collect(),
        holder,
        term: config.delivery.owner_term,
        take_over: config.discord.take_over,
        connected: sessions,
        rest: rest.clone(),
    };
    let (claimer, ownership) = Ownership::new(store.clone(), settings);
    Ok((connected, claimer, ownership))
}

fn store(ctx: &Context, config: &BotConfig) -> anyhow::Result<Store> {
    let settings = StoreConfig {
        url: config.database.url.clone(),
        pool_size: config.database.pool_size,
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
    };
    let store = Store::new(&settings)
        .map_err(|error| BadInput(format!("`database.url` (EASEL_DATABASE__URL): {error}")))?;
    let switch = ctx.readiness.switch("database");
    let (pinged, soft) = (store.clone(), ctx.shutdown.soft().clone());
    ctx.tasks.spawn("database check", async move {
        let mut ticks = tokio::time::interval(PING_EVERY);
        loop {
            tokio::select! {
                () = soft.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            match pinged.ping().await {
                Ok(()) => switch.ready(),
                Err(error) => switch.unready(error.to_string()),
            }
        }
    });
    Ok(store)
}

fn rest(ctx: &Context, config: &BotConfig) -> anyhow::Result<Rest> {
    let settings = RestSettings {
        try_timeout: config.discord.try_timeout,
        answer_timeout: config.discord.answer_timeout,
        call_timeout: config.discord.call_timeout,
        per_second: config.discord.requests_per_second,
    };
    let token = config.discord_token.clone();
    Rest::new(
        &config.discord_api,
        token,
        settings,
        Arc::clone(&ctx.entropy),
    )
    .context("set up the REST client")
}

async fn broker(ctx: &Context, config: &BotConfig) -> anyhow::Result<Broker> {
    let names = easel_broker::Names::new(&config.broker.prefix)?;
    let lane = config.lane().map_err(BadInput)?;
    let mut topology = Topology::none().lane(&names, &lane);
    for shard in config.discord.shards() {
        topology = topology.shard(&names, shard);
    }
    let broker = Broker::connect(
        &config.broker,
        "easel-bot",
        topology,
        Arc::clone(&ctx.entropy),
    )
    .await?;
    let state = broker.state();
    ctx.readiness
        .check("broker", move || state.borrow().ready());
    Ok(broker)
}

/// The messages' owner as the rest of the process sees it.
struct Messages {
    handle: LiveHandle,
    errands: ErrandHandle,
}

struct MessageUses<'u> {
    store: &'u Store,
    rest: &'u Rest,
    broker: &'u Broker,
    pictures: &'u PictureSource,
}

fn messages(
    ctx: &Context,
    config: &BotConfig,
    uses: &MessageUses<'_>,
    claimer: Claimer,
    ownership: Ownership,
) -> Messages {
    let MessageUses {
        store,
        rest,
        broker,
        pictures,
    } = *uses;
    let settings = DeliverySettings {
        interval: config.delivery.edit_interval,
        in_flight: config.delivery.edits_in_flight,
    };
    let (deliverer, handle) = Deliverer::new(
        rest.clone(),
        store.clone(),
        Arc::clone(&ctx.clock),
        Arc::clone(&ctx.entropy),
        pictures.clone(),
        ownership.clone(),
        settings,
    );
    let sweeper = Sweeper {
        store: store.clone(),
        rest: rest.clone(),
        clock: Arc::clone(&ctx.clock),
        ownership: ownership.clone(),
        live: handle.clone(),
        every: config.delivery.sweep_every,
        abandoned_after: config.delivery.abandoned_after,
    };
    let (errands, hints) = live::errand_hints();
    let beside = Errands {
        store: store.clone(),
        rest: rest.clone(),
        clock: Arc::clone(&ctx.clock),
        entropy: Arc::clone(&ctx.entropy),
        pictures: pictures.clone(),
        links: config.web_links(),
        ownership: ownership.clone(),
        every: config.delivery.sweep_every,
    };
    let (all_sent, all_run) = (CancellationToken::new(), CancellationToken::new());
    let (sent, run) = (
        all_sent.clone().cancelled_owned(),
        all_run.clone().cancelled_owned(),
    );
    let released = async move { tokio::join!(sent, run) };
    let feeds = Feeds {
        broker: broker.clone(),
        live: handle.clone(),
        ownership,
    };
    ctx.tasks.spawn("feeds", feeds.run(ctx.shutdown.clone()));
    ctx.tasks
        .spawn("errands", beside.run(hints, ctx.shutdown.clone(), all_run));
    ctx.tasks
        .spawn("messages", deliverer.run(ctx.shutdown.clone(), all_sent));
    ctx.tasks
        .spawn("shard leases", claimer.run(ctx.shutdown.clone(), released));
    ctx.tasks.spawn("sweep", sweeper.run(ctx.shutdown.clone()));
    Messages { handle, errands }
}

struct IntakeUses {
    store: Store,
    rest: Rest,
    broker: Broker,
    pictures: PictureSource,
    live: LiveHandle,
    errands: ErrandHandle,
    tracker: TaskTracker,
}

fn intake(ctx: &Context, config: &BotConfig, uses: IntakeUses) -> anyhow::Result<Intake> {
    let policy = match &config.intake.lists {
        Some(directory) => PromptPolicy::load(directory).map_err(|error| {
            BadInput(format!("`intake.lists` {}: {error}", directory.display()))
        })?,
        None => PromptPolicy::built_in().context("read the shipped prompt lists")?,
    };
    let inputs = Inputs::new(
        config,
        uses.store.clone(),
        Arc::clone(&ctx.clock),
        Arc::clone(&ctx.entropy),
    )?;
    let masks = Inputs::for_masks(
        config,
        uses.store.clone(),
        Arc::clone(&ctx.clock),
        Arc::clone(&ctx.entropy),
    )?;
    let (hint_marks, writer) = uses.store.marks();
    // It ends with the last handler, or when those are given up.
    let (handlers, hard) = (uses.tracker.clone(), ctx.shutdown.hard().clone());
    ctx.tasks.spawn("hint marks", async move {
        let over = async {
            tokio::select! {
                () = handlers.wait() => {}
                () = hard.cancelled() => {}
            }
        };
        writer.run_until(over).await;
        Ok(())
    });
    Ok(Intake::new(IntakeParts {
        rest: uses.rest,
        marks: hint_marks,
        inputs,
        masks,
        store: uses.store,
        broker: uses.broker,
        policy,
        pictures: uses.pictures,
        live: uses.live,
        errands: uses.errands,
        links: config.web_links(),
        clock: Arc::clone(&ctx.clock),
        entropy: Arc::clone(&ctx.entropy),
        lane: config.lane().map_err(BadInput)?,
        settings: config.intake.clone(),
        token_life: config.delivery.token_life,
        tracker: uses.tracker,
    }))
}
