//! `UNet2DConditionModel`: predicts noise, or velocity, from noisy latents, a step number and text states
//! (Rombach et al. 2021, arXiv 2112.10752).

mod config;
mod depth;
mod down;
mod embedding;
mod mid;
pub(crate) mod resnet;
mod time;
mod transformer;
mod up;

use tch::Tensor;

pub(crate) use config::Level;
pub use config::UNetConfig;
pub(crate) use down::DownBlock;
pub(crate) use embedding::guidance_waves;
pub(crate) use mid::MidBlock;
use resnet::ResnetStyle;
pub use time::Extra;
pub(crate) use time::Time;
use up::{UpBlock, UpPlace};

use crate::error::LoadError;
use crate::layers::{Activation, Conv2d, GroupNorm};
use crate::weights::Weights;

/// Residual blocks at the end that are computed anew with deep features of an earlier call: as many as there are outermost
/// skip connections from the first block of the way down and before it.
const SHALLOW: usize = 2;

/// Why there are blocks to begin and to end with.
const LEVELS: &str = "configurations have at least one level of at least one layer";

/// What a network beside this one adds to it; each `[batch, channels, height, width]`.
#[derive(Debug)]
pub struct Residuals {
    /// To the skip connections, in the order in which the way down makes them.
    pub skips: Vec<Tensor>,
    /// To what the bottom makes.
    pub middle: Tensor,
}

/// The denoising network.
pub struct UNet {
    conv_in: Conv2d,
    time: Time,
    down_blocks: Vec<DownBlock>,
    mid_block: Option<MidBlock>,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    activation: Activation,
    center_input: bool,
}

impl UNet {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &UNetConfig) -> Result<Self, LoadError> {
        config.check(weights.path())?;
        let levels = config.levels(weights.path())?;
        let style = style(weights, config)?;
        let first = levels[0].channels;
        let innermost = &levels[levels.len() - 1];
        Ok(Self {
            conv_in: Conv2d::load(
                &weights.child("conv_in"),
                config.in_channels,
                first,
                config.conv_in_kernel,
            )?,
            time: Time::load(weights, config, style.activation)?,
            down_blocks: load_down(weights, config, &levels, style)?,
            mid_block: MidBlock::load(&weights.child("mid_block"), innermost, style, config)?,
            up_blocks: load_up(weights, config, &levels, style)?,
            conv_norm_out: GroupNorm::load(
                &weights.child("conv_norm_out"),
                config.groups(),
                first,
                config.norm_eps,
            )?,
            conv_out: Conv2d::load(
                &weights.child("conv_out"),
                first,
                config.out_channels,
                config.conv_out_kernel,
            )?,
            activation: style.activation,
            center_input: config.center_input_sample,
        })
    }

    /// `sample`: `[batch, in_channels, height, width]`; `timesteps`: `[batch]`; `context`: `[batch, tokens, features]`;
    /// to `[batch, out_channels, height, width]`. Rows do not influence each other.
    pub fn forward(
        &self,
        sample: &Tensor,
        timesteps: &Tensor,
        context: &Tensor,
        extra: &Extra,
    ) -> Tensor {
        self.forward_keeping(sample, timesteps, context, extra, None)
            .0
    }

    /// The same with what other networks add to it, and what [`Self::forward_shallow`] takes for deep features; nothing where
    /// the outermost level has no layers of its own.
    pub fn forward_keeping(
        &self,
        sample: &Tensor,
        timesteps: &Tensor,
        context: &Tensor,
        extra: &Extra,
        residuals: Option<&Residuals>,
    ) -> (Tensor, Option<Tensor>) {
        let time = self.time.forward(timesteps, extra, sample.kind());
        let mut x = self.enter(sample);
        let mut skips = vec![x.shallow_clone()];
        for block in &self.down_blocks {
            x = block.forward(&x, &time, context, &mut skips);
        }
        if let Some(block) = &self.mid_block {
            x = block.forward(&x, &time, context);
        }
        if let Some(Residuals {
            skips: more,
            middle,
        }) = residuals
        {
            skips = skips
                .iter()
                .zip(more)
                .map(|(skip, more)| skip + more)
                .collect();
            x = &x + middle;
        }
        let (last, before) = self.up_blocks.split_last().expect(LEVELS);
        for block in before {
            x = block.forward(&x, &time, context, &mut skips);
        }
        let shallow = last.len().saturating_sub(SHALLOW);
        let deep = last.layers(&x, &time, context, &mut skips, 0..shallow);
        let x = last.layers(&deep, &time, context, &mut skips, shallow..last.len());
        let deep = (last.len() >= SHALLOW).then_some(deep);
        (self.leave(&x), deep)
    }

    /// Only the outermost layers, around the deep features of an earlier call: these change slowly from step to step (Ma et
    /// al. 2023, arXiv 2312.00858).
    pub fn forward_shallow(
        &self,
        sample: &Tensor,
        timesteps: &Tensor,
        context: &Tensor,
        extra: &Extra,
        deep: &Tensor,
    ) -> Tensor {
        let time = self.time.forward(timesteps, extra, sample.kind());
        let x = self.enter(sample);
        let first = self.down_blocks.first().expect(LEVELS);
        let mut skips = vec![x.shallow_clone(), first.layer(&x, &time, context, 0)];
        let last = self.up_blocks.last().expect(LEVELS);
        let which = last.len().saturating_sub(SHALLOW)..last.len();
        self.leave(&last.layers(deep, &time, context, &mut skips, which))
    }

    fn enter(&self, sample: &Tensor) -> Tensor {
        if self.center_input {
            self.conv_in.forward(&(sample * 2.0 - 1.0))
        } else {
            self.conv_in.forward(sample)
        }
    }

    fn leave(&self, x: &Tensor) -> Tensor {
        let normed = self.conv_norm_out.forward(x);
        self.conv_out
            .forward(&self.activation.forward_owned(normed))
    }
}

pub(crate) fn style(weights: &Weights, config: &UNetConfig) -> Result<ResnetStyle, LoadError> {
    let scale_shift = match config.resnet_time_scale_shift.as_str() {
        "default" => false,
        "scale_shift" => true,
        other => {
            return Err(LoadError::key(
                weights.path(),
                "resnet_time_scale_shift",
                format!("{other:?} is unknown"),
            ));
        }
    };
    Ok(ResnetStyle {
        groups: config.groups(),
        epsilon: config.norm_eps,
        activation: Activation::named(&config.act_fn, "act_fn", weights)?,
        time_features: Some(config.time_features()),
        scale_shift,
        // The classes of these blocks have no use for `resnet_out_scale_factor`.
        output_scale: 1.0,
    })
}

pub(crate) fn load_down(
    weights: &Weights,
    config: &UNetConfig,
    levels: &[Level],
    style: ResnetStyle,
) -> Result<Vec<DownBlock>, LoadError> {
    let load = |index: usize| {
        let (level, class) = (&levels[index], &config.down_block_types[index]);
        let inputs = levels[index.saturating_sub(1)].channels;
        let last = index + 1 == levels.len();
        DownBlock::load(
            &weights.child("down_blocks").child(index),
            class,
            inputs,
            level,
            style,
            config,
            last,
        )
    };
    (0..levels.len()).map(load).collect()
}

fn load_up(
    weights: &Weights,
    config: &UNetConfig,
    levels: &[Level],
    style: ResnetStyle,
) -> Result<Vec<UpBlock>, LoadError> {
    let count = levels.len();
    let load = |index: usize| {
        let at = count - 1 - index;
        let place = UpPlace {
            previous: levels[(at + 1).min(count - 1)].channels,
            above: levels[at.saturating_sub(1)].channels,
            last: at == 0,
        };
        let class = &config.up_block_types[index];
        UpBlock::load(
            &weights.child("up_blocks").child(index),
            class,
            &place,
            &levels[at],
            style,
        )
    };
    (0..count).map(load).collect()
}
