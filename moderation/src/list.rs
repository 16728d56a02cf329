//! Reading list files. Every mistake names its file and line, because lists are edited by people.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Why lists cannot be used.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file or directory cannot be read.
    #[error("read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No file to read.
    #[error("{} holds no .toml file", path.display())]
    Empty {
        /// Which directory.
        path: PathBuf,
    },
    /// A mistake in a file.
    #[error("{file}:{line}: {problem}")]
    Invalid {
        /// Name of the file.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The lists together are more than can be searched for.
    #[error("compile the lists")]
    TooLarge(#[from] aho_corasick::BuildError),
}

/// A file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFile {
    /// Shown in errors.
    pub name: String,
    /// TOML.
    pub text: String,
}

impl ListFile {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self, ListError> {
        let text = std::fs::read_to_string(path).map_err(|source| ListError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            name: path.display().to_string(),
            text,
        })
    }

    /// Reads every `.toml` file of a directory, in order of their names.
    pub fn read_directory(directory: &Path) -> Result<Vec<Self>, ListError> {
        let unreadable = |source| ListError::Unreadable {
            path: directory.to_owned(),
            source,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(ListError::Empty {
                path: directory.to_owned(),
            });
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ListError> {
        toml::from_str(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.invalid(at, error.message())
        })
    }

    /// An error at a byte of this file.
    pub(crate) fn invalid(&self, at: usize, problem: impl Into<String>) -> ListError {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        ListError::Invalid {
            file: self.name.clone(),
            line,
            problem: problem.into(),
        }
    }
}

/// SHA-256 in hex over all files: names the lists that a verdict was reached with.
pub(crate) fn version(files: &[ListFile]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.text.len().to_le_bytes());
        digest.update(file.text.as_bytes());
    }
    hex::encode(digest.finalize())
}
