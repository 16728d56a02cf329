//! Euler's method over noise levels (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{Counting, NoiseConfig, Prediction, Spacing, linspace, timesteps};
use super::sigmas::{FinalSigma, Spread, SpreadConfig, interpolate, timestep_of, trained};
use super::{Memory, OwnSteps, Scheduler, SetupError, Step};
use crate::error::{LoadError, TaskError};

/// `scheduler_config.json` as `EulerDiscreteScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct EulerConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    #[serde(flatten)]
    spread: SpreadConfig,
    interpolation_type: String,
    timestep_spacing: Spacing,
    timestep_type: String,
    final_sigmas_type: FinalSigma,
}

impl Default for EulerConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            spread: SpreadConfig::default(),
            interpolation_type: "linear".to_owned(),
            timestep_spacing: Spacing::Linspace,
            timestep_type: "discrete".to_owned(),
            final_sigmas_type: FinalSigma::Zero,
        }
    }
}

impl EulerConfig {
    /// Levels of the visited steps, before any other spread is applied.
    fn levels(&self, path: &Path, trained: &[f32], visited: &[f64]) -> Result<Vec<f64>, LoadError> {
        match self.interpolation_type.as_str() {
            "linear" => Ok(visited
                .iter()
                .map(|&step| interpolate(trained, step))
                .collect()),
            "log_linear" => {
                let (first, last) = (trained[0], trained[trained.len() - 1]);
                let logs = linspace(
                    f64::from(last.ln()),
                    f64::from(first.ln()),
                    visited.len() + 1,
                );
                Ok(logs.into_iter().map(f64::exp).collect())
            }
            other => {
                let message = format!("{other:?} is not supported");
                Err(LoadError::key(path, "interpolation_type", message))
            }
        }
    }

    /// Whether the network is told logarithms of noise levels rather than training steps.
    fn is_continuous(&self, path: &Path) -> Result<bool, LoadError> {
        match self.timestep_type.as_str() {
            "discrete" => Ok(false),
            "continuous" => Ok(self.noise.prediction_type == Prediction::VPrediction),
            other => {
                let message = format!("{other:?} is not supported");
                Err(LoadError::key(path, "timestep_type", message))
            }
        }
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
        let spread = config.spread.spread(path)?;
        let trained = trained(&config.noise, path)?;
        let visited = timesteps(
            &config.noise,
            config.timestep_spacing,
            steps,
            Counting::Fractional,
        )?;
        let mut visited: Vec<f64> = visited.iter().map(|&step| f64::from(step as f32)).collect();
        let mut sigmas = config.levels(path, &trained, &visited)?;
        if spread != Spread::Trained {
            let (largest, smallest) = (sigmas[0], sigmas[sigmas.len() - 1]);
            sigmas = config
                .spread
                .levels(spread, largest, smallest, steps as usize);
            visited = sigmas
                .iter()
                .map(|&sigma| f64::from(timestep_of(&trained, sigma) as f32))
                .collect();
        }
        Self::over(config, path, &trained, visited, sigmas)
    }

    /// A run along steps of a caller's own.
    pub fn along(config: &EulerConfig, path: &Path, own: &OwnSteps) -> Result<Self, SetupError> {
        let trained = trained(&config.noise, path)?;
        let refused = |message: &str| Err(TaskError::bad("timesteps", message).into());
        match own {
            OwnSteps::Timesteps(_) if config.spread.spread(path)? != Spread::Trained => {
                refused("the checkpoint's file spreads noise levels in its own way; give sigmas")
            }
            OwnSteps::Timesteps(_) if config.is_continuous(path)? => {
                refused("the checkpoint's network is told noise levels; give sigmas")
            }
            OwnSteps::Timesteps(steps) => {
                let visited: Vec<f64> = steps.iter().map(|&step| f64::from(step)).collect();
                let sigmas = config.levels(path, &trained, &visited)?;
                Self::over(config, path, &trained, visited, sigmas)
            }
            OwnSteps::Sigmas(levels) => {
                let levels = levels.iter().map(|&sigma| f64::from(sigma as f32));
                let visited = levels
                    .clone()
                    .map(|sigma| f64::from(timestep_of(&trained, sigma) as f32));
                let to_zero = EulerConfig {
                    final_sigmas_type: FinalSigma::Zero,
                    ..config.clone()
                };
                Self::over(
                    &to_zero,
                    path,
                    &trained,
                    visited.collect(),
                    levels.collect(),
                )
            }
        }
    }

    /// A run over these noise levels, at which the network is told these training steps.
    fn over(
        config: &EulerConfig,
        path: &Path,
        trained: &[f32],
        mut visited: Vec<f64>,
        mut sigmas: Vec<f64>,
    ) -> Result<Self, SetupError> {
        sigmas.push(match config.final_sigmas_type {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => f64::from(trained[0]),
        });
        let sigmas: Vec<f32> = sigmas.into_iter().map(|sigma| sigma as f32).collect();
        if config.is_continuous(path)? {
            let logs = sigmas.iter().map(|sigma| f64::from(0.25 * sigma.ln()));
            visited = logs.take(sigmas.len() - 1).collect();
        }
        Ok(Self {
            prediction: config.noise.prediction_type,
            initial_deviation: initial_deviation(&sigmas, config.timestep_spacing),
            sigmas,
            visited,
        })
    }
}

/// Standard deviation of the noise that samplers over unscaled levels start from.
pub fn initial_deviation(sigmas: &[f32], spacing: Spacing) -> f64 {
    let largest = sigmas.iter().copied().fold(0.0_f32, f32::max);
    f64::from(match spacing {
        Spacing::Linspace | Spacing::Trailing => largest,
        Spacing::Leading => (largest * largest + 1.0).sqrt(),
    })
}

/// The picture as it looks from an unscaled noise level.
pub fn denoised(prediction: Prediction, output: &Tensor, sample: &Tensor, sigma: f32) -> Tensor {
    let variance = sigma * sigma + 1.0;
    match prediction {
        Prediction::Epsilon => sample - output * f64::from(sigma),
        Prediction::VPrediction => {
            output * f64::from(-sigma / variance.sqrt()) + sample / f64::from(variance)
        }
        Prediction::Sample => output.shallow_clone(),
    }
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

    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        _memory: &mut Memory,
        _noise: Option<&Tensor>,
    ) -> Step {
        let (sigma, next_sigma) = (self.sigmas[index], self.sigmas[index + 1]);
        let denoised = denoised(self.prediction, output, sample, sigma);
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
