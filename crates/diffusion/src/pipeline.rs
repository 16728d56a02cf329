//! A loaded checkpoint: tasks in, pictures out, one step at a time.
//!
//! The caller holds [`Slot`]s and decides after every step which of them go on, so pictures can join, leave or be
//! dropped between any two steps. Slots of one latent shape share each call of the network; each keeps its own schedule,
//! guidance and noise, so its neighbours do not change it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Kind, Tensor};

use crate::checkpoint::{Checkpoint, DIFFUSERS_STEM, TRANSFORMERS_STEM};
use crate::clip::ClipText;
use crate::device::{Device, Precision};
use crate::error::{LoadError, TaskError};
use crate::noise;
use crate::picture::Picture;
use crate::preview::PreviewFactors;
use crate::schedulers::{Scheduler, SetupError};
use crate::slot::{Init, Slot, Task};
use crate::tokenizer::Tokenizer;
use crate::unet::UNet;
use crate::upscaler::Upscaler;
use crate::vae::Vae;
use crate::weights::Weights;
use crate::workers;

/// Longest side of a picture, in pixels.
const LONGEST_SIDE: u32 = 8192;

/// Text states kept, by prompt; all are dropped when there are more.
const CACHED_PROMPTS: usize = 64;

/// How to load a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// Where to compute.
    pub device: Device,
    /// How precisely.
    pub precision: Precision,
    /// Single-thread workers that share a batch on a CPU.
    pub workers: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            precision: Precision::F32,
            workers: 1,
        }
    }
}

/// A checkpoint with its weights on a device.
pub struct Pipeline {
    checkpoint: Checkpoint,
    options: LoadOptions,
    tokenizer: Tokenizer,
    text_encoder: ClipText,
    unets: Vec<UNet>,
    vaes: Vec<Vae>,
    upscaler: Option<Upscaler>,
    preview: Option<PreviewFactors>,
    texts: HashMap<String, Tensor>,
    weight_bytes: u64,
}

impl Pipeline {
    /// Reads configuration and weights.
    pub fn load(directory: &std::path::Path, options: LoadOptions) -> Result<Self, LoadError> {
        if !options.device.is_available() {
            return Err(LoadError::file(
                directory,
                format!("this libtorch has no device {}", options.device),
            ));
        }
        // Each worker computes alone; on a GPU the host only launches.
        tch::set_num_threads(1);
        let checkpoint = Checkpoint::open(directory)?;
        guarded(|| Self::load_parts(checkpoint, options))
            .map_err(|error| LoadError::file(directory, error.to_string()))?
    }

    fn load_parts(checkpoint: Checkpoint, options: LoadOptions) -> Result<Self, LoadError> {
        let (device, kind) = (options.device.torch(), options.precision.kind());
        let directory = &checkpoint.directory;
        let open = |name: &str, stem: &str, kind: Kind| {
            Weights::open(&directory.join(name), stem, kind, device)
        };
        let workers = if options.device == Device::Cpu {
            options.workers.max(1)
        } else {
            1
        };
        let text = open("text_encoder", TRANSFORMERS_STEM, kind)?;
        let unet = open("unet", DIFFUSERS_STEM, kind)?;
        // Half floats overflow in many autoencoders; they run once a picture, so they stay precise.
        let vae = open(
            "vae",
            DIFFUSERS_STEM,
            if checkpoint.vae.force_upcast {
                Kind::Float
            } else {
                kind
            },
        )?;
        let upscaler = match &checkpoint.upscaler {
            Some(config) => {
                let weights = open("upscaler", DIFFUSERS_STEM, Kind::Float)?;
                Some((
                    Upscaler::load(&weights, config)?,
                    weights.stored().parameters,
                ))
            }
            None => None,
        };
        let parameters = text.stored().parameters + unet.stored().parameters;
        let precise =
            vae.stored().parameters + upscaler.as_ref().map_or(0, |(_, parameters)| *parameters);
        let longest = checkpoint.text.max_position_embeddings as usize;
        Ok(Self {
            tokenizer: Tokenizer::load(&directory.join("tokenizer"), longest)?,
            text_encoder: ClipText::load(&text, &checkpoint.text)?,
            unets: (0..workers)
                .map(|_| UNet::load(&unet, &checkpoint.unet))
                .collect::<Result<_, _>>()?,
            vaes: (0..workers)
                .map(|_| Vae::load(&vae, &checkpoint.vae))
                .collect::<Result<_, _>>()?,
            upscaler: upscaler.map(|(upscaler, _)| upscaler),
            preview: PreviewFactors::load(directory, checkpoint.vae.latent_channels)?,
            texts: HashMap::new(),
            weight_bytes: parameters * options.precision.bytes() + precise * Precision::F32.bytes(),
            options,
            checkpoint,
        })
    }

    /// The configuration it was loaded from.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Memory that the weights take, in bytes.
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// Encodes a prompt ahead of [`Self::prepare`], which finds it cached.
    pub fn encode_text(&mut self, prompt: &str) -> Result<(), TaskError> {
        guarded(|| self.text(prompt)).map(|_| ())
    }

    fn text(&mut self, prompt: &str) -> Tensor {
        if let Some(states) = self.texts.get(prompt) {
            return states.shallow_clone();
        }
        let ids = Tensor::from_slice(&self.tokenizer.encode(prompt)).unsqueeze(0);
        let states = tch::no_grad(|| {
            self.text_encoder
                .forward(&ids.to_device(self.options.device.torch()))
        });
        if self.texts.len() >= CACHED_PROMPTS {
            self.texts.clear();
        }
        self.texts.insert(prompt.to_owned(), states.shallow_clone());
        states
    }

    /// Checks a task and draws its noise. The slot is ready for its first step.
    pub fn prepare(&mut self, task: &Task) -> Result<Slot, TaskError> {
        self.check(task)?;
        let scheduler = self
            .checkpoint
            .scheduler
            .schedule(task.sampler, task.steps)
            .map_err(|error| match error {
                SetupError::Task(error) => error,
                SetupError::Config(error) => TaskError::bad("sampler", error.to_string()),
            })?;
        let first = first_step(task)?;
        guarded(|| {
            let prompt = self.text(&task.prompt);
            let negative = (task.guidance > 1.0).then(|| self.text(&task.negative));
            let latents = tch::no_grad(|| self.initial_latents(task, scheduler.as_ref(), first));
            Slot {
                latents,
                denoised: None,
                scheduler,
                index: first,
                first,
                prompt,
                negative,
                guidance: task.guidance,
            }
        })
    }

    fn check(&self, task: &Task) -> Result<(), TaskError> {
        let multiple = self.checkpoint.multiple();
        for (name, side) in [("width", task.width), ("height", task.height)] {
            if side == 0 || side > LONGEST_SIDE || side % multiple != 0 {
                let message =
                    format!("must be a multiple of {multiple} up to {LONGEST_SIDE}, not {side}");
                return Err(TaskError::bad(name, message));
            }
        }
        if !task.guidance.is_finite() {
            return Err(TaskError::bad(
                "guidance",
                format!("must be a number, not {}", task.guidance),
            ));
        }
        let Some(Init { picture, strength }) = &task.init else {
            return Ok(());
        };
        if !(*strength > 0.0 && *strength <= 1.0) {
            return Err(TaskError::bad(
                "strength",
                format!("must be above 0 and at most 1, not {strength}"),
            ));
        }
        if !picture.is_whole() || (picture.width, picture.height) != (task.width, task.height) {
            return Err(TaskError::bad(
                "init image",
                "must have the size of the wanted picture",
            ));
        }
        Ok(())
    }

    /// Draws in the order of diffusers: for a picture to start from, the autoencoder's sample before the noise.
    fn initial_latents(&self, task: &Task, scheduler: &dyn Scheduler, first: usize) -> Tensor {
        let factor = self.checkpoint.vae.factor();
        let (height, width) = (
            i64::from(task.height) / factor,
            i64::from(task.width) / factor,
        );
        let shape = [1, self.checkpoint.vae.latent_channels, height, width];
        let device = self.options.device.torch();
        let Some(init) = &task.init else {
            let drawn = noise::draw(task.noise.seed, &shape, 1).swap_remove(0);
            return noise::mix(drawn, &task.noise).to_device(device)
                * scheduler.initial_deviation();
        };
        let mut drawn = noise::draw(task.noise.seed, &shape, 2).into_iter();
        let mut next = || {
            drawn
                .next()
                .expect("two tensors were drawn")
                .to_device(device)
        };
        let vae = &self.vaes[0];
        let posterior = vae.encode(&(init.picture.to_unit().to_device(device) * 2.0 - 1.0));
        let clean = vae.scale(&(posterior.mean + posterior.deviation * next()));
        scheduler.add_noise(&clean, &noise::mix(next(), &task.noise), first)
    }

    /// One step of every slot that is not finished.
    pub fn step(&mut self, slots: &mut [&mut Slot]) -> Result<(), TaskError> {
        guarded(|| {
            tch::no_grad(|| {
                let mut shapes: Vec<Vec<i64>> =
                    slots.iter().map(|slot| slot.latents.size()).collect();
                shapes.sort();
                shapes.dedup();
                for shape in shapes {
                    let same =
                        |slot: &&mut &mut Slot| !slot.is_finished() && slot.latents.size() == shape;
                    let mut group: Vec<&mut Slot> = slots
                        .iter_mut()
                        .filter(same)
                        .map(|slot| &mut **slot)
                        .collect();
                    self.step_group(&mut group);
                }
            });
        })
    }

    fn step_group(&mut self, slots: &mut [&mut Slot]) {
        let Some(batch) = Batch::gather(slots, self.options.precision.kind()) else {
            return;
        };
        let parts = batch.split(self.unets.len());
        let outputs = workers::run(&mut self.unets, parts, |unet, batch: Batch| {
            unet.forward(&batch.samples, &batch.timesteps, &batch.contexts)
        });
        let outputs = Tensor::cat(&outputs, 0).to_kind(Kind::Float);
        let mut row = 0;
        for slot in slots {
            let output = outputs.narrow(0, row, 1);
            row += slot.rows();
            if slot.negative.is_some() {
                let wanted = outputs.narrow(0, row - 1, 1);
                slot.finish_step(&(&output + (wanted - &output) * slot.guidance));
            } else {
                slot.finish_step(&output);
            }
        }
    }

    /// The pictures of finished slots.
    pub fn decode(&mut self, slots: &[&Slot]) -> Result<Vec<Picture>, TaskError> {
        let latents = slots
            .iter()
            .map(|slot| slot.latents.shallow_clone())
            .collect();
        guarded(|| {
            let decoded = workers::run(&mut self.vaes, latents, |vae, latents: Tensor| {
                vae.decode(&latents)
            });
            decoded.iter().map(Picture::from_signed).collect()
        })
    }

    /// A rough picture of where a slot is heading, one pixel for each place of its latents. Nothing before its first
    /// step, or when the checkpoint has no `preview.json`.
    pub fn preview(&self, slot: &Slot) -> Option<Picture> {
        let (factors, denoised) = self.preview.as_ref().zip(slot.denoised.as_ref())?;
        guarded(|| tch::no_grad(|| factors.picture(denoised))).ok()
    }

    /// Factor of the checkpoint's super-resolution; 1 where it has none.
    pub fn upscale_factor(&self) -> u32 {
        self.upscaler
            .as_ref()
            .map_or(1, |upscaler| upscaler.scale as u32)
    }

    /// Enlarges a picture by [`Self::upscale_factor`].
    pub fn upscale(&self, picture: &Picture) -> Result<Picture, TaskError> {
        let Some(upscaler) = &self.upscaler else {
            return Err(TaskError::bad(
                "scale",
                "the checkpoint has no super-resolution network",
            ));
        };
        if !picture.is_whole() || picture.width.max(picture.height) > LONGEST_SIDE {
            return Err(TaskError::bad(
                "picture",
                format!("must have sides of 1 to {LONGEST_SIDE} pixels"),
            ));
        }
        let input = || picture.to_unit().to_device(self.options.device.torch());
        guarded(|| tch::no_grad(|| Picture::from_unit(&upscaler.forward(&input()))))
    }
}

/// Rows of one call of the network.
struct Batch {
    samples: Tensor,
    timesteps: Tensor,
    contexts: Tensor,
}

impl Batch {
    /// One row for each slot, two for those with guidance: what is not wanted first.
    fn gather(slots: &[&mut Slot], kind: Kind) -> Option<Self> {
        let (mut samples, mut timesteps, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
        for slot in slots {
            let sample = slot
                .scheduler
                .scale_input(&slot.latents, slot.index)
                .to_kind(kind);
            for context in slot.negative.iter().chain([&slot.prompt]) {
                samples.push(sample.shallow_clone());
                timesteps.push(slot.scheduler.timesteps()[slot.index] as f32);
                contexts.push(context.shallow_clone());
            }
        }
        let samples = samples.first().map(|_| Tensor::cat(&samples, 0))?;
        let timesteps = Tensor::from_slice(&timesteps).to_device(samples.device());
        Some(Self {
            samples,
            timesteps,
            contexts: Tensor::cat(&contexts, 0),
        })
    }

    fn split(&self, parts: usize) -> Vec<Self> {
        let mut start = 0;
        let part = |size: i64| {
            let narrow = |tensor: &Tensor| tensor.narrow(0, start, size);
            let part = Self {
                samples: narrow(&self.samples),
                timesteps: narrow(&self.timesteps),
                contexts: narrow(&self.contexts),
            };
            start += size;
            part
        };
        workers::split(self.samples.size()[0], parts)
            .into_iter()
            .map(part)
            .collect()
    }
}

/// The step to start at: later for a picture that is to be kept in part.
fn first_step(task: &Task) -> Result<usize, TaskError> {
    let Some(init) = &task.init else { return Ok(0) };
    let wanted = ((f64::from(task.steps) * init.strength) as u32).min(task.steps);
    if wanted == 0 {
        let message = format!(
            "{} of {} steps leaves none to do",
            init.strength, task.steps
        );
        return Err(TaskError::bad("strength", message));
    }
    Ok((task.steps - wanted) as usize)
}

/// Turns a panic of the bindings into an error: libtorch's exceptions arrive as panics, for example out of memory.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, TaskError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown failure");
        TaskError::Torch(text.lines().next().unwrap_or_default().to_owned())
    })
}
