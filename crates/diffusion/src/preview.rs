//! Rough pictures straight from latents, by one linear map over channels: a checkpoint's own, or one fitted to what its
//! autoencoder makes of colours.

use std::path::Path;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::config::read_json;
use crate::error::LoadError;
use crate::picture::Picture;
use crate::placement::carried;
use crate::vae::Vae;

/// Side of the picture that a map is fitted to, in places of its latents.
const PLACES: i64 = 24;

/// Side of its patches of one colour. Latents see a few places around them.
const PATCH: i64 = 4;

/// Steps of red, green and blue from one patch to the next, in shares of the whole range: such multiples of a number fill the
/// cube of colours evenly, whatever their count (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").
const STEPS: [f64; 3] = [0.819_172_513, 0.671_043_606, 0.549_700_478];

/// How far equations are drawn to small factors, as a share of the sum of squares.
const RIDGE: f64 = 1e-6;

/// Patches of many colours, `[1, 3, 24, 24]` in -1..1.
fn patches() -> Tensor {
    let side = PLACES / PATCH;
    let colour = |step: f64| {
        let numbers =
            (0..side * side).map(move |index| (0.5 + step * index as f64).fract() * 2.0 - 1.0);
        numbers.map(|number| number as f32)
    };
    let numbers: Vec<f32> = STEPS.into_iter().flat_map(colour).collect();
    Tensor::from_slice(&numbers)
        .view([1, 3, side, side])
        .upsample_nearest2d([PLACES; 2], None, None)
}

/// `preview.json` beside the model's index: the mean colour, in -1..1, of the pixels under a place of the latents.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviewFactors {
    /// Red, green and blue of each channel of latents as the autoencoder has them, before scaling.
    latent_rgb_factors: Vec<[f32; 3]>,
    /// Red, green and blue where all latents are 0.
    latent_rgb_bias: [f32; 3],
}

impl PreviewFactors {
    /// Reads the file, if there is one.
    pub fn load(checkpoint: &Path, channels: i64) -> Result<Option<Self>, LoadError> {
        let path = checkpoint.join("preview.json");
        if !path.is_file() {
            return Ok(None);
        }
        let found: Self = read_json(&path)?;
        if found.latent_rgb_factors.len() as i64 != channels {
            let message = format!("needs one row for each of {channels} channels");
            return Err(LoadError::key(&path, "latent_rgb_factors", message));
        }
        Ok(Some(found))
    }

    /// The map that fits best, by least squares, what the autoencoder makes of a picture of many colours. `kind`: what it
    /// computes with. Nothing where that has places without a number.
    pub fn fitted(vae: &Vae, factor: i64, kind: Kind, device: Device) -> Option<Self> {
        let colours = patches();
        let picture = colours.upsample_nearest2d([PLACES * factor; 2], None, None);
        let latents = vae.encode(&carried(&picture, device).to_kind(kind)).mean;
        let rows = |x: &Tensor| {
            x.to_device(Device::Cpu)
                .to_kind(Kind::Double)
                .flatten(2, -1)
                .squeeze_dim(0)
                .tr()
        };
        let (latents, colours) = (rows(&latents), rows(&colours));
        let ones = Tensor::ones([latents.size()[0], 1], (Kind::Double, Device::Cpu));
        let inputs = Tensor::cat(&[latents, ones], 1);
        let squares = inputs.tr().matmul(&inputs);
        // Channels that say the same are shared out evenly.
        let ridge =
            Tensor::eye(squares.size()[0], (Kind::Double, Device::Cpu)) * (squares.trace() * RIDGE);
        let found = Tensor::linalg_solve(&(squares + ridge), &inputs.tr().matmul(&colours), true);
        let numbers = Vec::<f32>::try_from(found.to_kind(Kind::Float).flatten(0, -1)).ok()?;
        let (all, []) = numbers.as_chunks::<3>() else {
            return None;
        };
        let (bias, factors) = all.split_last()?;
        numbers
            .iter()
            .all(|number| number.is_finite())
            .then(|| Self {
                latent_rgb_factors: factors.to_vec(),
                latent_rgb_bias: *bias,
            })
    }

    /// `latents`: `[1, channels, height, width]`, before scaling; one pixel for each place.
    pub fn picture(&self, latents: &Tensor) -> Picture {
        let device = latents.device();
        let factors =
            Tensor::from_slice(self.latent_rgb_factors.as_flattened()).view([-1, 3, 1, 1]);
        let factors = factors.transpose(0, 1).contiguous().to_device(device);
        let bias = Tensor::from_slice(&self.latent_rgb_bias).to_device(device);
        Picture::from_signed(&latents.conv2d(&factors, Some(&bias), [1, 1], [0, 0], [1, 1], 1))
    }
}
