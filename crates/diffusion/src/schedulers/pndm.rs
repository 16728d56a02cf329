//! Pseudo numerical methods for diffusion models (Liu et al. 2022, arXiv 2202.09778): linear multistep of order 4,
//! begun by Runge-Kutta steps or, as Stable Diffusion does it, by lower orders.

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::noise_schedule::{
    Counting, NoiseConfig, Prediction, Spacing, alpha_at, alphas_cumprod, timesteps,
    within_training,
};
use super::{Memory, Scheduler, SetupError, Step};
use crate::error::{LoadError, TaskError};

/// Outputs that the multistep method looks back at.
const ORDER: usize = 4;

/// `scheduler_config.json` as `PNDMScheduler` reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct PndmConfig {
    #[serde(flatten)]
    noise: NoiseConfig,
    skip_prk_steps: bool,
    set_alpha_to_one: bool,
    timestep_spacing: Spacing,
}

impl Default for PndmConfig {
    fn default() -> Self {
        Self {
            noise: NoiseConfig::default(),
            skip_prk_steps: false,
            set_alpha_to_one: false,
            timestep_spacing: Spacing::Leading,
        }
    }
}

/// The schedule of one run.
pub struct Pndm {
    prediction: Prediction,
    alphas_cumprod: Vec<f32>,
    final_alpha: f32,
    visited: Vec<f64>,
    /// How many of the visited steps, from the first, belong to Runge-Kutta steps.
    runge_kutta: usize,
    /// Distance in training steps from one step to the next.
    stride: i64,
}

impl Pndm {
    /// A run of `steps` steps; the network is asked more often than that. `path` is named in errors.
    pub fn new(config: &PndmConfig, path: &Path, steps: u32) -> Result<Self, SetupError> {
        if config.noise.prediction_type == Prediction::Sample {
            let message = "pndm is not defined for networks that predict the sample";
            return Err(LoadError::key(path, "prediction_type", message).into());
        }
        // This class does not know zero SNR: the key is another class's.
        let noise = NoiseConfig {
            rescale_betas_zero_snr: false,
            ..config.noise.clone()
        };
        let alphas = alphas_cumprod(&noise, path)?;
        let spread = timesteps(&noise, config.timestep_spacing, steps, Counting::Whole)?;
        let stride = noise.num_train_timesteps / i64::from(steps);
        let (visited, runge_kutta) = if config.skip_prk_steps {
            (with_second_repeated(&spread), 0)
        } else {
            with_runge_kutta(&spread, stride)?
        };
        within_training(&noise, &visited)?;
        Ok(Self {
            prediction: noise.prediction_type,
            final_alpha: if config.set_alpha_to_one {
                1.0
            } else {
                alphas[0]
            },
            alphas_cumprod: alphas,
            visited,
            runge_kutta,
            stride,
        })
    }

    fn alpha(&self, timestep: i64) -> f32 {
        if timestep < 0 {
            self.final_alpha
        } else {
            alpha_at(&self.alphas_cumprod, timestep)
        }
    }

    /// Equation 11 of the paper: along `output` from one training step to another. Also gives the picture as it looks
    /// from the first of them.
    fn transfer(&self, sample: &Tensor, output: &Tensor, from: i64, to: i64) -> Step {
        let (alpha, alpha_to) = (alpha_at(&self.alphas_cumprod, from), self.alpha(to));
        let (beta, beta_to) = (1.0 - alpha, 1.0 - alpha_to);
        let noise = match self.prediction {
            Prediction::VPrediction => {
                output * f64::from(alpha.sqrt()) + sample * f64::from(beta.sqrt())
            }
            Prediction::Epsilon | Prediction::Sample => output.shallow_clone(),
        };
        let denoised = (sample - &noise * f64::from(beta.sqrt())) / f64::from(alpha.sqrt());
        let divisor = alpha * beta_to.sqrt() + (alpha * beta * alpha_to).sqrt();
        let next = sample * f64::from((alpha_to / alpha).sqrt())
            - noise * f64::from(alpha_to - alpha) / f64::from(divisor);
        Step { next, denoised }
    }

    fn runge_kutta_step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        memory: &mut Memory,
    ) -> Step {
        let half = if memory.done % 2 == 1 {
            0
        } else {
            self.stride / 2
        };
        let to = self.visited[index] as i64 - half;
        let from = self.visited[memory.done / 4 * 4] as i64;
        let sum = memory.sum.take();
        let add = |share: f64| match &sum {
            Some(sum) => sum + output * share,
            None => output * share,
        };
        let used = match memory.done % 4 {
            0 => {
                memory.sum = Some(add(1.0 / 6.0));
                memory.remember(output, ORDER);
                memory.sample = Some(sample.shallow_clone());
                output.shallow_clone()
            }
            1 | 2 => {
                memory.sum = Some(add(1.0 / 3.0));
                output.shallow_clone()
            }
            _ => add(1.0 / 6.0),
        };
        let base = memory.sample.as_ref().unwrap_or(sample);
        self.transfer(base, &used, from, to)
    }

    fn multistep(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        memory: &mut Memory,
    ) -> Step {
        let timestep = self.visited[index] as i64;
        let (mut from, mut to) = (timestep, timestep - self.stride);
        let mut base = sample.shallow_clone();
        if memory.done == 1 {
            // The second call repeats the first step with the mean of both outputs.
            (from, to) = (timestep + self.stride, timestep);
        } else {
            memory.remember(output, ORDER);
        }
        let past = |back: usize| &memory.outputs[memory.outputs.len() - back];
        let used = match memory.outputs.len() {
            1 if memory.done == 0 => {
                memory.sample = Some(sample.shallow_clone());
                output.shallow_clone()
            }
            1 if memory.done == 1 => {
                let mean = (output + past(1)) / 2.0;
                base = memory.sample.take().unwrap_or(base);
                mean
            }
            0 | 1 => output.shallow_clone(),
            2 => (past(1) * 3.0 - past(2)) / 2.0,
            3 => (past(1) * 23.0 - past(2) * 16.0 + past(3) * 5.0) / 12.0,
            _ => {
                let sum = past(1) * 55.0 - past(2) * 59.0 + past(3) * 37.0 - past(4) * 9.0;
                sum * (1.0 / 24.0)
            }
        };
        self.transfer(&base, &used, from, to)
    }
}

/// Noisiest first; the second is visited twice.
fn with_second_repeated(spread: &[f64]) -> Vec<f64> {
    let (first, rest) = (&spread[..1], &spread[1..]);
    [first, &rest[..rest.len().min(1)], rest].concat()
}

/// The four noisiest steps are taken by Runge-Kutta, which needs four outputs for each but the last, where the
/// multistep method takes over.
fn with_runge_kutta(spread: &[f64], stride: i64) -> Result<(Vec<f64>, usize), TaskError> {
    if spread.len() < ORDER {
        let message = format!(
            "pndm with Runge-Kutta steps needs at least {ORDER}, not {}",
            spread.len()
        );
        return Err(TaskError::bad("steps", message));
    }
    let half = (stride / 2) as f64;
    let mut visited = Vec::new();
    for pair in spread[..ORDER].windows(2) {
        // Both ends of the step, and twice the middle, counted from the end.
        visited.extend([pair[0], pair[1] + half, pair[1] + half, pair[1]]);
    }
    let runge_kutta = visited.len();
    visited.extend(&spread[ORDER - 1..]);
    Ok((visited, runge_kutta))
}

impl Scheduler for Pndm {
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
        let step = if memory.done < self.runge_kutta {
            self.runge_kutta_step(output, index, sample, memory)
        } else {
            self.multistep(output, index, sample, memory)
        };
        memory.done += 1;
        step
    }

    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor {
        let alpha = alpha_at(&self.alphas_cumprod, self.visited[index] as i64);
        clean * f64::from(alpha.sqrt()) + noise * f64::from((1.0 - alpha).sqrt())
    }
}
