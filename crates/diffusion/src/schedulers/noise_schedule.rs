//! How much noise there is at each training step, and which of those steps are visited.

use std::path::Path;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::error::{LoadError, TaskError};

/// What the network was trained to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// The noise (Ho et al. 2020, arXiv 2006.11239).
    Epsilon,
    /// The velocity (Salimans & Ho 2022, arXiv 2202.00512).
    VPrediction,
    /// The picture itself.
    #[serde(alias = "original_sample")]
    Sample,
}

/// How the visited steps are spread (Lin et al. 2023, arXiv 2305.08891, table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Evenly, both ends included.
    Linspace,
    /// Multiples of a whole number, from the start.
    Leading,
    /// Evenly, counted from the end.
    Trailing,
}

/// The part of `scheduler_config.json` that all schedulers share.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct NoiseConfig {
    /// Steps of training.
    pub num_train_timesteps: i64,
    /// Variance added at the first step.
    pub beta_start: f64,
    /// Variance added at the last step.
    pub beta_end: f64,
    /// How it grows in between: `linear`, `scaled_linear` or `squaredcos_cap_v2`.
    pub beta_schedule: String,
    /// The variances themselves, where they follow no formula.
    pub trained_betas: Option<Vec<f32>>,
    /// What the network predicts.
    pub prediction_type: Prediction,
    /// Added to every visited step when the spacing is leading.
    pub steps_offset: i64,
    /// Whether the last step is made pure noise (Lin et al. 2023, arXiv 2305.08891, algorithm 1).
    pub rescale_betas_zero_snr: bool,
}

impl Default for NoiseConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: "linear".to_owned(),
            trained_betas: None,
            prediction_type: Prediction::Epsilon,
            steps_offset: 0,
            rescale_betas_zero_snr: false,
        }
    }
}

/// Share of the picture's variance that survives until each step, in fp32 as in training.
pub fn alphas_cumprod(config: &NoiseConfig, path: &Path) -> Result<Vec<f32>, LoadError> {
    if !(1..=100_000).contains(&config.num_train_timesteps) {
        return Err(LoadError::key(
            path,
            "num_train_timesteps",
            "must be between 1 and 100000",
        ));
    }
    let mut betas = betas(config, path)?;
    if config.rescale_betas_zero_snr {
        betas = rescale_to_zero_snr(&betas);
    }
    let alphas: Tensor = 1.0 - betas;
    Vec::try_from(alphas.cumprod(0, None))
        .map_err(|error: tch::TchError| LoadError::key(path, "betas", error.to_string()))
}

fn betas(config: &NoiseConfig, path: &Path) -> Result<Tensor, LoadError> {
    let (count, options) = (config.num_train_timesteps, (Kind::Float, Device::Cpu));
    if let Some(betas) = &config.trained_betas {
        if betas.len() as i64 != count {
            return Err(LoadError::key(
                path,
                "trained_betas",
                format!("must have {count} entries"),
            ));
        }
        return Ok(Tensor::from_slice(betas));
    }
    match config.beta_schedule.as_str() {
        "linear" => Ok(Tensor::linspace(
            config.beta_start,
            config.beta_end,
            count,
            options,
        )),
        "scaled_linear" => Ok(Tensor::linspace(
            config.beta_start.sqrt(),
            config.beta_end.sqrt(),
            count,
            options,
        )
        .square()),
        "squaredcos_cap_v2" => Ok(Tensor::from_slice(&cosine_betas(count))),
        other => Err(LoadError::key(
            path,
            "beta_schedule",
            format!("{other:?} is not supported"),
        )),
    }
}

/// Cosine schedule (Nichol & Dhariwal 2021, arXiv 2102.09672).
fn cosine_betas(count: i64) -> Vec<f32> {
    let share = |at: f64| {
        ((at + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2)
            .cos()
            .powi(2)
    };
    let at = |step: i64| step as f64 / count as f64;
    (0..count)
        .map(|step| (1.0 - share(at(step + 1)) / share(at(step))).min(0.999) as f32)
        .collect()
}

fn rescale_to_zero_snr(betas: &Tensor) -> Tensor {
    let alphas: Tensor = 1.0 - betas;
    let roots = alphas.cumprod(0, None).sqrt();
    let (first, last) = (roots.get(0), roots.get(-1));
    let shifted = (roots - &last) * (&first / (&first - &last));
    let alphas_cumprod = shifted.square();
    let count = alphas_cumprod.size()[0];
    let ratios = alphas_cumprod.narrow(0, 1, count - 1) / alphas_cumprod.narrow(0, 0, count - 1);
    1.0 - Tensor::cat(&[alphas_cumprod.narrow(0, 0, 1), ratios], 0)
}

/// How visited steps are counted: schedulers differ in the same spacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// As many as asked for; fractions stay.
    Fractional,
    /// As many as asked for, whole.
    Whole,
    /// One more, whole, of which the last (the least noisy) is left out. `end` is one past the noisiest step.
    AllButLast {
        /// One past the noisiest step that may be visited.
        end: i64,
    },
}

/// The visited training steps, noisiest first. May leave the range of training by one step, as diffusers' do: see
/// [`within_training`].
pub fn timesteps(
    config: &NoiseConfig,
    spacing: Spacing,
    steps: u32,
    counting: Counting,
) -> Result<Vec<f64>, TaskError> {
    let train = config.num_train_timesteps;
    if steps == 0 || i64::from(steps) > train {
        return Err(TaskError::bad(
            "steps",
            format!("must be between 1 and {train}, not {steps}"),
        ));
    }
    let (end, extra) = match counting {
        Counting::Fractional | Counting::Whole => (train, 0),
        Counting::AllButLast { end } => (end, 1),
    };
    let count = i64::from(steps) + extra;
    let visited: Vec<f64> = match spacing {
        Spacing::Linspace => {
            let visited = linspace(0.0, (end - 1) as f64, count as usize);
            let visited = visited.into_iter().rev().take(steps as usize);
            if counting == Counting::Fractional {
                visited.collect()
            } else {
                visited.map(f64::round_ties_even).collect()
            }
        }
        Spacing::Leading => {
            let ratio = end / count;
            (extra..count)
                .rev()
                .map(|index| (index * ratio + config.steps_offset) as f64)
                .collect()
        }
        Spacing::Trailing => trailing(end as f64, train as f64 / f64::from(steps)),
    };
    Ok(visited)
}

/// Evenly spread values, both ends included, with the rounding of numpy's function.
pub fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let distance = (last - first) / (count as f64 - 1.0);
    (0..count)
        .map(|index| match index {
            0 => first,
            index if index + 1 == count => last,
            index => index as f64 * distance + first,
        })
        .collect()
}

/// From `end` down by `distance` while above 0. Where the rounding of floats leaves a tiny remainder, there is one step
/// more than asked for, as in diffusers.
fn trailing(end: f64, distance: f64) -> Vec<f64> {
    // The rounding of numpy's `arange`: its stride is the difference of the first two values.
    let stride = (end - distance) - end;
    let count = (-end / -distance).ceil() as u32;
    (0..count)
        .map(|index| (end + f64::from(index) * stride).round_ties_even() - 1.0)
        .collect()
}

/// Refuses steps beyond training, for schedulers that look them up.
pub fn within_training(config: &NoiseConfig, visited: &[f64]) -> Result<(), TaskError> {
    let train = config.num_train_timesteps;
    match visited
        .iter()
        .find(|&&step| step < -1.0 || step >= train as f64)
    {
        Some(step) => {
            let message = format!("{} steps would visit step {step} of {train}", visited.len());
            Err(TaskError::bad("steps", message))
        }
        None => Ok(()),
    }
}

/// The share at a step, counted from the end where it is negative.
pub fn alpha_at(alphas: &[f32], timestep: i64) -> f32 {
    let index = if timestep < 0 {
        timestep + alphas.len() as i64
    } else {
        timestep
    };
    alphas[(index.max(0) as usize).min(alphas.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spacing_visits_the_steps_of_its_definition() {
        let config = NoiseConfig {
            steps_offset: 1,
            ..NoiseConfig::default()
        };
        let visit = |spacing, steps| timesteps(&config, spacing, steps, Counting::Whole).unwrap();
        assert_eq!(visit(Spacing::Leading, 4), [751.0, 501.0, 251.0, 1.0]);
        assert_eq!(visit(Spacing::Trailing, 4), [999.0, 749.0, 499.0, 249.0]);
        assert_eq!(visit(Spacing::Linspace, 4), [999.0, 666.0, 333.0, 0.0]);
        // One step is the noiseless one: numpy begins where it is told to.
        assert_eq!(visit(Spacing::Linspace, 1), [0.0]);
        let without_last = Counting::AllButLast { end: 1000 };
        let visit = |spacing| timesteps(&config, spacing, 4, without_last).unwrap();
        assert_eq!(visit(Spacing::Linspace), [999.0, 749.0, 500.0, 250.0]);
        assert_eq!(visit(Spacing::Leading), [801.0, 601.0, 401.0, 201.0]);
    }

    #[test]
    fn step_counts_beyond_training_are_refused() {
        let config = NoiseConfig::default();
        for steps in [0, 1001] {
            assert!(timesteps(&config, Spacing::Leading, steps, Counting::Whole).is_err());
        }
    }

    #[test]
    fn zero_snr_leaves_nothing_of_the_picture_at_the_last_step() {
        let config = NoiseConfig {
            rescale_betas_zero_snr: true,
            ..NoiseConfig::default()
        };
        let alphas = alphas_cumprod(&config, Path::new("config")).unwrap();
        assert!(alphas[999].abs() < 1e-12 && (alphas[0] - 0.9999).abs() < 1e-6);
    }
}
