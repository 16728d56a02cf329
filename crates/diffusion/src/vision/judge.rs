//! A checkpoint's `safety_checker`, of whatever class it is.

use std::path::Path;

use super::classifier::{Classifier, ClassifierConfig};
use super::safety::{CheckerConfig, SafetyChecker};
use crate::error::LoadError;
use crate::picture::Picture;
use crate::weights::Weights;

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
        Ok(Some(match class {
            "StableDiffusionSafetyChecker" => {
                Self::Concepts(CheckerConfig::read(&config, &preprocessor)?)
            }
            "ViTForImageClassification" => {
                Self::Labels(ClassifierConfig::read_judge(&config, &preprocessor)?)
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

    /// Whether the picture must not be shown.
    pub fn flags(&self, picture: &Picture) -> bool {
        match self {
            Self::Concepts(checker) => checker.judge(picture).flagged,
            Self::Labels(classifier) => classifier.flags(picture),
        }
    }
}
