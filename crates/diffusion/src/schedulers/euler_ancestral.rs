//! Euler's method with fresh noise at each step: ancestral sampling over noise levels (Song et al. 2020,
//! arXiv 2011.13456, appendix F, in the parameters of Karras et al. 2022, arXiv 2206.00364).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::euler::{denoised, initial_deviation};
use super::noise_schedule::{Counting, NoiseConfig, Prediction, Spacing, timesteps};
use super::sigmas::{interpolate, trained};
use super::{Memory, Scheduler, SetupError, Step};
use crate::error::LoadError;

/// `scheduler_config.json` as `EulerAncestralDiscreteScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct EulerAncestralConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    timestep_spacing: Spacing,
}

impl Default for EulerAncestralConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            timestep_spacing: Spacing::Linspace,
        }
    }
}

/// The schedule of one run.
pub struct EulerAncestral {
    prediction: Prediction,
    /// Noise levels of the visited steps, and none at the end.
    sigmas: Vec<f32>,
    visited: Vec<f64>,
    initial_deviation: f64,
}

impl EulerAncestral {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &EulerAncestralConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        if config.noise.prediction_type == Prediction::Sample {
            let message = "euler-a is not defined for networks that predict the sample";
            return Err(LoadError::key(path, "prediction_type", message).into());
        }
        let trained = trained(&config.noise, path)?;
        let spacing = config.timestep_spacing;
        let visited = timesteps(&config.noise, spacing, steps, Counting::Fractional)?;
        let visited: Vec<f64> = visited.iter().map(|&step| f64::from(step as f32)).collect();
        let levels = visited
            .iter()
            .map(|&step| interpolate(&trained, step) as f32);
        let sigmas: Vec<f32> = levels.chain([0.0]).collect();
        Ok(Self {
            prediction: config.noise.prediction_type,
            initial_deviation: initial_deviation(&sigmas, spacing),
            sigmas,
            visited,
        })
    }
}

impl Scheduler for EulerAncestral {
    fn timesteps(&self) -> &[f64] {
        &self.visited
    }

    fn initial_deviation(&self) -> f64 {
        self.initial_deviation
    }

    fn scale_input(&self, sample: &Tensor, index: usize) -> Tensor {
        let sigma = self.sigmas[index];
        sample / f64::from((sigma * sigma + 1.0).sqrt())
    }

    /// Also at the last step, where the noise counts for nothing: the generator's next draw must be the same.
    fn draws_noise(&self, _index: usize) -> bool {
        true
    }

    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        _memory: &mut Memory,
        noise: Option<&Tensor>,
    ) -> Step {
        let (from, to) = (self.sigmas[index], self.sigmas[index + 1]);
        let denoised = denoised(self.prediction, output, sample, from);
        let up = (to * to * (from * from - to * to) / (from * from)).sqrt();
        let down = (to * to - up * up).sqrt();
        let slope = (sample - &denoised) / f64::from(from);
        let next = sample + slope * f64::from(down - from);
        let next = match noise {
            Some(noise) => next + noise * f64::from(up),
            None => next,
        };
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        clean + noise * f64::from(self.sigmas[index])
    }
}
