//! What a node says of itself, every second.

use serde::{Deserialize, Serialize};

use super::{LeaseRef, NodeBoot};
use crate::model::ModelProfile;

/// A node's description of itself: its registration, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who speaks.
    pub from: NodeBoot,
    /// Device class, such as `cpu` or `h100`.
    pub class: String,
    /// Memory for models and latents, in bytes.
    pub memory_bytes: u64,
    /// Models that it can render, each with the hash of its weights.
    pub models: Vec<NodeModel>,
    /// Jobs that it takes at once.
    pub capacity: u32,
    /// Pictures of one shape that its engine renders in one call at most. Nodes of older builds do not say.
    #[serde(default)]
    pub most_pictures: Option<u32>,
    /// Leases that it holds.
    pub leases: Vec<LeaseRef>,
    /// Whether it takes no new work.
    pub draining: bool,
    /// Whether it loads, gives up, pauses and resumes when it is told to. Nodes of older builds do not.
    #[serde(default)]
    pub directed: bool,
    /// Those of its leases that it holds up.
    #[serde(default)]
    pub paused: Vec<LeaseRef>,
    /// Why it should get no work, if it should not: it has checked itself.
    #[serde(default)]
    pub trouble: Option<NodeTrouble>,
}

/// A model on a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeModel {
    /// Hash of the weights, as in [`crate::model::ModelRef`].
    pub hash: String,
    /// What it can do.
    pub profile: ModelProfile,
    /// Where its weights are. Nodes of older builds have all of theirs in memory.
    #[serde(default)]
    pub residency: Residency,
    /// Memory that the weights take or would take, in bytes; 0 where the node does not say.
    #[serde(default)]
    pub bytes: u64,
    /// Whether the node never gives them up.
    #[serde(default)]
    pub pinned: bool,
    /// How long their last load took, in seconds.
    #[serde(default)]
    pub load_s: Option<f64>,
    /// Whether the node says how much the words of a prompt count for it. Nodes of older builds do not.
    #[serde(default)]
    pub weighs: bool,
    /// Whether the node has eyes beside it: it finds prompts for pictures. Nodes of older builds do not.
    #[serde(default)]
    pub describes: bool,
}

impl NodeModel {
    /// A model in memory of which nothing else is said.
    pub fn resident(hash: impl Into<String>, profile: ModelProfile) -> Self {
        Self {
            hash: hash.into(),
            profile,
            residency: Residency::Resident,
            bytes: 0,
            pinned: false,
            load_s: None,
            weighs: false,
            describes: false,
        }
    }
}

/// Where the weights of a model are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residency {
    /// In the device's memory: a job starts at the next step.
    #[default]
    Resident,
    /// On their way there.
    Loading,
    /// On the node's disk only.
    Stored,
}

/// What a node has found wrong with itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTrouble {
    /// What kind of thing.
    pub kind: TroubleKind,
    /// What exactly, for operators.
    pub message: String,
}

/// The kinds of [`NodeTrouble`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The picture that it knows by heart came out differently, or not at all (G13).
    WrongAnswer,
    /// A step does not end.
    Hung,
    /// Its engine has stopped.
    Stopped,
}

impl TroubleKind {
    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongAnswer => "wrong_answer",
            Self::Hung => "hung",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_older_node_mean_that_all_its_weights_are_in_memory() {
        let body = r#"{"from":{"node":"n1","boot":"00000000-0000-0000-0000-000000000001"},"class":"cpu",
            "memory_bytes":1,"capacity":1,"leases":[],"draining":false,"models":[{"hash":"h","profile":{"id":"m",
            "native_width":64,"native_height":64,"max_side":96,"default_steps":4,"default_guidance":5.0}}]}"#;
        let beat: Heartbeat = serde_json::from_str(body).unwrap();
        assert_eq!(beat.models[0].residency, Residency::Resident);
        assert!(
            !beat.models[0].weighs && !beat.models[0].describes,
            "it is asked nothing that it does not know"
        );
        assert!(!beat.directed && beat.paused.is_empty() && beat.trouble.is_none());
    }
}
