//! The bottom of the UNet.

use tch::Tensor;

use super::config::{Level, UNetConfig};
use super::resnet::{ResnetBlock, ResnetStyle};
use super::transformer::Transformer2D;
use crate::error::LoadError;
use crate::weights::Weights;

/// `UNetMidBlock2DCrossAttn`, or `UNetMidBlock2D` when it has no attention.
pub struct MidBlock {
    resnets: Vec<ResnetBlock>,
    attention: Option<Transformer2D>,
}

impl MidBlock {
    /// Keeps the channels of the innermost level. A checkpoint may have no middle at all.
    pub fn load(
        weights: &Weights,
        level: &Level,
        style: ResnetStyle,
        config: &UNetConfig,
    ) -> Result<Option<Self>, LoadError> {
        let attentive = match config.mid_block_type.as_deref() {
            None => return Ok(None),
            Some("UNetMidBlock2DCrossAttn") => true,
            Some("UNetMidBlock2D") => false,
            Some(other) => {
                return Err(LoadError::key(
                    weights.path(),
                    other,
                    "this block class is not supported yet",
                ));
            }
        };
        let style = ResnetStyle {
            output_scale: config.mid_block_scale_factor,
            ..style
        };
        // Self-attention first, whatever the levels do.
        let level = Level {
            only_cross_attention: false,
            ..level.clone()
        };
        let resnet = |index: i64| {
            ResnetBlock::load(
                &weights.child("resnets").child(index),
                level.channels,
                level.channels,
                style,
            )
        };
        let attention = attentive.then(|| {
            Transformer2D::load(
                &weights.child("attentions.0"),
                &level,
                level.depths.middle,
                style.groups,
            )
        });
        let resnets = (0..if attentive { 2 } else { 1 })
            .map(resnet)
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            resnets,
            attention: attention.transpose()?,
        }))
    }

    /// Keeps the shape.
    pub fn forward(&self, x: &Tensor, time: &Tensor, context: &Tensor) -> Tensor {
        let mut x = self.resnets[0].forward(x, Some(time));
        if let Some(attention) = &self.attention {
            x = attention.forward(&x, context);
        }
        for resnet in &self.resnets[1..] {
            x = resnet.forward(&x, Some(time));
        }
        x
    }
}
