//! `CLIPModel`: pictures and words in one space (Radford et al. 2021, arXiv 2103.00020).

use std::path::Path;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::preparation::{Preparation, Usual};
use super::{ClipVision, ClipVisionConfig};
use crate::clip::{ClipText, ClipTextConfig, Layer};
use crate::config::read_json;
use crate::error::{LoadError, TaskError};
use crate::layers::Linear;
use crate::picture::Picture;
use crate::pipeline::guarded;
use crate::tokenizer::Tokenizer;
use crate::weights::Weights;

/// What the scale of the scores is the logarithm of where a checkpoint has none: 1 / 0.07.
const USUAL_LOG_SCALE: f64 = 2.6592;

/// Texts that are read in one call.
const TEXTS_AT_ONCE: usize = 32;

/// `config.json`, with the defaults of `CLIPConfig` for missing keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct File {
    text_config: ClipTextConfig,
    vision_config: ClipVisionConfig,
    projection_dim: i64,
}

impl Default for File {
    fn default() -> Self {
        Self {
            text_config: ClipTextConfig::default(),
            vision_config: ClipVisionConfig::default(),
            projection_dim: 512,
        }
    }
}

/// Where a picture or a text lies: a direction, as numbers whose squares add up to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed(Vec<f32>);

impl Placed {
    /// The cosine of the angle between both, from -1 to 1.
    pub fn similarity(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// Where several lie on the whole; nothing for none, or for opposites.
    pub fn mean(all: &[Self]) -> Option<Self> {
        let mut sum = vec![0.0_f32; all.first()?.0.len()];
        for one in all {
            sum.iter_mut().zip(&one.0).for_each(|(sum, x)| *sum += x);
        }
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
        (length > 1e-6).then(|| Self(sum.into_iter().map(|x| x / length).collect()))
    }
}

/// The model, in fp32 on the CPU.
pub struct Eyes {
    vision: ClipVision,
    visual_projection: Linear,
    text: ClipText,
    tokenizer: Tokenizer,
    preparation: Preparation,
    side: u32,
    features: i64,
    scale: f64,
    bytes: u64,
}

impl Eyes {
    /// Reads a model's directory as model hubs have it: `config.json`, `preprocessor_config.json`, the tokenizer's files and
    /// `model.safetensors`.
    pub fn open(directory: &Path) -> Result<Self, LoadError> {
        let path = directory.join("config.json");
        let mut config: File = read_json(&path)?;
        let features = config.projection_dim;
        if !(1..=100_000).contains(&features) {
            let message = format!("must be between 1 and 100000, not {features}");
            return Err(LoadError::key(&path, "projection_dim", message));
        }
        // Files of old repeat another number for each tower, which no tower uses.
        config.text_config.projection_dim = features;
        let weights = Weights::open(directory, "model", Kind::Float, Device::Cpu)?;
        let (vision, text) = (&config.vision_config, &config.text_config);
        let log_scale = if weights.has("logit_scale") {
            weights.tensor("logit_scale", &[])?.double_value(&[])
        } else {
            USUAL_LOG_SCALE
        };
        let longest = usize::try_from(text.max_position_embeddings).unwrap_or(2);
        let found = Self {
            vision: ClipVision::load(&weights.child("vision_model"), vision)?,
            visual_projection: Linear::load_without_bias(
                &weights.child("visual_projection"),
                vision.hidden_size,
                features,
            )?,
            text: ClipText::load(&weights, text, true)?,
            tokenizer: Tokenizer::load(directory, longest)?,
            preparation: Preparation::read(
                &directory.join("preprocessor_config.json"),
                Usual::CLIP,
            )?,
            side: vision.image_size as u32,
            features,
            scale: log_scale.exp(),
            bytes: 4 * weights.stored().parameters,
        };
        Ok(found)
    }

    /// What similarities are multiplied with before they become shares of one.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Memory that the weights take, in bytes.
    pub fn weight_bytes(&self) -> u64 {
        self.bytes
    }

    /// The picture as [`Self::place_pictures`] takes it.
    pub fn prepare(&self, picture: &Picture) -> Tensor {
        self.preparation.prepare(picture, self.side)
    }

    /// `pictures`: `[batch, 3, image_size, image_size]`, normalised, to `[batch, projection_dim]` of length 1.
    pub fn place_pictures(&self, pictures: &Tensor) -> Tensor {
        let summary = self.vision.forward(pictures);
        unit(&self.visual_projection.forward(&summary))
    }

    /// `ids`: `[batch, tokens]`, to `[batch, projection_dim]` of length 1.
    pub fn place_texts(&self, ids: &Tensor) -> Tensor {
        let states = self.text.forward(ids, Layer::Normalised { skipped: 0 });
        unit(&states.pooled.expect("the text encoder has a projection"))
    }

    /// Looks at a picture.
    pub fn see(&self, picture: &Picture) -> Result<Placed, TaskError> {
        if !picture.is_whole() {
            return Err(TaskError::bad("picture", "its bytes do not fit its size"));
        }
        let found =
            guarded(|| tch::no_grad(|| self.rows(&self.place_pictures(&self.prepare(picture)))))??;
        found
            .into_iter()
            .next()
            .ok_or_else(|| TaskError::Torch("no picture was placed".to_owned()))
    }

    /// Reads texts, each cut to what the encoder takes.
    pub fn read(&self, texts: &[&str]) -> Result<Vec<Placed>, TaskError> {
        let known = self.text.token_embedding().size()[0];
        let mut placed = Vec::with_capacity(texts.len());
        for part in texts.chunks(TEXTS_AT_ONCE) {
            let ids: Vec<Vec<i64>> = part
                .iter()
                .map(|text| self.tokenizer.encode(text))
                .collect();
            // Tokenizer and model come from different files: one may know tokens that the other does not.
            if let Some(id) = ids.iter().flatten().find(|id| **id >= known) {
                let message = format!("token {id} is beyond the model's vocabulary of {known}");
                return Err(TaskError::bad("text", message));
            }
            placed.extend(guarded(|| {
                let rows: Vec<Tensor> = ids.iter().map(|row| Tensor::from_slice(row)).collect();
                tch::no_grad(|| self.rows(&self.place_texts(&Tensor::stack(&rows, 0))))
            })??);
        }
        Ok(placed)
    }

    fn rows(&self, placed: &Tensor) -> Result<Vec<Placed>, TaskError> {
        let numbers = Vec::<f32>::try_from(placed.contiguous().flatten(0, -1))
            .map_err(|error| TaskError::Torch(error.to_string()))?;
        if numbers.iter().any(|number| !number.is_finite()) {
            let message = "the model's numbers are no numbers".to_owned();
            return Err(TaskError::Torch(message));
        }
        let rows = numbers.chunks(self.features as usize);
        Ok(rows.map(|row| Placed(row.to_vec())).collect())
    }
}

/// Rows of length 1.
fn unit(rows: &Tensor) -> Tensor {
    rows / rows.norm_scalaropt_dim(2, [-1], true).clamp_min(1e-12)
}

#[cfg(test)]
mod tests {
    use super::Placed;

    #[test]
    fn the_mean_of_directions_is_a_direction_and_opposites_have_none() {
        let (x, y) = (Placed(vec![1.0, 0.0]), Placed(vec![0.0, 1.0]));
        let mean = Placed::mean(&[x.clone(), y]).unwrap();
        assert!((mean.similarity(&x) - 0.5_f32.sqrt()).abs() < 1e-6);
        assert!((mean.similarity(&mean) - 1.0).abs() < 1e-6);
        assert_eq!(Placed::mean(&[]), None);
        assert_eq!(Placed::mean(&[x, Placed(vec![-1.0, 0.0])]), None);
    }
}
