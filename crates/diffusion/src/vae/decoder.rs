//! Latents to pictures.

use tch::Tensor;

use super::config::VariationalConfig;
use super::mid::MidBlock;
use crate::error::LoadError;
use crate::layers::{Activation, Conv2d, GroupNorm};
use crate::unet::resnet::{ResnetBlock, ResnetStyle, Upsample};
use crate::weights::Weights;

struct Level {
    resnets: Vec<ResnetBlock>,
    upsampler: Option<Upsample>,
}

/// The decoder.
pub struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<Level>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    /// Levels are stored innermost first.
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
                config.latent_channels,
                innermost,
                3,
            )?,
            mid_block: MidBlock::load(&weights.child("mid_block"), innermost, style, config)?,
            up_blocks: (0..channels.len())
                .map(|index| {
                    Self::load_level(
                        &weights.child("up_blocks").child(index),
                        config,
                        style,
                        index,
                    )
                })
                .collect::<Result<_, _>>()?,
            conv_norm_out: GroupNorm::load(&norm, style.groups, channels[0], style.epsilon)?,
            conv_out: Conv2d::load(
                &weights.child("conv_out"),
                channels[0],
                config.out_channels,
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
        let count = config.block_out_channels.len();
        let at = count - 1 - index;
        let (inputs, outputs) = (
            config.block_out_channels[(at + 1).min(count - 1)],
            config.block_out_channels[at],
        );
        let resnets = weights.child("resnets");
        let resnet = |layer: i64| {
            let from = if layer == 0 { inputs } else { outputs };
            ResnetBlock::load(&resnets.child(layer), from, outputs, style)
        };
        let upsampler = (at > 0).then(|| Upsample::load(&weights.child("upsamplers.0"), outputs));
        Ok(Level {
            resnets: (0..=config.layers_per_block)
                .map(resnet)
                .collect::<Result<_, _>>()?,
            upsampler: upsampler.transpose()?,
        })
    }

    /// `[batch, latent_channels, height, width]` to `[batch, 3, height * factor, width * factor]`.
    pub fn forward(&self, latents: &Tensor) -> Tensor {
        let mut x = self.mid_block.forward(&self.conv_in.forward(latents));
        for level in &self.up_blocks {
            for resnet in &level.resnets {
                x = resnet.forward(&x, None);
            }
            if let Some(upsampler) = &level.upsampler {
                x = upsampler.forward(&x, None);
            }
        }
        // Of this one the configuration's `act_fn` says nothing.
        let x = Activation::Silu.forward_owned(self.conv_norm_out.forward(&x));
        self.conv_out.forward(&x)
    }
}
