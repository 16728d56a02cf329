//! A loaded checkpoint: tasks in, pictures out, one step at a time.
//!
//! The caller holds [`Slot`]s and decides after every step which of them go on, so pictures can join, leave or be
//! dropped between any two steps. Slots of one latent shape share each call of the network; each keeps its own schedule,
//! guidance and noise, so its neighbours do not change it.

mod batch;
mod prepare;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tch::{Kind, Tensor};

use batch::Batch;

use crate::checkpoint::{Checkpoint, DIFFUSERS_STEM, TRANSFORMERS_STEM};
use crate::clip::ClipText;
use crate::device::{Device, Precision};
use crate::error::{LoadError, TaskError};
use crate::picture::Picture;
use crate::preview::PreviewFactors;
use crate::slot::Slot;
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
    upscalers: Vec<Upscaler>,
    preview: Option<PreviewFactors>,
    texts: HashMap<String, Tensor>,
    weight_bytes: u64,
}

impl Pipeline {
    /// Reads configuration and weights.
    pub fn load(directory: &Path, options: LoadOptions) -> Result<Self, LoadError> {
        if !options.device.is_available() {
            let message = format!("this libtorch has no device {}", options.device);
            return Err(LoadError::file(directory, message));
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
        let workers = match options.device {
            Device::Cpu => options.workers.max(1),
            Device::Cuda(_) => 1,
        };
        let text = open("text_encoder", TRANSFORMERS_STEM, kind)?;
        let unet = open("unet", DIFFUSERS_STEM, kind)?;
        // Half floats overflow in many autoencoders; they run once a picture, so they stay precise.
        let vae_kind = if checkpoint.vae.force_upcast {
            Kind::Float
        } else {
            kind
        };
        let vae = open("vae", DIFFUSERS_STEM, vae_kind)?;
        let upscaler = checkpoint.upscaler.as_ref().map(|config| {
            let weights = open("upscaler", TRANSFORMERS_STEM, Kind::Float)?;
            let load = |_| Upscaler::load(&weights, config);
            let upscalers = (0..workers).map(load).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, LoadError>((upscalers, weights.stored().parameters))
        });
        let (upscalers, finishing) = upscaler.transpose()?.unwrap_or_default();
        let parameters = text.stored().parameters + unet.stored().parameters;
        let precise = vae.stored().parameters + finishing;
        let longest = checkpoint.text.max_position_embeddings as usize;
        let load_unet = |_| UNet::load(&unet, &checkpoint.unet);
        let load_vae = |_| Vae::load(&vae, &checkpoint.vae);
        Ok(Self {
            tokenizer: Tokenizer::load(&directory.join("tokenizer"), longest)?,
            text_encoder: ClipText::load(&text, &checkpoint.text)?,
            unets: (0..workers).map(load_unet).collect::<Result<_, _>>()?,
            vaes: (0..workers).map(load_vae).collect::<Result<_, _>>()?,
            upscalers,
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
        let ids = ids.to_device(self.options.device.torch());
        let states = tch::no_grad(|| self.text_encoder.forward(&ids));
        if self.texts.len() >= CACHED_PROMPTS {
            self.texts.clear();
        }
        self.texts.insert(prompt.to_owned(), states.shallow_clone());
        states
    }

    /// One step of every slot that is not finished.
    pub fn step(&mut self, slots: &mut [&mut Slot]) -> Result<(), TaskError> {
        guarded(|| {
            tch::no_grad(|| {
                let mut shapes: Vec<_> = slots.iter().map(|slot| slot.latents.size()).collect();
                shapes.sort();
                shapes.dedup();
                for shape in shapes {
                    let running = slots.iter_mut().filter(|slot| !slot.is_finished());
                    let same = running.filter(|slot| slot.latents.size() == shape);
                    let mut group: Vec<&mut Slot> = same.map(|slot| &mut **slot).collect();
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
        let predict = |unet: &UNet, batch: Batch| {
            unet.forward(&batch.samples, &batch.timesteps, &batch.contexts)
        };
        let outputs = Tensor::cat(&workers::run(&mut self.unets, parts, predict), 0);
        let outputs = outputs.to_kind(Kind::Float);
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
        let precise = self.checkpoint.vae.force_upcast;
        let kind = if precise {
            Kind::Float
        } else {
            self.options.precision.kind()
        };
        let latents = slots
            .iter()
            .map(|slot| slot.latents.to_kind(kind))
            .collect();
        let decode = |vae: &Vae, latents: Tensor| vae.decode(&latents);
        guarded(|| {
            let decoded = workers::run(&mut self.vaes, latents, decode);
            decoded.iter().map(Picture::from_signed).collect()
        })
    }

    /// A rough picture of where a slot is heading, one pixel for each place of its latents. Nothing before its first
    /// step, or when the checkpoint has no `preview.json`.
    pub fn preview(&self, slot: &Slot) -> Option<Picture> {
        let (factors, denoised) = self.preview.as_ref().zip(slot.denoised.as_ref())?;
        let unscaled = || denoised / self.checkpoint.vae.scaling_factor;
        guarded(|| tch::no_grad(|| factors.picture(&unscaled()))).ok()
    }

    /// Factor of the checkpoint's super-resolution; 1 where it has none.
    pub fn upscale_factor(&self) -> u32 {
        self.upscalers
            .first()
            .map_or(1, |upscaler| upscaler.scale as u32)
    }

    /// Enlarges pictures by [`Self::upscale_factor`].
    pub fn upscale(&mut self, pictures: &[Picture]) -> Result<Vec<Picture>, TaskError> {
        if self.upscalers.is_empty() {
            let message = "the checkpoint has no super-resolution network";
            return Err(TaskError::bad("scale", message));
        }
        let fits = |picture: &Picture| {
            picture.is_whole() && picture.width.max(picture.height) <= LONGEST_SIDE
        };
        if !pictures.iter().all(fits) {
            let message = format!("must have sides of 1 to {LONGEST_SIDE} pixels");
            return Err(TaskError::bad("picture", message));
        }
        let device = self.options.device.torch();
        let enlarge = |upscaler: &Upscaler, input: Tensor| upscaler.forward(&input);
        guarded(|| {
            let inputs = pictures
                .iter()
                .map(|picture| picture.to_unit().to_device(device));
            let outputs = workers::run(&mut self.upscalers, inputs.collect(), enlarge);
            outputs.iter().map(Picture::from_unit).collect()
        })
    }
}

/// Turns a panic of the bindings into an error: libtorch's exceptions arrive as panics, for example out of memory.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, TaskError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("unknown failure");
        TaskError::Torch(text.lines().next().unwrap_or_default().to_owned())
    })
}
