//! Networks that enlarge finished pictures: the small one that Easel trains, and those of the ESRGAN family.

mod residual;
mod rrdb;
mod tiles;

use std::path::Path;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::config::read_json;
use crate::error::LoadError;
use crate::weights::Weights;
use residual::{Residual, ResidualConfig};
use rrdb::Rrdb;

/// `upscaler/config.json`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "_class_name")]
pub enum UpscalerConfig {
    /// Easel's own.
    #[serde(rename = "EaselSuperResolution")]
    Residual(ResidualConfig),
    /// ESRGAN and Real-ESRGAN; the weights say all the rest.
    #[serde(rename = "RRDBNet")]
    Rrdb {},
}

impl UpscalerConfig {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let config: Self = read_json(path)?;
        if let Self::Residual(config) = config {
            let sane = (1..=8).contains(&config.scale) && (1..=4096).contains(&config.channels);
            if !sane {
                let message = "scale or channels out of range";
                return Err(LoadError::key(path, "scale", message));
            }
        }
        Ok(config)
    }

    /// The class that the file names.
    pub fn class(self) -> &'static str {
        match self {
            Self::Residual(_) => "EaselSuperResolution",
            Self::Rrdb {} => "RRDBNet",
        }
    }
}

/// A network that enlarges pictures.
pub struct Upscaler(Network);

enum Network {
    Residual(Residual),
    Rrdb(Rrdb),
}

impl Upscaler {
    /// Builds the network that the configuration describes.
    pub fn load(weights: &Weights, config: &UpscalerConfig) -> Result<Self, LoadError> {
        Ok(Self(match config {
            UpscalerConfig::Residual(config) => Network::Residual(Residual::load(weights, config)?),
            UpscalerConfig::Rrdb {} => Network::Rrdb(Rrdb::load(weights)?),
        }))
    }

    /// Reads a network of the ESRGAN family from one safetensors file, in fp32 on the CPU. The file's tensors say what it
    /// is: size, factor and age.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        Self::open_on(path, Device::Cpu, 1).map(|mut loaded| loaded.swap_remove(0))
    }

    /// As many networks over the same weights.
    pub(crate) fn open_on(
        path: &Path,
        device: Device,
        count: usize,
    ) -> Result<Vec<Self>, LoadError> {
        let weights = Weights::open_file_on(path, Kind::Float, device)?;
        let load = |_| Self::load(&weights, &UpscalerConfig::Rrdb {});
        let loaded = (0..count.max(1)).map(load).collect::<Result<_, _>>()?;
        match weights.unasked().into_iter().next() {
            Some(extra) => Err(extra),
            None => Ok(loaded),
        }
    }

    /// Factor for both sides.
    pub fn scale(&self) -> i64 {
        match &self.0 {
            Network::Residual(network) => network.scale,
            Network::Rrdb(network) => network.scale(),
        }
    }

    /// `[batch, 3, height, width]` in 0..1 to `[batch, 3, height * scale, width * scale]`; large pictures in tiles.
    pub fn forward(&self, picture: &Tensor) -> Tensor {
        match &self.0 {
            Network::Residual(network) => network.forward(picture),
            Network::Rrdb(network) => {
                tiles::enlarge(picture, network.scale(), |tile| network.forward(tile))
            }
        }
    }
}
