#![doc = include_str!("../README.md")]

mod architecture;
mod checkpoint;
pub mod clip;
mod config;
mod device;
mod error;
mod layers;
mod lora;
mod noise;
mod picture;
mod pipeline;
mod preview;
mod resize;
pub mod schedulers;
mod slot;
mod text;
pub mod tokenizer;
pub mod unet;
pub mod upscaler;
pub mod vae;
pub mod vision;
mod weighting;
pub mod weights;
mod workers;

pub use architecture::Architecture;
pub use checkpoint::{Checkpoint, Family, InspectedPart, Inspection, TextPart, inspect};
pub use device::{Device, Precision};
pub use error::{LoadError, TaskError};
pub use lora::Lora;
pub use noise::{NoiseMix, NoisePlan};
pub use picture::{Mask, Picture};
pub use pipeline::{Finished, LoadOptions, Pipeline, Progress, Weighing};
pub use resize::{Filter, resize, resize_grey};
pub use schedulers::Sampler;
pub use slot::{Init, Slot, Task};
pub use weighting::Syntax;
