//! Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), as kohya's trainers, diffusers and peft write them.
//!
//! Names are not taken apart by rules of thumb: each is looked up among the names of the checkpoint's own weights, with
//! dots and underscores alike.

mod names;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tch::{Kind, Tensor};

use crate::error::LoadError;
use crate::weights::{Tensors, Weights};
pub(crate) use names::Blocks;
use names::{Role, foreign, parse};

/// The change of one weight.
struct Change {
    part: &'static str,
    name: String,
    down: Tensor,
    up: Tensor,
    /// Alpha over rank, or what the trainer used in its place.
    scale: f64,
    /// Lengths of the rows afterwards (Liu et al. 2024, arXiv 2402.09353).
    magnitude: Option<Tensor>,
}

/// Adapters read so far: each has a number of its own.
static READ: AtomicU64 = AtomicU64::new(0);

/// An adapter, read and matched with a checkpoint's weights.
pub struct Lora {
    number: u64,
    path: PathBuf,
    changes: Vec<Change>,
}

impl std::fmt::Debug for Lora {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, weights) = (self.path.display(), self.changes.len());
        write!(f, "Lora({path}, {weights} weights)")
    }
}

/// The tensors of one module, as they are found.
#[derive(Default)]
struct Parts {
    /// One of the file's own names, for errors.
    key: String,
    down: Option<Tensor>,
    up: Option<Tensor>,
    alpha: Option<f64>,
    magnitude: Option<Tensor>,
}

impl Lora {
    /// What tells it from every other adapter that this process has read.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Reads a file; `tensors` are the checkpoint's weights by part, and `blocks` its shape.
    pub(crate) fn read(
        path: &Path,
        tensors: &HashMap<&'static str, Tensors>,
        blocks: &Blocks,
    ) -> Result<Self, LoadError> {
        let weights = Weights::open_file(path)?;
        let mut keys = weights.names().into_iter();
        if let Some((kind, key)) = keys.find_map(|key| Some((foreign(&key)?, key))) {
            let message = format!(
                "belongs to an adapter of the kind {kind}, which cannot be applied; LoRA, LoCon and DoRA can"
            );
            return Err(LoadError::key(path, key, message));
        }
        let table = names::table(tensors);
        let mut modules = BTreeMap::<(&'static str, String), Parts>::new();
        for key in weights.names() {
            let Some((role, place)) = parse(&key) else {
                return Err(LoadError::key(path, key, "is not a tensor of an adapter"));
            };
            let target = place
                .candidates(blocks)
                .into_iter()
                .find_map(|(part, name)| table.get(&(part, name)));
            let Some((part, name)) = target else {
                let message =
                    "names no weight of this checkpoint: the adapter is for another family";
                return Err(LoadError::key(path, key, message));
            };
            let shape = weights.shape(&key).unwrap_or_default();
            let tensor = weights.tensor(&key, &shape)?;
            let parts = modules.entry((part, name.clone())).or_default();
            parts.key = key;
            match role {
                Role::Down => parts.down = Some(tensor),
                Role::Up => parts.up = Some(tensor),
                Role::Alpha if tensor.numel() == 1 => {
                    parts.alpha = Some(tensor.flatten(0, -1).double_value(&[0]));
                }
                Role::Alpha => return Err(LoadError::key(path, &parts.key, "is not one number")),
                Role::Magnitude => parts.magnitude = Some(tensor),
            }
        }
        let settings = Settings::read(&weights);
        let changes = modules
            .into_iter()
            .map(|((part, name), parts)| {
                let weight = &tensors[part][&name];
                change(path, part, name, parts, weight, &settings)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if changes.is_empty() {
            return Err(LoadError::file(path, "has no tensors of an adapter"));
        }
        Ok(Self {
            number: READ.fetch_add(1, Ordering::Relaxed),
            path: path.to_owned(),
            changes,
        })
    }

    /// The weights that it changes, by part and name.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.changes
            .iter()
            .map(|change| (change.part, change.name.as_str()))
    }

    /// That weight, in fp32, with `scale` times its change.
    pub(crate) fn changed(&self, part: &str, name: &str, weight: Tensor, scale: f64) -> Tensor {
        let own = |change: &&Change| change.part == part && change.name == name;
        self.changes
            .iter()
            .filter(own)
            .fold(weight, |weight, change| change.apply(&weight, scale))
    }
}

fn change(
    path: &Path,
    part: &'static str,
    name: String,
    parts: Parts,
    weight: &Tensor,
    settings: &Settings,
) -> Result<Change, LoadError> {
    let (Some(down), Some(up)) = (parts.down, parts.up) else {
        return Err(LoadError::key(
            path,
            parts.key,
            "only one of the two factors is there",
        ));
    };
    let size = weight.size();
    let (outputs, rank) = (size[0], down.size().first().copied().unwrap_or(0));
    let fits = rank > 0
        && up.numel() as i64 == outputs * rank
        && down.numel() as i64 * outputs == weight.numel() as i64 * rank;
    if !fits {
        let message = format!(
            "factors {:?} and {:?} do not fit a weight of {size:?}: the adapter is for another family",
            down.size(),
            up.size()
        );
        return Err(LoadError::key(path, parts.key, message));
    }
    if let Some(magnitude) = parts
        .magnitude
        .as_ref()
        .filter(|x| x.numel() as i64 != outputs)
    {
        let message = format!("is {:?}, expected {outputs} numbers", magnitude.size());
        return Err(LoadError::key(path, parts.key, message));
    }
    let scale = match parts.alpha {
        Some(alpha) => alpha / rank as f64,
        None => settings.scale(part, &name, rank),
    };
    Ok(Change {
        part,
        name,
        down,
        up,
        scale,
        magnitude: parts.magnitude,
    })
}

impl Change {
    fn apply(&self, weight: &Tensor, scale: f64) -> Tensor {
        let (device, size) = (weight.device(), weight.size());
        let there = |x: &Tensor| x.to_device(device).to_kind(Kind::Float);
        let (up, down) = (there(&self.up), there(&self.down));
        let up = up.reshape([size[0], -1]);
        let down = down.reshape([up.size()[1], -1]);
        let sum = weight + up.matmul(&down).reshape(&size) * (scale * self.scale);
        match &self.magnitude {
            None => sum,
            Some(magnitude) => {
                let rows = sum.reshape([size[0], -1]);
                let lengths = rows.norm_scalaropt_dim(2, [1], true);
                (rows * there(magnitude).reshape([-1, 1]) / lengths).reshape(&size)
            }
        }
    }
}

/// What newer files say of alphas in their headers, by part.
struct Settings(Option<Value>);

impl Settings {
    fn read(weights: &Weights) -> Self {
        let note = weights.note("lora_adapter_metadata");
        Self(note.and_then(|note| serde_json::from_str(note).ok()))
    }

    /// Alpha over rank; 1 where nothing is said.
    fn scale(&self, part: &str, name: &str, rank: i64) -> f64 {
        let setting = |key: &str| self.0.as_ref()?.get(format!("{part}.{key}"));
        let own = setting("alpha_pattern").and_then(|pattern| {
            let module = name.strip_suffix(".weight").unwrap_or(name);
            let entries = pattern.as_object()?;
            let found = entries
                .iter()
                .find(|(key, _)| module.ends_with(key.as_str()));
            found.and_then(|(_, alpha)| alpha.as_f64())
        });
        let alpha = own.or_else(|| setting("lora_alpha").and_then(Value::as_f64));
        let stable = setting("use_rslora").and_then(Value::as_bool) == Some(true);
        let rank = rank as f64;
        match alpha {
            Some(alpha) if stable => alpha / rank.sqrt(),
            Some(alpha) => alpha / rank,
            None => 1.0,
        }
    }
}
