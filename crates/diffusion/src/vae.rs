//! `AutoencoderKL`: pictures to latents and back (Kingma & Welling 2013, arXiv 1312.6114; Rombach et al. 2021,
//! arXiv 2112.10752).

mod config;
mod decoder;
mod encoder;
mod mid;
mod tiny;

use tch::Tensor;

pub use config::{VaeConfig, VariationalConfig};
use decoder::Decoder;
use encoder::Encoder;
use tiny::Tiny;
pub use tiny::TinyConfig;

use crate::edges;
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
    network: Network,
    scale: f64,
    /// Mean and deviation of each channel, `[1, latent_channels, 1, 1]`, where the configuration names them.
    spread: Option<(Tensor, Tensor)>,
}

enum Network {
    Variational(Box<Variational>),
    Tiny(Tiny),
}

struct Variational {
    encoder: Encoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
}

/// The distribution of a picture's latents, not yet scaled.
pub struct LatentDistribution {
    /// Means, `[batch, latent_channels, height, width]`.
    pub mean: Tensor,
    /// Standard deviations, of the same shape; none where latents are certain, and then nothing is drawn for them.
    pub deviation: Option<Tensor>,
}

impl Vae {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &VaeConfig) -> Result<Self, LoadError> {
        config.check(weights.path())?;
        let network = match config {
            VaeConfig::Variational(config) => {
                Network::Variational(Box::new(Variational::load(weights, config)?))
            }
            VaeConfig::Tiny(config) => Network::Tiny(Tiny::load(weights, config)?),
        };
        let numbers = |numbers: &[f32]| Tensor::from_slice(numbers).view([1, -1, 1, 1]);
        let spread = config
            .latents_spread()
            .map(|(means, deviations)| (numbers(means), numbers(deviations)));
        Ok(Self {
            network,
            scale: config.scaling_factor(),
            spread,
        })
    }

    /// `picture`: `[batch, 3, height, width]` in -1..1.
    pub fn encode(&self, picture: &Tensor) -> LatentDistribution {
        match &self.network {
            Network::Variational(network) => network.encode(picture),
            Network::Tiny(network) => LatentDistribution {
                mean: network.encode(picture),
                deviation: None,
            },
        }
    }

    /// Unscaled latents as the UNet wants them. A shift that the configuration names is left out, as in all pipelines
    /// around a UNet; only those around transformers apply it. Means and deviations count `by_channel` only.
    pub fn scale(&self, latents: &Tensor, by_channel: bool) -> Tensor {
        match &self.spread {
            Some((mean, deviation)) if by_channel => {
                let device = latents.device();
                (latents - mean.to_device(device)) * self.scale / deviation.to_device(device)
            }
            _ => latents * self.scale,
        }
    }

    /// `latents`: `[batch, latent_channels, height, width]` as the UNet has them, to pictures in about -1..1.
    pub fn decode(&self, latents: &Tensor, by_channel: bool) -> Tensor {
        let latents = match &self.spread {
            Some((mean, deviation)) if by_channel => {
                let (device, kind) = (latents.device(), latents.kind());
                let there = |x: &Tensor| x.to_device(device).to_kind(kind);
                latents * there(deviation) / self.scale + there(mean)
            }
            _ => latents / self.scale,
        };
        match &self.network {
            Network::Variational(network) => network.decode(&latents),
            Network::Tiny(network) => network.decode(&latents),
        }
    }
}

/// Latents with more places than this are decoded in tiles: attention over all of them would not fit.
const MOST_PLACES: i64 = 256 * 256;

/// Side of a tile in places of the latents. Neighbours share a quarter of it.
const TILE: i64 = 128;

impl Vae {
    /// The side of the tiles that latents are decoded in, in their places, where they are too large to be decoded whole.
    pub fn tile_for(latents: &Tensor) -> Option<i64> {
        let (_, _, height, width) = latents.size4().expect("latents have four dimensions");
        (height * width > MOST_PLACES).then_some(TILE)
    }

    /// The same as [`Self::decode_in_tiles`], with tiles across the edges of the picture, too: it goes on at its opposite edge.
    pub fn decode_in_joined_tiles(&self, latents: &Tensor, by_channel: bool, tile: i64) -> Tensor {
        let (_, _, height, width) = latents.size4().expect("latents have four dimensions");
        let margin = (tile / 2).max(1);
        let decoded = self.decode_in_tiles(&edges::around(latents, margin), by_channel, tile);
        let factor = decoded.size()[2] / (height + 2 * margin);
        decoded.narrow(2, margin * factor, height * factor).narrow(
            3,
            margin * factor,
            width * factor,
        )
    }

    /// The same as [`Self::decode`], in overlapping tiles of a side given in places of the latents, however small they are.
    /// Tiles do not see each other, so colours may differ a little between them; they are blended where they overlap.
    pub fn decode_in_tiles(&self, latents: &Tensor, by_channel: bool, tile: i64) -> Tensor {
        let (_, _, height, width) = latents.size4().expect("latents have four dimensions");
        let length = tile.max(4);
        let overlap = (length / 4).max(1);
        let (mut sum, mut weight): (Option<Tensor>, Option<Tensor>) = (None, None);
        for top in starts(height, length, overlap) {
            for left in starts(width, length, overlap) {
                let (rows, columns) = (length.min(height), length.min(width));
                let tile = latents.narrow(2, top, rows).narrow(3, left, columns);
                let decoded = self.decode(&tile, by_channel);
                let factor = decoded.size()[2] / rows;
                let size = [1, 3, height * factor, width * factor];
                let share =
                    ramp(rows, overlap, factor).unsqueeze(1) * ramp(columns, overlap, factor);
                let share = share.to_device(decoded.device()).to_kind(decoded.kind());
                let place = |whole: &Tensor| {
                    whole.narrow(2, top * factor, rows * factor).narrow(
                        3,
                        left * factor,
                        columns * factor,
                    )
                };
                let empty = || Tensor::zeros(size, (decoded.kind(), decoded.device()));
                let sum = sum.get_or_insert_with(empty);
                let _ = place(sum).g_add_(&(&decoded * &share));
                let _ = place(weight.get_or_insert_with(empty)).g_add_(&share);
            }
        }
        match (sum, weight) {
            (Some(sum), Some(weight)) => sum / weight,
            _ => self.decode(latents, by_channel),
        }
    }
}

/// Where tiles begin, so that they cover everything and the last ends with it.
fn starts(length: i64, side: i64, overlap: i64) -> Vec<i64> {
    let last = (length - side).max(0);
    let mut starts: Vec<i64> = (0..last).step_by((side - overlap) as usize).collect();
    starts.push(last);
    starts
}

/// Weights across the pixels of a tile of that many places: they fall towards its ends.
fn ramp(places: i64, overlap: i64, factor: i64) -> Tensor {
    let (pixels, overlap) = (places * factor, (overlap * factor) as f32);
    let weight = |at: i64| ((at.min(pixels - 1 - at) + 1) as f32 / overlap).min(1.0);
    Tensor::from_slice(&(0..pixels).map(weight).collect::<Vec<f32>>())
}

impl Variational {
    fn load(weights: &Weights, config: &VariationalConfig) -> Result<Self, LoadError> {
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
        })
    }

    fn encode(&self, picture: &Tensor) -> LatentDistribution {
        let moments = self.encoder.forward(picture);
        let moments = self
            .quant_conv
            .as_ref()
            .map_or(moments.shallow_clone(), |conv| conv.forward(&moments));
        let halves = moments.chunk(2, 1);
        let deviation = (halves[1].clamp(LOG_VARIANCE.0, LOG_VARIANCE.1) * 0.5).exp();
        LatentDistribution {
            mean: halves[0].shallow_clone(),
            deviation: Some(deviation),
        }
    }

    fn decode(&self, latents: &Tensor) -> Tensor {
        let latents = self
            .post_quant_conv
            .as_ref()
            .map_or(latents.shallow_clone(), |conv| conv.forward(latents));
        self.decoder.forward(&latents)
    }
}
