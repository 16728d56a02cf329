//! Checking a checkpoint without reading its weights.

use std::path::Path;

use super::{Checkpoint, DIFFUSERS_STEM, TRANSFORMERS_STEM};
use crate::clip::ClipText;
use crate::controlnet::{self, ControlNet, ControlNetConfig};
use crate::error::LoadError;
use crate::tokenizer::Tokenizer;
use crate::unet::UNet;
use crate::upscaler::Upscaler;
use crate::vae::{Vae, VaeConfig};
use crate::vision::Judge;
use crate::weights::{StoredPart, Weights};

/// One part of an inspected checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedPart {
    /// Its directory's name.
    pub name: &'static str,
    /// Its class.
    pub class: &'static str,
    /// How it is stored.
    pub stored: StoredPart,
}

/// What [`inspect`] found.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// The family, when the configuration could be read; `controlnet` for a network beside a checkpoint's.
    pub kind: Option<&'static str>,
    /// The parts whose files could be opened.
    pub parts: Vec<InspectedPart>,
    /// Everything that stands in the way of loading it.
    pub problems: Vec<LoadError>,
}

impl Inspection {
    fn part(
        &mut self,
        name: &'static str,
        class: &'static str,
        opened: Result<Weights, LoadError>,
        build: impl FnOnce(&Weights) -> Result<(), LoadError>,
    ) {
        match opened.and_then(|weights| build(&weights).map(|()| weights)) {
            Ok(weights) => {
                self.problems.extend(weights.problems());
                self.problems.extend(weights.unasked());
                self.parts.push(InspectedPart {
                    name,
                    class,
                    stored: weights.stored(),
                });
            }
            Err(error) => self.problems.push(error),
        }
    }
}

/// Checks every file, name and shape of a checkpoint, or of a `ControlNet`'s directory, without reading its weights.
pub fn inspect(directory: &Path) -> Inspection {
    if ControlNetConfig::is_at(directory) {
        return inspect_controlnet(directory);
    }
    let mut found = Inspection::default();
    let checkpoint = match Checkpoint::open(directory) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            found.problems.push(error);
            return found;
        }
    };
    found.kind = Some(checkpoint.kind());
    let open = |name: &str, stem: &str| Weights::inspect(&directory.join(name), stem);
    for text in checkpoint.text_parts() {
        let class = if text.projected {
            "CLIPTextModelWithProjection"
        } else {
            "CLIPTextModel"
        };
        let opened = open(text.name, TRANSFORMERS_STEM);
        found.part(text.name, class, opened, |weights| {
            ClipText::load(weights, &text.config, text.projected).map(|_| ())
        });
    }
    let unet = open("unet", DIFFUSERS_STEM);
    found.part("unet", "UNet2DConditionModel", unet, |weights| {
        UNet::load(weights, &checkpoint.unet).map(|_| ())
    });
    let class = match checkpoint.vae {
        VaeConfig::Variational(_) => "AutoencoderKL",
        VaeConfig::Tiny(_) => "AutoencoderTiny",
    };
    found.part("vae", class, open("vae", DIFFUSERS_STEM), |weights| {
        Vae::load(weights, &checkpoint.vae).map(|_| ())
    });
    if let Some(config) = &checkpoint.safety {
        let (name, class) = ("safety_checker", config.class());
        found.part(name, class, open(name, TRANSFORMERS_STEM), |weights| {
            Judge::load(weights, config).map(|_| ())
        });
    }
    if let Some(config) = &checkpoint.upscaler {
        let (name, class) = ("upscaler", config.class());
        found.part(name, class, open(name, TRANSFORMERS_STEM), |weights| {
            Upscaler::load(weights, config).map(|_| ())
        });
    }
    for text in checkpoint.text_parts() {
        let longest = text.config.max_position_embeddings as usize;
        let tokenizer = Tokenizer::load(&directory.join(text.tokenizer), longest);
        found.problems.extend(tokenizer.err());
    }
    found
}

fn inspect_controlnet(directory: &Path) -> Inspection {
    let mut found = Inspection::default();
    match ControlNetConfig::read(directory) {
        Ok(config) => {
            found.kind = Some("controlnet");
            let opened = Weights::inspect(directory, DIFFUSERS_STEM);
            found.part("controlnet", controlnet::CLASS, opened, |weights| {
                ControlNet::load(weights, &config).map(|_| ())
            });
        }
        Err(error) => found.problems.push(error),
    }
    found
}
