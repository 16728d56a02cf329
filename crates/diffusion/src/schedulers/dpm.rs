//! DPM-Solver++ in its multistep form (Lu et al. 2022, arXiv 2211.01095), with the older DPM-Solver (arXiv 2206.00927)
//! and the stochastic variants.

mod config;

use std::path::Path;

use tch::Tensor;

use super::noise_schedule::{Counting, Prediction, Spacing, timesteps};
use super::sigmas::{FinalSigma, alpha_sigma, lambda, trained};
use super::threshold::Bounds;
use super::{Memory, Scheduler, SetupError, Step};
use config::Algorithm;
pub use config::DpmConfig;

/// Runs shorter than this end with lower orders.
const SHORT_RUN: usize = 15;

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
        let (visited, sigmas) = config.levels(path, &trained, steps)?;
        Self::over(config, path, &trained, visited, sigmas)
    }

    /// A run along training steps of a caller's own, each a whole number.
    pub fn along(config: &DpmConfig, path: &Path, visited: Vec<f64>) -> Result<Self, SetupError> {
        config.check(path)?;
        let trained = trained(&config.noise, path)?;
        let sigmas = config.levels_along(path, &trained, &visited)?;
        Self::over(config, path, &trained, visited, sigmas)
    }

    /// A run over these noise levels, at which the network is told these training steps.
    fn over(
        config: &DpmConfig,
        path: &Path,
        trained: &[f32],
        visited: Vec<f64>,
        mut sigmas: Vec<f64>,
    ) -> Result<Self, SetupError> {
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
