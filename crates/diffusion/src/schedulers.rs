//! Samplers: each turns a network's predictions into a path from noise to a picture.
//!
//! A scheduler is built for one run from the checkpoint's `scheduler_config.json`, with its class's defaults for what
//! the file does not say, whatever class wrote the file. Steps are functions of their arguments: the caller holds the
//! latents and the position.

mod ddim;
mod deis;
mod dpm;
mod euler;
mod euler_ancestral;
mod lcm;
mod noise_schedule;
mod own_steps;
mod pndm;
mod sigmas;
mod threshold;
mod unipc;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;
use tch::Tensor;

use ddim::Ddim;
use deis::Deis;
use dpm::{Dpm, DpmConfig};
use euler::Euler;
use euler_ancestral::EulerAncestral;
use lcm::Lcm;
use noise_schedule::NoiseConfig;
pub use noise_schedule::Prediction;
pub use own_steps::OwnSteps;
use pndm::Pndm;
use unipc::UniPc;

use crate::config::read_json;
use crate::error::{LoadError, TaskError};

/// What one step gives.
pub struct Step {
    /// The latents at the next step.
    pub next: Tensor,
    /// The finished latents as they look from here, for previews.
    pub denoised: Tensor,
}

/// What a multistep sampler remembers from one step to the next. Belongs to one picture; empty at its start.
#[derive(Debug, Default)]
pub struct Memory {
    /// Earlier outputs, or what was made of them, newest last.
    outputs: Vec<Tensor>,
    /// A sample that an earlier step started from.
    sample: Option<Tensor>,
    /// A sum of outputs that is not complete yet.
    sum: Option<Tensor>,
    /// Order of the last step.
    order: usize,
    /// Steps done.
    done: usize,
}

impl Memory {
    fn remember(&mut self, output: &Tensor, most: usize) {
        self.outputs.push(output.shallow_clone());
        let surplus = self.outputs.len().saturating_sub(most);
        self.outputs.drain(..surplus);
    }
}

/// One run's schedule. `index` counts its steps from 0.
pub trait Scheduler: Send {
    /// The training step of each of its steps, for the network.
    fn timesteps(&self) -> &[f64];

    /// Standard deviation of the noise to start from.
    fn initial_deviation(&self) -> f64 {
        1.0
    }

    /// Latents as the network wants to see them.
    fn scale_input(&self, sample: &Tensor, _index: usize) -> Tensor {
        sample.shallow_clone()
    }

    /// Whether a step takes fresh noise.
    fn draws_noise(&self, _index: usize) -> bool {
        false
    }

    /// From the network's `output` for the `sample` to the next sample. Steps are taken in order, with the same `memory`;
    /// `noise` is there, of the sample's shape, when [`Self::draws_noise`] says so.
    fn step(
        &self,
        output: &Tensor,
        index: usize,
        sample: &Tensor,
        memory: &mut Memory,
        noise: Option<&Tensor>,
    ) -> Step;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sampler {
    /// The class that the checkpoint names.
    #[default]
    Checkpoint,
    /// DDIM.
    Ddim,
    /// Pseudo numerical methods.
    Pndm,
    /// Euler.
    Euler,
    /// Euler with fresh noise at each step.
    EulerAncestral,
    /// DPM-Solver++ of second order, multistep.
    DpmPlusPlus2M,
    /// The same over Karras noise levels.
    DpmPlusPlus2MKarras,
    /// `UniPC`.
    UniPc,
    /// Exponential integrators in multistep form.
    Deis,
    /// Latent consistency.
    Lcm,
}

impl Sampler {
    /// Every sampler.
    pub const ALL: [Self; 10] = [
        Self::Checkpoint,
        Self::Ddim,
        Self::Pndm,
        Self::Euler,
        Self::EulerAncestral,
        Self::DpmPlusPlus2M,
        Self::DpmPlusPlus2MKarras,
        Self::UniPc,
        Self::Deis,
        Self::Lcm,
    ];

    /// Its name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "default",
            Self::Ddim => "ddim",
            Self::Pndm => "pndm",
            Self::Euler => "euler",
            Self::EulerAncestral => "euler-a",
            Self::DpmPlusPlus2M => "dpmpp-2m",
            Self::DpmPlusPlus2MKarras => "dpmpp-2m-karras",
            Self::UniPc => "unipc",
            Self::Deis => "deis",
            Self::Lcm => "lcm",
        }
    }

    /// The sampler of a diffusers class.
    fn of_class(class: &str) -> Option<Self> {
        Some(match class {
            "DDIMScheduler" => Self::Ddim,
            "PNDMScheduler" => Self::Pndm,
            "EulerDiscreteScheduler" => Self::Euler,
            "EulerAncestralDiscreteScheduler" => Self::EulerAncestral,
            "DPMSolverMultistepScheduler" => Self::DpmPlusPlus2M,
            "UniPCMultistepScheduler" => Self::UniPc,
            "DEISMultistepScheduler" => Self::Deis,
            "LCMScheduler" => Self::Lcm,
            _ => return None,
        })
    }
}

impl FromStr for Sampler {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|sampler| sampler.name() == name);
        found.ok_or_else(|| format!("must be one of {}", Self::ALL.map(Self::name).join(", ")))
    }
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

    /// The file as diffusers' pipelines around Stable Diffusion 1 and 2 correct it before use: steps are offset by 1, and
    /// samples are never clipped or, where `inpainting`, there are no Runge-Kutta steps. A value that the file leaves to
    /// its class is corrected for [`Sampler::Checkpoint`] only: a scheduler that is made from the file by name starts
    /// from its class's defaults.
    #[must_use]
    pub fn corrected(&self, inpainting: bool) -> Self {
        let mut corrected = self.clone();
        let Some(entries) = corrected.content.as_object_mut() else {
            return corrected;
        };
        let second = if inpainting {
            ("skip_prk_steps", Value::from(true))
        } else {
            ("clip_sample", Value::from(false))
        };
        for (key, value) in [("steps_offset", Value::from(1)), second] {
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

    /// Whether that sampler is latent consistency.
    pub(crate) fn is_consistency(&self, sampler: Sampler) -> bool {
        match sampler {
            Sampler::Checkpoint => Sampler::of_class(self.class()) == Some(Sampler::Lcm),
            sampler => sampler == Sampler::Lcm,
        }
    }

    /// Whether it spreads steps from the end and predicts noise over ancestral levels, as distilled "turbo" checkpoints do.
    pub(crate) fn looks_distilled(&self) -> bool {
        let says =
            |key: &str, value: &str| self.content.get(key).and_then(Value::as_str) == Some(value);
        self.class() == "EulerAncestralDiscreteScheduler"
            && says("timestep_spacing", "trailing")
            && says("prediction_type", "epsilon")
    }

    /// A sampler by its own name, and the file as it reads it.
    fn chosen(&self, sampler: Sampler) -> Result<(Sampler, Self), SetupError> {
        if sampler != Sampler::Checkpoint {
            return Ok((sampler, self.clone()));
        }
        let class = self.class();
        let own = Sampler::of_class(class).ok_or_else(|| {
            let message = format!("the checkpoint's own {class} is not supported; name another");
            TaskError::bad("sampler", message)
        })?;
        Ok((own, self.for_own_class()))
    }

    /// A run along steps of the caller's own. Those samplers take them that do in diffusers: Euler training steps and noise
    /// levels, DPM-Solver++ and latent consistency training steps.
    pub fn schedule_along(
        &self,
        sampler: Sampler,
        own: &OwnSteps,
    ) -> Result<Box<dyn Scheduler>, SetupError> {
        let (sampler, file) = self.chosen(sampler)?;
        own.check(file.parse::<NoiseConfig>()?.num_train_timesteps)?;
        let path = &self.path;
        Ok(match sampler {
            Sampler::Euler => Box::new(Euler::along(&file.parse()?, path, own)?),
            Sampler::DpmPlusPlus2M => {
                let steps = own.training_steps(sampler)?;
                Box::new(Dpm::along(&file.parse()?, path, steps)?)
            }
            Sampler::Lcm => {
                let steps = own.training_steps(sampler)?;
                Box::new(Lcm::along(&file.parse()?, path, steps)?)
            }
            Sampler::Checkpoint
            | Sampler::Ddim
            | Sampler::Pndm
            | Sampler::EulerAncestral
            | Sampler::DpmPlusPlus2MKarras
            | Sampler::UniPc
            | Sampler::Deis => {
                let message = format!(
                    "{} spreads its steps itself; euler, dpmpp-2m and lcm follow given ones",
                    sampler.name()
                );
                return Err(TaskError::bad(own.parameter(), message).into());
            }
        })
    }

    /// A run of `steps` steps.
    pub fn schedule(&self, sampler: Sampler, steps: u32) -> Result<Box<dyn Scheduler>, SetupError> {
        self.schedule_within(sampler, steps, 1.0)
    }

    /// A run of `steps` steps that all lie within the given share, from the least noisy, of the steps of distillation.
    /// Only latent consistency knows such a share; others have the whole range.
    pub fn schedule_within(
        &self,
        sampler: Sampler,
        steps: u32,
        share: f64,
    ) -> Result<Box<dyn Scheduler>, SetupError> {
        let (sampler, file) = self.chosen(sampler)?;
        let path = &self.path;
        Ok(match sampler {
            Sampler::Checkpoint | Sampler::Ddim => {
                Box::new(Ddim::new(&file.parse()?, path, steps)?)
            }
            Sampler::Pndm => Box::new(Pndm::new(&file.parse()?, path, steps)?),
            Sampler::Euler => Box::new(Euler::new(&file.parse()?, path, steps)?),
            Sampler::EulerAncestral => Box::new(EulerAncestral::new(&file.parse()?, path, steps)?),
            Sampler::DpmPlusPlus2M => Box::new(Dpm::new(&file.parse()?, path, steps)?),
            Sampler::DpmPlusPlus2MKarras => {
                let config: DpmConfig = file.parse()?;
                Box::new(Dpm::new(&config.with_karras(), path, steps)?)
            }
            Sampler::UniPc => Box::new(UniPc::new(&file.parse()?, path, steps)?),
            Sampler::Deis => Box::new(Deis::new(&file.parse()?, path, steps)?),
            Sampler::Lcm => Box::new(Lcm::new(&file.parse()?, path, steps, share)?),
        })
    }
}
