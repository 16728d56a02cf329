//! DDIM with eta 0 (Song et al. 2020, arXiv 2010.02502).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{
    Counting, NoiseConfig, Prediction, Spacing, alpha_at, alphas_cumprod, timesteps,
    within_training,
};
use super::threshold::{Bounds, ThresholdConfig};
use super::{Memory, Scheduler, SetupError, Step};

/// `scheduler_config.json` as `DDIMScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DdimConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    #[serde(flatten)]
    threshold: ThresholdConfig,
    clip_sample: bool,
    clip_sample_range: f64,
    set_alpha_to_one: bool,
    timestep_spacing: Spacing,
}

impl Default for DdimConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            threshold: ThresholdConfig::default(),
            clip_sample: true,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            timestep_spacing: Spacing::Leading,
        }
    }
}

/// The schedule of one run.
pub struct Ddim {
    prediction: Prediction,
    bounds: Bounds,
    alphas_cumprod: Vec<f32>,
    final_alpha: f32,
    visited: Vec<f64>,
    /// Distance in training steps from one visited step to the next.
    stride: i64,
}

impl Ddim {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &DdimConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        let alphas = alphas_cumprod(&config.noise, path)?;
        let spacing = config.timestep_spacing;
        let visited = timesteps(&config.noise, spacing, steps, Counting::Whole)?;
        within_training(&config.noise, &visited)?;
        let clip = if config.clip_sample {
            Bounds::Clip(config.clip_sample_range)
        } else {
            Bounds::None
        };
        Ok(Self {
            prediction: config.noise.prediction_type,
            bounds: config.threshold.bounds(clip),
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
}

impl Scheduler for Ddim {
    fn timesteps(&self) -> &[f64] {
        &self.visited
    }

    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        _memory: &mut Memory,
        _noise: Option<&Tensor>,
    ) -> Step {
        let timestep = self.visited[index] as i64;
        let alpha = alpha_at(&self.alphas_cumprod, timestep);
        let alpha_next = match timestep - self.stride {
            below if below < 0 => self.final_alpha,
            next => alpha_at(&self.alphas_cumprod, next),
        };
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
        let denoised = self.bounds.apply(denoised);
        let next =
            &denoised * f64::from(alpha_next.sqrt()) + noise * f64::from((1.0 - alpha_next).sqrt());
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let alpha = alpha_at(&self.alphas_cumprod, self.visited[index] as i64);
        clean * f64::from(alpha.sqrt()) + noise * f64::from((1.0 - alpha).sqrt())
    }
}
