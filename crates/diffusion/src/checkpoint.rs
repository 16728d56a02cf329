//! A checkpoint's directory: what it is made of, and what is wrong with it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::clip::{ClipText, ClipTextConfig};
use crate::config::read_json;
use crate::error::LoadError;
use crate::schedulers::SchedulerFile;
use crate::tokenizer::Tokenizer;
use crate::unet::{UNet, UNetConfig};
use crate::upscaler::{Upscaler, UpscalerConfig};
use crate::vae::{Vae, VaeConfig};
use crate::weights::{StoredPart, Weights};

/// Pipelines whose parts this crate runs.
const PIPELINES: [&str; 2] = ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"];

/// File name stems of diffusers' and transformers' models.
pub(crate) const DIFFUSERS_STEM: &str = "diffusion_pytorch_model";
pub(crate) const TRANSFORMERS_STEM: &str = "model";

/// The parsed configuration files of a checkpoint.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Its directory.
    pub directory: PathBuf,
    /// The denoising network's configuration.
    pub unet: UNetConfig,
    /// The autoencoder's configuration.
    pub vae: VaeConfig,
    /// The text encoder's configuration.
    pub text: ClipTextConfig,
    /// The scheduler's configuration.
    pub scheduler: SchedulerFile,
    /// The super-resolution network's configuration, where there is one.
    pub upscaler: Option<UpscalerConfig>,
    /// Whether it names a safety checker. This crate does not run it yet.
    pub has_safety_checker: bool,
}

impl Checkpoint {
    /// Reads and checks the configuration files; no weights.
    pub fn open(directory: &Path) -> Result<Self, LoadError> {
        let index_path = directory.join("model_index.json");
        if !index_path.is_file() {
            return Err(LoadError::file(
                &index_path,
                "missing file: this is not a diffusers checkpoint",
            ));
        }
        let index: Value = read_json(&index_path)?;
        let class = index
            .get("_class_name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !PIPELINES.contains(&class) {
            return Err(LoadError::key(
                &index_path,
                "_class_name",
                format!("{class:?} is not supported yet"),
            ));
        }
        expect_class(&index, &index_path, "unet", "UNet2DConditionModel")?;
        expect_class(&index, &index_path, "vae", "AutoencoderKL")?;
        expect_class(&index, &index_path, "text_encoder", "CLIPTextModel")?;
        let unet: UNetConfig = read_json(&directory.join("unet/config.json"))?;
        let vae: VaeConfig = read_json(&directory.join("vae/config.json"))?;
        unet.check(&directory.join("unet/config.json"))?;
        vae.check(&directory.join("vae/config.json"))?;
        if unet.in_channels != vae.latent_channels || unet.out_channels != vae.latent_channels {
            let message = format!(
                "{} channels do not fit latents of {}",
                unet.in_channels, vae.latent_channels
            );
            return Err(LoadError::key(
                &directory.join("unet/config.json"),
                "in_channels",
                message,
            ));
        }
        let upscaler = directory.join("upscaler/config.json");
        Ok(Self {
            directory: directory.to_owned(),
            unet,
            vae,
            text: read_json(&directory.join("text_encoder/config.json"))?,
            scheduler: SchedulerFile::load(directory)?.corrected(),
            upscaler: if upscaler.is_file() {
                Some(UpscalerConfig::read(&upscaler)?)
            } else {
                None
            },
            has_safety_checker: component(&index, "safety_checker").is_some(),
        })
    }

    /// Latent height and width that it was trained at; 64 where the file does not say, as in Stable Diffusion 1.
    fn latent_size(&self) -> (i64, i64) {
        self.unet
            .sample_size
            .map_or((64, 64), crate::config::Sides::height_width)
    }

    /// Width and height in pixels that it was trained at.
    pub fn native_size(&self) -> (u32, u32) {
        let ((height, width), factor) = (self.latent_size(), self.vae.factor());
        ((width * factor) as u32, (height * factor) as u32)
    }

    /// Sides of pictures are multiples of this.
    pub fn multiple(&self) -> u32 {
        self.vae.factor() as u32
    }

    /// The family, as reports name it: `sd1` or `sd2`.
    pub fn kind(&self) -> &'static str {
        if self.unet.use_linear_projection {
            "sd2"
        } else {
            "sd1"
        }
    }
}

/// The class of a component, or nothing when it is absent or null.
fn component<'a>(index: &'a Value, name: &str) -> Option<&'a str> {
    index.get(name)?.get(1)?.as_str()
}

fn expect_class(index: &Value, path: &Path, name: &str, class: &str) -> Result<(), LoadError> {
    match component(index, name) {
        Some(found) if found == class => Ok(()),
        Some(found) => Err(LoadError::key(
            path,
            name,
            format!("{found:?} is not supported yet"),
        )),
        None => Err(LoadError::key(
            path,
            name,
            format!("missing, expected {class}"),
        )),
    }
}

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
    /// The family, when the configuration could be read.
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

/// Checks every file, name and shape of a checkpoint without reading its weights.
pub fn inspect(directory: &Path) -> Inspection {
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
    let text = open("text_encoder", TRANSFORMERS_STEM);
    found.part("text_encoder", "CLIPTextModel", text, |weights| {
        ClipText::load(weights, &checkpoint.text).map(|_| ())
    });
    found.part(
        "unet",
        "UNet2DConditionModel",
        open("unet", DIFFUSERS_STEM),
        |weights| UNet::load(weights, &checkpoint.unet).map(|_| ()),
    );
    found.part(
        "vae",
        "AutoencoderKL",
        open("vae", DIFFUSERS_STEM),
        |weights| Vae::load(weights, &checkpoint.vae).map(|_| ()),
    );
    if let Some(config) = &checkpoint.upscaler {
        found.part(
            "upscaler",
            "EaselSuperResolution",
            open("upscaler", TRANSFORMERS_STEM),
            |weights| Upscaler::load(weights, config).map(|_| ()),
        );
    }
    let longest = checkpoint.text.max_position_embeddings as usize;
    found
        .problems
        .extend(Tokenizer::load(&directory.join("tokenizer"), longest).err());
    found
}
