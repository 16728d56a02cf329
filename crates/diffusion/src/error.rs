//! What can go wrong: with a checkpoint on disk, and with a task for it.

use std::path::{Path, PathBuf};

/// A checkpoint that cannot be loaded. Names the file and, where there is one, the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {message}", file.display(), key.as_deref().map(|key| format!(", {key}")).unwrap_or_default())]
pub struct LoadError {
    /// File or directory.
    pub file: PathBuf,
    /// Tensor name or configuration key.
    pub key: Option<String>,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl LoadError {
    /// Something is wrong with a whole file.
    pub fn file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            key: None,
            message: message.into(),
        }
    }

    /// Something is wrong with one entry of a file.
    pub fn key(file: &Path, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            key: Some(key.into()),
            message: message.into(),
        }
    }
}

/// A task that was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The task asks for what this checkpoint, or any, cannot do. Another try will fail as well.
    #[error("{parameter}: {message}")]
    Bad {
        /// Which parameter.
        parameter: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// libtorch failed, for example for want of memory. Another try may succeed.
    #[error("libtorch: {0}")]
    Torch(String),
}

impl TaskError {
    pub(crate) fn bad(parameter: &'static str, message: impl Into<String>) -> Self {
        Self::Bad {
            parameter,
            message: message.into(),
        }
    }
}
