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
use crate::live::{
    self, Deliverer, DeliverySettings, ErrandHandle, Errands, LiveHandle, Ownership, PictureSource,
    Sweeper,
};
use crate::register;
use crate::rest::{Rest, RestSettings};

const PING_EVERY: Duration = Duration::from_secs(2);
const CONSUMER_STOP: Duration = Duration::from_secs(3);

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
    let info = gateway::look_up(&rest, &config.discord_api).await?;
    store
        .migrate()
        .await
        .with_context(|| format!("prepare the database at {}", config.database.shown()))?;
    let broker = broker(&ctx, &config).await?;
    let pictures = PictureSource::new(&config.cdn, config.attaches_pictures())?;
    let live = messages(&ctx, &config, &store, &rest, &broker, &pictures);
    let tracker = TaskTracker::new();
    let intake = intake(
        &ctx,
        &config,
        IntakeUses {
            store,
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
    let gateway = Gateway {
        origin: config.discord_api.clone(),
        token: config.discord_token.clone(),
        shards: config.discord.shards(),
        total: config.discord.total_shards,
        intake,
        reactions,
        application,
        switch: ctx.readiness.switch("gateway"),
    };
    ctx.tasks
        .spawn("gateway", gateway.run(info, ctx.shutdown.clone()));

    ctx.shutdown.soft().cancelled().await;
    // What was answered is brought to its end before the broker goes away.
    tracker.close();
    tokio::select! {
        () = tracker.wait() => {}
        () = ctx.shutdown.hard().cancelled() => {}
    }
    for consumer in live.consumers {
        // A consumer that does not stop ends with its connection.
        let _ = tokio::time::timeout(CONSUMER_STOP, consumer.stop()).await;
    }
    broker.close().await;
    Ok(())
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
    consumers: Vec<easel_broker::Consumer>,
}

fn messages(
    ctx: &Context,
    config: &BotConfig,
    store: &Store,
    rest: &Rest,
    broker: &Broker,
    pictures: &PictureSource,
) -> Messages {
    let shards: Vec<u32> = config.discord.shards().collect();
    let holder = ctx.entropy.random_uuid();
    let (claimer, ownership) = Ownership::new(
        store.clone(),
        shards.clone(),
        holder,
        config.delivery.owner_term,
    );
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
        ownership,
        every: config.delivery.sweep_every,
    };
    let (all_sent, all_run) = (CancellationToken::new(), CancellationToken::new());
    let (sent, run) = (
        all_sent.clone().cancelled_owned(),
        all_run.clone().cancelled_owned(),
    );
    let released = async move { tokio::join!(sent, run) };
    ctx.tasks
        .spawn("errands", beside.run(hints, ctx.shutdown.clone(), all_run));
    ctx.tasks
        .spawn("messages", deliverer.run(ctx.shutdown.clone(), all_sent));
    ctx.tasks
        .spawn("shard leases", claimer.run(ctx.shutdown.clone(), released));
    ctx.tasks.spawn("sweep", sweeper.run(ctx.shutdown.clone()));
    let consumers = shards
        .iter()
        .flat_map(|shard| live::consume(broker, *shard, &handle))
        .collect();
    Messages {
        handle,
        errands,
        consumers,
    }
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
    Ok(Intake::new(IntakeParts {
        rest: uses.rest,
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
