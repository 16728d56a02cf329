//! The layers of configuration merged into one tree that remembers where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value came from, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    File(Arc<Path>),
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "the environment ({name})"),
            Self::Flag => f.write_str("a command line flag"),
        }
    }
}

/// One value with its origin. A table built from several layers has the origin of the first.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    Array(Vec<Node>),
    /// Text from the environment or a flag, which may stand for any type.
    Text(String),
    Scalar(toml::Value),
}

impl Node {
    pub(super) fn table(origin: Origin) -> Self {
        Self {
            origin,
            value: Value::Table(BTreeMap::new()),
        }
    }

    pub(super) fn from_toml(value: toml::Value, origin: &Origin) -> Self {
        let value = match value {
            toml::Value::Table(table) => Value::Table(
                table
                    .into_iter()
                    .map(|(key, value)| (key, Self::from_toml(value, origin)))
                    .collect(),
            ),
            toml::Value::Array(items) => Value::Array(
                items
                    .into_iter()
                    .map(|item| Self::from_toml(item, origin))
                    .collect(),
            ),
            scalar => Value::Scalar(scalar),
        };
        Self {
            origin: origin.clone(),
            value,
        }
    }

    /// Sets the value at `path`, replacing what was there and turning scalars on the way into tables.
    ///
    /// `key` and `key_file` are two ways of saying the same: a higher layer's use of one removes a lower layer's use of
    /// the other.
    pub(super) fn set(&mut self, path: &[&str], value: Value, origin: Origin) {
        let Some((first, rest)) = path.split_first() else {
            *self = Self { origin, value };
            return;
        };
        if !matches!(self.value, Value::Table(_)) {
            *self = Self::table(origin.clone());
        }
        let Value::Table(table) = &mut self.value else {
            return;
        };
        if rest.is_empty() {
            let twin = first
                .strip_suffix("_file")
                .map_or_else(|| format!("{first}_file"), ToString::to_string);
            if table
                .get(&twin)
                .is_some_and(|other| other.origin != origin && !same_layer(&other.origin, &origin))
            {
                table.remove(&twin);
            }
        }
        table
            .entry((*first).to_string())
            .or_insert_with(|| Self::table(origin.clone()))
            .set(rest, value, origin);
    }
}

fn same_layer(left: &Origin, right: &Origin) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

/// Reads a TOML file into a tree.
pub(super) fn read_file(path: &Path) -> Result<Node, super::ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| super::ConfigError::ReadFile {
        path: PathBuf::from(path),
        source,
    })?;
    let table: toml::Table =
        text.parse()
            .map_err(|error: toml::de::Error| super::ConfigError::Syntax {
                path: PathBuf::from(path),
                message: error.to_string().trim_end().to_string(),
            })?;
    Ok(Node::from_toml(
        toml::Value::Table(table),
        &Origin::File(Arc::from(path)),
    ))
}
