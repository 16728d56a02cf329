//! Models as data (P11): what a checkpoint can do and what it costs to hold.

use serde::{Deserialize, Serialize};

use crate::spec::Sampler;

/// A model and the exact weights that are meant, so that a stored spec can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelRef {
    /// The operator's name for it, such as `easel-tiny`.
    pub id: String,
    /// SHA-256 over the sorted (path, file SHA-256) pairs of its directory, in hex.
    pub hash: String,
}

/// What a model can do: read from `easel.json` beside the weights, announced by nodes, kept in the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelProfile {
    /// The operator's name for it.
    pub id: String,
    /// Width that it was trained at, in pixels.
    pub native_width: u32,
    /// Height that it was trained at, in pixels.
    pub native_height: u32,
    /// Longest side that it is allowed to draw, in pixels, before finishing.
    pub max_side: u32,
    /// Sides are multiples of this many pixels.
    #[serde(default = "default_multiple")]
    pub multiple: u32,
    /// Denoising steps where the prompt asks for nothing else.
    pub default_steps: u32,
    /// Guidance scale (Ho & Salimans 2022) where the prompt asks for nothing else.
    pub default_guidance: f32,
    /// Sampler where the prompt asks for nothing else.
    #[serde(default)]
    pub default_sampler: Sampler,
    /// Whether its pictures may be shown without an image classifier (M2).
    #[serde(default)]
    pub safe: bool,
    /// Factor by which the model's own super-resolution enlarges a finished picture; 1 where it has none.
    #[serde(default = "one")]
    pub finish_scale: u32,
    /// Other names that select it.
    #[serde(default)]
    pub aliases: Vec<String>,
}

fn default_multiple() -> u32 {
    16
}

fn one() -> u32 {
    1
}
