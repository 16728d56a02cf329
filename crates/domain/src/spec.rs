//! What a job is to make. A spec determines its pictures: same spec, same weights, same node class, same picture (P9).
//!
//! The prompt text is not part of it: it lives in one erasable row (S4) and travels beside the spec as [`PromptText`].

mod action;
mod canvas;
mod describe;
mod lower;
mod question;
mod repaint;
mod sampler;
mod weigh;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use action::Action;
pub use canvas::{Canvas, Side};
pub use describe::{DescribeSpec, Description, MAX_DESCRIBED, MAX_DESCRIPTIONS};
pub use lower::{Leeway, lowered};
pub use question::Question;
pub use repaint::{MAX_INPUTS, Place, RepaintSpec, Repainted};
pub use sampler::Sampler;
pub use weigh::{
    Answer, MAX_WEIGHED_WORDS, Shortened, WeighSpec, Weight, shortened, words_to_weigh,
};

use crate::model::ModelRef;

/// The words of a job, resolved and checked.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PromptText {
    /// What the picture should show. `(words:1.2)` counts 1.2 times, `(words)` 1.1 times, `[words]` 1/1.1 times.
    pub positive: String,
    /// What it should not show, in the same form; empty for nothing.
    #[serde(default)]
    pub negative: String,
}

/// Prompts are never logged, not even by accident.
impl std::fmt::Debug for PromptText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PromptText({} bytes, {} bytes)",
            self.positive.len(),
            self.negative.len()
        )
    }
}

/// What is one picture's own in a grid: its initial noise, drawn from `seed`, then mixed in turn with the noise of each
/// [`NoiseMix`]; and how freely it takes the words.
///
/// A variation is its parent's plan with one more mix, so any chain of variations can be drawn again from numbers alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoisePlan {
    /// Seed of the first draw, as for `torch.Generator("cpu").manual_seed(seed)`.
    pub seed: u32,
    /// Later draws, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mixes: Vec<NoiseMix>,
    /// How far its words are from counting all the same, 0 to 100; see [`Self::emphasis`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chaos: u8,
}

/// Spherical interpolation (Shoemake 1985) from the noise so far towards the noise of another seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoiseMix {
    /// Seed of the other noise.
    pub seed: u32,
    /// 0 keeps the noise so far, 1 replaces it.
    pub strength: f32,
}

/// A plan with more mixes than this is refused: every mix is one more draw for each picture.
pub const MAX_NOISE_MIXES: usize = 64;

impl NoisePlan {
    /// The plan of a picture without ancestors.
    pub fn from_seed(seed: u32) -> Self {
        Self {
            seed,
            mixes: Vec::new(),
            chaos: 0,
        }
    }

    /// The plan of a picture that takes its words as freely as this one, and has no ancestors.
    #[must_use]
    pub fn sibling(&self, seed: u32) -> Self {
        Self {
            chaos: self.chaos,
            ..Self::from_seed(seed)
        }
    }

    /// How often the word at `index`, counted from 0, counts as one: between 1/e and e at most chaos, always 1 without any.
    ///
    /// Drawn by the first seed, so that variations stress the same words as the picture that they come from.
    pub fn emphasis(&self, index: u32) -> f64 {
        let drawn = drawn(u64::from(self.seed) << 32 | u64::from(index));
        (f64::from(self.chaos.min(100)) / 100.0 * drawn).exp()
    }

    /// The seed that makes this picture differ from its siblings: the one to show to a user.
    pub fn own_seed(&self) -> u32 {
        self.mixes.last().map_or(self.seed, |mix| mix.seed)
    }

    /// A variation of this picture, or nothing when the chain is already [`MAX_NOISE_MIXES`] long.
    #[must_use]
    pub fn varied(&self, seed: u32, strength: f32) -> Option<Self> {
        if self.mixes.len() >= MAX_NOISE_MIXES {
            return None;
        }
        let mut plan = self.clone();
        plan.mixes.push(NoiseMix { seed, strength });
        Some(plan)
    }
}

/// A number between -1 and 1 for each key: `SplitMix64` (Steele, Lea and Flood 2014).
fn drawn(key: u64) -> f64 {
    let mut bits = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let unit = f64::from((bits ^ (bits >> 31)) as u32) / f64::from(u32::MAX);
    2.0 * unit - 1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(chaos: &u8) -> bool {
    *chaos == 0
}

/// Pictures from words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateSpec {
    /// Model and weights.
    pub model: ModelRef,
    /// Width of the denoised picture in pixels, before finishing.
    pub width: u32,
    /// Height of the denoised picture in pixels, before finishing.
    pub height: u32,
    /// Denoising steps.
    pub steps: u32,
    /// Guidance scale; at most 1 means no classifier-free guidance.
    pub guidance: f32,
    /// Sampler.
    pub sampler: Sampler,
    /// One plan for each picture wanted: four for a grid.
    pub pictures: Vec<NoisePlan>,
    /// Factor by which the model's super-resolution enlarges the result; 1 for none.
    pub finish_scale: u32,
    /// Percent of the steps after which drawing ends, 1 to 100; what it expected then is the picture.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub stop: u8,
    /// Whether the picture goes on at its opposite edge, so that copies of it join without a seam.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seamless: bool,
}

/// Of a spec that was stored before drawing could be stopped.
fn all() -> u8 {
    100
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_all(percent: &u8) -> bool {
    *percent == all()
}

impl GenerateSpec {
    /// Steps that are made: all, or as many as [`Self::stop`] leaves, and at least one.
    pub fn steps_made(&self) -> u32 {
        let percent = u64::from(self.stop.clamp(1, 100));
        let made = (u64::from(self.steps) * percent + 50) / 100;
        u32::try_from(made).unwrap_or(self.steps).max(1)
    }
}

/// A picture that a job reads, by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputPicture {
    /// Key in the object store.
    pub key: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One picture, larger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpscaleSpec {
    /// The model whose super-resolution is used.
    pub model: ModelRef,
    /// The picture to enlarge.
    pub input: InputPicture,
    /// Factor for both sides.
    pub scale: u32,
    /// The plan that the picture came from, kept so that the result can be varied in turn.
    pub origin: NoisePlan,
    /// Whether the picture goes on at its opposite edge, and is to do so when it is larger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seamless: bool,
}

/// A spec that leaves nothing open. Stored by kind: a reader that does not know a kind refuses it instead of drawing
/// something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RenderSpec {
    /// Pictures from words.
    Generate(GenerateSpec),
    /// One picture, larger.
    Upscale(UpscaleSpec),
    /// Pictures from words and from other pictures.
    Repaint(RepaintSpec),
    /// No picture: how much each word counts. Nodes that cannot do this do not say that they can.
    Weigh(WeighSpec),
    /// No picture: prompts that fit some. The same holds for nodes.
    Describe(DescribeSpec),
}

impl RenderSpec {
    /// Model and weights that the job needs.
    pub fn model(&self) -> &ModelRef {
        match self {
            Self::Generate(spec) => &spec.model,
            Self::Upscale(spec) => &spec.model,
            Self::Repaint(spec) => &spec.generate.model,
            Self::Weigh(spec) => &spec.model,
            Self::Describe(spec) => &spec.model,
        }
    }

    /// What is denoised, if anything is.
    pub fn generated(&self) -> Option<&GenerateSpec> {
        match self {
            Self::Generate(spec) => Some(spec),
            Self::Repaint(spec) => Some(&spec.generate),
            Self::Upscale(_) | Self::Weigh(_) | Self::Describe(_) => None,
        }
    }

    /// What is asked, if what comes out is an [`Answer`] and no picture.
    pub fn question(&self) -> Option<Question> {
        match self {
            Self::Weigh(_) => Some(Question::Words),
            Self::Describe(_) => Some(Question::Pictures),
            Self::Generate(_) | Self::Upscale(_) | Self::Repaint(_) => None,
        }
    }

    /// Whether what comes out is an [`Answer`] and no picture.
    pub fn is_question(&self) -> bool {
        self.question().is_some()
    }

    /// Every picture that the job reads, in the order in which they are granted.
    pub fn inputs(&self) -> Vec<&InputPicture> {
        match self {
            Self::Generate(_) | Self::Weigh(_) => Vec::new(),
            Self::Upscale(spec) => vec![&spec.input],
            Self::Repaint(spec) => spec.inputs(),
            Self::Describe(spec) => spec.inputs.iter().collect(),
        }
    }

    /// How many pictures come out.
    pub fn picture_count(&self) -> usize {
        let one = usize::from(!self.is_question());
        self.generated().map_or(one, |spec| spec.pictures.len())
    }

    /// Width and height in pixels of each finished picture.
    pub fn finished_size(&self) -> (u32, u32) {
        let generated = |spec: &GenerateSpec| {
            (
                spec.width * spec.finish_scale,
                spec.height * spec.finish_scale,
            )
        };
        match self {
            Self::Generate(spec) => generated(spec),
            Self::Repaint(spec) => generated(&spec.generate),
            Self::Upscale(spec) => (
                spec.input.width * spec.scale,
                spec.input.height * spec.scale,
            ),
            Self::Weigh(_) | Self::Describe(_) => (0, 0),
        }
    }

    /// Whether what comes out joins copies of itself without a seam.
    pub fn is_seamless(&self) -> bool {
        match self {
            Self::Generate(spec) => spec.seamless,
            Self::Repaint(spec) => spec.generate.seamless,
            Self::Upscale(spec) => spec.seamless,
            Self::Weigh(_) | Self::Describe(_) => false,
        }
    }

    /// The shape that speeds are learnt for: denoised width and height in pixels, and steps that are made.
    pub fn work_shape(&self) -> (u32, u32, u32) {
        let generated = |spec: &GenerateSpec| (spec.width, spec.height, spec.steps_made());
        match self {
            Self::Generate(spec) => generated(spec),
            Self::Repaint(spec) => generated(&spec.generate),
            Self::Upscale(spec) => (spec.input.width, spec.input.height, 1),
            // About as much work as one step of the smallest picture.
            Self::Weigh(_) | Self::Describe(_) => (64, 64, 1),
        }
    }

    /// The noise plan of the picture at `index`, counted from 0.
    pub fn noise_plan(&self, index: usize) -> Option<&NoisePlan> {
        match self {
            Self::Generate(GenerateSpec { pictures, .. })
            | Self::Repaint(RepaintSpec {
                generate: GenerateSpec { pictures, .. },
                ..
            }) => pictures.get(index),
            Self::Upscale(spec) => (index == 0).then_some(&spec.origin),
            Self::Weigh(_) | Self::Describe(_) => None,
        }
    }
}
