//! Finished pictures: their files, where those may lie, and what the image check said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a file of a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// The lossless picture.
    Full,
    /// The picture, longest side at most 512 px.
    Thumb512,
    /// The picture, longest side at most 128 px.
    Thumb128,
    /// All pictures of the job in one, at most 8 MiB. Belongs to the job, not to a picture.
    Grid,
}

impl FileRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Full, Self::Thumb512, Self::Thumb128, Self::Grid];

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Thumb512 => "thumb512",
            Self::Thumb128 => "thumb128",
            Self::Grid => "grid",
        }
    }

    /// The role of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Largest grid file in bytes, below what every guild accepts as an attachment.
pub const MAX_GRID_BYTES: u64 = 8 * 1024 * 1024;

/// Largest file in bytes that a node may upload.
pub const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Who may read an object, and for how long it lives (S5). Also the first part of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageClass {
    /// Anybody who has the link, through the CDN.
    Public,
    /// Only through a signed link that expires.
    Private,
    /// Evidence for moderators; never through the CDN.
    Quarantine,
    /// Pictures that members gave.
    Input,
    /// Short-lived working files.
    Scratch,
}

impl StorageClass {
    /// Every class.
    pub const ALL: [Self; 5] = [
        Self::Public,
        Self::Private,
        Self::Quarantine,
        Self::Input,
        Self::Scratch,
    ];

    /// The stored name, also the key prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Quarantine => "quarantine",
            Self::Input => "input",
            Self::Scratch => "scratch",
        }
    }

    /// The class of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// What may be done with a picture (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureOutcome {
    /// Show it.
    Pass,
    /// Show it behind a spoiler.
    Spoiler,
    /// Ask a moderator.
    Hold,
    /// Never show it.
    Block,
}

impl PictureOutcome {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Spoiler => "spoiler",
            Self::Hold => "hold",
            Self::Block => "block",
        }
    }
}

/// What the image check found: scores, so that each destination can apply its own policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureVerdict {
    /// The outcome under the platform's own policy.
    pub outcome: PictureOutcome,
    /// Which check spoke: `safe-model` where the model needs none, else the classifier's id.
    pub checker: String,
    /// Score in `[0, 1]` by category.
    #[serde(default)]
    pub scores: BTreeMap<String, f32>,
}
