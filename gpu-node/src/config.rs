//! What an operator can set for a node.

use std::path::PathBuf;
use std::time::Duration;

use easel_broker::{Lane, Segment};
use easel_domain::NodeId;
use easel_service::ProcessConfig;
use easel_service::config::{BrokerConfig, HttpConfig, LogConfig, ShutdownConfig, duration};
use serde::Deserialize;

/// Configuration of one node process. It holds no credentials but the broker's (G11).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Health and metrics.
    #[serde(default)]
    pub http: HttpConfig,
    /// Logging.
    #[serde(default)]
    pub log: LogConfig,
    /// Draining.
    #[serde(default)]
    pub shutdown: ShutdownConfig,
    /// RabbitMQ, under the node's own account.
    pub broker: BrokerConfig,
    /// The node itself.
    pub node: NodeConfig,
}

/// `node`: identity, device and model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Name of the node, unique in the fleet.
    pub id: NodeId,
    /// Region whose jobs it takes.
    #[serde(default = "local")]
    pub region: Segment,
    /// Pool whose jobs it takes.
    #[serde(default = "main_pool")]
    pub pool: Segment,
    /// Device class, as the scheduler's tables name it.
    #[serde(default = "cpu")]
    pub class: String,
    /// Directory of the checkpoint, in the diffusers layout.
    pub model: PathBuf,
    /// `cpu` or `cuda:N`.
    #[serde(default = "cpu")]
    pub device: String,
    /// Worker threads on a CPU; 0 for one for each core.
    #[serde(default)]
    pub threads: usize,
    /// Jobs that it takes at once.
    #[serde(default = "two")]
    pub capacity: u32,
    /// How often it says that it is alive. Leases expire after 5 s without.
    #[serde(default = "one_second", with = "duration")]
    pub heartbeat_every: Duration,
    /// Progress of one job is told at most this often.
    #[serde(default = "half_a_second", with = "duration")]
    pub progress_every: Duration,
    /// Finished pictures wait this long for an object store that is away; after that the try fails.
    #[serde(default = "ten_minutes", with = "duration")]
    pub store_patience: Duration,
}

fn segment(text: &str) -> Segment {
    text.parse().expect("the default names are sound segments")
}

fn local() -> Segment {
    segment("local")
}

fn main_pool() -> Segment {
    segment("main")
}

fn cpu() -> String {
    "cpu".into()
}

fn two() -> u32 {
    2
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn half_a_second() -> Duration {
    Duration::from_millis(500)
}

fn ten_minutes() -> Duration {
    Duration::from_mins(10)
}

impl NodeConfig {
    /// Region and pool as the broker names them.
    pub fn lane(&self) -> Lane {
        Lane {
            region: self.region.clone(),
            pool: self.pool.clone(),
        }
    }
}

impl ProcessConfig for AgentConfig {
    fn http(&self) -> &HttpConfig {
        &self.http
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn shutdown(&self) -> ShutdownConfig {
        self.shutdown
    }

    fn check(&self) -> Result<(), String> {
        if self.node.capacity == 0 {
            return Err("`node.capacity` is 0: a node that takes no job is of no use".into());
        }
        if self.node.heartbeat_every > Duration::from_secs(2) {
            return Err(
                "`node.heartbeat_every` is above 2s: leases would run out between two heartbeats"
                    .into(),
            );
        }
        Ok(())
    }
}
