//! The bottom of encoder and decoder: two residual blocks around self-attention with one head.

use tch::Tensor;

use super::config::VariationalConfig;
use crate::error::LoadError;
use crate::layers::{GroupNorm, Linear, attend};
use crate::unet::resnet::{ResnetBlock, ResnetStyle};
use crate::weights::Weights;

struct Attention {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl Attention {
    /// Older checkpoints name the projections differently.
    fn load(weights: &Weights, channels: i64, style: ResnetStyle) -> Result<Self, LoadError> {
        let linear =
            |names: &[&'static str]| Linear::load(&weights.child_of(names), channels, channels);
        Ok(Self {
            group_norm: GroupNorm::load(
                &weights.child("group_norm"),
                style.groups,
                channels,
                style.epsilon,
            )?,
            to_q: linear(&["to_q", "query"])?,
            to_k: linear(&["to_k", "key"])?,
            to_v: linear(&["to_v", "value"])?,
            to_out: linear(&["to_out.0", "proj_attn"])?,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let size = x.size();
        let pixels = self.group_norm.forward(x).flatten(2, 3).transpose(1, 2);
        let (q, k, v) = (
            self.to_q.forward(&pixels),
            self.to_k.forward(&pixels),
            self.to_v.forward(&pixels),
        );
        self.to_out
            .forward(&attend(&q, &k, &v, 1, false))
            .transpose(1, 2)
            .reshape(size)
            + x
    }
}

/// `UNetMidBlock2D` of an autoencoder.
pub struct MidBlock {
    first: ResnetBlock,
    attention: Option<Attention>,
    second: ResnetBlock,
}

impl MidBlock {
    /// Keeps the channels of the innermost level.
    pub fn load(
        weights: &Weights,
        channels: i64,
        style: ResnetStyle,
        config: &VariationalConfig,
    ) -> Result<Self, LoadError> {
        let attention = weights.child("attentions.0");
        let attention = config
            .mid_block_add_attention
            .then(|| Attention::load(&attention, channels, style));
        Ok(Self {
            first: ResnetBlock::load(&weights.child("resnets.0"), channels, channels, style)?,
            attention: attention.transpose()?,
            second: ResnetBlock::load(&weights.child("resnets.1"), channels, channels, style)?,
        })
    }

    /// Keeps the shape.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.first.forward(x, None);
        match &self.attention {
            Some(attention) => self.second.forward(&attention.forward(&x), None),
            None => self.second.forward(&x, None),
        }
    }
}
