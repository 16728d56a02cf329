//! The death of the leader under load: a leader and a standby in processes of their own, and `kill -9`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use easel_service::config::ConfigArgs;
use easel_store::Store;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::LANE;
use super::report::peak_rss_bytes;

/// Longest wait for a leader.
const LIMIT: Duration = Duration::from_mins(1);
/// How often the table is asked who leads.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A change of leader.
pub(super) struct Takeover {
    /// From the death to the next leader.
    pub took: Duration,
    /// The most memory that the dead leader had.
    pub leader_peak_rss_bytes: Option<u64>,
}

/// Two dispatchers, the first of which leads. Dropping them kills both.
pub(super) struct Pair {
    leader: Child,
    standby: Child,
    epoch: i64,
}

impl Pair {
    /// Starts a leader, waits until it leads, and starts its standby.
    pub async fn start(config: &ConfigArgs, store: &Store) -> anyhow::Result<Self> {
        let mut leader = dispatcher(config)?;
        let epoch = tokio::select! {
            epoch = newer_epoch(store, 0) => epoch?,
            ended = leader.wait() => bail!("the leader ended at once: {}", ended?),
        };
        Ok(Self {
            leader,
            standby: dispatcher(config)?,
            epoch,
        })
    }

    /// Kills the leader and waits for the next one. Returns how long that took.
    pub async fn kill_leader(&mut self, store: &Store) -> anyhow::Result<Takeover> {
        let leader_peak_rss_bytes = self.leader.id().and_then(peak_rss_bytes);
        let killed_at = Instant::now();
        self.leader.kill().await.context("kill the leader")?;
        tokio::select! {
            epoch = newer_epoch(store, self.epoch) => epoch?,
            ended = self.standby.wait() => bail!("the standby ended: {}", ended?),
        };
        Ok(Takeover {
            took: killed_at.elapsed(),
            leader_peak_rss_bytes,
        })
    }
}

/// This program, serving the bench's lane with the bench's own configuration.
fn dispatcher(config: &ConfigArgs) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("find this program")?;
    let mut command = Command::new(program);
    command.arg("run");
    if let Some(file) = &config.config {
        command.arg("--config").arg(file);
    }
    let own = [
        format!("dispatcher.region={LANE}"),
        format!("dispatcher.pool={LANE}"),
        "http.listen=127.0.0.1:0".to_owned(),
    ];
    for set in config.set.iter().chain(&own) {
        command.arg("--set").arg(set);
    }
    // Its log goes where the bench's own goes; the report has the standard output for itself.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start a dispatcher")
}

async fn newer_epoch(store: &Store, than: i64) -> anyhow::Result<i64> {
    let began = Instant::now();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while began.elapsed() < LIMIT {
        looks.tick().await;
        match store.current_epoch(LANE, LANE).await? {
            Some(epoch) if epoch > than => return Ok(epoch),
            _ => {}
        }
    }
    bail!("nobody led the lane within {LIMIT:?}")
}
