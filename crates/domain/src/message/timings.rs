//! How long the parts of a job took.

use serde::{Deserialize, Serialize};

/// Seconds that the parts of a job took on its node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// From the offer to the first step.
    pub wait_s: f64,
    /// All denoising steps.
    pub denoise_s: f64,
    /// Latents to pixels, finishing included.
    pub decode_s: f64,
    /// Checking, encoding and uploading.
    pub publish_s: f64,
    /// The engine's calls that its steps were part of, by the pictures in them. Nodes of older builds do not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Calls>,
}

/// Calls of one size that a job took part in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// Pictures in each, of this job and of others with the same model and shape.
    pub pictures: u32,
    /// How many there were.
    pub count: u32,
    /// Seconds that all of them took.
    pub seconds: f64,
}
