//! `ControlNetModel`: a copy of the denoising network's way down that sees a picture and tells the network to follow it
//! (Zhang et al. 2023, arXiv 2302.05543).

mod config;
mod embedding;

use std::path::Path;

use tch::{Device, Kind, Tensor};

pub(crate) use config::CLASS;
pub use config::{ChannelOrder, ControlNetConfig};
use embedding::Embedding;

use crate::checkpoint::DIFFUSERS_STEM;
use crate::error::LoadError;
use crate::layers::Conv2d;
use crate::unet::{DownBlock, Extra, MidBlock, Residuals, Time, load_down, style};
use crate::weights::Weights;

/// In guess mode the outermost output counts this much, the innermost wholly.
const FAINTEST_GUESS: f32 = 0.1;

/// Why there is a bottom.
const MIDDLE: &str = "configurations without a middle are refused when they are read";

/// The network beside the denoising one.
pub struct ControlNet {
    conv_in: Conv2d,
    time: Time,
    controlnet_cond_embedding: Embedding,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    controlnet_down_blocks: Vec<Conv2d>,
    controlnet_mid_block: Conv2d,
    order: ChannelOrder,
    pools: bool,
    in_channels: i64,
}

impl ControlNet {
    /// Opens a directory's weights.
    pub fn open(directory: &Path, kind: Kind, device: Device) -> Result<Weights, LoadError> {
        Weights::open(directory, DIFFUSERS_STEM, kind, device)
    }

    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &ControlNetConfig) -> Result<Self, LoadError> {
        let unet = config.unet();
        let levels = config.levels()?;
        let style = style(weights, unet)?;
        let first = levels[0].channels;
        let innermost = &levels[levels.len() - 1];
        let mid_block = MidBlock::load(&weights.child("mid_block"), innermost, style, unet)?;
        let (inputs, embedding) = config.embedding();
        // One output for each skip connection: the first convolution's, each layer's, and each halving's.
        let mut channels = vec![first];
        for (index, level) in levels.iter().enumerate() {
            let halved = i64::from(index + 1 < levels.len());
            channels.extend((0..level.layers + halved).map(|_| level.channels));
        }
        let outputs = weights.child("controlnet_down_blocks");
        let output = |(index, &channels): (usize, &i64)| {
            Conv2d::load(&outputs.child(index), channels, channels, 1)
        };
        let (bottom, conv_in) = (
            weights.child("controlnet_mid_block"),
            weights.child("conv_in"),
        );
        Ok(Self {
            conv_in: Conv2d::load(&conv_in, unet.in_channels, first, unet.conv_in_kernel)?,
            time: Time::load(weights, unet, style.activation)?,
            controlnet_cond_embedding: Embedding::load(
                &weights.child("controlnet_cond_embedding"),
                inputs,
                embedding,
                first,
            )?,
            down_blocks: load_down(weights, unet, &levels, style)?,
            mid_block: mid_block.expect(MIDDLE),
            controlnet_down_blocks: channels
                .iter()
                .enumerate()
                .map(output)
                .collect::<Result<_, _>>()?,
            controlnet_mid_block: Conv2d::load(&bottom, innermost.channels, innermost.channels, 1)?,
            order: config.order()?,
            pools: config.pools(),
            in_channels: unet.in_channels,
        })
    }

    /// What it makes of a picture, once for all steps: `[batch, 3, height, width]` in 0..1, to
    /// `[batch, channels, height', width']`.
    pub fn embed(&self, picture: &Tensor) -> Tensor {
        let picture = match self.order {
            ChannelOrder::Rgb => picture.shallow_clone(),
            ChannelOrder::Bgr => picture.flip([1]),
        };
        self.controlnet_cond_embedding.forward(&picture)
    }

    /// `sample`: `[batch, channels, height, width]`, of which the first are latents; `hint`: of [`Self::embed`];
    /// `timesteps`: `[batch]`; `context`: `[batch, tokens, features]`; `scales`: `[batch, outputs]` as [`Self::scales`]
    /// gives them. Rows do not influence each other.
    pub fn forward(
        &self,
        sample: &Tensor,
        hint: &Tensor,
        timesteps: &Tensor,
        context: &Tensor,
        extra: &Extra,
        scales: &Tensor,
    ) -> Residuals {
        let time = self.time.forward(timesteps, extra, sample.kind());
        let latents = sample.narrow(1, 0, self.in_channels);
        let mut x = self.conv_in.forward(&latents) + hint;
        let mut skips = vec![x.shallow_clone()];
        for block in &self.down_blocks {
            x = block.forward(&x, &time, context, &mut skips);
        }
        let x = self.mid_block.forward(&x, &time, context);
        let outputs = self.controlnet_down_blocks.iter().zip(&skips).enumerate();
        let outputs =
            outputs.map(|(index, (layer, skip))| self.scaled(&layer.forward(skip), scales, index));
        Residuals {
            skips: outputs.collect(),
            middle: self.scaled(
                &self.controlnet_mid_block.forward(&x),
                scales,
                self.controlnet_down_blocks.len(),
            ),
        }
    }

    fn scaled(&self, output: &Tensor, scales: &Tensor, index: usize) -> Tensor {
        let scale = scales.narrow(1, index as i64, 1).view([-1, 1, 1, 1]);
        // Scales are fp32; the network may be less precise.
        let counted = (output * scale).to_kind(output.kind());
        if self.pools {
            counted.mean_dim([2, 3].as_slice(), true, None::<Kind>)
        } else {
            counted
        }
    }

    /// How much each output counts, the bottom's last. Those who `guess` let it decide by itself what a picture shows: outer
    /// outputs then count less.
    pub fn scales(&self, scale: f64, guess: bool) -> Vec<f32> {
        let count = self.controlnet_down_blocks.len();
        let share = |index: usize| {
            if guess && !self.pools {
                FAINTEST_GUESS.powf(1.0 - index as f32 / count as f32)
            } else {
                1.0
            }
        };
        (0..=count)
            .map(|index| share(index) * scale as f32)
            .collect()
    }

    /// Whether only the means of its outputs count; then a prompt's opposite is not told of them.
    pub fn pools(&self) -> bool {
        self.pools
    }
}

impl Residuals {
    /// Of two networks together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        let skips = self.skips.iter().zip(&other.skips);
        Self {
            skips: skips.map(|(mine, its)| mine + its).collect(),
            middle: self.middle + &other.middle,
        }
    }
}
