//! A checkpoint's directory: what it is made of.

mod inspect;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use inspect::{InspectedPart, Inspection, inspect};

use crate::clip::ClipTextConfig;
use crate::config::read_json;
use crate::error::LoadError;
use crate::schedulers::{Prediction, SchedulerFile};
use crate::unet::UNetConfig;
use crate::upscaler::UpscalerConfig;
use crate::vae::VaeConfig;
use crate::vision::JudgeConfig;
use crate::weights::beside;

/// File name stems of diffusers' and transformers' models.
pub(crate) const DIFFUSERS_STEM: &str = "diffusion_pytorch_model";
pub(crate) const TRANSFORMERS_STEM: &str = "model";

/// Classes of text encoders; the second of an XL checkpoint must be the last of these.
const TEXT_CLASSES: [&str; 2] = ["CLIPTextModel", "CLIPTextModelWithProjection"];

/// Pipelines that share their way of denoising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1 and 2.
    StableDiffusion,
    /// Stable Diffusion XL, its refiner included.
    StableDiffusionXl,
    /// Latent consistency models over Stable Diffusion.
    LatentConsistency,
}

impl Family {
    /// The family of a pipeline's class.
    fn of_class(class: &str) -> Option<Self> {
        Some(match class {
            "StableDiffusionPipeline"
            | "StableDiffusionImg2ImgPipeline"
            | "StableDiffusionInpaintPipeline"
            | "StableDiffusionInpaintPipelineLegacy" => Self::StableDiffusion,
            "StableDiffusionXLPipeline"
            | "StableDiffusionXLImg2ImgPipeline"
            | "StableDiffusionXLInpaintPipeline" => Self::StableDiffusionXl,
            "LatentConsistencyModelPipeline" | "LatentConsistencyModelImg2ImgPipeline" => {
                Self::LatentConsistency
            }
            _ => return None,
        })
    }
}

/// A text encoder's place in a checkpoint.
#[derive(Debug, Clone)]
pub struct TextPart {
    /// Its directory's name.
    pub name: &'static str,
    /// Its tokenizer's directory.
    pub tokenizer: &'static str,
    /// Its configuration.
    pub config: ClipTextConfig,
    /// Whether it ends in a projection.
    pub projected: bool,
}

/// The parsed configuration files of a checkpoint.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Its directory.
    pub directory: PathBuf,
    /// How it denoises.
    pub family: Family,
    /// The denoising network's configuration.
    pub unet: UNetConfig,
    /// The autoencoder's configuration.
    pub vae: VaeConfig,
    /// The text encoders, in the order in which their states are joined.
    pub texts: Vec<TextPart>,
    /// The scheduler's configuration, as it is in the file.
    pub scheduler: SchedulerFile,
    /// The super-resolution network's configuration, where there is one.
    pub upscaler: Option<UpscalerConfig>,
    /// The safety checker's configuration, where there is one.
    pub safety: Option<JudgeConfig>,
    /// Whether a prompt that is not given counts as zeros rather than as no words.
    pub force_zeros_for_empty_prompt: bool,
    /// Whether the network is told how beautiful the picture is to be, rather than its size.
    pub requires_aesthetics_score: bool,
    /// What the file calls it, for hints.
    pub(crate) name: String,
}

impl Checkpoint {
    /// Reads and checks the configuration files; no weights.
    pub fn open(directory: &Path) -> Result<Self, LoadError> {
        let index_path = directory.join("model_index.json");
        if !index_path.is_file() {
            return Err(no_checkpoint(directory, &index_path));
        }
        let index = Index {
            content: read_json(&index_path)?,
            path: index_path,
        };
        let class = index.text("_class_name");
        let family = Family::of_class(class).ok_or_else(|| {
            let message = format!("{class:?} is not supported");
            LoadError::key(&index.path, "_class_name", message)
        })?;
        index.expect_class("unet", &["UNet2DConditionModel"])?;
        let unet: UNetConfig = read_json(&directory.join("unet/config.json"))?;
        unet.check(&directory.join("unet/config.json"))?;
        let upscaler = directory.join("upscaler/config.json");
        let found = Self {
            family,
            vae: read_vae(directory, &index)?,
            texts: read_texts(directory, &index, family)?,
            scheduler: SchedulerFile::load(directory)?,
            upscaler: if upscaler.is_file() {
                Some(UpscalerConfig::read(&upscaler)?)
            } else {
                None
            },
            safety: match index.component("safety_checker") {
                Some(class) => Some(
                    JudgeConfig::read(directory, class)?
                        .ok_or_else(|| index.unsupported("safety_checker", class))?,
                ),
                None => None,
            },
            force_zeros_for_empty_prompt: index.flag("force_zeros_for_empty_prompt", true),
            requires_aesthetics_score: index.flag("requires_aesthetics_score", false),
            name: index.text("_name_or_path").to_lowercase(),
            directory: directory.to_owned(),
            unet,
        };
        found.check()?;
        Ok(found)
    }

    /// Whether the parts fit each other.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let path = self.directory.join("unet/config.json");
        let latent = self.vae.latent_channels();
        let (inputs, outputs) = (self.unet.in_channels, self.unet.out_channels);
        if outputs != latent || (inputs != latent && !self.has_mask_channels()) {
            let message = format!("{inputs} to {outputs} channels do not fit latents of {latent}");
            return Err(LoadError::key(&path, "in_channels", message));
        }
        self.check_text_time(&self.unet, &path)?;
        let states = self.text_features();
        let contexts = self.unet.levels(&path)?;
        if let Some(level) = contexts.iter().find(|level| level.context != states) {
            let message = format!(
                "is {}, but text states have {states} features",
                level.context
            );
            return Err(LoadError::key(&path, "cross_attention_dim", message));
        }
        Ok(())
    }

    /// Whether a network is told as many numbers of text and sizes as there are.
    pub(crate) fn check_text_time(&self, unet: &UNetConfig, path: &Path) -> Result<(), LoadError> {
        let Some((size, both)) = unet.text_time(path)? else {
            return Ok(());
        };
        let numbers = if self.requires_aesthetics_score { 5 } else { 6 };
        let summary = self.texts.last();
        let summary = summary.map_or(0, |text| text.config.projection_dim);
        if both == summary + numbers * size {
            return Ok(());
        }
        let message = format!("is {both}, expected {summary} + {numbers} times {size}");
        let key = "projection_class_embeddings_input_dim";
        Err(LoadError::key(path, key, message))
    }

    /// Features of each text state.
    pub(crate) fn text_features(&self) -> i64 {
        self.texts.iter().map(|text| text.config.hidden_size).sum()
    }

    /// The text encoders.
    pub(crate) fn text_parts(&self) -> &[TextPart] {
        &self.texts
    }

    /// Whether it is of the XL family.
    pub fn is_xl(&self) -> bool {
        self.family == Family::StableDiffusionXl
    }

    /// Whether the network is shown a mask and what it leaves of the picture.
    pub fn has_mask_channels(&self) -> bool {
        self.unet.in_channels == 2 * self.vae.latent_channels() + 1
    }

    /// Whether the network is told the guidance scale, and so needs no second row for guidance.
    pub fn has_guidance_embedding(&self) -> bool {
        self.unet.time_cond_proj_dim.is_some()
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

    /// The guidance scale that its pipeline uses unless told otherwise.
    pub fn default_guidance(&self) -> f64 {
        if self.is_xl() { 5.0 } else { 7.5 }
    }

    /// The family, as reports name it: `sd1`, `sd2`, `sdxl`, `sdxl-refiner`, `lcm`, `turbo` or `inpaint`.
    pub fn kind(&self) -> &'static str {
        let directory = self.directory.file_name();
        let directory = directory.map(|name| name.to_string_lossy().to_lowercase());
        let named = |word: &str| {
            self.name.contains(word) || directory.as_ref().is_some_and(|name| name.contains(word))
        };
        let velocity = self.scheduler.prediction() == Ok(Prediction::VPrediction);
        if self.has_mask_channels() {
            "inpaint"
        } else if self.has_guidance_embedding() || self.family == Family::LatentConsistency {
            "lcm"
        } else if named("turbo") || self.scheduler.looks_distilled() {
            "turbo"
        } else if self.is_xl() && (self.requires_aesthetics_score || self.texts.len() == 1) {
            "sdxl-refiner"
        } else if self.is_xl() {
            "sdxl"
        } else if self.unet.use_linear_projection || velocity {
            "sd2"
        } else {
            "sd1"
        }
    }
}

/// `model_index.json`.
struct Index {
    path: PathBuf,
    content: Value,
}

impl Index {
    fn text(&self, key: &str) -> &str {
        self.content
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn flag(&self, key: &str, otherwise: bool) -> bool {
        self.content
            .get(key)
            .and_then(Value::as_bool)
            .unwrap_or(otherwise)
    }

    /// The class of a component, or nothing when it is absent or null.
    fn component(&self, name: &str) -> Option<&str> {
        self.content.get(name)?.get(1)?.as_str()
    }

    fn unsupported(&self, name: &str, class: &str) -> LoadError {
        LoadError::key(&self.path, name, format!("{class:?} is not supported"))
    }

    /// The class of a component, which must be one of these.
    fn expect_class(&self, name: &str, classes: &[&str]) -> Result<&str, LoadError> {
        match self.component(name) {
            Some(found) if classes.contains(&found) => Ok(found),
            Some(found) => Err(self.unsupported(name, found)),
            None => {
                let message = format!("missing, expected {}", classes[0]);
                Err(LoadError::key(&self.path, name, message))
            }
        }
    }
}

/// What to do where there is no index: people have whole checkpoints in one file, too.
fn no_checkpoint(directory: &Path, index: &Path) -> LoadError {
    let advice = "weights in one file need the configurations and tokenizers of the checkpoint that they descend from beside \
                  them (fetch --without-weights)";
    if directory.is_file() {
        let message = format!("is a file, not a checkpoint's directory; {advice}");
        return LoadError::file(directory, message);
    }
    match beside(&directory.join("unet")) {
        Ok(Some(file)) => {
            LoadError::file(index, format!("missing file; {advice}: {}", file.display()))
        }
        _ => LoadError::file(index, "missing file: this is not a diffusers checkpoint"),
    }
}

fn read_vae(directory: &Path, index: &Index) -> Result<VaeConfig, LoadError> {
    let path = directory.join("vae/config.json");
    let config = match index.expect_class("vae", &["AutoencoderKL", "AutoencoderTiny"])? {
        "AutoencoderTiny" => VaeConfig::Tiny(read_json(&path)?),
        _ => VaeConfig::Variational(read_json(&path)?),
    };
    config.check(&path)?;
    Ok(config)
}

fn read_texts(directory: &Path, index: &Index, family: Family) -> Result<Vec<TextPart>, LoadError> {
    let read = |name: &'static str, tokenizer, projected| {
        let config = read_json(&directory.join(name).join("config.json"))?;
        Ok(TextPart {
            name,
            tokenizer,
            config,
            projected,
        })
    };
    if family != Family::StableDiffusionXl {
        index.expect_class("text_encoder", &TEXT_CLASSES)?;
        return Ok(vec![read("text_encoder", "tokenizer", false)?]);
    }
    let mut texts = Vec::new();
    // The refiner has the second one only.
    if index.component("text_encoder").is_some() {
        index.expect_class("text_encoder", &TEXT_CLASSES)?;
        texts.push(read("text_encoder", "tokenizer", false)?);
    }
    index.expect_class("text_encoder_2", &TEXT_CLASSES[1..])?;
    texts.push(read("text_encoder_2", "tokenizer_2", true)?);
    Ok(texts)
}
