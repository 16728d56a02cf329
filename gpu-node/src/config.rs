//! What an operator can set for a node.

use std::collections::BTreeMap;
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
    /// Directory of a checkpoint, in the diffusers layout: short for one of `models` that is pinned.
    #[serde(default)]
    pub model: Option<PathBuf>,
    /// Checkpoints that it has on its disk. Those that are not pinned are loaded when they are wanted, and given up for
    /// others when memory is short, the longest unused first.
    #[serde(default)]
    pub models: Vec<ModelConfig>,
    /// What looks at pictures, but for those that a model marked safe draws from words alone. Without, a checkpoint's own
    /// safety checker does.
    #[serde(default)]
    pub checker: Option<CheckerConfig>,
    /// File with the scores from which on a picture is hidden, held or blocked, and with the block list; else those of
    /// `moderation/pictures.toml`.
    #[serde(default)]
    pub picture_policy: Option<PathBuf>,
    /// Directory of a `CLIPModel` as model hubs have it, with which it finds words for pictures. Without, it takes no such jobs.
    #[serde(default)]
    pub describe: Option<PathBuf>,
    /// The phrases that pictures are compared with; else `phrases.txt` in that directory.
    #[serde(default)]
    pub describe_phrases: Option<PathBuf>,
    /// Memory for weights and pictures, in GiB. On a CPU four fifths of what is free at the start, unless it says
    /// otherwise; a GPU's has to be said.
    #[serde(default)]
    pub memory_gib: Option<f64>,
    /// `cpu` or `cuda:N`.
    #[serde(default = "cpu")]
    pub device: String,
    /// Worker threads on a CPU; 0 for one for each core.
    #[serde(default)]
    pub threads: usize,
    /// Jobs that it takes at once, at most. It gets more than two only while its batches are measured to gain by it.
    #[serde(default = "eight")]
    pub capacity: u32,
    /// How often it says that it is alive. Leases expire after 5 s without.
    #[serde(default = "one_second", with = "duration")]
    pub heartbeat_every: Duration,
    /// Progress of one job is told at most this often.
    #[serde(default = "half_a_second", with = "duration")]
    pub progress_every: Duration,
    /// A step, or the decoding of a picture, that takes longer than this never ends: the node says so and stops, for its
    /// supervisor to start it again.
    #[serde(default = "four_minutes", with = "duration")]
    pub step_deadline: Duration,
    /// How often an idle node draws the picture that it knows by heart; 0 for never.
    #[serde(default = "five_minutes", with = "duration")]
    pub check_every: Duration,
    /// Where it keeps those pictures. Without, each start learns them anew.
    #[serde(default)]
    pub answers: Option<PathBuf>,
    /// Finished pictures wait this long for an object store that is away; after that the try fails.
    #[serde(default = "ten_minutes", with = "duration")]
    pub store_patience: Duration,
}

/// One of `node.models`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Directory of the checkpoint, in the diffusers layout.
    pub directory: PathBuf,
    /// Whether it is loaded at the start and never given up.
    #[serde(default)]
    pub pin: bool,
}

/// `node.checker`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckerConfig {
    /// Directory of a `ViTForImageClassification` or a `StableDiffusionSafetyChecker`, as model hubs have them.
    pub directory: PathBuf,
    /// Which category a label means, or `none`; labels that are not named mean what their words say.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
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

fn eight() -> u32 {
    8
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn half_a_second() -> Duration {
    Duration::from_millis(500)
}

fn four_minutes() -> Duration {
    Duration::from_mins(4)
}

fn five_minutes() -> Duration {
    Duration::from_mins(5)
}

fn ten_minutes() -> Duration {
    Duration::from_mins(10)
}

impl NodeConfig {
    /// All its checkpoints, the one called `model` first.
    pub fn stock(&self) -> Vec<ModelConfig> {
        let first = self.model.iter().map(|directory| ModelConfig {
            directory: directory.clone(),
            pin: true,
        });
        first.chain(self.models.iter().cloned()).collect()
    }

    /// What it looks at pictures with, and the file of its phrases, if it can.
    pub fn eyes(&self) -> Option<(PathBuf, PathBuf)> {
        let directory = self.describe.clone()?;
        let own = || directory.join("phrases.txt");
        let phrases = self.describe_phrases.clone().unwrap_or_else(own);
        Some((directory, phrases))
    }

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
        let stock = self.node.stock();
        if stock.is_empty() {
            return Err(
                "`node.models` is empty: name the directory of a checkpoint, or set `node.model`"
                    .into(),
            );
        }
        for (at, one) in stock.iter().enumerate() {
            if stock[..at]
                .iter()
                .any(|other| other.directory == one.directory)
            {
                return Err(format!(
                    "`node.models` names {} twice",
                    one.directory.display()
                ));
            }
        }
        if self.node.describe.is_none() && self.node.describe_phrases.is_some() {
            return Err("`node.describe_phrases` is there without `node.describe`: name the model that they are for".into());
        }
        if self
            .node
            .memory_gib
            .is_some_and(|gib| gib.is_nan() || gib <= 0.0)
        {
            return Err("`node.memory_gib` must be above 0".into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(more: serde_json::Value) -> Result<AgentConfig, String> {
        let mut node = serde_json::json!({ "id": "n1" });
        let (into, more) = (node.as_object_mut().unwrap(), more);
        into.extend(more.as_object().unwrap().clone());
        let text = serde_json::json!({ "broker": { "url": "amqp://localhost" }, "node": node });
        let config: AgentConfig =
            serde_json::from_value(text).map_err(|error| error.to_string())?;
        config.check().map(|()| config)
    }

    #[test]
    fn one_model_is_pinned_and_a_list_says_which_are() {
        let config = check(json!({ "model": "/a", "models": [{ "directory": "/b" }] })).unwrap();
        let pins: Vec<bool> = config.node.stock().iter().map(|one| one.pin).collect();
        assert_eq!(pins, [true, false]);
    }

    #[test]
    fn eyes_bring_their_phrases_unless_there_are_others() {
        let eyes = |more| check(more).map(|config| config.node.eyes());
        let found = eyes(json!({ "model": "/a", "describe": "/e" })).unwrap();
        assert_eq!(found, Some(("/e".into(), "/e/phrases.txt".into())));
        let others = json!({ "model": "/a", "describe": "/e", "describe_phrases": "/p" });
        assert_eq!(eyes(others).unwrap().unwrap().1, PathBuf::from("/p"));
        assert_eq!(eyes(json!({ "model": "/a" })).unwrap(), None);
        let alone = eyes(json!({ "model": "/a", "describe_phrases": "/p" })).unwrap_err();
        assert!(alone.contains("node.describe_phrases"), "{alone}");
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        assert!(check(json!({})).unwrap_err().contains("node.models"));
        let twice = json!({ "model": "/a", "models": [{ "directory": "/a" }] });
        assert!(check(twice).unwrap_err().contains("twice"));
        let nothing = check(json!({ "model": "/a", "memory_gib": 0 })).unwrap_err();
        assert!(nothing.contains("memory_gib"), "{nothing}");
    }
}
