//! DEIS in its multistep form over the logarithm of noise levels (Zhang & Chen 2022, arXiv 2204.13902).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{Counting, NoiseConfig, Prediction, Spacing, timesteps};
use super::sigmas::{Spread, SpreadConfig, alpha_sigma, interpolate, timestep_of, trained};
use super::threshold::{Bounds, ThresholdConfig};
use super::{Memory, Scheduler, SetupError, Step};
use crate::error::LoadError;

/// Runs shorter than this end with lower orders.
const SHORT_RUN: usize = 15;

/// `scheduler_config.json` as `DEISMultistepScheduler` reads it. What it says of algorithms and solvers is another class's:
/// there is one of each.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DeisConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    #[serde(flatten)]
    spread: SpreadConfig,
    #[serde(flatten)]
    threshold: ThresholdConfig,
    solver_order: usize,
    lower_order_final: bool,
    timestep_spacing: Spacing,
}

impl Default for DeisConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            spread: SpreadConfig::default(),
            threshold: ThresholdConfig::default(),
            solver_order: 2,
            lower_order_final: true,
            timestep_spacing: Spacing::Linspace,
        }
    }
}

/// The schedule of one run.
pub struct Deis {
    prediction: Prediction,
    order: usize,
    bounds: Bounds,
    /// Noise levels of the visited steps, and the one at the end.
    sigmas: Vec<f32>,
    visited: Vec<f64>,
    ends_low: bool,
}

impl Deis {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &DeisConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        if !(1..=3).contains(&config.solver_order) {
            return Err(LoadError::key(path, "solver_order", "must be 1, 2 or 3").into());
        }
        // The class has no zero SNR, whatever the file says.
        let noise = NoiseConfig {
            rescale_betas_zero_snr: false,
            ..config.noise.clone()
        };
        let trained = trained(&noise, path)?;
        let end = trained.len() as i64;
        let counting = Counting::AllButLast { end };
        let mut visited = timesteps(&noise, config.timestep_spacing, steps, counting)?;
        let spread = config.spread.spread(path)?;
        let mut sigmas: Vec<f64> = if spread == Spread::Trained {
            let levels = visited.iter().map(|&step| interpolate(&trained, step));
            levels.chain([f64::from(trained[0])]).collect()
        } else {
            let (largest, smallest) =
                (f64::from(trained[trained.len() - 1]), f64::from(trained[0]));
            let spread = config
                .spread
                .levels(spread, largest, smallest, steps as usize);
            // The last step stays where it is.
            let last = spread.last().copied();
            spread.into_iter().chain(last).collect()
        };
        if spread != Spread::Trained {
            let step = |&sigma: &f64| {
                let step = timestep_of(&trained, sigma);
                // What is left of a fraction is cut when the steps become whole numbers.
                if spread == Spread::Karras {
                    step.round_ties_even()
                } else {
                    step.trunc()
                }
            };
            visited = sigmas[..steps as usize].iter().map(step).collect();
        }
        Ok(Self {
            prediction: noise.prediction_type,
            order: config.solver_order,
            bounds: config.threshold.bounds(Bounds::None),
            sigmas: sigmas.drain(..).map(|sigma| sigma as f32).collect(),
            ends_low: config.lower_order_final && visited.len() < SHORT_RUN,
            visited,
        })
    }

    /// The order of this step: as high as there are earlier outputs, lower at the end of a short run.
    fn order_at(&self, index: usize, known: usize) -> usize {
        let left = self.visited.len() - index;
        let end = if self.ends_low { left } else { usize::MAX };
        self.order.min(known).min(end)
    }

    /// How much each output counts, newest first: integrals over the noise level of the polynomials through them in its
    /// logarithm.
    fn weights(&self, index: usize, order: usize) -> Vec<f32> {
        let (to, from) = (self.sigmas[index + 1], self.sigmas[index]);
        let level = |back: usize| self.sigmas[index - back].ln();
        let part: Box<dyn Fn(f32, usize) -> f32> = match order {
            2 => Box::new(|at, own| {
                let other = level(1 - own);
                at * (-other + at.ln() - 1.0) / (level(own) - other)
            }),
            _ => Box::new(|at, own| {
                let (c, d) = (level((own + 1) % 3), level((own + 2) % 3));
                let t = at.ln();
                let sum = c * (d - t + 1.0) - d * t + d + t * t - 2.0 * t + 2.0;
                at * sum / ((level(own) - c) * (level(own) - d))
            }),
        };
        (0..order)
            .map(|own| part(to, own) - part(from, own))
            .collect()
    }
}

impl Scheduler for Deis {
    fn timesteps(&self) -> &[f64] {
        &self.visited
    }

    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        memory: &mut Memory,
        _noise: Option<&Tensor>,
    ) -> Step {
        let (alpha, sigma) = alpha_sigma(self.sigmas[index]);
        let (alpha, sigma) = (f64::from(alpha), f64::from(sigma));
        let picture = match self.prediction {
            Prediction::Epsilon => (sample - output * sigma) / alpha,
            Prediction::VPrediction => sample * alpha - output * sigma,
            Prediction::Sample => output.shallow_clone(),
        };
        let denoised = self.bounds.apply(picture);
        let noise = (sample - &denoised * alpha) / sigma;
        memory.remember(&noise, self.order);
        let order = self.order_at(index, memory.outputs.len());
        let (alpha_to, sigma_to) = alpha_sigma(self.sigmas[index + 1]);
        let (alpha_to, sigma_to) = (f64::from(alpha_to), f64::from(sigma_to));
        let next = if order == 1 {
            let h = (alpha_to.ln() - sigma_to.ln()) - (alpha.ln() - sigma.ln());
            sample * (alpha_to / alpha) - noise * (sigma_to * (h.exp() - 1.0))
        } else {
            let weights = self.weights(index, order).into_iter();
            let outputs = memory.outputs.iter().rev();
            let start = sample / alpha;
            let sum = outputs.zip(weights).fold(start, |sum, (output, weight)| {
                sum + output * f64::from(weight)
            });
            sum * alpha_to
        };
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let (alpha, sigma) = alpha_sigma(self.sigmas[index]);
        clean * f64::from(alpha) + noise * f64::from(sigma)
    }
}
