//! What a checkpoint's file says to DPM-Solver++.

use std::path::Path;

use serde::Deserialize;

use crate::error::{LoadError, TaskError};
use crate::schedulers::SetupError;
use crate::schedulers::noise_schedule::{Counting, NoiseConfig, Spacing, linspace, timesteps};
use crate::schedulers::sigmas::{
    FinalSigma, Spread, SpreadConfig, interpolate, lambda, timestep_of,
};
use crate::schedulers::threshold::ThresholdConfig;

/// `scheduler_config.json` as `DPMSolverMultistepScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DpmConfig {
    #[serde(flatten)]
    pub noise: NoiseConfig,
    #[serde(flatten)]
    spread: SpreadConfig,
    #[serde(flatten)]
    pub threshold: ThresholdConfig,
    pub solver_order: usize,
    algorithm_type: String,
    solver_type: String,
    pub lower_order_final: bool,
    pub euler_at_final: bool,
    use_lu_lambdas: Option<bool>,
    pub final_sigmas_type: FinalSigma,
    /// Written as a number, or as `-inf` in quotes.
    lambda_min_clipped: serde_json::Value,
    variance_type: Option<String>,
    timestep_spacing: Spacing,
}

impl Default for DpmConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            spread: SpreadConfig::default(),
            threshold: ThresholdConfig::default(),
            solver_order: 2,
            algorithm_type: "dpmsolver++".to_owned(),
            solver_type: "midpoint".to_owned(),
            lower_order_final: true,
            euler_at_final: false,
            use_lu_lambdas: None,
            final_sigmas_type: FinalSigma::Zero,
            lambda_min_clipped: serde_json::Value::Null,
            variance_type: None,
            timestep_spacing: Spacing::Linspace,
        }
    }
}

/// The integral that is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Over predicted pictures.
    DataPrediction,
    /// Over predicted noise.
    NoisePrediction,
    /// Over predicted pictures, with fresh noise.
    StochasticData,
    /// Over predicted noise, with fresh noise.
    StochasticNoise,
}

impl DpmConfig {
    /// The same with the spread that `-karras` asks for.
    #[must_use]
    pub fn with_karras(mut self) -> Self {
        self.spread.use_karras_sigmas = Some(true);
        self
    }

    /// The integral that the file names.
    pub fn algorithm(&self, path: &Path) -> Result<Algorithm, LoadError> {
        let algorithm = match self.algorithm_type.as_str() {
            // Another class's name for something else; diffusers reads it as this class's default.
            "dpmsolver++" | "deis" => Algorithm::DataPrediction,
            "dpmsolver" => Algorithm::NoisePrediction,
            "sde-dpmsolver++" => Algorithm::StochasticData,
            "sde-dpmsolver" => Algorithm::StochasticNoise,
            other => {
                let message = format!("{other:?} is not supported");
                return Err(LoadError::key(path, "algorithm_type", message));
            }
        };
        let over_noise = matches!(
            algorithm,
            Algorithm::NoisePrediction | Algorithm::StochasticNoise
        );
        if over_noise && self.final_sigmas_type == FinalSigma::Zero {
            let message = "zero needs an algorithm over predicted pictures";
            return Err(LoadError::key(path, "final_sigmas_type", message));
        }
        Ok(algorithm)
    }

    /// Whether second-order steps are Heun's.
    pub fn is_heun(&self, path: &Path) -> Result<bool, LoadError> {
        match self.solver_type.as_str() {
            "midpoint" | "logrho" | "bh1" | "bh2" => Ok(false),
            "heun" => Ok(true),
            other => {
                let message = format!("{other:?} is not supported");
                Err(LoadError::key(path, "solver_type", message))
            }
        }
    }

    /// Refuses what this class has no steps for.
    pub fn check(&self, path: &Path) -> Result<(), LoadError> {
        if !(1..=3).contains(&self.solver_order) {
            return Err(LoadError::key(path, "solver_order", "must be 1, 2 or 3"));
        }
        if self.variance_type.is_some() {
            let message = "networks that predict variances are not supported";
            return Err(LoadError::key(path, "variance_type", message));
        }
        Ok(())
    }

    /// One past the noisiest step whose signal is above the bound.
    fn end(&self, trained: &[f32]) -> i64 {
        let bound = match &self.lambda_min_clipped {
            serde_json::Value::Number(number) => number.as_f64().unwrap_or(f64::NEG_INFINITY),
            _ => f64::NEG_INFINITY,
        };
        let kept = trained
            .iter()
            .filter(|&&sigma| f64::from(lambda(sigma)) >= bound);
        kept.count() as i64
    }

    /// Visited steps and their levels.
    pub fn levels(
        &self,
        path: &Path,
        trained: &[f32],
        steps: u32,
    ) -> Result<(Vec<f64>, Vec<f64>), SetupError> {
        let spread = self.spread.spread(path)?;
        let rounded = self.noise.beta_schedule != "squaredcos_cap_v2";
        let (largest, smallest) = (f64::from(trained[trained.len() - 1]), f64::from(trained[0]));
        let count = steps as usize;
        let sigmas = match spread {
            Spread::Trained if self.use_lu_lambdas == Some(true) => {
                let logs = linspace(largest.ln(), smallest.ln(), count).into_iter();
                logs.map(f64::exp).collect()
            }
            Spread::Trained => {
                let counting = Counting::AllButLast {
                    end: self.end(trained),
                };
                let visited = timesteps(&self.noise, self.timestep_spacing, steps, counting)?;
                let levels = visited.iter().map(|&step| interpolate(trained, step));
                return Ok((visited.clone(), levels.collect()));
            }
            spread => self.spread.levels(spread, largest, smallest, count),
        };
        let round = rounded && matches!(spread, Spread::Karras | Spread::Trained);
        let step = |&sigma: &f64| {
            let step = timestep_of(trained, sigma);
            // What is left of a fraction is cut when the steps become whole numbers.
            if round {
                step.round_ties_even()
            } else {
                step.trunc()
            }
        };
        Ok((sigmas.iter().map(step).collect(), sigmas))
    }

    /// Levels of training steps of a caller's own.
    pub fn levels_along(
        &self,
        path: &Path,
        trained: &[f32],
        visited: &[f64],
    ) -> Result<Vec<f64>, SetupError> {
        let spread = self.spread.spread(path)?;
        if spread != Spread::Trained || self.use_lu_lambdas == Some(true) {
            let message =
                "the checkpoint's file spreads noise levels in its own way; euler takes sigmas";
            return Err(TaskError::bad("timesteps", message).into());
        }
        let level = |&step: &f64| interpolate(trained, step);
        Ok(visited.iter().map(level).collect())
    }
}
