//! From a task to a slot that is ready for its first step.

use tch::Tensor;

use super::{LONGEST_SIDE, Pipeline, guarded};
use crate::error::TaskError;
use crate::noise;
use crate::schedulers::{Scheduler, SetupError};
use crate::slot::{Init, Slot, Task};

impl Pipeline {
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
