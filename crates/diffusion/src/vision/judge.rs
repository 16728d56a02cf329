//! What says which pictures must not be shown, of whatever class it is: a checkpoint's `safety_checker`, or one that lies in a
//! directory of its own.

use std::path::Path;

use serde::Deserialize;
use tch::{Device, Kind};

use super::classifier::{Classifier, ClassifierConfig, Score};
use super::safety::{CheckerConfig, SafetyChecker};
use crate::checkpoint::{Checkpoint, TRANSFORMERS_STEM};
use crate::config::read_json;
use crate::error::LoadError;
use crate::picture::Picture;
use crate::weights::Weights;

/// What the safety checker's one finding is called beside the labels of classifiers.
const FLAGGED: &str = "nsfw";

/// The part of a `config.json` that names the class.
#[derive(Deserialize)]
struct Architectures {
    #[serde(default)]
    architectures: Vec<String>,
}

/// What is known of it before its weights are read.
#[derive(Debug, Clone)]
pub enum JudgeConfig {
    /// `StableDiffusionSafetyChecker`.
    Concepts(CheckerConfig),
    /// `ViTForImageClassification`.
    Labels(ClassifierConfig),
}

impl JudgeConfig {
    /// Reads the configuration of a checkpoint's checker of that class; nothing for other classes.
    pub fn read(checkpoint: &Path, class: &str) -> Result<Option<Self>, LoadError> {
        let config = checkpoint.join("safety_checker/config.json");
        let preprocessor = checkpoint.join("feature_extractor/preprocessor_config.json");
        Self::of_class(class, &config, &preprocessor)
    }

    fn of_class(
        class: &str,
        config: &Path,
        preprocessor: &Path,
    ) -> Result<Option<Self>, LoadError> {
        Ok(Some(match class {
            "StableDiffusionSafetyChecker" => {
                Self::Concepts(CheckerConfig::read(config, preprocessor)?)
            }
            "ViTForImageClassification" => {
                Self::Labels(ClassifierConfig::read_judge(config, preprocessor)?)
            }
            _ => return Ok(None),
        }))
    }

    /// The class that the checkpoint names.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Concepts(_) => "StableDiffusionSafetyChecker",
            Self::Labels(_) => "ViTForImageClassification",
        }
    }
}

/// Says which pictures must not be shown.
pub enum Judge {
    /// By their nearness to concepts.
    Concepts(SafetyChecker),
    /// By their labels.
    Labels(Classifier),
}

impl Judge {
    /// Builds what the configuration describes.
    pub fn load(weights: &Weights, config: &JudgeConfig) -> Result<Self, LoadError> {
        Ok(match config {
            JudgeConfig::Concepts(config) => Self::Concepts(SafetyChecker::load(weights, config)?),
            JudgeConfig::Labels(config) => Self::Labels(Classifier::load(weights, config)?),
        })
    }

    /// Reads one from a directory of its own, as model hubs have it, in fp32 on the CPU. Its `config.json` names the class, and
    /// a classifier's labels may be any.
    ///
    /// # Errors
    ///
    /// Another class, or files that are missing or do not fit.
    pub fn open(directory: &Path) -> Result<Self, LoadError> {
        let (config, preprocessor) = (
            directory.join("config.json"),
            directory.join("preprocessor_config.json"),
        );
        let named: Architectures = read_json(&config)?;
        let class = named.architectures.first().map_or("", String::as_str);
        let found = match class {
            // What its labels mean is for the caller to say.
            "ViTForImageClassification" => Some(JudgeConfig::Labels(ClassifierConfig::read(
                &config,
                &preprocessor,
            )?)),
            class => JudgeConfig::of_class(class, &config, &preprocessor)?,
        };
        let found = found.ok_or_else(|| {
            let message = format!("{class:?} is no class that judges pictures here");
            LoadError::key(&config, "architectures", message)
        })?;
        let weights = Weights::open(directory, TRANSFORMERS_STEM, Kind::Float, Device::Cpu)?;
        Self::load(&weights, &found)
    }

    /// Reads the one that a checkpoint brings, in fp32 on the CPU; nothing where it brings none.
    ///
    /// # Errors
    ///
    /// Files that are missing or do not fit.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Option<Self>, LoadError> {
        let Some(config) = &checkpoint.safety else {
            return Ok(None);
        };
        let directory = checkpoint.directory.join("safety_checker");
        let weights = Weights::open(&directory, TRANSFORMERS_STEM, Kind::Float, Device::Cpu)?;
        Self::load(&weights, config).map(Some)
    }

    /// What [`Self::scores`] speaks of, in its order.
    pub fn labels(&self) -> Vec<String> {
        match self {
            Self::Concepts(_) => vec![FLAGGED.to_owned()],
            Self::Labels(classifier) => classifier.labels().to_vec(),
        }
    }

    /// How sure it is of each label. The safety checker knows only whether it flags a picture: its one label has 1 or 0.
    pub fn scores(&self, picture: &Picture) -> Vec<Score> {
        match self {
            Self::Concepts(checker) => vec![Score {
                label: FLAGGED.to_owned(),
                share: f64::from(u8::from(checker.judge(picture).flagged)),
            }],
            Self::Labels(classifier) => classifier.classify(picture),
        }
    }

    /// Whether the picture must not be shown.
    pub fn flags(&self, picture: &Picture) -> bool {
        match self {
            Self::Concepts(checker) => checker.judge(picture).flagged,
            Self::Labels(classifier) => classifier.flags(picture),
        }
    }
}
