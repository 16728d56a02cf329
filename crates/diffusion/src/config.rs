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
        .or_else(|error| match without_infinities(&text) {
            Some(finite) => serde_json::from_slice(&finite).map_err(|_| error),
            None => Err(error),
        })
        .map_err(|error| LoadError::file(path, format!("not valid: {error}")))
}

/// Python writes numbers that JSON does not have; outside of strings they become null. Nothing when there are none.
fn without_infinities(text: &[u8]) -> Option<Vec<u8>> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let (mut finite, mut at, mut in_string, mut found) = (Vec::new(), 0, false, false);
    while at < text.len() {
        let rest = &text[at..];
        let word = WORDS.iter().find(|word| rest.starts_with(word));
        match (word, text[at]) {
            (Some(word), _) if !in_string => {
                finite.extend_from_slice(b"null");
                (at, found) = (at + word.len(), true);
                continue;
            }
            (_, b'\\') if in_string && at + 1 < text.len() => {
                finite.extend_from_slice(&rest[..2]);
                at += 2;
                continue;
            }
            (_, b'"') => in_string = !in_string,
            _ => {}
        }
        finite.push(text[at]);
        at += 1;
    }
    found.then_some(finite)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_only_python_writes_are_read_as_nothing() {
        let text = br#"{"a": -Infinity, "b": [NaN, 1], "c": "say \"Infinity\" twice"}"#;
        let finite = without_infinities(text).expect("there are such numbers");
        let found: serde_json::Value = serde_json::from_slice(&finite).expect("now it is JSON");
        let wanted = serde_json::json!({"a": null, "b": [null, 1], "c": "say \"Infinity\" twice"});
        assert_eq!(found, wanted);
        assert_eq!(without_infinities(b"{}"), None);
    }
}
