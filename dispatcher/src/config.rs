//! What an operator can set.

use std::time::Duration;

use easel_broker::{Lane, Segment};
use easel_scheduler::scaling::ScaleRules;
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
    /// Jobs go to another region of the pool when the wait here is predicted to be longer than this, or when no node has
    /// been heard for as long.
    #[serde(with = "duration")]
    pub spill_after: Duration,
    /// Jobs of another region of the pool are taken over when nobody has led it for this long.
    #[serde(with = "duration")]
    pub adopt_after: Duration,
    /// How long after nothing refers to an object any more it is deleted from the store.
    #[serde(with = "duration")]
    pub garbage_after: Duration,
    /// How long a member's picture is kept after it was given, or a job began from it, last.
    #[serde(with = "duration")]
    pub inputs_after: Duration,
    /// Fewest nodes that `GET /scale` asks for.
    pub least_nodes: u32,
    /// Most nodes that it asks for.
    pub most_nodes: u32,
    /// How long a node that is started takes until it works: as far as the forecast looks ahead.
    #[serde(with = "duration")]
    pub node_start: Duration,
    /// How long what was asked for is still asked for.
    #[serde(with = "duration")]
    pub cool_down: Duration,
    /// What an hour of a node costs, in any money.
    pub node_cost: f64,
    /// What an hour of the lane may cost: no more nodes are asked for, not even the fewest. Nothing for no ceiling.
    pub most_cost: Option<f64>,
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
            spill_after: Duration::from_mins(1),
            adopt_after: Duration::from_secs(30),
            garbage_after: Duration::from_hours(1),
            inputs_after: Duration::from_hours(30 * 24),
            least_nodes: 0,
            most_nodes: 1_000,
            node_start: Duration::from_mins(5),
            cool_down: Duration::from_mins(5),
            node_cost: 1.0,
            most_cost: None,
        }
    }
}

impl LaneConfig {
    /// How many nodes there should be, as the operator decides it.
    pub fn scale_rules(&self) -> ScaleRules {
        ScaleRules {
            least: self.least_nodes,
            most: self.most_nodes,
            cool_down_s: self.cool_down.as_secs_f64(),
            ahead_s: self.node_start.as_secs_f64(),
            node_cost: self.node_cost,
            most_cost: self.most_cost,
            ..ScaleRules::default()
        }
    }

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
        let (node, most) = (self.dispatcher.node_cost, self.dispatcher.most_cost);
        if !(node.is_finite() && node > 0.0 && most.is_none_or(|most| most >= 0.0)) {
            return Err(format!(
                "`dispatcher.node_cost` is {node} and `dispatcher.most_cost` is {most:?}: use an amount above 0, and one of 0 or more or none"
            ));
        }
        let an_interaction = Duration::from_mins(15);
        if self.dispatcher.inputs_after < an_interaction {
            return Err(format!(
                "`dispatcher.inputs_after` is {:?}: between giving a picture and asking for a job lie up to {an_interaction:?}",
                self.dispatcher.inputs_after
            ));
        }
        let shortest = Duration::from_secs(2);
        for (key, value) in [
            (
                "dispatcher.leadership_term",
                self.dispatcher.leadership_term,
            ),
            ("dispatcher.lease_term", self.dispatcher.lease_term),
            ("dispatcher.adopt_after", self.dispatcher.adopt_after),
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
