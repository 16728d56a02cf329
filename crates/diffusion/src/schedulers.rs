//! Samplers: each turns a network's predictions into a path from noise to a picture.
//!
//! A scheduler is built for one run from the checkpoint's `scheduler_config.json`, with its class's defaults for what
//! the file does not say, whatever class wrote the file. Steps are functions of their arguments: the caller holds the
//! latents and the position.

mod ddim;
mod euler;
mod noise_schedule;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::Tensor;

use ddim::Ddim;
use euler::Euler;
use noise_schedule::NoiseConfig;
pub use noise_schedule::Prediction;

use crate::config::read_json;
use crate::error::{LoadError, TaskError};

/// What one step gives.
pub struct Step {
    /// The latents at the next step.
    pub next: Tensor,
    /// The finished latents as they look from here, for previews.
    pub denoised: Tensor,
}

/// One run's schedule. `index` counts its steps from 0.
pub trait Scheduler: Send {
    /// The training step of each of its steps, for the network.
    fn timesteps(&self) -> &[f64];

    /// Standard deviation of the noise to start from.
    fn initial_deviation(&self) -> f64;

    /// Latents as the network wants to see them.
    fn scale_input(&self, sample: &Tensor, index: usize) -> Tensor;

    /// From the network's `output` for the `sample` to the next sample.
    fn step(&self, output: &Tensor, index: usize, sample: &Tensor) -> Step;

    /// A clean picture's latents as they would look at a step.
    fn add_noise(&self, clean: &Tensor, noise: &Tensor, index: usize) -> Tensor;
}

/// A scheduler that cannot be built: because of the checkpoint's file, or because of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The configuration is at fault.
    #[error(transparent)]
    Config(#[from] LoadError),
    /// The request is at fault.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// Which scheduler to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sampler {
    /// The class that the checkpoint names.
    #[default]
    Checkpoint,
    /// DDIM.
    Ddim,
    /// Euler.
    Euler,
}

/// A checkpoint's `scheduler_config.json`.
#[derive(Debug, Clone)]
pub struct SchedulerFile {
    path: PathBuf,
    content: Value,
    own_defaults: serde_json::Map<String, Value>,
}

impl SchedulerFile {
    /// Reads `scheduler/scheduler_config.json` below a checkpoint.
    pub fn load(checkpoint: &Path) -> Result<Self, LoadError> {
        let path = checkpoint.join("scheduler/scheduler_config.json");
        let content = read_json(&path)?;
        Ok(Self {
            path,
            ..Self::from_json(content)
        })
    }

    /// The class that it names.
    pub fn class(&self) -> &str {
        self.content
            .get("_class_name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// What the network predicts.
    pub fn prediction(&self) -> Result<Prediction, LoadError> {
        Ok(self.parse::<NoiseConfig>()?.prediction_type)
    }

    fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, LoadError> {
        T::deserialize(&self.content)
            .map_err(|error| LoadError::file(&self.path, format!("not valid: {error}")))
    }

    /// The file as diffusers' Stable Diffusion pipelines correct it before use: steps are offset by 1 and samples are
    /// never clipped. A value that the file leaves to its class is corrected for [`Sampler::Checkpoint`] only: a
    /// scheduler that is made from the file by name starts from its class's defaults.
    #[must_use]
    pub fn corrected(&self) -> Self {
        let mut corrected = self.clone();
        let Some(entries) = corrected.content.as_object_mut() else {
            return corrected;
        };
        for (key, value) in [
            ("steps_offset", Value::from(1)),
            ("clip_sample", Value::from(false)),
        ] {
            if let Some(found) = entries.get_mut(key) {
                *found = value;
            } else {
                corrected.own_defaults.insert(key.to_owned(), value);
            }
        }
        corrected
    }

    /// The same file with the corrected values of what it does not say.
    fn for_own_class(&self) -> Self {
        let mut own = self.clone();
        if let Some(entries) = own.content.as_object_mut() {
            entries.extend(self.own_defaults.clone());
        }
        own
    }

    /// A file's content, for a scheduler without a checkpoint.
    pub fn from_json(content: Value) -> Self {
        Self {
            path: PathBuf::from("scheduler_config.json"),
            content,
            own_defaults: serde_json::Map::new(),
        }
    }

    /// A run of `steps` steps.
    pub fn schedule(&self, sampler: Sampler, steps: u32) -> Result<Box<dyn Scheduler>, SetupError> {
        let own = match self.class() {
            "DDIMScheduler" => Some(Sampler::Ddim),
            "EulerDiscreteScheduler" => Some(Sampler::Euler),
            _ => None,
        };
        let file = if sampler == Sampler::Checkpoint {
            self.for_own_class()
        } else {
            self.clone()
        };
        match if sampler == Sampler::Checkpoint {
            own
        } else {
            Some(sampler)
        } {
            Some(Sampler::Ddim) => Ok(Box::new(Ddim::new(&file.parse()?, &self.path, steps)?)),
            Some(Sampler::Euler) => Ok(Box::new(Euler::new(&file.parse()?, &self.path, steps)?)),
            Some(Sampler::Checkpoint) | None => {
                let class = self.class();
                let message =
                    format!("the checkpoint's own {class} is not supported yet; use ddim or euler");
                Err(TaskError::bad("sampler", message).into())
            }
        }
    }
}
