//! What residual blocks are told of the time, and with it of the picture's size and the text as a whole.

use tch::{Kind, Tensor};

use super::config::UNetConfig;
use super::embedding::{Sinusoids, TimestepEmbedding};
use crate::error::LoadError;
use crate::layers::Activation;
use crate::weights::Weights;

/// What some networks are told besides time and text states. Rows as in the samples.
#[derive(Debug, Default)]
pub struct Extra {
    /// Summaries of the text, `[batch, features]` (SDXL).
    pub pooled: Option<Tensor>,
    /// Original size, corner of the crop and wanted size, `[batch, numbers]` (SDXL).
    pub time_ids: Option<Tensor>,
    /// Embedded guidance scales, `[batch, features]` (LCM).
    pub guidance: Option<Tensor>,
}

/// The embedding of step numbers and, where the network is told them, of [`Extra`].
pub struct Time {
    proj: Sinusoids,
    embedding: TimestepEmbedding,
    addition: Option<Addition>,
    activation: Activation,
}

impl Time {
    /// As the configuration says.
    pub fn load(
        weights: &Weights,
        config: &UNetConfig,
        activation: Activation,
    ) -> Result<Self, LoadError> {
        let features = config.first_channels();
        let proj = Sinusoids {
            features,
            flip_sin_to_cos: config.flip_sin_to_cos,
            freq_shift: config.freq_shift,
        };
        let embedding = TimestepEmbedding::load(
            &weights.child("time_embedding"),
            features,
            config.time_features(),
            activation,
            config.time_cond_proj_dim,
        )?;
        Ok(Self {
            proj,
            embedding,
            addition: Addition::load(weights, config)?,
            activation,
        })
    }

    /// `timesteps`: `[batch]`, to `[batch, time_features]`, past the activation.
    pub fn forward(&self, timesteps: &Tensor, extra: &Extra, kind: Kind) -> Tensor {
        let waves = self.proj.forward(timesteps).to_kind(kind);
        let time = self.embedding.forward(&waves, extra.guidance.as_ref());
        let time = match (&self.addition, &extra.pooled, &extra.time_ids) {
            (Some(addition), Some(pooled), Some(time_ids)) => {
                time + addition.forward(pooled, time_ids)
            }
            _ => time,
        };
        self.activation.forward_owned(time)
    }
}

/// The summary of the text and the sizes, added to the time embedding (Podell et al. 2023, arXiv 2307.01952).
struct Addition {
    add_time_proj: Sinusoids,
    add_embedding: TimestepEmbedding,
}

impl Addition {
    fn load(weights: &Weights, config: &UNetConfig) -> Result<Option<Self>, LoadError> {
        let Some((features, both)) = config.text_time(weights.path())? else {
            return Ok(None);
        };
        let add_time_proj = Sinusoids {
            features,
            flip_sin_to_cos: config.flip_sin_to_cos,
            freq_shift: config.freq_shift,
        };
        let outputs = config.time_features();
        let weights = weights.child("add_embedding");
        // Whatever `act_fn` says of the others.
        let activation = Activation::Silu;
        let add_embedding = TimestepEmbedding::load(&weights, both, outputs, activation, None)?;
        Ok(Some(Self {
            add_time_proj,
            add_embedding,
        }))
    }

    fn forward(&self, pooled: &Tensor, time_ids: &Tensor) -> Tensor {
        let rows = time_ids.size()[0];
        let waves = self.add_time_proj.forward(&time_ids.flatten(0, -1));
        let waves = waves.view([rows, -1]).to_kind(pooled.kind());
        let both = Tensor::cat(&[pooled, &waves], -1);
        self.add_embedding.forward(&both, None)
    }
}
