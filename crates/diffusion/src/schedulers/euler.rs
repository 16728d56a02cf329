//! Euler's method over noise levels (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{NoiseConfig, Prediction, Spacing, alphas_cumprod, timesteps};
use super::{Scheduler, SetupError, Step};
use crate::error::LoadError;

/// Shape of the Karras noise levels.
const KARRAS_RHO: f64 = 7.0;

/// What is left of the picture at the last step with zero SNR: not quite nothing, so that its noise level is finite.
const SMALLEST_ALPHA: f32 = 1.0 / 16_777_216.0;

/// `scheduler_config.json` as `EulerDiscreteScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct EulerConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    interpolation_type: String,
    use_karras_sigmas: Option<bool>,
    use_exponential_sigmas: Option<bool>,
    use_beta_sigmas: Option<bool>,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    timestep_spacing: Spacing,
    timestep_type: String,
    final_sigmas_type: String,
}

impl Default for EulerConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            interpolation_type: "linear".to_owned(),
            use_karras_sigmas: None,
            use_exponential_sigmas: None,
            use_beta_sigmas: None,
            sigma_min: None,
            sigma_max: None,
            timestep_spacing: Spacing::Linspace,
            timestep_type: "discrete".to_owned(),
            final_sigmas_type: "zero".to_owned(),
        }
    }
}

impl EulerConfig {
    fn check(&self, path: &Path) -> Result<(), LoadError> {
        let unsupported = [
            (
                "use_exponential_sigmas",
                self.use_exponential_sigmas == Some(true),
            ),
            ("use_beta_sigmas", self.use_beta_sigmas == Some(true)),
            ("interpolation_type", self.interpolation_type != "linear"),
            ("timestep_type", self.timestep_type != "discrete"),
            (
                "final_sigmas_type",
                !matches!(self.final_sigmas_type.as_str(), "zero" | "sigma_min"),
            ),
        ];
        match unsupported.iter().find(|(_, present)| *present) {
            Some((key, _)) => Err(LoadError::key(
                path,
                *key,
                "this value is not supported yet",
            )),
            None => Ok(()),
        }
    }

    /// Noise levels that are denser where there is little noise.
    fn karras(&self, sigmas: &[f64]) -> Vec<f64> {
        let count = sigmas.len();
        let smallest = self
            .sigma_min
            .unwrap_or(sigmas[count - 1])
            .powf(1.0 / KARRAS_RHO);
        let largest = self.sigma_max.unwrap_or(sigmas[0]).powf(1.0 / KARRAS_RHO);
        let at = |index: usize| {
            if count == 1 {
                0.0
            } else {
                index as f64 / (count - 1) as f64
            }
        };
        (0..count)
            .map(|index| (largest + at(index) * (smallest - largest)).powf(KARRAS_RHO))
            .collect()
    }
}

/// The schedule of one run.
pub struct Euler {
    prediction: Prediction,
    /// Noise levels of the visited steps, and the one at the end.
    sigmas: Vec<f32>,
    visited: Vec<f64>,
    initial_deviation: f64,
}

impl Euler {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &EulerConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        config.check(path)?;
        let mut alphas = alphas_cumprod(&config.noise, path)?;
        if let (true, Some(last)) = (config.noise.rescale_betas_zero_snr, alphas.last_mut()) {
            *last = SMALLEST_ALPHA;
        }
        let trained: Vec<f32> = alphas
            .iter()
            .map(|alpha| ((1.0 - alpha) / alpha).sqrt())
            .collect();
        let mut visited: Vec<f64> =
            timesteps(&config.noise, config.timestep_spacing, steps, false)?;
        for timestep in &mut visited {
            *timestep = f64::from(*timestep as f32);
        }
        let mut sigmas: Vec<f64> = visited
            .iter()
            .map(|&timestep| interpolate(&trained, timestep))
            .collect();
        if config.use_karras_sigmas == Some(true) {
            sigmas = config.karras(&sigmas);
            visited = sigmas
                .iter()
                .map(|&sigma| f64::from(timestep_of(&trained, sigma) as f32))
                .collect();
        }
        sigmas.push(if config.final_sigmas_type == "zero" {
            0.0
        } else {
            f64::from(trained[0])
        });
        let sigmas: Vec<f32> = sigmas.into_iter().map(|sigma| sigma as f32).collect();
        let largest = sigmas.iter().copied().fold(0.0_f32, f32::max);
        let initial_deviation = match config.timestep_spacing {
            Spacing::Linspace | Spacing::Trailing => largest,
            Spacing::Leading => (largest * largest + 1.0).sqrt(),
        };
        let prediction = config.noise.prediction_type;
        Ok(Self {
            prediction,
            sigmas,
            visited,
            initial_deviation: f64::from(initial_deviation),
        })
    }
}

/// The noise level between two training steps.
fn interpolate(trained: &[f32], timestep: f64) -> f64 {
    let below = (timestep.floor() as usize).min(trained.len() - 1);
    let above = (below + 1).min(trained.len() - 1);
    let (low, high) = (f64::from(trained[below]), f64::from(trained[above]));
    low + (high - low) * (timestep - below as f64)
}

/// The training step, with fraction, that has this noise level.
fn timestep_of(trained: &[f32], sigma: f64) -> f64 {
    let log_sigma = sigma.max(1e-10).ln();
    let logs: Vec<f64> = trained.iter().map(|sigma| f64::from(sigma.ln())).collect();
    let below = logs
        .partition_point(|&log| log <= log_sigma)
        .saturating_sub(1)
        .min(logs.len().saturating_sub(2));
    let above = (below + 1).min(logs.len() - 1);
    let share = ((logs[below] - log_sigma) / (logs[below] - logs[above])).clamp(0.0, 1.0);
    (1.0 - share) * below as f64 + share * above as f64
}

impl Scheduler for Euler {
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

    fn step(&self, output: &Tensor, index: usize, sample: &Tensor) -> Step {
        let (sigma, next_sigma) = (self.sigmas[index], self.sigmas[index + 1]);
        let variance = sigma * sigma + 1.0;
        let denoised = match self.prediction {
            Prediction::Epsilon => sample - output * f64::from(sigma),
            Prediction::VPrediction => {
                output * f64::from(-sigma / variance.sqrt()) + sample / f64::from(variance)
            }
            Prediction::Sample => output.shallow_clone(),
        };
        let slope = (sample - &denoised) / f64::from(sigma);
        Step {
            next: sample + slope * f64::from(next_sigma - sigma),
            denoised,
        }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        clean + noise * f64::from(self.sigmas[index])
    }
}
