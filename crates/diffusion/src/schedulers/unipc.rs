//! `UniPC`: a predictor and a corrector of the same form (Zhao et al. 2023, arXiv 2302.04867).

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{Counting, NoiseConfig, Prediction, Spacing, timesteps};
use super::sigmas::{
    FinalSigma, Spread, SpreadConfig, alpha_sigma, interpolate, lambda, timestep_of, trained,
};
use super::threshold::{Bounds, ThresholdConfig};
use super::{Memory, Scheduler, SetupError, Step};
use crate::error::LoadError;

/// `scheduler_config.json` as `UniPCMultistepScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct UniPcConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    #[serde(flatten)]
    spread: SpreadConfig,
    #[serde(flatten)]
    threshold: ThresholdConfig,
    solver_order: usize,
    predict_x0: bool,
    solver_type: String,
    lower_order_final: bool,
    disable_corrector: Vec<usize>,
    solver_p: serde_json::Value,
    final_sigmas_type: FinalSigma,
    timestep_spacing: Spacing,
}

impl Default for UniPcConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            spread: SpreadConfig::default(),
            threshold: ThresholdConfig::default(),
            solver_order: 2,
            predict_x0: true,
            solver_type: "bh2".to_owned(),
            lower_order_final: true,
            disable_corrector: Vec::new(),
            solver_p: serde_json::Value::Null,
            final_sigmas_type: FinalSigma::Zero,
            timestep_spacing: Spacing::Linspace,
        }
    }
}

impl UniPcConfig {
    fn check(&self, path: &Path) -> Result<(), LoadError> {
        if !(1..=4).contains(&self.solver_order) {
            return Err(LoadError::key(path, "solver_order", "must be from 1 to 4"));
        }
        if !self.solver_p.is_null() {
            let message = "a predictor of another class is not supported";
            return Err(LoadError::key(path, "solver_p", message));
        }
        let known = ["bh1", "bh2", "midpoint", "heun", "logrho"];
        if !known.contains(&self.solver_type.as_str()) {
            let message = format!("{:?} is not supported", self.solver_type);
            return Err(LoadError::key(path, "solver_type", message));
        }
        Ok(())
    }

    /// Visited steps, and their levels with the one at the end.
    fn levels(
        &self,
        path: &Path,
        trained: &[f32],
        steps: u32,
    ) -> Result<(Vec<f64>, Vec<f64>), SetupError> {
        let spread = self.spread.spread(path)?;
        let counting = Counting::AllButLast {
            end: self.noise.num_train_timesteps,
        };
        let visited = timesteps(&self.noise, self.timestep_spacing, steps, counting)?;
        let least = f64::from(trained[0]);
        let (visited, mut sigmas, least) = if spread == Spread::Trained {
            let levels: Vec<f64> = visited
                .iter()
                .map(|&step| interpolate(trained, step))
                .collect();
            (visited, levels, least)
        } else {
            let largest = f64::from(trained[trained.len() - 1]);
            let sigmas = self.spread.levels(spread, largest, least, steps as usize);
            let step = |&sigma: &f64| match timestep_of(trained, sigma) {
                step if spread == Spread::Karras => step.round_ties_even(),
                // What is left of a fraction is cut when the steps become whole numbers.
                step => step.trunc(),
            };
            let own = sigmas[sigmas.len() - 1];
            (sigmas.iter().map(step).collect(), sigmas, own)
        };
        sigmas.push(match self.final_sigmas_type {
            FinalSigma::Zero => 0.0,
            FinalSigma::SigmaMin => least,
        });
        Ok((visited, sigmas))
    }
}

/// The schedule of one run.
pub struct UniPc {
    prediction: Prediction,
    /// Whether pictures are integrated, rather than noise.
    over_pictures: bool,
    /// Whether the step's own length is the function that scales it, rather than its exponential less 1.
    plain_length: bool,
    order: usize,
    lower_order_final: bool,
    uncorrected: Vec<usize>,
    bounds: Bounds,
    sigmas: Vec<f32>,
    visited: Vec<f64>,
}

/// What both halves of a step need, from one level to the next.
struct Length {
    /// Factor of the sample.
    kept: f32,
    /// Factor of the newest integrand.
    first: f32,
    /// Factor of everything that corrects it.
    rest: f32,
    /// Ratios of the lengths of earlier steps to this one's.
    ratios: Vec<f32>,
    /// Right-hand side of the order conditions.
    conditions: Vec<f32>,
}

impl UniPc {
    /// A run of `steps` steps; `path` is named in errors.
    pub fn new(config: &UniPcConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        config.check(path)?;
        let trained = trained(&config.noise, path)?;
        let (visited, sigmas) = config.levels(path, &trained, steps)?;
        Ok(Self {
            prediction: config.noise.prediction_type,
            over_pictures: config.predict_x0,
            plain_length: config.solver_type == "bh1",
            order: config.solver_order,
            lower_order_final: config.lower_order_final,
            uncorrected: config.disable_corrector.clone(),
            bounds: config.threshold.bounds(Bounds::None),
            sigmas: sigmas.into_iter().map(|sigma| sigma as f32).collect(),
            visited,
        })
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
        if self.over_pictures {
            let picture = self.bounds.apply(picture);
            return (picture.shallow_clone(), picture);
        }
        let noise = match self.prediction {
            Prediction::Epsilon => output.shallow_clone(),
            Prediction::VPrediction => output * alpha + sample * sigma,
            Prediction::Sample => (sample - output * alpha) / sigma,
        };
        (picture, noise)
    }

    /// From the level at `from` to the one after it, looking back over `order - 1` earlier ones.
    fn length(&self, from: usize, order: usize) -> Length {
        let (alpha, sigma) = alpha_sigma(self.sigmas[from + 1]);
        let (alpha_from, sigma_from) = alpha_sigma(self.sigmas[from]);
        let start = lambda(self.sigmas[from]);
        let h = lambda(self.sigmas[from + 1]) - start;
        let earlier = (1..order).map(|back| (lambda(self.sigmas[from - back]) - start) / h);
        let ratios: Vec<f32> = earlier.chain([1.0]).collect();
        let signed = if self.over_pictures { -h } else { h };
        let phi = signed.exp_m1();
        let scale = if self.plain_length { signed } else { phi };
        let (mut phi_k, mut factorial) = (phi / signed - 1.0, 1.0);
        let mut conditions = Vec::new();
        for row in 1..=order {
            conditions.push(phi_k * factorial / scale);
            factorial *= row as f32 + 1.0;
            phi_k = phi_k / signed - 1.0 / factorial;
        }
        let (kept, spread) = if self.over_pictures {
            (sigma / sigma_from, alpha)
        } else {
            (alpha / alpha_from, sigma)
        };
        Length {
            kept,
            first: -(spread * phi),
            rest: -(spread * scale),
            ratios,
            conditions,
        }
    }

    /// Differences to the newest integrand, each over its ratio and times its weight.
    fn corrections(past: &[Tensor], ratios: &[f32], weights: &[f32]) -> Option<Tensor> {
        let newest = past.len() - 1;
        let parts = weights.iter().enumerate().map(|(index, &weight)| {
            let difference = &past[newest - 1 - index] - &past[newest];
            difference / f64::from(ratios[index]) * f64::from(weight)
        });
        parts.reduce(|sum, part| sum + part)
    }

    fn predict(&self, index: usize, sample: &Tensor, past: &[Tensor], order: usize) -> Tensor {
        let length = self.length(index, order);
        let weights = match order {
            1 => Vec::new(),
            2 => vec![0.5],
            order => solve(&length.ratios, &length.conditions, order - 1),
        };
        let newest = &past[past.len() - 1];
        let base = sample * f64::from(length.kept) + newest * f64::from(length.first);
        match Self::corrections(past, &length.ratios, &weights) {
            Some(corrections) => base + corrections * f64::from(length.rest),
            None => base,
        }
    }

    /// The step before `index` again, now that its end is known. `past` does not hold `current` yet.
    fn correct(
        &self,
        index: usize,
        last: &Tensor,
        current: &Tensor,
        past: &[Tensor],
        order: usize,
    ) -> Tensor {
        let length = self.length(index - 1, order);
        let weights = match order {
            1 => vec![0.5],
            order => solve(&length.ratios, &length.conditions, order),
        };
        let newest = &past[past.len() - 1];
        let base = last * f64::from(length.kept) + newest * f64::from(length.first);
        let own = (current - newest) * f64::from(weights[order - 1]);
        let corrections = match Self::corrections(past, &length.ratios, &weights[..order - 1]) {
            Some(corrections) => corrections + own,
            None => own,
        };
        base + corrections * f64::from(length.rest)
    }
}

/// Weights that meet the first `size` order conditions: rows are powers of the ratios.
fn solve(ratios: &[f32], conditions: &[f32], size: usize) -> Vec<f32> {
    let mut rows: Vec<Vec<f64>> = (0..size)
        .map(|power| {
            let powers = ratios[..size]
                .iter()
                .map(|&ratio| f64::from(ratio).powi(power as i32));
            powers.chain([f64::from(conditions[power])]).collect()
        })
        .collect();
    for column in 0..size {
        let largest = (column..size)
            .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, largest);
        let pivot = rows[column].clone();
        for (number, row) in rows.iter_mut().enumerate() {
            if number != column {
                let factor = row[column] / pivot[column];
                for (value, other) in row.iter_mut().zip(&pivot) {
                    *value -= factor * other;
                }
            }
        }
    }
    (0..size)
        .map(|row| (rows[row][size] / rows[row][row]) as f32)
        .collect()
}

impl Scheduler for UniPc {
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
        let (denoised, integrand) = self.convert(output, index, sample);
        let last = memory.sample.take();
        let corrected = match &last {
            Some(last) if index > 0 && !self.uncorrected.contains(&(index - 1)) => {
                self.correct(index, last, &integrand, &memory.outputs, memory.order)
            }
            _ => sample.shallow_clone(),
        };
        memory.remember(&integrand, self.order);
        let wanted = if self.lower_order_final {
            self.order.min(self.visited.len() - index)
        } else {
            self.order
        };
        memory.order = wanted.min(memory.done + 1);
        memory.done += 1;
        let next = self.predict(index, &corrected, &memory.outputs, memory.order);
        memory.sample = Some(corrected);
        Step { next, denoised }
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let (alpha, sigma) = alpha_sigma(self.sigmas[index]);
        clean * f64::from(alpha) + noise * f64::from(sigma)
    }
}
