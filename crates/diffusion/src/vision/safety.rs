//! `StableDiffusionSafetyChecker`: compares a picture's summary with those of concepts.

use std::path::Path;

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::{ClipVision, ClipVisionConfig};
use crate::config::read_json;
use crate::error::LoadError;
use crate::layers::Linear;
use crate::picture::Picture;
use crate::resize::{self, Filter};
use crate::weights::Weights;

/// Added to the scores once one of the special concepts was found.
const ADJUSTMENT: f64 = 0.01;

/// Longest side that pictures are prepared at, in pixels.
const LONGEST_SIDE: u32 = 4096;

/// Mean and deviation of red, green and blue that CLIP was trained with.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// `safety_checker/config.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SafetyConfig {
    /// The picture encoder.
    pub vision_config: ClipVisionConfig,
    /// Features of the embeddings that are compared.
    pub projection_dim: i64,
    #[serde(skip)]
    preparation: Preparation,
}

impl Default for SafetyConfig {
    fn default() -> Self {
        Self {
            vision_config: ClipVisionConfig::default(),
            projection_dim: 512,
            preparation: Preparation::default(),
        }
    }
}

/// `feature_extractor/preprocessor_config.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
struct Preparation {
    crop_size: Option<Size>,
    size: Option<Size>,
    image_mean: [f32; 3],
    image_std: [f32; 3],
    do_resize: bool,
    do_center_crop: bool,
    do_normalize: bool,
}

impl Default for Preparation {
    fn default() -> Self {
        Self {
            crop_size: None,
            size: None,
            image_mean: MEAN,
            image_std: DEVIATION,
            do_resize: true,
            do_center_crop: true,
            do_normalize: true,
        }
    }
}

/// One number, or an object around it; files of different ages write it differently.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Number(u32),
    Shortest { shortest_edge: u32 },
    Sides { height: u32, width: u32 },
}

impl SafetyConfig {
    /// Reads the checker's configuration, and how pictures are prepared for it.
    pub fn read(checkpoint: &Path) -> Result<Self, LoadError> {
        let path = checkpoint.join("feature_extractor/preprocessor_config.json");
        let preparation: Preparation = read_json(&path)?;
        let sizes = [
            ("size", preparation.size),
            ("crop_size", preparation.crop_size),
        ];
        for (key, size) in sizes {
            let (height, width) = size.map_or((224, 224), Size::sides);
            let most = LONGEST_SIDE;
            if !(1..=most).contains(&height) || !(1..=most).contains(&width) {
                let message = format!("must be from 1 to {most}, not {height} by {width}");
                return Err(LoadError::key(&path, key, message));
            }
        }
        Ok(Self {
            preparation,
            ..read_json(&checkpoint.join("safety_checker/config.json"))?
        })
    }
}

impl Size {
    /// Height and width.
    fn sides(self) -> (u32, u32) {
        match self {
            Self::Number(side)
            | Self::Shortest {
                shortest_edge: side,
            } => (side, side),
            Self::Sides { height, width } => (height, width),
        }
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
    pub fn load(weights: &Weights, config: &SafetyConfig) -> Result<Self, LoadError> {
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
            preparation: config.preparation.clone(),
            side: config.vision_config.image_size as u32,
        })
    }

    /// Judges one picture.
    pub fn judge(&self, picture: &Picture) -> Verdict {
        let prepared = self
            .prepare(picture)
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

    /// The middle of the picture at the encoder's size, normalised: `[1, 3, side, side]`.
    fn prepare(&self, picture: &Picture) -> Tensor {
        let preparation = &self.preparation;
        let mut x = picture.clone();
        if preparation.do_resize {
            let (width, height) = self.resized(picture);
            x = resize::resize(&x, width, height, Filter::Bicubic);
        }
        if preparation.do_center_crop {
            x = resize::center(&x, self.crop().1, self.crop().0);
        }
        // Whatever the files say, the encoder takes one size only.
        if (x.width, x.height) != (self.side, self.side) {
            x = resize::resize(&x, self.side, self.side, Filter::Bicubic);
        }
        let unit = x.to_unit();
        if !preparation.do_normalize {
            return unit;
        }
        let channel = |numbers: &[f32; 3]| Tensor::from_slice(numbers).view([1, 3, 1, 1]);
        (unit - channel(&preparation.image_mean)) / channel(&preparation.image_std)
    }

    /// Height and width of what is cut out.
    fn crop(&self) -> (u32, u32) {
        self.preparation.crop_size.map_or((224, 224), Size::sides)
    }

    /// Width and height before that.
    fn resized(&self, picture: &Picture) -> (u32, u32) {
        let shortest = match self.preparation.size {
            Some(Size::Sides { height, width }) => return (width, height),
            Some(
                Size::Number(side)
                | Size::Shortest {
                    shortest_edge: side,
                },
            ) => side,
            None => 224,
        };
        let (short, long) = (
            picture.width.min(picture.height),
            picture.width.max(picture.height),
        );
        let longest = u64::from(shortest) * u64::from(long) / u64::from(short.max(1));
        let longest = u32::try_from(longest).unwrap_or(u32::MAX);
        if picture.width <= picture.height {
            (shortest, longest)
        } else {
            (longest, shortest)
        }
    }
}
