//! A level of the UNet on the way down (Ronneberger et al. 2015, arXiv 1505.04597).

use tch::Tensor;

use super::config::{Level, UNetConfig};
use super::resnet::{Downsample, ResnetBlock, ResnetStyle};
use super::transformer::Transformer2D;
use crate::error::LoadError;
use crate::weights::Weights;

/// `DownBlock2D`, or `CrossAttnDownBlock2D` when it has attentions.
pub struct DownBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Transformer2D>,
    downsampler: Option<Downsample>,
}

impl DownBlock {
    /// From `inputs` channels to the level's; all but the last level halve the size at their end.
    pub fn load(
        weights: &Weights,
        class: &str,
        inputs: i64,
        level: &Level,
        style: ResnetStyle,
        config: &UNetConfig,
        last: bool,
    ) -> Result<Self, LoadError> {
        let attentive = match class {
            "DownBlock2D" => false,
            "CrossAttnDownBlock2D" => true,
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
            downsampler: None,
        };
        for index in 0..level.layers {
            let from = if index == 0 { inputs } else { level.channels };
            block.resnets.push(ResnetBlock::load(
                &resnets.child(index),
                from,
                level.channels,
                style,
            )?);
            if attentive {
                block.attentions.push(Transformer2D::load(
                    &attentions.child(index),
                    level,
                    level.depths.down[index as usize],
                    style.groups,
                )?);
            }
        }
        if !last {
            let weights = weights.child("downsamplers.0");
            block.downsampler = Some(Downsample::load(
                &weights,
                level.channels,
                config.downsample_padding,
            )?);
        }
        Ok(block)
    }

    /// Appends every intermediate result to `skips` for the way up, and returns the last one.
    pub fn forward(
        &self,
        x: &Tensor,
        time: &Tensor,
        context: &Tensor,
        skips: &mut Vec<Tensor>,
    ) -> Tensor {
        let mut x = x.shallow_clone();
        for index in 0..self.resnets.len() {
            x = self.layer(&x, time, context, index);
            skips.push(x.shallow_clone());
        }
        if let Some(downsampler) = &self.downsampler {
            x = downsampler.forward(&x);
            skips.push(x.shallow_clone());
        }
        x
    }
    /// One of its residual blocks, with the attention behind it.
    pub fn layer(&self, x: &Tensor, time: &Tensor, context: &Tensor, index: usize) -> Tensor {
        let x = self.resnets[index].forward(x, Some(time));
        match self.attentions.get(index) {
            Some(attention) => attention.forward(&x, context),
            None => x,
        }
    }
}
