//! The text encoder of CLIP (Radford et al. 2021, arXiv 2103.00020).

use serde::Deserialize;
use tch::Tensor;

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
}

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
        }
    }
}

struct EncoderLayer {
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

impl EncoderLayer {
    fn load(weights: &Weights, config: &ClipTextConfig) -> Result<Self, LoadError> {
        let (features, inner) = (config.hidden_size, config.intermediate_size);
        let attention = weights.child("self_attn");
        let linear = |name: &str| Linear::load(&attention.child(name), features, features);
        let norm =
            |name: &str| LayerNorm::load(&weights.child(name), features, config.layer_norm_eps);
        Ok(Self {
            layer_norm1: norm("layer_norm1")?,
            q_proj: linear("q_proj")?,
            k_proj: linear("k_proj")?,
            v_proj: linear("v_proj")?,
            out_proj: linear("out_proj")?,
            layer_norm2: norm("layer_norm2")?,
            fc1: Linear::load(&weights.child("mlp.fc1"), features, inner)?,
            fc2: Linear::load(&weights.child("mlp.fc2"), inner, features)?,
            activation: Activation::named(&config.hidden_act, "hidden_act", weights)?,
            heads: config.num_attention_heads,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let normed = self.layer_norm1.forward(x);
        let (q, k) = (self.q_proj.forward(&normed), self.k_proj.forward(&normed));
        let mixed = attend(&q, &k, &self.v_proj.forward(&normed), self.heads, true);
        let x = x + self.out_proj.forward(&mixed);
        let inner = self
            .activation
            .forward(&self.fc1.forward(&self.layer_norm2.forward(&x)));
        x + self.fc2.forward(&inner)
    }
}

/// `CLIPTextModel`: token ids to one state for each token.
pub struct ClipText {
    token_embedding: Tensor,
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    final_layer_norm: LayerNorm,
}

impl ClipText {
    /// Tensor names may start with `text_model.` or not: tools disagree.
    pub fn load(weights: &Weights, config: &ClipTextConfig) -> Result<Self, LoadError> {
        if config.num_attention_heads < 1 || config.hidden_size % config.num_attention_heads != 0 {
            return Err(LoadError::key(
                weights.path(),
                "num_attention_heads",
                "does not divide hidden_size",
            ));
        }
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
        })
    }

    /// `ids`: `[batch, tokens]` to `[batch, tokens, hidden_size]`, after the final normalisation.
    pub fn forward(&self, ids: &Tensor) -> Tensor {
        let tokens = ids.size()[1];
        let positions = self.position_embedding.narrow(0, 0, tokens);
        let mut x = Tensor::embedding(&self.token_embedding, ids, -1, false, false) + positions;
        for layer in &self.layers {
            x = layer.forward(&x);
        }
        self.final_layer_norm.forward(&x)
    }
}
