//! `EaselSuperResolution`: a residual over repeated pixels, computed at the small size and spread out by pixel shuffle
//! (Shi et al. 2016, arXiv 1609.05158).

use serde::Deserialize;
use tch::Tensor;

use crate::error::LoadError;
use crate::layers::Conv2d;
use crate::weights::Weights;

/// What its configuration says besides the class.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct ResidualConfig {
    /// Factor for both sides.
    pub scale: i64,
    /// Channels inside.
    pub channels: i64,
    /// Convolutions between the first and the last.
    pub layers: i64,
}

/// The network.
pub struct Residual {
    conv_in: Conv2d,
    body: Vec<Conv2d>,
    conv_out: Conv2d,
    /// Factor for both sides.
    pub scale: i64,
}

impl Residual {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &ResidualConfig) -> Result<Self, LoadError> {
        let channels = config.channels;
        let body = weights.child("body");
        Ok(Self {
            conv_in: Conv2d::load(&weights.child("conv_in"), 3, channels, 3)?,
            body: (0..config.layers)
                .map(|index| Conv2d::load(&body.child(index), channels, channels, 3))
                .collect::<Result<_, _>>()?,
            conv_out: Conv2d::load(
                &weights.child("conv_out"),
                channels,
                3 * config.scale * config.scale,
                3,
            )?,
            scale: config.scale,
        })
    }

    /// `[batch, 3, height, width]` in 0..1 to `[batch, 3, height * scale, width * scale]`.
    pub fn forward(&self, picture: &Tensor) -> Tensor {
        let (_, _, height, width) = picture.size4().expect("pictures have four dimensions");
        let mut x = self.conv_in.forward(picture).relu();
        for layer in &self.body {
            x = layer.forward(&x).relu();
        }
        let detail = self.conv_out.forward(&x).pixel_shuffle(self.scale);
        let size = [height * self.scale, width * self.scale];
        (picture.upsample_nearest2d(size, None, None) + detail).clamp(0.0, 1.0)
    }
}
