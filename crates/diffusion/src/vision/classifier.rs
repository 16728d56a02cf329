//! `ViTForImageClassification`: a picture to labels (Dosovitskiy et al. 2020, arXiv 2010.11929).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::ClipVisionConfig;
use super::preparation::{Preparation, Usual};
use crate::clip::{ClipTextConfig, EncoderLayer, LayerNames};
use crate::config::read_json;
use crate::error::LoadError;
use crate::layers::{Conv2d, LayerNorm, Linear};
use crate::picture::Picture;
use crate::weights::Weights;

/// Labels with one of these words name what must not be shown.
const UNSAFE_WORDS: [&str; 8] = [
    "nsfw", "porn", "hentai", "sexy", "explicit", "unsafe", "nud", "gore",
];

/// Labels that begin like this name the opposite.
const NEGATIONS: [&str; 3] = ["not", "non", "no_"];

/// Share of the labels that must not be shown from which on a picture is flagged.
const FLAGGED_FROM: f64 = 0.5;

/// The names of the layers in a checkpoint.
const NAMES: LayerNames = LayerNames {
    norm1: "layernorm_before",
    query: "attention.attention.query",
    key: "attention.attention.key",
    value: "attention.attention.value",
    output: "attention.output.dense",
    norm2: "layernorm_after",
    inner: "intermediate.dense",
    outer: "output.dense",
};

/// `config.json` and `preprocessor_config.json`.
#[derive(Debug, Clone)]
pub struct ClassifierConfig {
    sizes: ClipVisionConfig,
    labels: Vec<String>,
    preparation: Preparation,
}

/// `ViTConfig`, with the defaults of that class for missing keys.
#[derive(Deserialize)]
#[serde(default)]
struct File {
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    num_channels: i64,
    image_size: i64,
    patch_size: i64,
    hidden_act: String,
    layer_norm_eps: f64,
    qkv_bias: bool,
    id2label: BTreeMap<u32, String>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 16,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-12,
            qkv_bias: true,
            id2label: [(0, "LABEL_0".to_owned()), (1, "LABEL_1".to_owned())].into(),
        }
    }
}

impl ClassifierConfig {
    /// Reads the model's configuration, and how pictures are prepared for it.
    pub fn read(config: &Path, preprocessor: &Path) -> Result<Self, LoadError> {
        let file: File = read_json(config)?;
        if !file.qkv_bias {
            let message = "attention without biases is not supported";
            return Err(LoadError::key(config, "qkv_bias", message));
        }
        let numbered = file.id2label.keys().zip(0_u32..);
        if file.id2label.is_empty() || !numbered.clone().all(|(id, index)| *id == index) {
            let message = "must number its labels from 0 on without gaps";
            return Err(LoadError::key(config, "id2label", message));
        }
        let sizes = ClipVisionConfig {
            hidden_size: file.hidden_size,
            intermediate_size: file.intermediate_size,
            num_hidden_layers: file.num_hidden_layers,
            num_attention_heads: file.num_attention_heads,
            num_channels: file.num_channels,
            image_size: file.image_size,
            patch_size: file.patch_size,
            hidden_act: file.hidden_act,
            layer_norm_eps: file.layer_norm_eps,
        };
        sizes.check(config)?;
        Ok(Self {
            sizes,
            labels: file.id2label.into_values().collect(),
            preparation: Preparation::read(preprocessor, Usual::VIT)?,
        })
    }

    /// The same for a classifier that is to say which pictures must not be shown: one of its labels must mean that.
    pub(crate) fn read_judge(config: &Path, preprocessor: &Path) -> Result<Self, LoadError> {
        let found = Self::read(config, preprocessor)?;
        if found.labels.iter().any(|label| is_unsafe(label)) {
            return Ok(found);
        }
        let message = "none of its labels names what must not be shown, such as nsfw";
        Err(LoadError::key(config, "id2label", message))
    }
}

/// Whether a label names what must not be shown.
fn is_unsafe(label: &str) -> bool {
    let label = label.to_lowercase();
    let negated = NEGATIONS.iter().any(|word| label.starts_with(word));
    !negated && UNSAFE_WORDS.iter().any(|word| label.contains(word))
}

/// A label, and how sure the classifier is of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// As the checkpoint calls it.
    pub label: String,
    /// From 0 to 1; those of all labels add up to 1.
    pub share: f64,
}

/// The classifier.
pub struct Classifier {
    patch_embedding: Conv2d,
    class_embedding: Tensor,
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    layer_norm: LayerNorm,
    head: Linear,
    labels: Vec<String>,
    preparation: Preparation,
    side: u32,
}

impl Classifier {
    /// Reads a model's directory as model hubs have it, in fp32 on the CPU.
    pub fn open(directory: &Path) -> Result<Self, LoadError> {
        let file = |name| directory.join(name);
        let config =
            ClassifierConfig::read(&file("config.json"), &file("preprocessor_config.json"))?;
        let weights = Weights::open(directory, "model", Kind::Float, Device::Cpu)?;
        Self::load(&weights, &config)
    }

    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &ClassifierConfig) -> Result<Self, LoadError> {
        let (sizes, labels) = (&config.sizes, config.labels.len() as i64);
        let (features, patch) = (sizes.hidden_size, sizes.patch_size);
        let side = sizes.image_size / patch;
        let encoder = weights.child("vit");
        let (embeddings, layers) = (encoder.child("embeddings"), encoder.child("encoder.layer"));
        let shared: ClipTextConfig = sizes.layers();
        Ok(Self {
            patch_embedding: Conv2d::load_strided(
                &embeddings.child("patch_embeddings.projection"),
                sizes.num_channels,
                features,
                patch,
                patch,
                0,
            )?,
            class_embedding: embeddings.tensor("cls_token", &[1, 1, features])?,
            position_embedding: embeddings
                .tensor("position_embeddings", &[1, side * side + 1, features])?,
            layers: (0..sizes.num_hidden_layers)
                .map(|index| EncoderLayer::load_named(&layers.child(index), &shared, &NAMES))
                .collect::<Result<_, _>>()?,
            layer_norm: LayerNorm::load(
                &encoder.child("layernorm"),
                features,
                sizes.layer_norm_eps,
            )?,
            head: Linear::load(&weights.child("classifier"), features, labels)?,
            labels: config.labels.clone(),
            preparation: config.preparation.clone(),
            side: sizes.image_size as u32,
        })
    }

    /// What it tells apart, in the checkpoint's order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// `pictures`: `[batch, 3, image_size, image_size]`, normalised, to `[batch, labels]` before the softmax.
    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        let patches = self.patch_embedding.forward(pictures);
        let patches = patches.flatten(2, -1).transpose(1, 2);
        let (batch, _, features) = patches.size3().expect("patches have three dimensions");
        let class = self.class_embedding.expand([batch, 1, features], false);
        let mut x = Tensor::cat(&[class, patches], 1) + &self.position_embedding;
        for layer in &self.layers {
            x = layer.forward(&x, false);
        }
        self.head.forward(&self.layer_norm.forward(&x.select(1, 0)))
    }

    /// The picture as [`Self::forward`] takes it.
    pub fn prepare(&self, picture: &Picture) -> Tensor {
        self.preparation.prepare(picture, self.side)
    }

    /// How sure it is of each label, in the order of the checkpoint.
    pub fn classify(&self, picture: &Picture) -> Vec<Score> {
        let prepared = self.prepare(picture);
        let shares = tch::no_grad(|| {
            let prepared = prepared.to_device(self.class_embedding.device());
            self.forward(&prepared).softmax(-1, Kind::Float)
        });
        // A tensor of floats on the CPU always converts.
        let shares = Vec::<f32>::try_from(shares.to_device(Device::Cpu).flatten(0, -1));
        let labels = self.labels.iter().zip(shares.unwrap_or_default());
        labels
            .map(|(label, share)| Score {
                label: label.clone(),
                share: f64::from(share),
            })
            .collect()
    }

    /// Whether the picture must not be shown. What cannot be judged must not.
    pub fn flags(&self, picture: &Picture) -> bool {
        let scores = self.classify(picture);
        let shares = scores.iter().filter(|score| is_unsafe(&score.label));
        let share: f64 = shares.map(|score| score.share).sum();
        scores.is_empty() || share.is_nan() || share >= FLAGGED_FROM
    }
}

#[cfg(test)]
mod tests {
    use super::is_unsafe;

    #[test]
    fn labels_say_what_must_not_be_shown() {
        assert!(
            ["nsfw", "NSFW", "porn", "sexy", "nudity", "unsafe"]
                .into_iter()
                .all(is_unsafe)
        );
        assert!(
            !["normal", "sfw", "safe", "non-nsfw", "not_nsfw", "cat"]
                .into_iter()
                .any(is_unsafe)
        );
    }
}
