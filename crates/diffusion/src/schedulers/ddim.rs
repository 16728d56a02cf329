//! DDIM with eta 0 (Song et al. 2020, arXiv 2010.02502).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{NoiseConfig, Prediction, Spacing, alphas_cumprod, timesteps};
use super::{Scheduler, SetupError, Step};
use crate::error::LoadError;

/// `scheduler_config.json` as `DDIMScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DdimConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    clip_sample: bool,
    clip_sample_range: f64,
    set_alpha_to_one: bool,
    thresholding: bool,
    timestep_spacing: Spacing,
}

impl Default for DdimConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            clip_sample: true,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            thresholding: false,
            timestep_spacing: Spacing::Leading,
        }
    }
}

/// The schedule of one run.
pub struct Ddim {
    prediction: Prediction,
    clip: Option<f64>,
    alphas_cumprod: Vec<f32>,
    final_alpha: f32,
    visited: Vec<f64>,
    /// Distance in training steps from one visited step to the next.
    stride: i64,
}

impl Ddim {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &DdimConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        if config.thresholding {
            return Err(LoadError::key(
                path,
                "thresholding",
                "dynamic thresholding is not supported yet",
            )
            .into());
        }
        let alphas = alphas_cumprod(&config.noise, path)?;
        let visited = timesteps(&config.noise, config.timestep_spacing, steps, true)?;
        Ok(Self {
            prediction: config.noise.prediction_type,
            clip: config.clip_sample.then_some(config.clip_sample_range),
            final_alpha: if config.set_alpha_to_one {
                1.0
            } else {
                alphas[0]
            },
            alphas_cumprod: alphas,
            visited,
            stride: config.noise.num_train_timesteps / i64::from(steps),
        })
    }

    fn alpha(&self, timestep: i64) -> f32 {
        usize::try_from(timestep).map_or(self.final_alpha, |timestep| self.alphas_cumprod[timestep])
    }
}

impl Scheduler for Ddim {
    fn timesteps(&self) -> &[f64] {
        &self.visited
    }

    fn initial_deviation(&self) -> f64 {
        1.0
    }

    fn scale_input(&self, sample: &Tensor, _index: usize) -> Tensor {
        sample.shallow_clone()
    }

    fn step(&self, output: &Tensor, index: usize, sample: &Tensor) -> Step {
        let timestep = self.visited[index] as i64;
        let (alpha, alpha_next) = (self.alpha(timestep), self.alpha(timestep - self.stride));
        let (root, noise_root) = (f64::from(alpha.sqrt()), f64::from((1.0 - alpha).sqrt()));
        let (denoised, noise) = match self.prediction {
            Prediction::Epsilon => (
                (sample - output * noise_root) / root,
                output.shallow_clone(),
            ),
            Prediction::VPrediction => (
                sample * root - output * noise_root,
                output * root + sample * noise_root,
            ),
            Prediction::Sample => (
                output.shallow_clone(),
                (sample - output * root) / noise_root,
            ),
        };
        let denoised = self.clip.map_or(denoised.shallow_clone(), |range| {
            denoised.clamp(-range, range)
        });
        let next =
            &denoised * f64::from(alpha_next.sqrt()) + noise * f64::from((1.0 - alpha_next).sqrt());
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let alpha = self.alpha(self.visited[index] as i64);
        clean * f64::from(alpha.sqrt()) + noise * f64::from((1.0 - alpha).sqrt())
    }
}
