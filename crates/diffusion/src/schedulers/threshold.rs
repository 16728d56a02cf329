//! Keeping predicted pictures within bounds.

use serde::Deserialize;
use tch::Tensor;

/// Keys of `scheduler_config.json` about dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487, section 2.3).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct ThresholdConfig {
    pub thresholding: bool,
    pub dynamic_thresholding_ratio: f64,
    pub sample_max_value: f64,
}

impl Default for ThresholdConfig {
    fn default() -> Self {
        Self {
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            sample_max_value: 1.0,
        }
    }
}

/// What happens to a predicted picture.
#[derive(Debug, Clone, Copy)]
pub enum Bounds {
    /// Nothing.
    None,
    /// Values are clamped to plus or minus this.
    Clip(f64),
    /// A high quantile of its values becomes the bound, and the bound becomes 1.
    Dynamic {
        /// Which quantile.
        ratio: f64,
        /// Largest bound.
        largest: f64,
    },
}

impl ThresholdConfig {
    /// Dynamic bounds where they are wanted, else `otherwise`.
    pub fn bounds(&self, otherwise: Bounds) -> Bounds {
        if self.thresholding {
            Bounds::Dynamic {
                ratio: self.dynamic_thresholding_ratio.clamp(0.0, 1.0),
                largest: self.sample_max_value,
            }
        } else {
            otherwise
        }
    }
}

impl Bounds {
    /// `sample`: `[1, channels, height, width]`.
    pub fn apply(self, sample: Tensor) -> Tensor {
        match self {
            Self::None => sample,
            Self::Clip(range) => sample.clamp(-range, range),
            Self::Dynamic { ratio, largest } => {
                let sizes = sample.abs().flatten(0, -1);
                let bound = sizes.quantile_scalar(ratio, None, false, "linear");
                // As torch does it where the largest bound is below 1: the upper one wins.
                let bound = bound.clamp_min(1.0).clamp_max(largest);
                sample.clamp_tensor(Some(-&bound), Some(bound.shallow_clone())) / &bound
            }
        }
    }
}
