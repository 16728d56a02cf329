//! Reading the parts of a checkpoint.

use std::collections::HashMap;
use std::sync::OnceLock;

use tch::Kind;

use super::adapters::Merged;
use super::batch::Joined;
use super::control::Networks;
use super::{LoadOptions, Pipeline};
use crate::checkpoint::{Checkpoint, DIFFUSERS_STEM, TRANSFORMERS_STEM};
use crate::device::{Device, Precision};
use crate::error::LoadError;
use crate::preview::PreviewFactors;
use crate::text::TextEncoders;
use crate::tokenizer::Tokenizer;
use crate::upscaler::Upscaler;
use crate::vae::Vae;
use crate::vision::Judge;
use crate::weights::Weights;

/// How far loading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The part that is read next, by the name of its directory.
    pub part: &'a str,
    /// Parts that are done.
    pub done: usize,
    /// Parts in all.
    pub parts: usize,
}

/// Counts parts and tells the caller.
struct Counter<'a> {
    tell: &'a mut dyn FnMut(Progress<'_>),
    done: usize,
    parts: usize,
}

impl Counter<'_> {
    fn next(&mut self, part: &str) {
        (self.tell)(Progress {
            part,
            done: self.done,
            parts: self.parts,
        });
        self.done += 1;
    }
}

/// Where parts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The checkpoint's files.
    Files,
    /// Nowhere: weights are random.
    Random,
}

/// Every part of a checkpoint; workers share the storage of their weights.
pub fn parts(
    checkpoint: Checkpoint,
    options: LoadOptions,
    source: Source,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Pipeline, LoadError> {
    let (device, kind) = (options.device.torch(), options.precision.kind());
    let directory = checkpoint.directory.clone();
    let open = |name: &str, stem: &str, kind: Kind| match source {
        Source::Files => Weights::open(&directory.join(name), stem, kind, device),
        Source::Random => Ok(Weights::random(kind, device)),
    };
    let workers = match options.device {
        Device::Cpu => options.workers.max(1),
        Device::Cuda(_) => 1,
    };
    let optional = [checkpoint.safety.is_some(), checkpoint.upscaler.is_some()];
    let mut counter = Counter {
        tell,
        done: 0,
        parts: checkpoint.texts.len() + 2 + optional.iter().filter(|there| **there).count(),
    };
    let mut tensors = HashMap::new();
    let (texts, mut parameters) =
        TextEncoders::load(&checkpoint, device, &mut tensors, &mut |part| {
            counter.next(part.name);
            let longest = part.config.max_position_embeddings as usize;
            let tokenizer = match source {
                Source::Files => Tokenizer::load(&directory.join(part.tokenizer), longest)?,
                Source::Random => Tokenizer::of_bytes(longest),
            };
            Ok((open(part.name, TRANSFORMERS_STEM, kind)?, tokenizer))
        })?;
    counter.next("unet");
    let unet = open("unet", DIFFUSERS_STEM, kind)?;
    let networks = each(workers, || Networks::load(&unet, &checkpoint.unet))?;
    tensors.insert("unet", unet.tensors());
    parameters += unet.stored().parameters;
    counter.next("vae");
    // Half floats overflow in many autoencoders; they run once a picture, so they stay precise.
    let vae_kind = if checkpoint.vae.force_upcast() {
        Kind::Float
    } else {
        kind
    };
    let vae = open("vae", DIFFUSERS_STEM, vae_kind)?;
    let mut precise = vae.stored().parameters;
    let mut safety = None;
    if let Some(config) = &checkpoint.safety {
        counter.next("safety_checker");
        let weights = open("safety_checker", TRANSFORMERS_STEM, Kind::Float)?;
        safety = Some(Judge::load(&weights, config)?);
        precise += weights.stored().parameters;
    }
    let mut upscalers = Vec::new();
    if let Some(config) = &checkpoint.upscaler {
        counter.next("upscaler");
        let weights = open("upscaler", TRANSFORMERS_STEM, Kind::Float)?;
        upscalers = each(workers, || Upscaler::load(&weights, config))?;
        precise += weights.stored().parameters;
    }
    Ok(Pipeline {
        texts,
        networks,
        controls: Vec::new(),
        vaes: each(workers, || Vae::load(&vae, &checkpoint.vae))?,
        upscalers,
        safety,
        preview: PreviewFactors::load(&directory, checkpoint.vae.latent_channels())?
            .map_or_else(OnceLock::new, |own| OnceLock::from(Some(own))),
        tensors,
        adapters: Merged::default(),
        joined: Joined::default(),
        weight_bytes: parameters * options.precision.bytes() + precise * Precision::F32.bytes(),
        options,
        checkpoint,
    })
}

/// One for each worker, all over the same weights.
fn each<M>(workers: usize, load: impl Fn() -> Result<M, LoadError>) -> Result<Vec<M>, LoadError> {
    (0..workers).map(|_| load()).collect()
}
