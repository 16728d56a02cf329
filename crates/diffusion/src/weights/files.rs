//! Which files hold a part's tensors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::LoadError;

/// The files that hold a part: one file, or the shards of an index; the fp16 variant where there is no other.
pub fn locate(directory: &Path, stem: &str) -> Result<Vec<PathBuf>, LoadError> {
    for variant in ["", ".fp16"] {
        let whole = directory.join(format!("{stem}{variant}.safetensors"));
        if whole.is_file() {
            return Ok(vec![whole]);
        }
        let index = directory.join(format!("{stem}.safetensors.index{variant}.json"));
        if index.is_file() {
            return shards(directory, &index);
        }
    }
    let wanted = directory.join(format!("{stem}.safetensors"));
    let converted = directory.join(format!("{stem}.bin")).is_file();
    let hint = if converted {
        " (there is a .bin: convert it to safetensors first)"
    } else {
        ""
    };
    Err(LoadError::file(&wanted, format!("missing file{hint}")))
}

#[derive(serde::Deserialize)]
struct ShardIndex {
    weight_map: HashMap<String, String>,
}

fn shards(directory: &Path, index: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let parsed: ShardIndex = crate::config::read_json(index)?;
    let mut names: Vec<String> = parsed.weight_map.into_values().collect();
    names.sort();
    names.dedup();
    // A shard lies beside its index; anything that looks like a path would reach outside the checkpoint.
    if let Some(name) = names
        .iter()
        .find(|name| name.contains(['/', '\\']) || name.as_str() == "..")
    {
        return Err(LoadError::key(
            index,
            name.as_str(),
            "shard name is not a plain file name",
        ));
    }
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}
