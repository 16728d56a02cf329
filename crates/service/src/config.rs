//! Configuration: flag over environment over file, checked before anything is connected.
//!
//! Each process has one struct that derives `Deserialize`. A key `a.b` comes from `[a] b` in the file given by
//! `--config`, from the variable `EASEL_A__B`, or from `--set a.b=…`. All processes of a machine share one environment:
//! `EASEL_<PROCESS>__A__B` is for that process alone and wins over `EASEL_A__B`. `DISCORD_TOKEN` is the one name without
//! the prefix and fills the key `discord_token`.
//!
//! Wherever a key `x` is taken, `x_file` names a file that holds its value instead; secrets belong there or in the
//! environment. Unknown keys in files and flags are refused with the nearest valid one; unknown variables are reported
//! once, unless they belong to a section that another process uses ([`KNOWN_SECTIONS`]). An empty variable counts as
//! absent. Lists may be written as text with commas.

mod common;
mod de;
pub mod duration;
mod nearest;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

pub use common::{
    BrokerConfig, CdnConfig, DatabaseConfig, HttpConfig, LogConfig, LogFormat, S3Config,
    ShutdownConfig, redacted,
};
use de::{DeError, DeErrorKind, NodeDeserializer, Unknown};
use nearest::nearest;
use tree::{Node, Origin, Value};

/// First parts of variable names that some process understands. A process that does not use one stays silent about it.
pub const KNOWN_SECTIONS: &[&str] = &[
    "blobs",
    "bot",
    "broker",
    "cdn",
    "database",
    "delivery",
    "discord",
    "discord_api",
    "discord_openapi",
    "discord_token",
    "dispatcher",
    "gpu_node",
    "http",
    "intake",
    "log",
    "moderation",
    "node",
    "playground",
    "s3",
    "scheduler",
    "shutdown",
    "stack",
    "test",
];

/// Words that begin the names of variables read by scripts and tests (`EASEL_TEST_…`, `EASEL_SMOKE_NAME`, …).
const SCRIPT_WORDS: &[&str] = &[
    "cache", "ci", "demo", "postgres", "quiet", "rabbitmq", "ready", "repo", "setup", "smoke",
    "stack", "test",
];
/// Variables of scripts that begin like a section.
const SCRIPT_NAMES: &[&str] = &["cdn_port", "playground_port", "s3_bin"];

/// Why a configuration was refused. The text says what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("configuration file {}: cannot be read; check the path given with --config", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("configuration file {}: not valid TOML: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's words, with the place.
        message: String,
    },
    /// Keys that nothing takes, one line each.
    #[error("unknown configuration key{}: {}", if .0.len() == 1 { "" } else { "s" }, .0.join("; "))]
    UnknownKeys(Vec<String>),
    /// A required key is absent.
    #[error(
        "configuration key `{key}` is missing: set {variable}, or `{key}` in the file given with --config"
    )]
    Missing {
        /// The full key.
        key: String,
        /// The variable that would fill it.
        variable: String,
    },
    /// A value does not fit.
    #[error("configuration key `{key}` from {origin}: {message}")]
    Invalid {
        /// The full key.
        key: String,
        /// Where the value came from.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// A `--set` without `=`.
    #[error("`--set {0}`: write it as --set section.key=value")]
    BadOverride(String),
}

/// The flags through which every process takes its configuration; flatten it into the process's own arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// TOML file to read settings from.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// One setting, over environment and file: --set http.listen=127.0.0.1:9100.
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
}

/// Everything a configuration is read from, as values.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    environment: BTreeMap<String, String>,
    flags: Vec<(String, String)>,
}

impl Sources {
    /// The file and flags of `args` over the environment of this process.
    pub fn from_args(args: &ConfigArgs) -> Result<Self, ConfigError> {
        let mut sources = Self {
            file: args.config.clone(),
            ..Self::default()
        }
        .environment(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        for set in &args.set {
            let (key, value) = set
                .split_once('=')
                .ok_or_else(|| ConfigError::BadOverride(set.clone()))?;
            sources = sources.flag(key.trim(), value);
        }
        Ok(sources)
    }

    /// Reads the given file.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Takes variables; those that are not ours are left out later.
    #[must_use]
    pub fn environment<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.environment.extend(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        self
    }

    /// A flag of the process that fills the dotted `key`.
    #[must_use]
    pub fn flag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.push((key.into(), value.into()));
        self
    }
}

/// A configuration together with what is worth a warning once logging works.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The configuration.
    pub config: T,
    /// One sentence per variable that nothing takes.
    pub warnings: Vec<String>,
}

/// Reads the configuration of `process` (`bot`, `dispatcher`, `gpu-node`, …).
///
/// # Errors
/// The first value that is missing or does not fit, or all unknown keys.
pub fn load<T: DeserializeOwned>(
    process: &str,
    sources: &Sources,
) -> Result<Loaded<T>, ConfigError> {
    let mut root = match &sources.file {
        Some(path) => tree::read_file(path)?,
        None => Node::table(Origin::File(Arc::from(Path::new("the defaults")))),
    };
    merge_environment(&mut root, process, &sources.environment);
    for (key, value) in &sources.flags {
        root.set(
            &key.split('.').collect::<Vec<_>>(),
            Value::Text(value.clone()),
            Origin::Flag,
        );
    }
    let unknown = RefCell::new(Vec::new());
    let result = T::deserialize(NodeDeserializer {
        node: &root,
        path: String::new(),
        unknown: &unknown,
    });
    let unknown = unknown.into_inner();
    // A misspelt key often shows up as a missing one too: the slip is the better message.
    let refused: Vec<_> = unknown
        .iter()
        .filter(|key| !matches!(key.origin, Origin::Environment(_)))
        .collect();
    if !refused.is_empty() {
        return Err(ConfigError::UnknownKeys(
            refused.into_iter().map(describe_unknown).collect(),
        ));
    }
    let config = result.map_err(describe_error)?;
    let warnings = unknown
        .iter()
        .filter(|key| !belongs_elsewhere(&key.path))
        .map(describe_unknown)
        .collect();
    Ok(Loaded { config, warnings })
}

fn merge_environment(root: &mut Node, process: &str, environment: &BTreeMap<String, String>) {
    let own = format!("{}__", process.replace('-', "_").to_lowercase());
    let mut settings = Vec::new();
    for (name, value) in environment.iter().filter(|(_, value)| !value.is_empty()) {
        let key = match name.strip_prefix("EASEL_") {
            Some(rest) => rest.to_lowercase(),
            None if name == "DISCORD_TOKEN" || name == "DISCORD_TOKEN_FILE" => name.to_lowercase(),
            None => continue,
        };
        let scoped = key.strip_prefix(&own).map(ToString::to_string);
        settings.push((scoped.is_some(), scoped.unwrap_or(key), name, value));
    }
    // Those for this process alone come last and win.
    settings.sort();
    for (_, key, name, value) in settings {
        root.set(
            &key.split("__").collect::<Vec<_>>(),
            Value::Text(value.clone()),
            Origin::Environment(name.clone()),
        );
    }
}

/// Whether a variable that this process does not take is meant for another one, or for a script.
fn belongs_elsewhere(path: &str) -> bool {
    // Inside a section the slip is ours: only those who use a section look into it.
    if path.contains('.') {
        return false;
    }
    let known = |name: &str| KNOWN_SECTIONS.contains(&name);
    let word = path.split('_').next().unwrap_or(path);
    known(path)
        || path.strip_suffix("_file").is_some_and(known)
        || SCRIPT_WORDS.contains(&word)
        || SCRIPT_NAMES.contains(&path)
}

fn describe_unknown(key: &Unknown) -> String {
    let is_section = !key.path.contains('.');
    let hint = key.nearest.or_else(|| {
        is_section
            .then(|| nearest(&key.path, KNOWN_SECTIONS))
            .flatten()
    });
    let hint = hint
        .map(|field| format!(", did you mean `{field}`?"))
        .unwrap_or_default();
    format!("`{}` in {}{hint}", key.path, key.origin)
}

fn describe_error(error: DeError) -> ConfigError {
    let path = error.path.unwrap_or_default();
    match error.kind {
        DeErrorKind::Missing(field) => {
            let key = if path.is_empty() {
                field.to_string()
            } else {
                format!("{path}.{field}")
            };
            ConfigError::Missing {
                variable: variable_for(&key),
                key,
            }
        }
        DeErrorKind::Other(message) => {
            let origin = error
                .origin
                .map_or_else(|| "an unknown place".into(), |origin| origin.to_string());
            ConfigError::Invalid {
                key: path,
                origin,
                message,
            }
        }
    }
}

fn variable_for(key: &str) -> String {
    match key {
        "discord_token" => "DISCORD_TOKEN".into(),
        // A whole section is absent: its keys are set one by one.
        "broker" | "cdn" | "database" | "s3" => format!("EASEL_{}__…", key.to_uppercase()),
        _ => format!("EASEL_{}", key.to_uppercase().replace('.', "__")),
    }
}

#[cfg(test)]
mod tests;
