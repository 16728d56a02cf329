//! The configuration of an autoencoder; of an `AutoencoderKL`, with the defaults of that class for missing keys.

use std::path::Path;

use serde::Deserialize;

use crate::error::LoadError;

use super::tiny::TinyConfig;

/// The configuration of either class.
#[derive(Debug, Clone)]
pub enum VaeConfig {
    /// `AutoencoderKL`.
    Variational(VariationalConfig),
    /// `AutoencoderTiny`.
    Tiny(TinyConfig),
}

impl VaeConfig {
    /// Refuses, by key, what this crate would compute wrongly.
    pub fn check(&self, path: &Path) -> Result<(), LoadError> {
        match self {
            Self::Variational(config) => config.check(path),
            Self::Tiny(config) => config.check(path),
        }
    }

    /// How many times smaller latents are than pictures, in height and width.
    pub fn factor(&self) -> i64 {
        match self {
            Self::Variational(config) => config.factor(),
            Self::Tiny(config) => config.factor(),
        }
    }

    /// Channels of the latents.
    pub fn latent_channels(&self) -> i64 {
        match self {
            Self::Variational(config) => config.latent_channels,
            Self::Tiny(config) => config.latent_channels,
        }
    }

    /// Latents are multiplied by this for the UNet.
    pub fn scaling_factor(&self) -> f64 {
        match self {
            Self::Variational(config) => config.scaling_factor,
            Self::Tiny(config) => config.scaling_factor,
        }
    }

    /// Whether half precision overflows in it.
    pub fn force_upcast(&self) -> bool {
        match self {
            Self::Variational(config) => config.force_upcast,
            Self::Tiny(_) => false,
        }
    }

    /// Mean and deviation of each channel, where they are named.
    pub fn latents_spread(&self) -> Option<(&[f32], &[f32])> {
        match self {
            Self::Variational(config) => {
                let means = config.latents_mean.as_deref();
                means.zip(config.latents_std.as_deref())
            }
            Self::Tiny(_) => None,
        }
    }
}

/// `vae/config.json` of an `AutoencoderKL`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct VariationalConfig {
    /// Channels of pictures going in.
    pub in_channels: i64,
    /// Channels of pictures coming out.
    pub out_channels: i64,
    /// Classes of the encoder's levels, outermost first.
    pub down_block_types: Vec<String>,
    /// Classes of the decoder's levels, innermost first.
    pub up_block_types: Vec<String>,
    /// Channels of each level.
    pub block_out_channels: Vec<i64>,
    /// Residual blocks of each encoder level; one more in the decoder.
    pub layers_per_block: i64,
    /// Activation of the residual blocks.
    pub act_fn: String,
    /// Channels of the latents.
    pub latent_channels: i64,
    /// Groups of each group normalisation.
    pub norm_num_groups: i64,
    /// Latents are multiplied by this for the UNet.
    pub scaling_factor: f64,
    /// Whether a 1x1 convolution follows the encoder.
    pub use_quant_conv: bool,
    /// Whether a 1x1 convolution precedes the decoder.
    pub use_post_quant_conv: bool,
    /// Whether the bottom has self-attention.
    pub mid_block_add_attention: bool,
    /// Whether half precision overflows in it.
    pub force_upcast: bool,
    /// Mean of each channel of the latents.
    pub latents_mean: Option<Vec<f32>>,
    /// Standard deviation of each channel of the latents.
    pub latents_std: Option<Vec<f32>>,
}

impl Default for VariationalConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            down_block_types: vec!["DownEncoderBlock2D".to_owned()],
            up_block_types: vec!["UpDecoderBlock2D".to_owned()],
            block_out_channels: vec![64],
            layers_per_block: 1,
            act_fn: "silu".to_owned(),
            latent_channels: 4,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
            force_upcast: true,
            latents_mean: None,
            latents_std: None,
        }
    }
}

impl VariationalConfig {
    /// Refuses, by key, what this crate would compute wrongly.
    pub fn check(&self, path: &Path) -> Result<(), LoadError> {
        let levels = self.block_out_channels.len();
        if levels == 0
            || self.down_block_types.len() != levels
            || self.up_block_types.len() != levels
        {
            let message = "needs one class and one channel count for each level";
            return Err(LoadError::key(path, "block_out_channels", message));
        }
        if self.in_channels != 3 || self.out_channels != 3 {
            return Err(LoadError::key(
                path,
                "in_channels",
                "pictures have three channels",
            ));
        }
        let spreads = [&self.latents_mean, &self.latents_std];
        let fits = |numbers: &Vec<f32>| numbers.len() as i64 == self.latent_channels;
        if !spreads.into_iter().flatten().all(fits) {
            let message = "needs one number for each channel of the latents";
            return Err(LoadError::key(path, "latents_mean", message));
        }
        if !(1..=100_000).contains(&self.latent_channels)
            || !(0..=1000).contains(&self.layers_per_block)
        {
            let message = "channels or layers out of range";
            return Err(LoadError::key(path, "latent_channels", message));
        }
        let unknown_down = self
            .down_block_types
            .iter()
            .find(|class| class.as_str() != "DownEncoderBlock2D");
        let unknown_up = self
            .up_block_types
            .iter()
            .find(|class| class.as_str() != "UpDecoderBlock2D");
        match unknown_down.or(unknown_up) {
            Some(class) => Err(LoadError::key(
                path,
                class.as_str(),
                "this block class is not supported yet",
            )),
            None => Ok(()),
        }
    }

    /// How many times smaller latents are than pictures, in height and width.
    pub fn factor(&self) -> i64 {
        1 << (self.block_out_channels.len().clamp(1, 16) - 1)
    }
}
