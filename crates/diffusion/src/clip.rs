//! The text encoder of CLIP (Radford et al. 2021, arXiv 2103.00020).

use std::path::Path;

use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::config::PerLevel;
use crate::error::LoadError;
use crate::layers::{Activation, LayerNorm, Linear, attend};
use crate::weights::Weights;

/// `text_encoder/config.json`, with the defaults of `CLIPTextConfig` for missing keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ClipTextConfig {
    /// Number of tokens.
    pub vocab_size: i64,
    /// Features of a token's state.
    pub hidden_size: i64,
    /// Features inside the feed-forward layers.
    pub intermediate_size: i64,
    /// Transformer layers.
    pub num_hidden_layers: i64,
    /// Heads of attention.
    pub num_attention_heads: i64,
    /// Longest prompt in tokens, start and end included.
    pub max_position_embeddings: i64,
    /// Activation of the feed-forward layers.
    pub hidden_act: String,
    /// Epsilon of the layer normalisations.
    pub layer_norm_eps: f64,
    /// Features of the projected summary, where the model has a projection.
    pub projection_dim: i64,
    /// The token that ends a prompt. Files of old say 2, whatever the vocabulary; then it is the largest of all.
    pub eos_token_id: Option<PerLevel<i64>>,
}

/// What old files say of the token that ends a prompt.
const OLD_END: i64 = 2;

/// The token that ends a prompt where the file does not say.
const USUAL_END: i64 = 49407;

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: 1e-5,
            projection_dim: 512,
            eos_token_id: None,
        }
    }
}

impl ClipTextConfig {
    fn end(&self) -> i64 {
        match &self.eos_token_id {
            Some(PerLevel::One(end)) => *end,
            Some(PerLevel::Each(ends)) => ends.first().copied().unwrap_or(USUAL_END),
            None => USUAL_END,
        }
    }

    fn check(&self, path: &Path) -> Result<(), LoadError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("max_position_embeddings", self.max_position_embeddings),
            ("projection_dim", self.projection_dim),
        ];
        if let Some((key, size)) = sizes
            .iter()
            .find(|(_, size)| !(1..=1_000_000).contains(size))
        {
            let message = format!("must be between 1 and 1000000, not {size}");
            return Err(LoadError::key(path, *key, message));
        }
        if self.num_hidden_layers > 1000 {
            let message = format!("must be at most 1000, not {}", self.num_hidden_layers);
            return Err(LoadError::key(path, "num_hidden_layers", message));
        }
        if self.hidden_size % self.num_attention_heads != 0 {
            let message = "does not divide hidden_size";
            return Err(LoadError::key(path, "num_attention_heads", message));
        }
        Ok(())
    }
}

/// A layer of CLIP's transformers.
pub(crate) struct EncoderLayer {
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    activation: Activation,
    heads: i64,
}

/// What a checkpoint calls the parts of a layer.
pub(crate) struct LayerNames {
    pub norm1: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub output: &'static str,
    pub norm2: &'static str,
    pub inner: &'static str,
    pub outer: &'static str,
}

const NAMES: LayerNames = LayerNames {
    norm1: "layer_norm1",
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    output: "self_attn.out_proj",
    norm2: "layer_norm2",
    inner: "mlp.fc1",
    outer: "mlp.fc2",
};

impl EncoderLayer {
    pub(crate) fn load(weights: &Weights, config: &ClipTextConfig) -> Result<Self, LoadError> {
        Self::load_named(weights, config, &NAMES)
    }

    /// A layer whose parts have other names.
    pub(crate) fn load_named(
        weights: &Weights,
        config: &ClipTextConfig,
        names: &LayerNames,
    ) -> Result<Self, LoadError> {
        let (features, inner) = (config.hidden_size, config.intermediate_size);
        let linear = |name: &str| Linear::load(&weights.child(name), features, features);
        let norm =
            |name: &str| LayerNorm::load(&weights.child(name), features, config.layer_norm_eps);
        Ok(Self {
            layer_norm1: norm(names.norm1)?,
            q_proj: linear(names.query)?,
            k_proj: linear(names.key)?,
            v_proj: linear(names.value)?,
            out_proj: linear(names.output)?,
            layer_norm2: norm(names.norm2)?,
            fc1: Linear::load(&weights.child(names.inner), features, inner)?,
            fc2: Linear::load(&weights.child(names.outer), inner, features)?,
            activation: Activation::named(&config.hidden_act, "hidden_act", weights)?,
            heads: config.num_attention_heads,
        })
    }

    /// Keeps the shape `[batch, tokens, features]`. Tokens see those before them only when `causal`.
    pub(crate) fn forward(&self, x: &Tensor, causal: bool) -> Tensor {
        let normed = self.layer_norm1.forward(x);
        let (q, k) = (self.q_proj.forward(&normed), self.k_proj.forward(&normed));
        let mixed = attend(&q, &k, &self.v_proj.forward(&normed), self.heads, causal);
        let x = x + self.out_proj.forward(&mixed);
        let inner = self
            .activation
            .forward(&self.fc1.forward(&self.layer_norm2.forward(&x)));
        x + self.fc2.forward(&inner)
    }
}

/// `CLIPTextModel`, or `CLIPTextModelWithProjection`: token ids to one state for each token.
pub struct ClipText {
    token_embedding: Tensor,
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    final_layer_norm: LayerNorm,
    text_projection: Option<Linear>,
    end: i64,
}

/// Which of a text encoder's states to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Those of the last layer but `skipped`, after the final normalisation: Stable Diffusion 1 and 2.
    Normalised {
        /// Layers left out at the end ("clip skip").
        skipped: usize,
    },
    /// Those of the last layer but one and `skipped` more, as they are: Stable Diffusion XL.
    Raw {
        /// Layers left out at the end, besides the last.
        skipped: usize,
    },
}

/// What a text encoder makes of a prompt.
pub struct TextStates {
    /// One state for each token, `[batch, tokens, hidden_size]`.
    pub states: Tensor,
    /// The projected state of the token that ends the prompt, `[batch, projection_dim]`; only with a projection.
    pub pooled: Option<Tensor>,
}

impl ClipText {
    /// Tensor names may start with `text_model.` or not: tools disagree. `projected` models end in a projection.
    pub fn load(
        weights: &Weights,
        config: &ClipTextConfig,
        projected: bool,
    ) -> Result<Self, LoadError> {
        config.check(weights.path())?;
        let text_projection = projected.then(|| {
            let weights = weights.child("text_projection");
            Linear::load_without_bias(&weights, config.hidden_size, config.projection_dim)
        });
        let flat = weights.has("embeddings.token_embedding.weight");
        let weights = if flat {
            weights.clone()
        } else {
            weights.child("text_model")
        };
        let features = config.hidden_size;
        let embeddings = weights.child("embeddings");
        let layers = weights.child("encoder.layers");
        Ok(Self {
            token_embedding: embeddings
                .tensor("token_embedding.weight", &[config.vocab_size, features])?,
            position_embedding: embeddings.tensor(
                "position_embedding.weight",
                &[config.max_position_embeddings, features],
            )?,
            layers: (0..config.num_hidden_layers)
                .map(|index| EncoderLayer::load(&layers.child(index), config))
                .collect::<Result<_, _>>()?,
            final_layer_norm: LayerNorm::load(
                &weights.child("final_layer_norm"),
                features,
                config.layer_norm_eps,
            )?,
            text_projection: text_projection.transpose()?,
            end: config.end(),
        })
    }

    /// How many layers can be left out at the end.
    pub fn skippable(&self, layer: Layer) -> usize {
        match layer {
            Layer::Normalised { .. } => self.layers.len(),
            Layer::Raw { .. } => self.layers.len().saturating_sub(1),
        }
    }

    /// The embeddings of tokens, before positions: `[tokens, hidden_size]`.
    pub(crate) fn token_embedding(&self) -> &Tensor {
        &self.token_embedding
    }

    /// Adds tokens after all others, `[tokens, hidden_size]`.
    pub(crate) fn learn(&mut self, rows: &Tensor) {
        let rows = rows.to_kind(self.token_embedding.kind());
        self.token_embedding = Tensor::cat(&[&self.token_embedding, &rows], 0);
    }

    /// `ids`: `[batch, tokens]`. Layers that cannot be left out are not.
    pub fn forward(&self, ids: &Tensor, layer: Layer) -> TextStates {
        let embedded = Tensor::embedding(&self.token_embedding, ids, -1, false, false);
        let tokens = ids.size()[1];
        let mut x = embedded + self.position_embedding.narrow(0, 0, tokens);
        let kept = match layer {
            Layer::Normalised { skipped } => self.layers.len().saturating_sub(skipped),
            Layer::Raw { skipped } => self.layers.len().saturating_sub(skipped + 1),
        };
        let mut states = x.shallow_clone();
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, true);
            if index + 1 == kept {
                states = x.shallow_clone();
            }
        }
        let states = match layer {
            Layer::Normalised { .. } => self.final_layer_norm.forward(&states),
            Layer::Raw { .. } => states,
        };
        let pooled = self.text_projection.as_ref().map(|projection| {
            let last = self.final_layer_norm.forward(&x);
            projection.forward(&self.at_end(&last, ids))
        });
        TextStates { states, pooled }
    }

    /// The state of the token that ends each prompt.
    fn at_end(&self, states: &Tensor, ids: &Tensor) -> Tensor {
        let ends = if self.end == OLD_END {
            ids.argmax(-1, false)
        } else {
            ids.eq(self.end).to_kind(Kind::Int).argmax(-1, false)
        };
        let (batch, _, features) = states.size3().expect("states have three dimensions");
        let ends = ends.view([batch, 1, 1]).expand([batch, 1, features], false);
        states.gather(1, &ends, false).squeeze_dim(1)
    }
}
