//! DPM-Solver++ in its multistep form (Lu et al. 2022, arXiv 2211.01095), with the older DPM-Solver (arXiv 2206.00927)
//! and the stochastic variants.

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{Counting, NoiseConfig, Prediction, Spacing, linspace, timesteps};
use super::sigmas::{
    FinalSigma, Spread, SpreadConfig, alpha_sigma, interpolate, lambda, timestep_of, trained,
};
use super::threshold::{Bounds, ThresholdConfig};
use super::{Memory, Scheduler, SetupError, Step};
use crate::error::LoadError;

/// Runs shorter than this end with lower orders.
const SHORT_RUN: usize = 15;

/// `scheduler_config.json` as `DPMSolverMultistepScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DpmConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    #[serde(flatten)]
    spread: SpreadConfig,
    #[serde(flatten)]
    threshold: ThresholdConfig,
    solver_order: usize,
    algorithm_type: String,
    solver_type: String,
    lower_order_final: bool,
    euler_at_final: bool,
    use_lu_lambdas: Option<bool>,
    final_sigmas_type: FinalSigma,
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
enum Algorithm {
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

    fn algorithm(&self, path: &Path) -> Result<Algorithm, LoadError> {
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

    fn is_heun(&self, path: &Path) -> Result<bool, LoadError> {
        match self.solver_type.as_str() {
            "midpoint" | "logrho" | "bh1" | "bh2" => Ok(false),
            "heun" => Ok(true),
            other => {
                let message = format!("{other:?} is not supported");
                Err(LoadError::key(path, "solver_type", message))
            }
        }
    }

    fn check(&self, path: &Path) -> Result<(), LoadError> {
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
    fn levels(
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
}

/// The schedule of one run.
pub struct Dpm {
    prediction: Prediction,
    algorithm: Algorithm,
    heun: bool,
    order: usize,
    bounds: Bounds,
    /// Noise levels of the visited steps, and the one at the end.
    sigmas: Vec<f32>,
    visited: Vec<f64>,
    first_order_last: bool,
    second_order_before_last: bool,
}

impl Dpm {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &DpmConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        config.check(path)?;
        let trained = trained(&config.noise, path)?;
        // Checks the number of steps for all spreads.
        timesteps(&config.noise, Spacing::Linspace, steps, Counting::Whole)?;
        let (visited, mut sigmas) = config.levels(path, &trained, steps)?;
        sigmas.push(match config.final_sigmas_type {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => f64::from(trained[0]),
        });
        let short = config.lower_order_final && visited.len() < SHORT_RUN;
        let to_zero = config.final_sigmas_type == FinalSigma::Zero;
        Ok(Self {
            prediction: config.noise.prediction_type,
            algorithm: config.algorithm(path)?,
            heun: config.is_heun(path)?,
            order: config.solver_order,
            bounds: config.threshold.bounds(Bounds::None),
            sigmas: sigmas.into_iter().map(|sigma| sigma as f32).collect(),
            first_order_last: config.euler_at_final || short || to_zero,
            second_order_before_last: short,
            visited,
        })
    }

    fn is_over_noise(&self) -> bool {
        matches!(
            self.algorithm,
            Algorithm::NoisePrediction | Algorithm::StochasticNoise
        )
    }

    /// The predicted picture, and what is integrated: that, or the predicted noise.
    fn convert(&self, output: &Tensor, index: usize, sample: &Tensor) -> (Tensor, Tensor) {
        let (alpha, sigma) = alpha_sigma(self.sigmas[index]);
        let (alpha, sigma) = (f64::from(alpha), f64::from(sigma));
        let picture = match self.prediction {
            Prediction::Epsilon => (sample - output * sigma) / alpha,
            Prediction::VPrediction => sample * alpha - output * sigma,
            Prediction::Sample => output.shallow_clone(),
        };
        let bounded = !matches!(self.bounds, Bounds::None);
        let picture = self.bounds.apply(picture);
        if !self.is_over_noise() {
            return (picture.shallow_clone(), picture);
        }
        let noise = match self.prediction {
            _ if bounded => (sample - &picture * alpha) / sigma,
            Prediction::Epsilon => output.shallow_clone(),
            Prediction::VPrediction => output * alpha + sample * sigma,
            Prediction::Sample => (sample - output * alpha) / sigma,
        };
        (picture, noise)
    }

    /// The order of this step: as high as there are earlier outputs, lower at the end of a run.
    fn order_at(&self, index: usize, known: usize) -> usize {
        let left = self.visited.len() - index;
        if self.order == 1 || known < 2 || (left == 1 && self.first_order_last) {
            1
        } else if self.order == 2 || known < 3 || (left == 2 && self.second_order_before_last) {
            2
        } else {
            3
        }
    }

    /// Differences of the integrand, scaled to derivatives: none, one or two besides itself.
    fn derivatives(&self, index: usize, order: usize, past: &[Tensor]) -> Vec<Tensor> {
        let level = |back: usize| lambda(self.sigmas[index - back]);
        let newest = past.len() - 1;
        let h = lambda(self.sigmas[index + 1]) - level(0);
        let mut derivatives = vec![past[newest].shallow_clone()];
        if order == 1 {
            return derivatives;
        }
        let ratio = (level(0) - level(1)) / h;
        let first = (&past[newest] - &past[newest - 1]) * f64::from(1.0 / ratio);
        if order == 2 {
            derivatives.push(first);
            return derivatives;
        }
        let ratio_before = (level(1) - level(2)) / h;
        let before = (&past[newest - 1] - &past[newest - 2]) * f64::from(1.0 / ratio_before);
        let bend = &first - before;
        derivatives.push(first + &bend * f64::from(ratio / (ratio + ratio_before)));
        derivatives.push(bend * f64::from(1.0 / (ratio + ratio_before)));
        derivatives
    }

    /// Factors of the sample, of each derivative and of fresh noise.
    fn factors(&self, index: usize, order: usize) -> (f32, [f32; 3], f32) {
        let (alpha, sigma) = alpha_sigma(self.sigmas[index + 1]);
        let (alpha_from, sigma_from) = alpha_sigma(self.sigmas[index]);
        let h = lambda(self.sigmas[index + 1]) - lambda(self.sigmas[index]);
        // Whether the second derivative's weight is the exact one: always in order 3, by choice in order 2.
        let exact = self.heun || order == 3;
        match self.algorithm {
            Algorithm::DataPrediction => {
                let phi = (-h).exp() - 1.0;
                let second = if exact {
                    alpha * (phi / h + 1.0)
                } else {
                    -0.5 * (alpha * phi)
                };
                let third = -alpha * ((phi + h) / (h * h) - 0.5);
                (sigma / sigma_from, [-alpha * phi, second, third], 0.0)
            }
            Algorithm::NoisePrediction => {
                let phi = h.exp() - 1.0;
                let second = if exact {
                    -sigma * (phi / h - 1.0)
                } else {
                    -0.5 * (sigma * phi)
                };
                let third = -sigma * ((phi - h) / (h * h) - 0.5);
                (alpha / alpha_from, [-sigma * phi, second, third], 0.0)
            }
            Algorithm::StochasticData => {
                let phi = 1.0 - (-2.0 * h).exp();
                let second = if exact {
                    alpha * (phi / (-2.0 * h) + 1.0)
                } else {
                    0.5 * (alpha * phi)
                };
                let third = alpha * ((phi - 2.0 * h) / (2.0 * h).powi(2) - 0.5);
                let kept = sigma / sigma_from * (-h).exp();
                (kept, [alpha * phi, second, third], sigma * phi.sqrt())
            }
            Algorithm::StochasticNoise => {
                let phi = h.exp() - 1.0;
                let second = if exact {
                    -2.0 * (sigma * (phi / h - 1.0))
                } else {
                    -sigma * phi
                };
                let fresh = sigma * ((2.0 * h).exp() - 1.0).sqrt();
                (
                    alpha / alpha_from,
                    [-2.0 * (sigma * phi), second, 0.0],
                    fresh,
                )
            }
        }
    }
}

impl Scheduler for Dpm {
    fn timesteps(&self) -> &[f64] {
        &self.visited
    }

    fn draws_noise(&self, _index: usize) -> bool {
        matches!(
            self.algorithm,
            Algorithm::StochasticData | Algorithm::StochasticNoise
        )
    }

    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        memory: &mut Memory,
        noise: Option<&Tensor>,
    ) -> Step {
        let (denoised, integrand) = self.convert(output, index, sample);
        memory.remember(&integrand, self.order);
        let mut order = self.order_at(index, memory.outputs.len());
        if order == 3 && self.algorithm == Algorithm::StochasticNoise {
            // Not defined for this variant.
            order = 2;
        }
        let (kept, weights, fresh) = self.factors(index, order);
        let derivatives = self.derivatives(index, order, &memory.outputs);
        let next = derivatives
            .iter()
            .zip(weights)
            .fold(sample * f64::from(kept), |sum, (derivative, weight)| {
                sum + derivative * f64::from(weight)
            });
        let next = match noise {
            Some(noise) => next + noise * f64::from(fresh),
            None => next,
        };
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let (alpha, sigma) = alpha_sigma(self.sigmas[index]);
        clean * f64::from(alpha) + noise * f64::from(sigma)
    }
}
