//! Adapters merged into the weights and taken out again, and learnt words.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use tch::{Kind, Tensor};

use super::batch::Joined;
use super::{Pipeline, guarded};
use crate::error::{LoadError, TaskError};
use crate::lora::{Blocks, Lora};
use crate::weights::Weights;

/// What is merged, and the weights as they were.
#[derive(Default)]
pub struct Merged {
    /// Which files, by [`Lora::number`], and how much of each. No adapter itself: tensors that others could read would
    /// tie the pipeline to one thread.
    set: Vec<(u64, f64)>,
    originals: HashMap<(&'static str, String), Tensor>,
}

impl Merged {
    fn is(&self, set: &[(Arc<Lora>, f64)]) -> bool {
        let mut pairs = self.set.iter().zip(set);
        self.set.len() == set.len()
            && pairs.all(|((number, scale), (other, other_scale))| {
                *number == other.number() && scale.to_bits() == other_scale.to_bits()
            })
    }
}

impl Pipeline {
    /// Reads a low-rank adapter for this checkpoint. It changes nothing before [`Self::set_loras`].
    pub fn read_lora(&self, path: &Path) -> Result<Arc<Lora>, LoadError> {
        let unet = &self.checkpoint.unet;
        let levels = unet.levels(&self.checkpoint.directory.join("unet/config.json"))?;
        let layers = levels.iter().map(|level| level.layers.max(0) as usize);
        let blocks = Blocks {
            layers: layers.collect(),
        };
        let read = || Lora::read(path, &self.tensors, &blocks);
        let read = guarded(read).map_err(|error| LoadError::file(path, error.to_string()))?;
        read.map(Arc::new)
    }

    /// Makes exactly these adapters count, each times its scale; an empty list gives the checkpoint's own weights back,
    /// bit for bit. Costs a copy of each weight that is changed.
    pub fn set_loras(&mut self, set: &[(Arc<Lora>, f64)]) -> Result<(), TaskError> {
        if self.adapters.is(set) {
            return Ok(());
        }
        if set.iter().any(|(_, scale)| !scale.is_finite()) {
            return Err(TaskError::bad("lora", "scales must be numbers"));
        }
        self.texts.forget();
        // Layers remember what they made of the last text states; with other weights it would be something else.
        self.joined = Joined::default();
        guarded(|| tch::no_grad(|| self.merge(set)))
    }

    fn merge(&mut self, set: &[(Arc<Lora>, f64)]) {
        for ((part, name), original) in self.adapters.originals.drain() {
            self.tensors[part][&name].shallow_clone().copy_(&original);
        }
        let numbers = set.iter().map(|(lora, scale)| (lora.number(), *scale));
        self.adapters.set = numbers.collect();
        let targets: BTreeSet<(&'static str, &str)> =
            set.iter().flat_map(|(lora, _)| lora.targets()).collect();
        for (part, name) in targets {
            let weight = &self.tensors[part][name];
            let original = weight.copy();
            let changed = set
                .iter()
                .fold(original.to_kind(Kind::Float), |weight, (lora, scale)| {
                    lora.changed(part, name, weight, *scale)
                });
            weight.shallow_clone().copy_(&changed);
            self.adapters
                .originals
                .insert((part, name.to_owned()), original);
        }
    }

    /// Reads embeddings that were learnt for a word (Gal et al. 2022, arXiv 2208.01618): from now on the word stands for
    /// them in every prompt.
    pub fn learn_word(&mut self, word: &str, path: &Path) -> Result<(), LoadError> {
        if word.trim().is_empty() {
            return Err(LoadError::file(path, "the word is empty"));
        }
        let weights = Weights::open_file(path)?;
        let names = weights.names();
        // Files for two encoders name them; others hold one tensor, whatever its name.
        let by_encoder = [(0, "clip_l"), (1, "clip_g")];
        let mut chosen: Vec<(usize, String)> = by_encoder
            .iter()
            .filter(|(_, name)| names.iter().any(|found| found == name))
            .map(|(encoder, name)| (*encoder, (*name).to_owned()))
            .collect();
        if chosen.is_empty() {
            let [only] = names.as_slice() else {
                let message = format!("has {} tensors, expected one", names.len());
                return Err(LoadError::file(path, message));
            };
            chosen.push((0, only.clone()));
        }
        for (encoder, name) in chosen {
            let shape = weights.shape(&name).unwrap_or_default();
            let rows = weights.tensor(&name, &shape)?;
            let rows = if rows.dim() == 1 {
                rows.unsqueeze(0)
            } else {
                rows
            };
            let texts = &mut self.texts;
            guarded(|| tch::no_grad(|| texts.learn(encoder, word, &rows)))
                .map_err(|error| LoadError::file(path, error.to_string()))?
                .map_err(|error| LoadError::key(path, name.as_str(), error.message))?;
        }
        Ok(())
    }
}
