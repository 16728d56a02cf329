//! How many transformer blocks each attention has: one number for all, one for each level, or one for each layer of a level,
//! then with other ones on the way up (Segmind's distilled XL networks; Gupta et al. 2024, arXiv 2401.02677).

use std::path::Path;

use serde::Deserialize;

use crate::config::PerLevel;
use crate::error::LoadError;

/// What `transformer_layers_per_block` may hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum DepthConfig {
    /// The same everywhere.
    One(i64),
    /// One for each level, or a list with one for each of its layers.
    Each(Vec<PerLevel<i64>>),
}

impl DepthConfig {
    fn expand(&self, levels: usize) -> Option<Vec<PerLevel<i64>>> {
        match self {
            Self::One(depth) => Some(vec![PerLevel::One(*depth); levels]),
            Self::Each(depths) => (depths.len() == levels).then(|| depths.clone()),
        }
    }
}

/// Beyond all networks that exist; a file that asks for more would only keep us busy.
const DEEPEST: i64 = 1000;

/// Transformer blocks of the attentions of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depths {
    /// Behind each residual block on the way down.
    pub down: Vec<i64>,
    /// At the bottom, where this is the innermost level.
    pub middle: i64,
    /// Behind each residual block on the way up: one more than on the way down.
    pub up: Vec<i64>,
}

/// The depths of each level, outermost first. `layers`: residual blocks on the way down; `reversed`: the way up,
/// innermost first, where the file tells it apart.
pub fn depths(
    config: &DepthConfig,
    reversed: Option<&[PerLevel<i64>]>,
    layers: &[i64],
    path: &Path,
) -> Result<Vec<Depths>, LoadError> {
    const KEY: &str = "transformer_layers_per_block";
    const UP: &str = "reverse_transformer_layers_per_block";
    let count = layers.len();
    let wrong = |key: &str| {
        let message = format!("must be one value or {count}, one for each level");
        LoadError::key(path, key, message)
    };
    let down = config.expand(count).ok_or_else(|| wrong(KEY))?;
    let up = match reversed {
        Some(reversed) if reversed.len() == count => reversed.iter().rev().cloned().collect(),
        Some(_) => return Err(wrong(UP)),
        None if down.iter().any(|level| matches!(level, PerLevel::Each(_))) => {
            let message = "one number for each layer needs another list for the way up";
            return Err(LoadError::key(path, UP, message));
        }
        None => down.clone(),
    };
    let level = |index: usize| {
        Ok(Depths {
            down: of_layers(&down[index], layers[index], KEY, path)?,
            middle: match &down[index] {
                PerLevel::One(depth) => *depth,
                PerLevel::Each(depths) => depths.first().copied().unwrap_or_default(),
            },
            up: of_layers(&up[index], layers[index] + 1, UP, path)?,
        })
    };
    (0..count).map(level).collect()
}

fn of_layers(
    depth: &PerLevel<i64>,
    layers: i64,
    key: &str,
    path: &Path,
) -> Result<Vec<i64>, LoadError> {
    let depths = depth.expand(layers.max(0) as usize).ok_or_else(|| {
        let message = format!("a level of {layers} layers needs one value or {layers}");
        LoadError::key(path, key, message)
    })?;
    match depths.iter().find(|depth| !(0..=DEEPEST).contains(*depth)) {
        Some(depth) => {
            let message = format!("must be from 0 to {DEEPEST}, not {depth}");
            Err(LoadError::key(path, key, message))
        }
        None => Ok(depths),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(down: Value, up: Value, layers: &[i64]) -> Result<Vec<Depths>, LoadError> {
        let down: DepthConfig = serde_json::from_value(down).unwrap();
        let up: Option<Vec<PerLevel<i64>>> = serde_json::from_value(up).unwrap();
        depths(&down, up.as_deref(), layers, Path::new("config.json"))
    }

    #[test]
    fn depths_are_told_for_all_levels_for_each_or_for_each_layer() {
        let even = read(json!(2), Value::Null, &[1, 2]).unwrap();
        assert_eq!(even[1].down, [2, 2]);
        assert_eq!(even[1].up, [2, 2, 2]);
        let by_level = read(json!([1, 3]), Value::Null, &[1, 1]).unwrap();
        assert_eq!((by_level[1].middle, &by_level[0].up[..]), (3, &[1, 1][..]));
        // The distilled network that "SSD-1B" is.
        let down = json!([0, [2, 2], [4, 4]]);
        let up = json!([[4, 4, 10], [2, 1, 1], 1]);
        let uneven = read(down, up, &[2, 2, 2]).unwrap();
        assert_eq!(uneven[0].up, [1, 1, 1]);
        assert_eq!(uneven[1].up, [2, 1, 1]);
        assert_eq!((uneven[2].middle, &uneven[2].up[..]), (4, &[4, 4, 10][..]));
    }

    #[test]
    fn lists_that_do_not_fit_the_levels_are_refused_by_key() {
        let cases = [
            (
                json!([1, 2, 3]),
                Value::Null,
                "transformer_layers_per_block",
            ),
            (
                json!([[1], [1]]),
                Value::Null,
                "reverse_transformer_layers_per_block",
            ),
            (
                json!([[1], [1, 1]]),
                json!([1, 1]),
                "transformer_layers_per_block",
            ),
            (
                json!([[1], [1]]),
                json!([1]),
                "reverse_transformer_layers_per_block",
            ),
            (
                json!([[1], [1]]),
                json!([1, [1, 2, 3]]),
                "reverse_transformer_layers_per_block",
            ),
            (json!(5000), Value::Null, "transformer_layers_per_block"),
        ];
        for (down, up, key) in cases {
            let error = read(down.clone(), up, &[1, 1]).unwrap_err().to_string();
            assert!(
                error.contains(&format!(" {key}")) || error.contains(key),
                "{down}: {error}"
            );
        }
    }
}
