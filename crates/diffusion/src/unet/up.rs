//! A level of the UNet on the way up (Ronneberger et al. 2015, arXiv 1505.04597).

use std::ops::Range;

use tch::Tensor;

use super::config::Level;
use super::resnet::{ResnetBlock, ResnetStyle, Upsample};
use super::transformer::Transformer2D;
use crate::error::LoadError;
use crate::weights::Weights;

/// `UpBlock2D`, or `CrossAttnUpBlock2D` when it has attentions.
pub struct UpBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Transformer2D>,
    upsampler: Option<Upsample>,
}

/// Where an [`UpBlock`] stands: what flows in from below and from the way down.
pub struct UpPlace {
    /// Channels that come from the level below.
    pub previous: i64,
    /// Channels of the last skip connection: those of the level above.
    pub above: i64,
    /// Whether it is the outermost level, which does not enlarge.
    pub last: bool,
}

impl UpBlock {
    /// One residual block more than on the way down, each of which takes one skip connection.
    pub fn load(
        weights: &Weights,
        class: &str,
        place: &UpPlace,
        level: &Level,
        style: ResnetStyle,
    ) -> Result<Self, LoadError> {
        let attentive = match class {
            "UpBlock2D" => false,
            "CrossAttnUpBlock2D" => true,
            other => {
                return Err(LoadError::key(
                    weights.path(),
                    other,
                    "this block class is not supported yet",
                ));
            }
        };
        let (resnets, attentions) = (weights.child("resnets"), weights.child("attentions"));
        let mut block = Self {
            resnets: Vec::new(),
            attentions: Vec::new(),
            upsampler: None,
        };
        for index in 0..=level.layers {
            let skip = if index == level.layers {
                place.above
            } else {
                level.channels
            };
            let from = if index == 0 {
                place.previous
            } else {
                level.channels
            };
            block.resnets.push(ResnetBlock::load(
                &resnets.child(index),
                from + skip,
                level.channels,
                style,
            )?);
            if attentive {
                block.attentions.push(Transformer2D::load(
                    &attentions.child(index),
                    level,
                    level.depths.up[index as usize],
                    style.groups,
                )?);
            }
        }
        if !place.last {
            block.upsampler = Some(Upsample::load(
                &weights.child("upsamplers.0"),
                level.channels,
            )?);
        }
        Ok(block)
    }

    /// Takes its skip connections from the end of `skips`, and enlarges to the size of the one then last.
    pub fn forward(
        &self,
        x: &Tensor,
        time: &Tensor,
        context: &Tensor,
        skips: &mut Vec<Tensor>,
    ) -> Tensor {
        let x = self.layers(x, time, context, skips, 0..self.resnets.len());
        let Some(upsampler) = &self.upsampler else {
            return x;
        };
        let size = skips.last().map(|skip| (skip.size()[2], skip.size()[3]));
        upsampler.forward(&x, size)
    }

    /// How many residual blocks it has.
    pub fn len(&self) -> usize {
        self.resnets.len()
    }

    /// Some of its residual blocks, each with the attention behind it.
    pub fn layers(
        &self,
        x: &Tensor,
        time: &Tensor,
        context: &Tensor,
        skips: &mut Vec<Tensor>,
        which: Range<usize>,
    ) -> Tensor {
        let mut x = x.shallow_clone();
        for index in which {
            let resnet = &self.resnets[index];
            let skip = skips
                .pop()
                .expect("the way down pushed one skip for each residual block of the way up");
            x = resnet.forward(&Tensor::cat(&[x, skip], 1), Some(time));
            if let Some(attention) = self.attentions.get(index) {
                x = attention.forward(&x, context);
            }
        }
        x
    }
}
