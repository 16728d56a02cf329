//! Taking the lead of a lane, and losing it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use easel_blobs::BlobStore;
use easel_broker::{Broker, Topology};
use easel_domain::clock::EntropyExt;
use easel_service::{Backoff, BadInput, Context, chain};
use easel_store::{Store, StoreConfig};

use crate::config::DispatcherConfig;
use crate::lanes::Office;
use crate::{mentions, metric, scale, term};

/// How often a standby asks whether the lead is free.
const STANDBY_EVERY: Duration = Duration::from_millis(500);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often the process asks for its database when it starts.
const DATABASE_PATIENCE: u32 = 8;

/// The body of the process: connects, then leads whenever it can until the drain.
///
/// # Errors
///
/// A database that does not answer or is newer than this build, a broker address that is none, an object store that
/// refuses the account.
pub async fn run(ctx: Context, config: DispatcherConfig) -> anyhow::Result<()> {
    let store = open_store(&config)?;
    ctx.serve_health(&config.http, scale::routes(store.clone()))
        .await?;
    reach_store(&ctx, &config, &store).await?;
    let blobs = Arc::new(
        BlobStore::new(&config.s3, &config.cdn).map_err(|error| BadInput(error.to_string()))?,
    );
    blobs
        .probe()
        .await
        .context("reach the object store (section `s3`)")?;
    let lane = config.dispatcher.lane();
    let names = easel_broker::Names::new(&config.broker.prefix)?;
    let topology = Topology::default().lane(&names, &lane);
    let broker = Broker::connect(
        &config.broker,
        "easel-dispatcher",
        topology,
        Arc::clone(&ctx.entropy),
    )
    .await
    .context("reach the broker (section `broker`)")?;
    let state = broker.state();
    ctx.readiness
        .check("broker", move || state.borrow().ready());
    let outcome = lead_whenever_possible(&ctx, &config, &store, &broker, &blobs).await;
    broker.close().await;
    store.close();
    outcome
}

fn open_store(config: &DispatcherConfig) -> anyhow::Result<Store> {
    Store::new(&StoreConfig {
        url: config.database.url.clone(),
        pool_size: config.database.pool_size,
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
    })
    .map_err(|error| BadInput(format!("`database.url` (EASEL_DATABASE__URL): {error}")).into())
}

async fn reach_store(
    ctx: &Context,
    config: &DispatcherConfig,
    store: &Store,
) -> anyhow::Result<()> {
    let mut pauses = Backoff::new(
        Duration::from_millis(200),
        LONGEST_PAUSE,
        Arc::clone(&ctx.entropy),
    );
    let mut tries = 0;
    loop {
        tries += 1;
        match store.migrate().await {
            Ok(()) => return Ok(()),
            Err(error)
                if error.is_transient()
                    && tries < DATABASE_PATIENCE
                    && !ctx.shutdown.is_draining() =>
            {
                tracing::warn!(
                    "database at {} does not answer yet: {error}",
                    config.database.shown(),
                    error = chain(&error)
                );
                tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
            }
            Err(error) => {
                let place = config.database.shown();
                return Err(
                    anyhow::Error::new(error).context(format!("reach the database at {place}"))
                );
            }
        }
    }
}

async fn lead_whenever_possible(
    ctx: &Context,
    config: &DispatcherConfig,
    store: &Store,
    broker: &Broker,
    blobs: &Arc<BlobStore>,
) -> anyhow::Result<()> {
    let ready = ctx.readiness.switch("database");
    let settings = &config.dispatcher;
    let holder = ctx.entropy.random_uuid();
    let (region, pool) = (settings.region.to_string(), settings.pool.to_string());
    tracing::info!(%region, %pool, "standing by for lane {region}.{pool}");
    while !ctx.shutdown.is_draining() {
        match store
            .try_lead(&region, &pool, holder, settings.leadership_term)
            .await
        {
            Ok(Some(leadership)) => {
                ready.ready();
                let (marks, writer) = store.marks();
                let (mentions, said) = mentions::channel();
                let office = Office {
                    mentions,
                    store: store.clone(),
                    broker: broker.clone(),
                    blobs: Arc::clone(blobs),
                    leadership: leadership.clone(),
                    settings: settings.clone(),
                    marks,
                    clock: Arc::clone(&ctx.clock),
                    entropy: Arc::clone(&ctx.entropy),
                };
                metrics::gauge!(metric::LEADING).set(1.0);
                tracing::info!(
                    epoch = leadership.epoch,
                    "leading lane {region}.{pool} in epoch {}",
                    leadership.epoch
                );
                let ended = term::serve(office, writer, said, ctx.shutdown.soft()).await;
                metrics::gauge!(metric::LEADING).set(0.0);
                tracing::info!(epoch = leadership.epoch, "the term has ended: {ended}");
                if let Err(error) = store.resign(&leadership).await {
                    tracing::warn!(
                        "the next leader must wait for the lease to run out: {error}",
                        error = chain(&error)
                    );
                }
            }
            Ok(None) => ready.ready(),
            Err(error) => {
                ready.unready(error.to_string());
                tracing::warn!("cannot ask for the lead: {error}", error = chain(&error));
            }
        }
        tokio::select! {
            () = ctx.shutdown.soft().cancelled() => {}
            () = tokio::time::sleep(STANDBY_EVERY) => {}
        }
    }
    Ok(())
}
