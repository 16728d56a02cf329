//! `AutoencoderKL`: pictures to latents and back (Kingma & Welling 2013, arXiv 1312.6114; Rombach et al. 2021,
//! arXiv 2112.10752).

mod config;
mod decoder;
mod encoder;
mod mid;

use tch::Tensor;

pub use config::VaeConfig;
use decoder::Decoder;
use encoder::Encoder;

use crate::error::LoadError;
use crate::layers::{Activation, Conv2d};
use crate::unet::resnet::ResnetStyle;
use crate::weights::Weights;

/// Epsilon of all normalisations.
const EPSILON: f64 = 1e-6;

/// Logarithms of variances are kept within these bounds.
const LOG_VARIANCE: (f64, f64) = (-30.0, 20.0);

/// The autoencoder.
pub struct Vae {
    encoder: Encoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
    scale: f64,
}

/// The distribution of a picture's latents, not yet scaled.
pub struct LatentDistribution {
    /// Means, `[batch, latent_channels, height, width]`.
    pub mean: Tensor,
    /// Standard deviations, of the same shape.
    pub deviation: Tensor,
}

impl Vae {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &VaeConfig) -> Result<Self, LoadError> {
        config.check(weights.path())?;
        let style = ResnetStyle {
            groups: config.norm_num_groups,
            epsilon: EPSILON,
            activation: Activation::named(&config.act_fn, "act_fn", weights)?,
            time_features: None,
            scale_shift: false,
            output_scale: 1.0,
        };
        let channels = config.latent_channels;
        let conv = |wanted: bool, name: &str, channels: i64| {
            wanted
                .then(|| Conv2d::load(&weights.child(name), channels, channels, 1))
                .transpose()
        };
        Ok(Self {
            encoder: Encoder::load(&weights.child("encoder"), config, style)?,
            quant_conv: conv(config.use_quant_conv, "quant_conv", 2 * channels)?,
            post_quant_conv: conv(config.use_post_quant_conv, "post_quant_conv", channels)?,
            decoder: Decoder::load(&weights.child("decoder"), config, style)?,
            scale: config.scaling_factor,
        })
    }

    /// `picture`: `[batch, 3, height, width]` in -1..1.
    pub fn encode(&self, picture: &Tensor) -> LatentDistribution {
        let moments = self.encoder.forward(picture);
        let moments = self
            .quant_conv
            .as_ref()
            .map_or(moments.shallow_clone(), |conv| conv.forward(&moments));
        let halves = moments.chunk(2, 1);
        let deviation = (halves[1].clamp(LOG_VARIANCE.0, LOG_VARIANCE.1) * 0.5).exp();
        LatentDistribution {
            mean: halves[0].shallow_clone(),
            deviation,
        }
    }

    /// Unscaled latents as the UNet wants them. A shift that the configuration names is left out, as in all pipelines
    /// around a UNet; only those around transformers apply it.
    pub fn scale(&self, latents: &Tensor) -> Tensor {
        latents * self.scale
    }

    /// `latents`: `[batch, latent_channels, height, width]` as the UNet has them, to pictures in about -1..1.
    pub fn decode(&self, latents: &Tensor) -> Tensor {
        let latents = latents / self.scale;
        let latents = self
            .post_quant_conv
            .as_ref()
            .map_or(latents.shallow_clone(), |conv| conv.forward(&latents));
        self.decoder.forward(&latents)
    }
}
