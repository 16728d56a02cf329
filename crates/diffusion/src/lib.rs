//! Latent diffusion pipelines on libtorch.
//!
//! Loads a checkpoint in diffusers' layout and computes the numbers that diffusers computes, one denoising step at a
//! time. [`Pipeline`] keeps tensors to itself: pictures go in and out as bytes. The networks and schedulers that it is made
//! of are public too, for use one by one.

mod checkpoint;
pub mod clip;
mod config;
mod device;
mod error;
mod layers;
mod noise;
mod picture;
mod pipeline;
mod preview;
pub mod schedulers;
mod slot;
pub mod tokenizer;
pub mod unet;
pub mod upscaler;
pub mod vae;
pub mod weights;
mod workers;

pub use checkpoint::{Checkpoint, InspectedPart, Inspection, inspect};
pub use device::{Device, Precision};
pub use error::{LoadError, TaskError};
pub use noise::{NoiseMix, NoisePlan};
pub use picture::Picture;
pub use pipeline::{LoadOptions, Pipeline};
pub use schedulers::Sampler;
pub use slot::{Init, Slot, Task};
