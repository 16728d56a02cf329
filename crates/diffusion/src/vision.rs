//! What looks at pictures: the picture encoder of CLIP (Radford et al. 2021, arXiv 2103.00020), the safety checker around it,
//! the whole model that finds words for pictures, and classifiers.

mod classifier;
mod describe;
mod eyes;
mod judge;
mod phrases;
mod preparation;
mod safety;

pub use classifier::{Classifier, ClassifierConfig, Score};
pub use describe::{Describer, Description, Ranked, Ranking};
pub use eyes::{Eyes, Placed};
pub use judge::{Judge, JudgeConfig};
pub use phrases::{Phrase, Phrases, Section};
pub use safety::{CheckerConfig, SafetyChecker, SafetyConfig, Verdict};

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use crate::clip::{ClipTextConfig, EncoderLayer};
use crate::error::LoadError;
use crate::layers::{Conv2d, LayerNorm};
use crate::weights::Weights;

/// `CLIPVisionConfig`, with the defaults of that class for missing keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ClipVisionConfig {
    /// Features of a patch's state.
    pub hidden_size: i64,
    /// Features inside the feed-forward layers.
    pub intermediate_size: i64,
    /// Transformer layers.
    pub num_hidden_layers: i64,
    /// Heads of attention.
    pub num_attention_heads: i64,
    /// Channels of pictures.
    pub num_channels: i64,
    /// Height and width of pictures in pixels.
    pub image_size: i64,
    /// Height and width of patches in pixels.
    pub patch_size: i64,
    /// Activation of the feed-forward layers.
    pub hidden_act: String,
    /// Epsilon of the layer normalisations.
    pub layer_norm_eps: f64,
}

impl Default for ClipVisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipVisionConfig {
    fn check(&self, path: &Path) -> Result<(), LoadError> {
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            ("num_hidden_layers", self.num_hidden_layers),
        ];
        if let Some((key, size)) = sizes.iter().find(|(_, size)| !(1..=10_000).contains(size)) {
            let message = format!("must be between 1 and 10000, not {size}");
            return Err(LoadError::key(path, *key, message));
        }
        if self.hidden_size % self.num_attention_heads != 0 || self.num_channels != 3 {
            let message = "heads must divide hidden_size, and pictures have three channels";
            return Err(LoadError::key(path, "num_attention_heads", message));
        }
        Ok(())
    }

    /// The same numbers for layers that text and vision share.
    fn layers(&self) -> ClipTextConfig {
        ClipTextConfig {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_attention_heads: self.num_attention_heads,
            hidden_act: self.hidden_act.clone(),
            layer_norm_eps: self.layer_norm_eps,
            ..ClipTextConfig::default()
        }
    }
}

/// `CLIPVisionModel`: pictures to one summary each.
pub struct ClipVision {
    patch_embedding: Conv2d,
    class_embedding: Tensor,
    position_embedding: Tensor,
    pre_layer_norm: LayerNorm,
    layers: Vec<EncoderLayer>,
    post_layer_norm: LayerNorm,
}

impl ClipVision {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &ClipVisionConfig) -> Result<Self, LoadError> {
        config.check(weights.path())?;
        let (features, patch) = (config.hidden_size, config.patch_size);
        let side = config.image_size / patch;
        let embeddings = weights.child("embeddings");
        let norm =
            |name: &str| LayerNorm::load(&weights.child(name), features, config.layer_norm_eps);
        let (layers, shared) = (weights.child("encoder.layers"), config.layers());
        Ok(Self {
            patch_embedding: Conv2d::load_patches(
                &embeddings.child("patch_embedding"),
                config.num_channels,
                features,
                patch,
            )?,
            class_embedding: embeddings.tensor("class_embedding", &[features])?,
            position_embedding: embeddings
                .tensor("position_embedding.weight", &[side * side + 1, features])?,
            // The checkpoints' own misspelling.
            pre_layer_norm: norm("pre_layrnorm")?,
            layers: (0..config.num_hidden_layers)
                .map(|index| EncoderLayer::load(&layers.child(index), &shared))
                .collect::<Result<_, _>>()?,
            post_layer_norm: norm("post_layernorm")?,
        })
    }

    /// `pictures`: `[batch, 3, image_size, image_size]`, normalised, to `[batch, hidden_size]`.
    pub fn forward(&self, pictures: &Tensor) -> Tensor {
        let patches = self.patch_embedding.forward(pictures);
        let patches = patches.flatten(2, -1).transpose(1, 2);
        let (batch, _, features) = patches.size3().expect("patches have three dimensions");
        let class = self.class_embedding.expand([batch, 1, features], false);
        let mut x = Tensor::cat(&[class, patches], 1) + &self.position_embedding;
        x = self.pre_layer_norm.forward(&x);
        for layer in &self.layers {
            x = layer.forward(&x, false);
        }
        self.post_layer_norm.forward(&x.select(1, 0))
    }
}
