#![doc = include_str!("../README.md")]

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
