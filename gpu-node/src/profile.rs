//! What a checkpoint can do, as its directory says in `easel.json`.

use std::path::{Path, PathBuf};

use easel_domain::model::ModelProfile;

/// A profile that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no file, or it cannot be opened.
    #[error(
        "read {path}: a node serves a checkpoint only with its profile; write one such as \
         {{\"id\": \"my-model\", \"native_width\": 512, \"native_height\": 512, \"max_side\": 1024, \"multiple\": 64, \
         \"default_steps\": 30, \"default_guidance\": 7.5}}"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a profile.
    #[error("{path} is not a model profile")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What and where.
        source: serde_json::Error,
    },
    /// Its numbers make no sense together.
    #[error("{path}: {reason}")]
    Unsound {
        /// The file.
        path: PathBuf,
        /// Which ones.
        reason: &'static str,
    },
}

/// Reads `easel.json` of a checkpoint's directory.
///
/// # Errors
///
/// See [`ProfileError`].
pub fn read_profile(directory: &Path) -> Result<ModelProfile, ProfileError> {
    let path = directory.join("easel.json");
    let text = std::fs::read_to_string(&path).map_err(|source| ProfileError::Missing {
        path: path.clone(),
        source,
    })?;
    let profile: ModelProfile =
        serde_json::from_str(&text).map_err(|source| ProfileError::Invalid {
            path: path.clone(),
            source,
        })?;
    match unsound(&profile) {
        Some(reason) => Err(ProfileError::Unsound { path, reason }),
        None => Ok(profile),
    }
}

fn unsound(profile: &ModelProfile) -> Option<&'static str> {
    let sides = [profile.native_width, profile.native_height];
    if profile.multiple == 0
        || sides
            .iter()
            .any(|side| *side == 0 || side % profile.multiple != 0)
    {
        return Some("`native_width` and `native_height` must be multiples of `multiple`");
    }
    if sides.iter().any(|side| *side > profile.max_side) {
        return Some("`max_side` is below the native size");
    }
    if !(1..=8).contains(&profile.finish_scale) {
        return Some("`finish_scale` must be from 1 to 8");
    }
    if profile.default_steps == 0 {
        return Some("`default_steps` is 0");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"m","native_width":64,"native_height":64,"max_side":96,"multiple":16,
        "default_steps":20,"default_guidance":5}"#;

    fn read(text: &str) -> Result<ModelProfile, ProfileError> {
        let directory = tempfile::tempdir().expect("a scratch directory");
        std::fs::write(directory.path().join("easel.json"), text).expect("write a scratch file");
        read_profile(directory.path())
    }

    #[test]
    fn a_profile_is_unsafe_unless_it_says_otherwise() {
        let profile = read(GOOD).expect("a sound profile");
        assert!(!profile.safe && profile.finish_scale == 1);
    }

    #[test]
    fn a_missing_profile_says_what_to_write() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let error = read_profile(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains("easel.json") && error.contains("native_width"),
            "{error}"
        );
    }

    #[test]
    fn numbers_that_make_no_sense_are_named() {
        let error = read(&GOOD.replace("\"max_side\":96", "\"max_side\":32")).unwrap_err();
        assert!(error.to_string().contains("max_side"), "{error}");
        assert!(matches!(read("{}"), Err(ProfileError::Invalid { .. })));
    }
}
