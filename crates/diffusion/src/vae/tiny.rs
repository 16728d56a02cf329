//! `AutoencoderTiny`: a small autoencoder without distributions (TAESD).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use crate::error::LoadError;
use crate::layers::{Activation, Conv2d};
use crate::weights::Weights;

/// Latents are squeezed into plus and minus this.
const LARGEST_LATENT: f64 = 3.0;

/// `vae/config.json` of an `AutoencoderTiny`, with the defaults of that class for missing keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct TinyConfig {
    /// Channels of pictures going in.
    pub in_channels: i64,
    /// Channels of pictures coming out.
    pub out_channels: i64,
    /// Channels of each encoder level.
    pub encoder_block_out_channels: Vec<i64>,
    /// Channels of each decoder level.
    pub decoder_block_out_channels: Vec<i64>,
    /// Activation inside the blocks.
    pub act_fn: String,
    /// How the decoder enlarges.
    pub upsample_fn: String,
    /// Channels of the latents.
    pub latent_channels: i64,
    /// Factor of each enlargement.
    pub upsampling_scaling_factor: i64,
    /// Blocks of each encoder level.
    pub num_encoder_blocks: Vec<i64>,
    /// Blocks of each decoder level.
    pub num_decoder_blocks: Vec<i64>,
    /// Latents are multiplied by this for the UNet.
    pub scaling_factor: f64,
}

impl Default for TinyConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            encoder_block_out_channels: vec![64; 4],
            decoder_block_out_channels: vec![64; 4],
            act_fn: "relu".to_owned(),
            upsample_fn: "nearest".to_owned(),
            latent_channels: 4,
            upsampling_scaling_factor: 2,
            num_encoder_blocks: vec![1, 3, 3, 3],
            num_decoder_blocks: vec![3, 3, 3, 1],
            scaling_factor: 1.0,
        }
    }
}

impl TinyConfig {
    /// Refuses, by key, what this crate would compute wrongly.
    pub fn check(&self, path: &Path) -> Result<(), LoadError> {
        let refuse = |key: &str, message: &str| Err(LoadError::key(path, key, message));
        let (encoder, decoder) = (
            self.encoder_block_out_channels.len(),
            self.decoder_block_out_channels.len(),
        );
        if encoder == 0 || encoder != self.num_encoder_blocks.len() || encoder > 8 {
            return refuse(
                "num_encoder_blocks",
                "needs one number for each level, at most 8",
            );
        }
        if decoder != encoder || decoder != self.num_decoder_blocks.len() {
            return refuse(
                "num_decoder_blocks",
                "needs as many levels as the encoder has",
            );
        }
        let blocks = self
            .num_encoder_blocks
            .iter()
            .chain(&self.num_decoder_blocks);
        if blocks.into_iter().any(|count| !(0..=100).contains(count)) {
            return refuse("num_encoder_blocks", "must be from 0 to 100");
        }
        if self.in_channels != 3 || self.out_channels != 3 {
            return refuse("in_channels", "pictures have three channels");
        }
        if self.upsampling_scaling_factor != 2 || self.upsample_fn != "nearest" {
            return refuse(
                "upsampling_scaling_factor",
                "only repeated pixels by 2 are supported",
            );
        }
        Ok(())
    }

    /// How many times smaller latents are than pictures, in height and width.
    pub fn factor(&self) -> i64 {
        1 << (self.decoder_block_out_channels.len().clamp(1, 16) - 1)
    }
}

/// Three convolutions beside a shortcut.
struct Block {
    convolutions: [Conv2d; 3],
    activation: Activation,
}

impl Block {
    fn load(weights: &Weights, channels: i64, activation: Activation) -> Result<Self, LoadError> {
        let conv =
            |index: i64| Conv2d::load(&weights.child("conv").child(index), channels, channels, 3);
        Ok(Self {
            convolutions: [conv(0)?, conv(2)?, conv(4)?],
            activation,
        })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [first, second, third] = &self.convolutions;
        let h = self.activation.forward(&first.forward(x));
        let h = self.activation.forward(&second.forward(&h));
        (third.forward(&h) + x).relu()
    }
}

enum Layer {
    Conv(Conv2d),
    Block(Block),
    Activation(Activation),
    Enlarge,
}

impl Layer {
    fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Conv(conv) => conv.forward(x),
            Self::Block(block) => block.forward(x),
            Self::Activation(activation) => activation.forward(x),
            Self::Enlarge => {
                let (_, _, height, width) = x.size4().expect("feature maps have four dimensions");
                x.upsample_nearest2d([2 * height, 2 * width], None, None)
            }
        }
    }
}

fn run(layers: &[Layer], x: Tensor) -> Tensor {
    layers.iter().fold(x, |x, layer| layer.forward(&x))
}

/// The autoencoder.
pub struct Tiny {
    encoder: Vec<Layer>,
    decoder: Vec<Layer>,
}

impl Tiny {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &TinyConfig) -> Result<Self, LoadError> {
        config.check(weights.path())?;
        let activation = Activation::named(&config.act_fn, "act_fn", weights)?;
        Ok(Self {
            encoder: load_encoder(&weights.child("encoder.layers"), config, activation)?,
            decoder: load_decoder(&weights.child("decoder.layers"), config, activation)?,
        })
    }

    /// Pictures in -1..1 to latents, not yet scaled.
    pub fn encode(&self, picture: &Tensor) -> Tensor {
        run(&self.encoder, (picture + 1.0) / 2.0)
    }

    /// Unscaled latents to pictures in about -1..1.
    pub fn decode(&self, latents: &Tensor) -> Tensor {
        let squeezed = (latents / LARGEST_LATENT).tanh() * LARGEST_LATENT;
        run(&self.decoder, squeezed) * 2.0 - 1.0
    }
}

/// Layers are numbered in the order in which they run, those without weights included.
fn load_encoder(
    weights: &Weights,
    config: &TinyConfig,
    activation: Activation,
) -> Result<Vec<Layer>, LoadError> {
    let mut layers = Vec::new();
    let levels = &config.encoder_block_out_channels;
    for (level, &channels) in levels.iter().enumerate() {
        let own = weights.child(layers.len());
        layers.push(Layer::Conv(if level == 0 {
            Conv2d::load(&own, config.in_channels, channels, 3)?
        } else {
            Conv2d::load_without_bias(&own, channels, channels, 3, 2)?
        }));
        for _ in 0..config.num_encoder_blocks[level] {
            let own = weights.child(layers.len());
            layers.push(Layer::Block(Block::load(&own, channels, activation)?));
        }
    }
    let (own, last) = (weights.child(layers.len()), levels[levels.len() - 1]);
    layers.push(Layer::Conv(Conv2d::load(
        &own,
        last,
        config.latent_channels,
        3,
    )?));
    Ok(layers)
}

fn load_decoder(
    weights: &Weights,
    config: &TinyConfig,
    activation: Activation,
) -> Result<Vec<Layer>, LoadError> {
    let levels = &config.decoder_block_out_channels;
    let first = Conv2d::load(&weights.child(0), config.latent_channels, levels[0], 3)?;
    let mut layers = vec![Layer::Conv(first), Layer::Activation(activation)];
    for (level, &channels) in levels.iter().enumerate() {
        for _ in 0..config.num_decoder_blocks[level] {
            let own = weights.child(layers.len());
            layers.push(Layer::Block(Block::load(&own, channels, activation)?));
        }
        if level + 1 == levels.len() {
            let own = weights.child(layers.len());
            layers.push(Layer::Conv(Conv2d::load(
                &own,
                channels,
                config.out_channels,
                3,
            )?));
        } else {
            layers.push(Layer::Enlarge);
            let own = weights.child(layers.len());
            layers.push(Layer::Conv(Conv2d::load_without_bias(
                &own, channels, channels, 3, 1,
            )?));
        }
    }
    Ok(layers)
}
