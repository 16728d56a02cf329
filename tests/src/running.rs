//! A process's body in a runtime of its own, so that it can be killed as a process is: nothing of it runs any further,
//! and its sockets close without a goodbye.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use easel_service::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Longest time that a process may take to drain.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// A body that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    ctx: Context,
    body: JoinHandle<Result<()>>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Starts a body with a context of its own.
    pub fn start<F, Fut>(name: &'static str, body: F) -> Result<Self>
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name(name)
            .build()
            .context("start a runtime")?;
        let ctx = Context::new(name);
        let body = runtime.spawn(body(ctx.clone()));
        Ok(Self {
            ctx,
            body,
            runtime: Some(runtime),
        })
    }

    /// Ends it as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }

    /// Tells it to take no new work.
    pub fn drain(&self) {
        self.ctx.shutdown.drain();
    }

    /// Tells it to give back what it holds, as a second signal does.
    pub fn hurry(&self) {
        self.ctx.shutdown.drain();
        self.ctx.shutdown.stop();
    }

    /// Drains it, waits until it has ended, and returns what it ended with.
    pub async fn stop(mut self) -> Result<()> {
        self.drain();
        let ended = tokio::time::timeout(DRAIN_LIMIT, &mut self.body).await;
        let left = self.ctx.end(DRAIN_LIMIT).await;
        ended
            .with_context(|| format!("{} did not end after the drain", self.ctx.name))??
            .with_context(|| format!("{} failed", self.ctx.name))?;
        if !left.is_empty() {
            bail!("{} left tasks behind: {}", self.ctx.name, left.join(", "));
        }
        Ok(())
    }

    /// Whether the body has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.body.is_finished()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
