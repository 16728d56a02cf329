//! One picture on its way from noise.

use tch::Tensor;

use crate::noise::NoisePlan;
use crate::picture::Picture;
use crate::schedulers::{Sampler, Scheduler};

/// A picture to start from instead of pure noise (Meng et al. 2021, arXiv 2108.01073).
#[derive(Debug, Clone, PartialEq)]
pub struct Init {
    /// The picture, of the wanted size.
    pub picture: Picture,
    /// How much of it to replace: above 0, at most 1.
    pub strength: f64,
}

/// What one picture is to be.
#[derive(Clone, PartialEq)]
pub struct Task {
    /// What it should show.
    pub prompt: String,
    /// What it should not show.
    pub negative: String,
    /// Its initial noise.
    pub noise: NoisePlan,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Denoising steps.
    pub steps: u32,
    /// Scale of classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598); at most 1 means none.
    pub guidance: f64,
    /// Sampler.
    pub sampler: Sampler,
    /// Where to start; nothing for pure noise.
    pub init: Option<Init>,
}

/// The state of one picture between steps.
pub struct Slot {
    pub(crate) latents: Tensor,
    pub(crate) denoised: Option<Tensor>,
    pub(crate) scheduler: Box<dyn Scheduler>,
    pub(crate) index: usize,
    pub(crate) first: usize,
    pub(crate) prompt: Tensor,
    /// Present when there is guidance.
    pub(crate) negative: Option<Tensor>,
    pub(crate) guidance: f64,
}

impl Slot {
    /// Steps done.
    pub fn done(&self) -> u32 {
        (self.index - self.first) as u32
    }

    /// Steps in all: fewer than asked for when it starts from a picture.
    pub fn steps(&self) -> u32 {
        (self.scheduler.timesteps().len() - self.first) as u32
    }

    /// Whether the latents are ready to be decoded.
    pub fn is_finished(&self) -> bool {
        self.index == self.scheduler.timesteps().len()
    }

    /// The latents as they are, `[1, channels, height, width]`.
    pub fn latents(&self) -> &Tensor {
        &self.latents
    }

    /// Rows that it takes in a model call: two with guidance.
    pub(crate) fn rows(&self) -> i64 {
        if self.negative.is_some() { 2 } else { 1 }
    }

    pub(crate) fn finish_step(&mut self, output: &Tensor) {
        let step = self.scheduler.step(output, self.index, &self.latents);
        self.latents = step.next;
        self.denoised = Some(step.denoised);
        self.index += 1;
    }
}
