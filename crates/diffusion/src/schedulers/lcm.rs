//! Multistep consistency sampling of latent consistency models (Luo et al. 2023, arXiv 2310.04378).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{NoiseConfig, Prediction, alpha_at, alphas_cumprod, linspace};
use super::threshold::{Bounds, ThresholdConfig};
use super::{Memory, Scheduler, SetupError, Step};
use crate::error::{LoadError, TaskError};

/// Standard deviation of the data that the boundary condition assumes.
const SIGMA_DATA: f64 = 0.5;

/// `scheduler_config.json` as `LCMScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LcmConfig {
    #[serde(flatten)]
    noise: LcmNoise,
    #[serde(flatten)]
    threshold: ThresholdConfig,
    original_inference_steps: i64,
    clip_sample: bool,
    clip_sample_range: f64,
    timestep_scaling: f64,
}

impl Default for LcmConfig {
    fn default() -> Self {
        Self {
            noise: LcmNoise::default(),
            threshold: ThresholdConfig::default(),
            original_inference_steps: 50,
            clip_sample: false,
            clip_sample_range: 1.0,
            timestep_scaling: 10.0,
        }
    }
}

/// The noise schedule with this scheduler's own defaults.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct LcmNoise {
    num_train_timesteps: i64,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    trained_betas: Option<Vec<f32>>,
    prediction_type: Prediction,
    rescale_betas_zero_snr: bool,
}

impl Default for LcmNoise {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: "scaled_linear".to_owned(),
            trained_betas: None,
            prediction_type: Prediction::Epsilon,
            rescale_betas_zero_snr: false,
        }
    }
}

impl From<&LcmNoise> for NoiseConfig {
    fn from(own: &LcmNoise) -> Self {
        Self {
            num_train_timesteps: own.num_train_timesteps,
            beta_start: own.beta_start,
            beta_end: own.beta_end,
            beta_schedule: own.beta_schedule.clone(),
            trained_betas: own.trained_betas.clone(),
            prediction_type: own.prediction_type,
            steps_offset: 0,
            rescale_betas_zero_snr: own.rescale_betas_zero_snr,
        }
    }
}

/// The schedule of one run.
pub struct Lcm {
    prediction: Prediction,
    bounds: Bounds,
    alphas_cumprod: Vec<f32>,
    visited: Vec<f64>,
    timestep_scaling: f64,
}

impl Lcm {
    /// A run of `steps` steps over the first `strength` of the steps of distillation; `path` is named in errors.
    pub fn new(
        config: &LcmConfig,
        path: &Path,
        steps: u32,
        strength: f64,
    ) -> Result<Self, SetupError> {
        let noise = NoiseConfig::from(&config.noise);
        let alphas = alphas_cumprod(&noise, path)?;
        let (train, original) = (noise.num_train_timesteps, config.original_inference_steps);
        if !(1..=train).contains(&original) {
            let message = format!("must be between 1 and {train}, not {original}");
            return Err(LoadError::key(path, "original_inference_steps", message).into());
        }
        let distilled = (original as f64 * strength) as i64;
        if steps == 0 || i64::from(steps) > distilled {
            let message = format!("must be between 1 and {distilled} for lcm, not {steps}");
            return Err(TaskError::bad("steps", message).into());
        }
        // Evenly spread from the noisiest, the end left out.
        let indices = linspace(0.0, distilled as f64, steps as usize + 1);
        let stride = train / original;
        let visited = indices[..steps as usize]
            .iter()
            .map(|index| ((distilled - index.floor() as i64) * stride - 1) as f64)
            .collect();
        Ok(Self::over(config, &noise, alphas, visited))
    }

    /// A run along training steps of a caller's own, each a whole number.
    pub fn along(config: &LcmConfig, path: &Path, visited: Vec<f64>) -> Result<Self, SetupError> {
        let noise = NoiseConfig::from(&config.noise);
        let alphas = alphas_cumprod(&noise, path)?;
        Ok(Self::over(config, &noise, alphas, visited))
    }

    fn over(
        config: &LcmConfig,
        noise: &NoiseConfig,
        alphas_cumprod: Vec<f32>,
        visited: Vec<f64>,
    ) -> Self {
        let clip = if config.clip_sample {
            Bounds::Clip(config.clip_sample_range)
        } else {
            Bounds::None
        };
        Self {
            prediction: noise.prediction_type,
            bounds: config.threshold.bounds(clip),
            alphas_cumprod,
            visited,
            timestep_scaling: config.timestep_scaling,
        }
    }

    fn is_last(&self, index: usize) -> bool {
        index + 1 == self.visited.len()
    }
}

impl Scheduler for Lcm {
    fn timesteps(&self) -> &[f64] {
        &self.visited
    }

    fn draws_noise(&self, index: usize) -> bool {
        !self.is_last(index)
    }

    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        _memory: &mut Memory,
        noise: Option<&Tensor>,
    ) -> Step {
        let alpha = alpha_at(&self.alphas_cumprod, self.visited[index] as i64);
        let (root, noise_root) = (f64::from(alpha.sqrt()), f64::from((1.0 - alpha).sqrt()));
        let predicted = match self.prediction {
            Prediction::Epsilon => (sample - output * noise_root) / root,
            Prediction::VPrediction => sample * root - output * noise_root,
            Prediction::Sample => output.shallow_clone(),
        };
        let predicted = self.bounds.apply(predicted);
        let scaled = self.visited[index] * self.timestep_scaling;
        let variance = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
        let (skip, out) = (SIGMA_DATA * SIGMA_DATA / variance, scaled / variance.sqrt());
        let denoised = predicted * out + sample * skip;
        let next = match noise {
            Some(noise) if !self.is_last(index) => {
                let alpha = alpha_at(&self.alphas_cumprod, self.visited[index + 1] as i64);
                &denoised * f64::from(alpha.sqrt()) + noise * f64::from((1.0 - alpha).sqrt())
            }
            _ => denoised.shallow_clone(),
        };
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let alpha = alpha_at(&self.alphas_cumprod, self.visited[index] as i64);
        clean * f64::from(alpha.sqrt()) + noise * f64::from((1.0 - alpha).sqrt())
    }
}
