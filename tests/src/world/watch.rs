//! Waiting for what must happen, and reading what did.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use easel_broker::Subscription;
use easel_domain::JobId;
use easel_domain::message::{DeliveryHint, ProgressNote};

use super::{PREFETCH, World, inbox};

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks until there is an answer, at most half a minute.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let asking = async {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer,
        Err(_) => bail!("waited {PATIENCE:?} for {what}"),
    }
}

/// One line of a job's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The state it went to.
    pub state: String,
    /// Try number.
    pub attempt: i32,
    /// The node, where one took it.
    pub node: Option<String>,
}

impl World {
    /// Where a job is.
    pub async fn state(&self, job: JobId) -> Result<String> {
        let connection = self.database.store.connection().await?;
        Ok(connection
            .query_one("SELECT state FROM jobs WHERE id = $1", &[&job])
            .await?
            .get(0))
    }

    /// Waits until a job is there.
    pub async fn until(&self, job: JobId, wanted: &str) -> Result<()> {
        let what = format!("job {job} to be {wanted}");
        let reached = eventually(&what, || async {
            Ok((self.state(job).await? == wanted).then_some(()))
        });
        match reached.await {
            Ok(()) => Ok(()),
            Err(error) => bail!("{error}; it went {:?}", self.path(job).await?),
        }
    }

    /// Everything that became of a job, in order.
    pub async fn history(&self, job: JobId) -> Result<Vec<Step>> {
        let connection = self.database.store.connection().await?;
        let rows = connection
            .query("SELECT state, attempt, detail ->> 'node' FROM job_events WHERE job_id = $1 ORDER BY id", &[&job])
            .await?;
        Ok(rows
            .iter()
            .map(|row| Step {
                state: row.get(0),
                attempt: row.get(1),
                node: row.get(2),
            })
            .collect())
    }

    /// The states that a job went through, each with its try number: `leased 1`.
    pub async fn path(&self, job: JobId) -> Result<Vec<String>> {
        let steps = self.history(job).await?;
        Ok(steps
            .into_iter()
            .map(|step| format!("{} {}", step.state, step.attempt))
            .collect())
    }

    /// The nodes that took a job, in order.
    pub async fn nodes_of(&self, job: JobId) -> Result<Vec<String>> {
        Ok(self
            .history(job)
            .await?
            .into_iter()
            .filter_map(|step| step.node)
            .collect())
    }

    /// A number that a query gives.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self
            .database
            .store
            .connection()
            .await?
            .query_one(sql, &[])
            .await?
            .get(0))
    }

    /// Runs a statement as somebody with the database's password could.
    pub async fn meddle(&self, sql: &str) -> Result<()> {
        Ok(self
            .database
            .store
            .connection()
            .await?
            .batch_execute(sql)
            .await?)
    }

    /// The next hint that some job's message is out of date.
    pub async fn next_delivery(&self) -> Result<DeliveryHint> {
        let mut deliveries = self.deliveries.lock().await;
        let queue = Subscription::new(self.names().shard(0), PREFETCH);
        let deliveries = deliveries.get_or_insert_with(|| inbox(&self.broker, queue));
        match tokio::time::timeout(PATIENCE, deliveries.recv()).await {
            Ok(Some(hint)) => Ok(hint),
            Ok(None) | Err(_) => bail!("no delivery hint came"),
        }
    }

    /// The next word on a job's progress that `wanted` says yes to.
    pub async fn next_progress(
        &self,
        wanted: impl Fn(&ProgressNote) -> bool,
    ) -> Result<ProgressNote> {
        let mut progress = self.progress.lock().await;
        let queue = Subscription::new(self.names().progress(0), PREFETCH);
        let progress = progress.get_or_insert_with(|| inbox(&self.broker, queue));
        let search = async {
            while let Some(note) = progress.recv().await {
                if wanted(&note) {
                    return Some(note);
                }
            }
            None
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(Some(note)) => Ok(note),
            Ok(None) | Err(_) => bail!("no such progress came"),
        }
    }

    /// Fails unless the job went this way.
    pub async fn expect_path(&self, job: JobId, wanted: &[&str]) -> Result<()> {
        let path = self.path(job).await?;
        ensure!(path == wanted, "job {job} went {path:?}, not {wanted:?}");
        Ok(())
    }
}
