//! From a task to a slot that is ready for its first step.

use tch::{Kind, Tensor};

use super::{LONGEST_SIDE, Pipeline, guarded};
use crate::checkpoint::Family;
use crate::error::TaskError;
use crate::noise::{self, Generator};
use crate::placement::carried;
use crate::schedulers::{Memory, Scheduler, SetupError};
use crate::slot::{Guidance, Init, Keeping, Slot, Task};
use crate::text::{Conditioning, Reading};
use crate::unet::guidance_waves;

/// How beautiful refiners are told that a picture is to be, and is not to be.
const AESTHETIC_SCORES: (f32, f32) = (6.0, 2.5);

/// What a run starts from.
struct Start {
    latents: Tensor,
    keeping: Option<Keeping>,
}

impl Pipeline {
    /// Checks a task and draws its noise. The slot is ready for its first step.
    pub fn prepare(&mut self, task: &Task) -> Result<Slot, TaskError> {
        self.check(task)?;
        let (scheduler, first) = self.schedule(task)?;
        let shape = self.latent_shape(task);
        let end = first + steps_made(scheduler.timesteps().len() - first, task.stop);
        guarded(|| {
            let (prompt, negative) = self.conditioning(task)?;
            let fresh = (first..scheduler.timesteps().len())
                .filter(|&index| scheduler.draws_noise(index))
                .count();
            let mut generator = Generator::new(task.noise.seed, &shape, draws(task) + fresh);
            let start =
                tch::no_grad(|| self.start(task, scheduler.as_ref(), first, &mut generator));
            let features = self.checkpoint.unet.time_cond_proj_dim;
            let features = features.filter(|_| self.is_told_guidance(task));
            Ok(Slot {
                latents: start.latents,
                denoised: None,
                scheduler,
                memory: Memory::default(),
                generator,
                index: first,
                first,
                end,
                seamless: task.seamless,
                prompt,
                negative,
                guidance: Guidance {
                    scale: task.guidance,
                    rescale: task.guidance_rescale,
                    interval: task.guidance_interval,
                },
                guidance_embedding: features.map(|features| {
                    carried(
                        &guidance_waves(task.guidance, features),
                        self.options.device.torch(),
                    )
                }),
                keeping: start.keeping,
                controls: self.controlling(task),
                reuse: task.reuse,
                deep: None,
            })
        })?
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
        let [_, _, height, width] = self.latent_shape(task);
        if !self.checkpoint.unet.takes(height.min(width)) {
            let message = format!(
                "{}x{} is too small for this network",
                task.width, task.height
            );
            return Err(TaskError::bad("width and height", message));
        }
        if !task.guidance.is_finite() {
            let message = format!("must be a number, not {}", task.guidance);
            return Err(TaskError::bad("guidance", message));
        }
        if !(0.0..=1.0).contains(&task.guidance_rescale) {
            let message = format!("must be from 0 to 1, not {}", task.guidance_rescale);
            return Err(TaskError::bad("guidance rescale", message));
        }
        if task.reuse == 0 {
            return Err(TaskError::bad("reuse", "must be at least 1"));
        }
        let (from, to) = task.guidance_interval;
        if !(0.0..=1.0).contains(&from) || !(from..=1.0).contains(&to) {
            let message = format!("must lie within 0 and 1, not {from} to {to}");
            return Err(TaskError::bad("guidance interval", message));
        }
        if !(task.stop > 0.0 && task.stop <= 1.0) {
            let message = format!("must be above 0 and at most 1, not {}", task.stop);
            return Err(TaskError::bad("stop", message));
        }
        self.check_controls(task)?;
        match &task.init {
            Some(init) => self.check_init(task, init),
            None if self.checkpoint.has_mask_channels() => {
                let message = "this inpainting checkpoint needs a picture and a mask";
                Err(TaskError::bad("init image", message))
            }
            None => Ok(()),
        }
    }

    fn check_init(&self, task: &Task, init: &Init) -> Result<(), TaskError> {
        let Init {
            picture,
            strength,
            mask,
        } = init;
        if !(*strength > 0.0 && *strength <= 1.0) {
            let message = format!("must be above 0 and at most 1, not {strength}");
            return Err(TaskError::bad("strength", message));
        }
        if !picture.is_whole() || (picture.width, picture.height) != (task.width, task.height) {
            let message = "must have the size of the wanted picture";
            return Err(TaskError::bad("init image", message));
        }
        match mask {
            Some(mask) if !mask.is_whole() => {
                Err(TaskError::bad("mask", "its bytes do not fit its size"))
            }
            Some(mask) if (mask.width, mask.height) != (task.width, task.height) => {
                let message = "must have the size of the wanted picture";
                Err(TaskError::bad("mask", message))
            }
            None if self.checkpoint.has_mask_channels() => {
                let message = "this inpainting checkpoint needs a mask";
                Err(TaskError::bad("mask", message))
            }
            _ => Ok(()),
        }
    }

    /// The run's schedule, and the step it starts at: later for a picture that is to be kept in part.
    fn schedule(&self, task: &Task) -> Result<(Box<dyn Scheduler>, usize), TaskError> {
        let inpainting = task.init.as_ref().is_some_and(|init| init.mask.is_some());
        // Pipelines with ControlNets take a file as it is, and are all of one kind.
        let controlled = !task.controls.is_empty();
        let file = &self.checkpoint.scheduler;
        let file = match self.checkpoint.family {
            _ if controlled => file.clone(),
            Family::StableDiffusion => file.corrected(inpainting),
            // Masked pictures are drawn by Stable Diffusion's pipeline.
            Family::LatentConsistency if inpainting => file.corrected(true),
            Family::StableDiffusionXl | Family::LatentConsistency => file.clone(),
        };
        // Latent consistency pipelines spread all steps over what is to be replaced; others leave steps out.
        let spread = self.checkpoint.family == Family::LatentConsistency
            && task.own_steps.is_none()
            && !inpainting
            && !controlled
            && file.is_consistency(task.sampler);
        let share = match &task.init {
            Some(init) if spread => init.strength,
            _ => 1.0,
        };
        let scheduler = match &task.own_steps {
            Some(own) => file.schedule_along(task.sampler, own),
            None => file.schedule_within(task.sampler, task.steps, share),
        };
        let scheduler = scheduler.map_err(|error| match error {
            SetupError::Task(error) => error,
            SetupError::Config(error) => TaskError::bad("sampler", error.to_string()),
        })?;
        let first = if spread { 0 } else { first_step(task)? };
        if first >= scheduler.timesteps().len() {
            return Err(TaskError::bad("strength", "leaves no step to do"));
        }
        Ok((scheduler, first))
    }

    fn conditioning(
        &mut self,
        task: &Task,
    ) -> Result<(Conditioning, Option<Conditioning>), TaskError> {
        let reading = Reading {
            syntax: task.syntax,
            clip_skip: task.clip_skip,
        };
        let guided = self.is_guided(task);
        let zeros = guided
            && task.negative.is_none()
            && self.checkpoint.is_xl()
            && self.checkpoint.force_zeros_for_empty_prompt;
        let negative = task.negative.as_deref().unwrap_or_default();
        let wanted = (guided && !zeros).then_some(negative);
        let (mut prompt, mut negative) = self.texts.encode(&task.prompt, wanted, reading)?;
        if zeros {
            negative = Some(prompt.zeros_like());
        }
        if self.checkpoint.unet.addition_embed_type.is_some() {
            let device = prompt.states.device();
            let ids = |score| carried(&self.time_ids(task, score), device);
            prompt.time_ids = Some(ids(AESTHETIC_SCORES.0));
            if let Some(negative) = &mut negative {
                negative.time_ids = Some(ids(AESTHETIC_SCORES.1));
            }
        }
        Ok((prompt, negative))
    }

    /// Original size, corner of the crop, and wanted size or score.
    fn time_ids(&self, task: &Task, score: f32) -> Tensor {
        let (height, width) = (task.height as f32, task.width as f32);
        let numbers = if self.checkpoint.requires_aesthetics_score {
            vec![height, width, 0.0, 0.0, score]
        } else {
            vec![height, width, 0.0, 0.0, height, width]
        };
        Tensor::from_slice(&numbers).unsqueeze(0)
    }

    fn latent_shape(&self, task: &Task) -> [i64; 4] {
        let factor = self.checkpoint.vae.factor();
        [
            1,
            self.checkpoint.vae.latent_channels(),
            i64::from(task.height) / factor,
            i64::from(task.width) / factor,
        ]
    }

    /// Draws in the order of diffusers: for a picture to start from, the autoencoder's sample before the noise; for a
    /// masked one, the sample of what the mask leaves after it.
    fn start(
        &self,
        task: &Task,
        scheduler: &dyn Scheduler,
        first: usize,
        generator: &mut Generator,
    ) -> Start {
        let device = self.options.device.torch();
        let drawn =
            |generator: &mut Generator| carried(&noise::mix(generator.next(), &task.noise), device);
        let pure = |noise: &Tensor| noise * scheduler.initial_deviation();
        let Some(init) = &task.init else {
            return Start {
                latents: pure(&drawn(generator)),
                keeping: None,
            };
        };
        let picture = carried(&init.picture.to_unit(), device) * 2.0 - 1.0;
        let Some(mask) = &init.mask else {
            let clean = self.encode(&picture, generator, true);
            let latents = scheduler.add_noise(&clean, &drawn(generator), first);
            return Start {
                latents,
                keeping: None,
            };
        };
        let mask = carried(&mask.to_tensor(), device);
        let whole = init.strength >= 1.0;
        let channels = self.checkpoint.has_mask_channels();
        let clean = (!whole || !channels).then(|| self.encode(&picture, generator, false));
        let noise = drawn(generator);
        let latents = match &clean {
            Some(clean) if !whole => scheduler.add_noise(clean, &noise, first),
            _ => pure(&noise),
        };
        let remains = self.encode(&(picture * mask.lt(0.5)), generator, false);
        let [_, _, height, width] = self.latent_shape(task);
        let mask = mask.upsample_nearest2d([height, width], None, None);
        let keeping = match clean {
            Some(clean) if !channels => Keeping::Blend { mask, clean, noise },
            _ => Keeping::Channels(Tensor::cat(&[mask, remains], 1)),
        };
        Start {
            latents,
            keeping: Some(keeping),
        }
    }

    /// A sample of a picture's latents. `alone` when no mask is about: only then may channels have their own spread.
    fn encode(&self, picture: &Tensor, generator: &mut Generator, alone: bool) -> Tensor {
        let vae = &self.vaes[0];
        let kind = if self.checkpoint.vae.force_upcast() {
            Kind::Float
        } else {
            self.options.precision.kind()
        };
        let posterior = vae.encode(&picture.to_kind(kind));
        let mean = posterior.mean.to_kind(Kind::Float);
        let sample = match posterior.deviation {
            Some(deviation) => {
                mean + deviation.to_kind(Kind::Float) * carried(&generator.next(), picture.device())
            }
            None => mean,
        };
        vae.scale(&sample, alone && self.checkpoint.is_xl())
    }
}

/// Steps of a run that stops after a share of it: at least one.
fn steps_made(whole: usize, share: f64) -> usize {
    ((whole as f64 * share).round() as usize).clamp(1, whole.max(1))
}

/// Draws before the first step.
fn draws(task: &Task) -> usize {
    match &task.init {
        None => 1,
        Some(init) if init.mask.is_none() => 2,
        Some(_) => 3,
    }
}

/// The step to start at: later for a picture that is to be kept in part.
fn first_step(task: &Task) -> Result<usize, TaskError> {
    let Some(init) = &task.init else { return Ok(0) };
    let steps = match &task.own_steps {
        Some(own) => own.count(),
        None => task.steps as usize,
    };
    let wanted = ((steps as f64 * init.strength) as usize).min(steps);
    if wanted == 0 {
        let message = format!("{} of {} steps leaves none to do", init.strength, steps);
        return Err(TaskError::bad("strength", message));
    }
    Ok(steps - wanted)
}
