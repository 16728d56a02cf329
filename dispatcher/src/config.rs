//! What an operator can set.

use std::time::Duration;

use easel_broker::{Lane, Segment};
use easel_service::ProcessConfig;
use easel_service::config::{
    BrokerConfig, CdnConfig, DatabaseConfig, HttpConfig, LogConfig, S3Config, ShutdownConfig,
    duration,
};
use serde::Deserialize;

/// Configuration of one dispatcher process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatcherConfig {
    /// Health and metrics.
    #[serde(default)]
    pub http: HttpConfig,
    /// Logging.
    #[serde(default)]
    pub log: LogConfig,
    /// Draining.
    #[serde(default)]
    pub shutdown: ShutdownConfig,
    /// Postgres.
    pub database: DatabaseConfig,
    /// RabbitMQ.
    pub broker: BrokerConfig,
    /// The object store.
    pub s3: S3Config,
    /// In front of it.
    pub cdn: CdnConfig,
    /// The dispatcher's own settings.
    #[serde(default)]
    pub dispatcher: LaneConfig,
}

/// `dispatcher`: the lane and its clocks.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LaneConfig {
    /// Region that this process leads or stands by for.
    pub region: Segment,
    /// Pool that this process leads or stands by for.
    pub pool: Segment,
    /// How long leadership lasts without renewal: the longest gap after the death of a leader.
    #[serde(with = "duration")]
    pub leadership_term: Duration,
    /// How long a lease lasts without a heartbeat.
    #[serde(with = "duration")]
    pub lease_term: Duration,
    /// How often the table is read for waiting jobs that no hint told of.
    #[serde(with = "duration")]
    pub sweep_every: Duration,
    /// How long a message may wait in the outbox before the relay sends it.
    #[serde(with = "duration")]
    pub relay_after: Duration,
    /// How long a job waits for weights that no node has before it fails.
    #[serde(with = "duration")]
    pub model_patience: Duration,
    /// How long nobody must have announced a job's weights until other weights of the same model count as their
    /// replacement: long enough for nodes to speak after a takeover or a restart.
    #[serde(with = "duration")]
    pub replaced_after: Duration,
    /// A leased job that comes no further for this long hangs: it is taken back, and the try counts as failed. Longer
    /// than the slowest step of the slowest node, waiting on the node included.
    #[serde(with = "duration")]
    pub progress_deadline: Duration,
    /// Fewest nodes that `GET /scale` asks for.
    pub least_nodes: u32,
    /// Most nodes that it asks for: the ceiling of what the lane may cost.
    pub most_nodes: u32,
}

impl Default for LaneConfig {
    fn default() -> Self {
        let segment = |text: &str| {
            text.parse::<Segment>()
                .expect("the default names are sound segments")
        };
        Self {
            region: segment("local"),
            pool: segment("main"),
            leadership_term: Duration::from_secs(5),
            lease_term: Duration::from_secs(5),
            sweep_every: Duration::from_secs(5),
            relay_after: Duration::from_secs(2),
            model_patience: Duration::from_mins(15),
            replaced_after: Duration::from_secs(15),
            progress_deadline: Duration::from_mins(5),
            least_nodes: 0,
            most_nodes: 1_000,
        }
    }
}

impl LaneConfig {
    /// Region and pool as the broker names them.
    pub fn lane(&self) -> Lane {
        Lane {
            region: self.region.clone(),
            pool: self.pool.clone(),
        }
    }
}

impl ProcessConfig for DispatcherConfig {
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
        if self.dispatcher.progress_deadline < self.dispatcher.lease_term {
            return Err(format!(
                "`dispatcher.progress_deadline` is {:?}: use at least the lease's term, {:?}",
                self.dispatcher.progress_deadline, self.dispatcher.lease_term
            ));
        }
        let shortest = Duration::from_secs(2);
        for (key, value) in [
            (
                "dispatcher.leadership_term",
                self.dispatcher.leadership_term,
            ),
            ("dispatcher.lease_term", self.dispatcher.lease_term),
        ] {
            if value < shortest {
                return Err(format!(
                    "`{key}` is {value:?}: nodes and leaders speak once a second, so use 2s or more"
                ));
            }
        }
        Ok(())
    }
}
