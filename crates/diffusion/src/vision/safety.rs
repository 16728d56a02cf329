//! `StableDiffusionSafetyChecker`: compares a picture's summary with those of concepts.

use std::path::Path;

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::preparation::{Preparation, Usual};
use super::{ClipVision, ClipVisionConfig};
use crate::config::read_json;
use crate::error::LoadError;
use crate::layers::Linear;
use crate::picture::Picture;
use crate::weights::Weights;

/// Added to the scores once one of the special concepts was found.
const ADJUSTMENT: f64 = 0.01;

/// `safety_checker/config.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SafetyConfig {
    /// The picture encoder.
    pub vision_config: ClipVisionConfig,
    /// Features of the embeddings that are compared.
    pub projection_dim: i64,
}

impl Default for SafetyConfig {
    fn default() -> Self {
        Self {
            vision_config: ClipVisionConfig::default(),
            projection_dim: 512,
        }
    }
}

/// Preparation and configuration of a checkpoint's checker.
#[derive(Debug, Clone)]
pub struct CheckerConfig {
    config: SafetyConfig,
    preparation: Preparation,
}

impl CheckerConfig {
    /// Reads the checker's configuration, and how pictures are prepared for it.
    pub fn read(config: &Path, preprocessor: &Path) -> Result<Self, LoadError> {
        Ok(Self {
            preparation: Preparation::read(preprocessor, Usual::CLIP)?,
            config: read_json(config)?,
        })
    }
}

/// What the checker found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the picture must not be shown.
    pub flagged: bool,
    /// How near the picture is to each special concept, beyond its threshold.
    pub special_scores: Vec<f64>,
    /// How near it is to each concept, beyond its threshold; above 0 is too near.
    pub scores: Vec<f64>,
}

/// The checker.
pub struct SafetyChecker {
    vision: ClipVision,
    visual_projection: Linear,
    concepts: Concepts,
    special: Concepts,
    preparation: Preparation,
    side: u32,
}

/// Embeddings, `[concepts, features]`, and a threshold for each.
struct Concepts {
    embeddings: Tensor,
    thresholds: Vec<f64>,
}

impl Concepts {
    fn load(weights: &Weights, name: &str, features: i64) -> Result<Self, LoadError> {
        let threshold_name = format!("{name}_weights");
        // As many as the file has; never more than can be read in a moment.
        let count = weights
            .shape(&threshold_name)
            .and_then(|shape| shape.first().copied())
            .filter(|count| (1..=10_000).contains(count))
            .unwrap_or(1);
        let thresholds = weights.tensor(&threshold_name, &[count])?;
        // While a checkpoint is only inspected, tensors are empty.
        let thresholds = if thresholds.defined() {
            Vec::<f32>::try_from(thresholds.to_kind(Kind::Float)).unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Self {
            embeddings: weights.tensor(name, &[count, features])?,
            thresholds: thresholds.into_iter().map(f64::from).collect(),
        })
    }

    /// `summary`: `[1, features]`; scores rounded to thousandths, as the thresholds were chosen.
    fn scores(&self, summary: &Tensor, adjustment: impl FnMut(f64) -> f64) -> Vec<f64> {
        let unit = |x: &Tensor| x / x.norm_scalaropt_dim(2, [1], true).clamp_min(1e-12);
        let cosines = unit(summary).matmul(&unit(&self.embeddings).transpose(0, 1));
        let cosines = Vec::<f32>::try_from(cosines.to_kind(Kind::Float).flatten(0, -1));
        let cosines = cosines.unwrap_or_default();
        let differences = cosines
            .into_iter()
            .zip(&self.thresholds)
            .map(|(cosine, threshold)| f64::from(cosine) - threshold);
        differences.map(adjustment).collect()
    }
}

fn to_thousandths(score: f64) -> f64 {
    (score * 1000.0).round_ties_even() / 1000.0
}

impl SafetyChecker {
    /// Builds the checker that the configuration describes.
    pub fn load(weights: &Weights, config: &CheckerConfig) -> Result<Self, LoadError> {
        let CheckerConfig {
            config,
            preparation,
        } = config;
        // Tools disagree on how deeply the encoder is nested.
        let vision = weights.child("vision_model");
        let nested = vision.child("vision_model");
        let vision = if nested.has("embeddings.class_embedding") {
            nested
        } else {
            vision
        };
        let features = config.projection_dim;
        let hidden = config.vision_config.hidden_size;
        Ok(Self {
            vision: ClipVision::load(&vision, &config.vision_config)?,
            visual_projection: Linear::load_without_bias(
                &weights.child("visual_projection"),
                hidden,
                features,
            )?,
            concepts: Concepts::load(weights, "concept_embeds", features)?,
            special: Concepts::load(weights, "special_care_embeds", features)?,
            preparation: preparation.clone(),
            side: config.vision_config.image_size as u32,
        })
    }

    /// Judges one picture.
    pub fn judge(&self, picture: &Picture) -> Verdict {
        let prepared = self
            .preparation
            .prepare(picture, self.side)
            .to_device(self.concepts.embeddings.device());
        let summary = tch::no_grad(|| {
            let prepared = prepared.to_kind(self.concepts.embeddings.kind());
            self.visual_projection
                .forward(&self.vision.forward(&prepared))
        });
        let mut adjustment = 0.0;
        let special_scores = self.special.scores(&summary, |score| {
            let score = to_thousandths(score + adjustment);
            if score > 0.0 {
                adjustment = ADJUSTMENT;
            }
            score
        });
        let scores = self
            .concepts
            .scores(&summary, |score| to_thousandths(score + adjustment));
        Verdict {
            flagged: scores.iter().any(|&score| score > 0.0),
            special_scores,
            scores,
        }
    }
}
