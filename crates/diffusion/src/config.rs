//! Reading the JSON files of a checkpoint.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::LoadError;

/// Largest JSON file that is read, in bytes: vocabularies are a few megabytes.
const LONGEST_JSON_BYTES: u64 = 64 << 20;

/// Parses a file, naming it and the place in it when that fails.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let length = std::fs::metadata(path)
        .map_err(|error| LoadError::file(path, format!("open: {error}")))?
        .len();
    if length > LONGEST_JSON_BYTES {
        return Err(LoadError::file(
            path,
            format!("{length} bytes of JSON are not read"),
        ));
    }
    let text =
        std::fs::read(path).map_err(|error| LoadError::file(path, format!("read: {error}")))?;
    serde_json::from_slice(&text)
        .map_err(|error| LoadError::file(path, format!("not valid: {error}")))
}

/// One value for all levels, or one for each: both are written in configurations.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PerLevel<T> {
    /// The same everywhere.
    One(T),
    /// One for each level, outermost first.
    Each(Vec<T>),
}

impl<T: Clone> PerLevel<T> {
    /// The values of `levels` levels, or nothing when there are not as many.
    pub fn expand(&self, levels: usize) -> Option<Vec<T>> {
        match self {
            Self::One(value) => Some(vec![value.clone(); levels]),
            Self::Each(values) => (values.len() == levels).then(|| values.clone()),
        }
    }
}

/// Height and width, or one number for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Sides {
    /// A square.
    Square(i64),
    /// Height, width.
    HeightWidth(i64, i64),
}

impl Sides {
    /// Height and width.
    pub fn height_width(self) -> (i64, i64) {
        match self {
            Self::Square(side) => (side, side),
            Self::HeightWidth(height, width) => (height, width),
        }
    }
}
