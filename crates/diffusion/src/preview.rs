//! Rough pictures straight from latents, by one linear map over channels.

use std::path::Path;

use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::config::read_json;
use crate::error::LoadError;
use crate::picture::Picture;

/// `preview.json` beside the model's index: how latents, as the UNet has them, look.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviewFactors {
    /// Red, green and blue of each latent channel.
    factors: Vec<[f32; 3]>,
    /// Red, green and blue where all latents are 0.
    bias: [f32; 3],
}

impl PreviewFactors {
    /// Reads the file, if there is one.
    pub fn load(checkpoint: &Path, channels: i64) -> Result<Option<Self>, LoadError> {
        let path = checkpoint.join("preview.json");
        if !path.is_file() {
            return Ok(None);
        }
        let found: Self = read_json(&path)?;
        if found.factors.len() as i64 != channels {
            return Err(LoadError::key(
                &path,
                "factors",
                format!("needs one row for each of {channels} channels"),
            ));
        }
        Ok(Some(found))
    }

    /// `latents`: `[1, channels, height, width]`; one pixel for each place, in -1..1 before it is mapped to bytes.
    pub fn picture(&self, latents: &Tensor) -> Picture {
        let options = (Kind::Float, latents.device());
        let factors = Tensor::from_slice(self.factors.as_flattened())
            .view([-1, 3, 1, 1])
            .transpose(0, 1);
        let bias = Tensor::from_slice(&self.bias).to_device(options.1);
        let factors = factors.contiguous().to_device(options.1);
        Picture::from_signed(&latents.conv2d(&factors, Some(&bias), [1, 1], [0, 0], [1, 1], 1))
    }
}
