//! `EaselSuperResolution`: a small network that enlarges finished pictures.
//!
//! A residual over repeated pixels, computed at the small size and spread out by pixel shuffle (Shi et al. 2016,
//! arXiv 1609.05158).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use crate::config::read_json;
use crate::error::LoadError;
use crate::layers::Conv2d;
use crate::weights::Weights;

/// The class that its configuration names.
const CLASS: &str = "EaselSuperResolution";

/// `upscaler/config.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct UpscalerConfig {
    #[serde(rename = "_class_name")]
    class: String,
    /// Factor for both sides.
    pub scale: i64,
    /// Channels inside.
    pub channels: i64,
    /// Convolutions between the first and the last.
    pub layers: i64,
}

impl UpscalerConfig {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let config: Self = read_json(path)?;
        if config.class != CLASS {
            return Err(LoadError::key(
                path,
                "_class_name",
                format!("{:?} is not supported yet", config.class),
            ));
        }
        let sane = (1..=8).contains(&config.scale) && (1..=4096).contains(&config.channels);
        if sane {
            Ok(config)
        } else {
            Err(LoadError::key(
                path,
                "scale",
                "scale or channels out of range",
            ))
        }
    }
}

/// The network.
pub struct Upscaler {
    conv_in: Conv2d,
    body: Vec<Conv2d>,
    conv_out: Conv2d,
    /// Factor for both sides.
    pub scale: i64,
}

impl Upscaler {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &UpscalerConfig) -> Result<Self, LoadError> {
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
