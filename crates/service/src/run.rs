//! From `main` to the exit code.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use easel_domain::{Clock, Entropy};
use serde::de::DeserializeOwned;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{
    self, ConfigArgs, ConfigError, HttpConfig, LogConfig, ShutdownConfig, Sources,
};
use crate::health::{self, ListenError, Readiness};
use crate::tasks::panic_text;
use crate::telemetry::{self, TelemetryError};
use crate::{Shutdown, SystemClock, SystemEntropy, TaskSet};

const UPKEEP_EVERY: Duration = Duration::from_secs(5);
const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

/// What the skeleton needs from a process's configuration.
pub trait ProcessConfig: DeserializeOwned + Send + 'static {
    /// Section `http`.
    fn http(&self) -> &HttpConfig;
    /// Section `log`.
    fn log(&self) -> &LogConfig;
    /// Section `shutdown`.
    fn shutdown(&self) -> ShutdownConfig {
        ShutdownConfig::default()
    }
    /// What types cannot say: bounds between settings. `Err` is a sentence with the key's name.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Bad usage or bad input: ends the process with code 2. The text says what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

/// What a process's body is given. Clones share everything.
#[derive(Clone)]
pub struct Context {
    /// Name of the process.
    pub name: &'static str,
    /// The two stages of stopping.
    pub shutdown: Shutdown,
    /// Owner of all tasks.
    pub tasks: TaskSet,
    /// The conditions for taking work.
    pub readiness: Readiness,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What outlives [`Context::tasks`]: probes are answered until everything else has ended.
    background: TaskSet,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("name", &self.name)
            .field("tasks", &self.tasks)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// A context on the real clock and randomness, with nothing running: for tests that start a process's body, and for
    /// [`serve`] itself.
    pub fn new(name: &'static str) -> Self {
        Self::with(name, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// A context on the given clock and randomness.
    pub fn with(name: &'static str, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let shutdown = Shutdown::new();
        let tasks = TaskSet::new(shutdown.clone());
        let background = TaskSet::new(shutdown.clone());
        Self {
            name,
            shutdown,
            tasks,
            readiness: Readiness::new(),
            clock,
            entropy,
            background,
        }
    }

    /// Drains and then stops everything that runs on this context, waiting at most `limit` for each stage: for tests that
    /// start a process's body. Returns the names of the tasks that have not ended.
    pub async fn end(&self, limit: Duration) -> Vec<&'static str> {
        self.shutdown.drain();
        self.tasks.join(limit).await;
        self.shutdown.stop();
        self.background.join(limit).await;
        self.tasks.join(limit).await
    }

    /// Starts the health server with the process's own `extra` routes beside the standard ones, and returns its address.
    /// Call it before connecting to anything, so that probes are answered while the process starts.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve_health(
        &self,
        config: &HttpConfig,
        extra: Router,
    ) -> Result<SocketAddr, ListenError> {
        let (listener, address) = health::bind(config.listen).await?;
        let metrics = telemetry::install_metrics();
        let routes = health::routes(
            self.readiness.clone(),
            self.shutdown.clone(),
            metrics.clone(),
        )
        .merge(extra);
        self.background.spawn(
            "health",
            health::serve(listener, routes, self.shutdown.clone()),
        );
        let stop = self.shutdown.hard().clone();
        self.background.spawn("metrics upkeep", async move {
            // Histograms keep raw samples until upkeep folds them into buckets.
            let mut ticks = tokio::time::interval(UPKEEP_EVERY);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    _ = ticks.tick() => metrics.run_upkeep(),
                }
            }
        });
        tracing::info!(process = self.name, %address, "health server listens on {address}");
        Ok(address)
    }
}

/// Runs a serving process: configuration, logging, metrics, signals, the body, the drain, the exit code.
///
/// The body sets the process up, spawns its loops on [`Context::tasks`] and returns when its main work is done, usually
/// after `ctx.shutdown.soft().cancelled().await`. Returning begins the drain.
pub fn serve<C, F, Fut>(name: &'static str, args: &ConfigArgs, body: F) -> ExitCode
where
    C: ProcessConfig,
    F: FnOnce(Context, C) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let loaded = match load_checked::<C>(name, args) {
        Ok(loaded) => loaded,
        Err(error) => return report(name, &error),
    };
    if let Err(error) = telemetry::init_tracing(loaded.config.log()) {
        return report(
            name,
            &anyhow::Error::new(error).context(BadInput("start logging".into())),
        );
    }
    for warning in &loaded.warnings {
        tracing::warn!(
            process = name,
            "unknown environment variable ignored: {warning}"
        );
    }
    telemetry::install_metrics();
    let limits = loaded.config.shutdown();
    in_runtime(name, || async move {
        let ctx = Context::new(name);
        let future = body(ctx.clone(), loaded.config);
        drive(&ctx, limits, future).await
    })
}

/// Runs a command that does one thing and ends (`render`, `parse`, …): a runtime and the exit code, nothing else.
/// Dropped at the first signal, with code 1.
pub fn once<F, Fut>(name: &'static str, body: F) -> ExitCode
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    in_runtime(name, || async move {
        let ctx = Context::new(name);
        let limits = ShutdownConfig {
            grace: Duration::ZERO,
            hard_limit: Duration::ZERO,
        };
        drive(&ctx, limits, body()).await
    })
}

fn load_checked<C: ProcessConfig>(
    name: &str,
    args: &ConfigArgs,
) -> anyhow::Result<config::Loaded<C>> {
    let loaded = config::load::<C>(name, &Sources::from_args(args)?)?;
    loaded.config.check().map_err(BadInput)?;
    Ok(loaded)
}

fn in_runtime<Fut: Future<Output = anyhow::Result<()>>>(
    name: &'static str,
    main: impl FnOnce() -> Fut,
) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(
                name,
                &anyhow::Error::new(error).context("start the runtime"),
            );
        }
    };
    let outcome = runtime.block_on(async { main().await });
    // Tasks that outlived the hard limit must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(name, &error),
    }
}

/// The body as a task beside the signals, then the drain.
async fn drive<Fut>(ctx: &Context, limits: ShutdownConfig, body: Fut) -> anyhow::Result<()>
where
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let signals = Signals::listen()?;
    let ended = CancellationToken::new();
    let mut main = tokio::task::JoinSet::new();
    main.spawn(body);
    let mut watch = tokio::task::JoinSet::new();
    watch.spawn(signals.watch(ctx.shutdown.clone(), limits.grace, ended.clone()));

    let outcome = tokio::select! {
        joined = main.join_next() => joined,
        () = ctx.shutdown.hard().cancelled() => {
            let joined = tokio::time::timeout(limits.hard_limit, main.join_next()).await;
            joined.unwrap_or_else(|_| Some(Ok(Err(anyhow::anyhow!("stopped before the work was done")))))
        }
    };
    ctx.shutdown.drain();
    let left = tokio::select! {
        left = ctx.tasks.join(limits.grace) => left,
        () = ctx.shutdown.hard().cancelled() => ctx.tasks.running(),
    };
    ctx.shutdown.stop();
    let left = if left.is_empty() {
        left
    } else {
        ctx.tasks.join(limits.hard_limit).await
    };
    ctx.background.join(limits.hard_limit).await;
    ended.cancel();
    match outcome {
        Some(Ok(result)) => result?,
        Some(Err(error)) if error.is_panic() => {
            anyhow::bail!("the main task panicked: {}", panic_text(error))
        }
        Some(Err(_)) | None => anyhow::bail!("the main task was cancelled"),
    }
    if let Some(failure) = ctx.tasks.failure().or_else(|| ctx.background.failure()) {
        return Err(failure.into());
    }
    anyhow::ensure!(
        left.is_empty(),
        "these tasks did not stop in time: {}",
        left.join(", ")
    );
    tracing::info!(process = ctx.name, "stopped");
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The first signal drains, the second one or the end of the grace stops.
    async fn watch(mut self, shutdown: Shutdown, grace: Duration, ended: CancellationToken) {
        tokio::select! {
            () = self.next() => tracing::info!("signal received; draining, at most {grace:?}; a second signal stops"),
            () = shutdown.soft().cancelled() => {}
            () = ended.cancelled() => return,
        }
        shutdown.drain();
        tokio::select! {
            () = self.next() => tracing::warn!("second signal received; stopping at once"),
            () = tokio::time::sleep(grace) => tracing::warn!("draining took longer than {grace:?}; stopping"),
            () = shutdown.hard().cancelled() => {}
            () = ended.cancelled() => return,
        }
        shutdown.stop();
    }

    async fn next(&mut self) {
        // Signal streams lose nothing when a wait is dropped.
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Prints the chain once and chooses the code.
fn report(name: &str, error: &anyhow::Error) -> ExitCode {
    use std::io::Write;
    let is_bad = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<ConfigError>() || cause.is::<BadInput>() || cause.is::<TelemetryError>()
    };
    // A context that is a `BadInput` is found by downcasting only, not in the chain.
    let bad_input = error.chain().any(is_bad) || error.downcast_ref::<BadInput>().is_some();
    // Nothing is left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr(), "easel-{name}: error: {error:#}");
    ExitCode::from(if bad_input { BAD_INPUT } else { FAILED })
}
