//! Pictures to the mean and variance of latents.

use tch::Tensor;

use super::config::VariationalConfig;
use super::mid::MidBlock;
use crate::error::LoadError;
use crate::layers::{Activation, Conv2d, GroupNorm};
use crate::unet::resnet::{Downsample, ResnetBlock, ResnetStyle};
use crate::weights::Weights;

struct Level {
    resnets: Vec<ResnetBlock>,
    downsampler: Option<Downsample>,
}

/// The encoder.
pub struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<Level>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    /// Twice as many channels come out as latents have: means, then logarithms of variances.
    pub fn load(
        weights: &Weights,
        config: &VariationalConfig,
        style: ResnetStyle,
    ) -> Result<Self, LoadError> {
        let channels = &config.block_out_channels;
        let innermost = channels[channels.len() - 1];
        let norm = weights.child("conv_norm_out");
        Ok(Self {
            conv_in: Conv2d::load(
                &weights.child("conv_in"),
                config.in_channels,
                channels[0],
                3,
            )?,
            down_blocks: (0..channels.len())
                .map(|index| {
                    Self::load_level(
                        &weights.child("down_blocks").child(index),
                        config,
                        style,
                        index,
                    )
                })
                .collect::<Result<_, _>>()?,
            mid_block: MidBlock::load(&weights.child("mid_block"), innermost, style, config)?,
            conv_norm_out: GroupNorm::load(&norm, style.groups, innermost, style.epsilon)?,
            conv_out: Conv2d::load(
                &weights.child("conv_out"),
                innermost,
                2 * config.latent_channels,
                3,
            )?,
        })
    }

    fn load_level(
        weights: &Weights,
        config: &VariationalConfig,
        style: ResnetStyle,
        index: usize,
    ) -> Result<Level, LoadError> {
        let outputs = config.block_out_channels[index];
        let inputs = config.block_out_channels[index.saturating_sub(1)];
        let resnets = weights.child("resnets");
        let resnet = |layer: i64| {
            let from = if layer == 0 { inputs } else { outputs };
            ResnetBlock::load(&resnets.child(layer), from, outputs, style)
        };
        let last = index + 1 == config.block_out_channels.len();
        let downsampler =
            (!last).then(|| Downsample::load(&weights.child("downsamplers.0"), outputs, 0));
        Ok(Level {
            resnets: (0..config.layers_per_block)
                .map(resnet)
                .collect::<Result<_, _>>()?,
            downsampler: downsampler.transpose()?,
        })
    }

    /// `[batch, 3, height, width]` to `[batch, 2 * latent_channels, height / factor, width / factor]`.
    pub fn forward(&self, picture: &Tensor) -> Tensor {
        let mut x = self.conv_in.forward(picture);
        for level in &self.down_blocks {
            for resnet in &level.resnets {
                x = resnet.forward(&x, None);
            }
            if let Some(downsampler) = &level.downsampler {
                x = downsampler.forward(&x);
            }
        }
        let x = self.conv_norm_out.forward(&self.mid_block.forward(&x));
        // Of this one the configuration's `act_fn` says nothing.
        self.conv_out.forward(&Activation::Silu.forward_owned(x))
    }
}
