//! Rough pictures straight from latents, by one linear map over channels.

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use crate::config::read_json;
use crate::error::LoadError;
use crate::picture::Picture;

/// `preview.json` beside the model's index: the mean colour, in -1..1, of the pixels under a place of the latents.
#[derive(Debug, Clone, Deserialize)]
pub struct PreviewFactors {
    /// Red, green and blue of each channel of latents as the autoencoder has them, before scaling.
    latent_rgb_factors: Vec<[f32; 3]>,
    /// Red, green and blue where all latents are 0.
    latent_rgb_bias: [f32; 3],
}

impl PreviewFactors {
    /// Reads the file, if there is one.
    pub fn load(checkpoint: &Path, channels: i64) -> Result<Option<Self>, LoadError> {
        let path = checkpoint.join("preview.json");
        if !path.is_file() {
            return Ok(None);
        }
        let found: Self = read_json(&path)?;
        if found.latent_rgb_factors.len() as i64 != channels {
            let message = format!("needs one row for each of {channels} channels");
            return Err(LoadError::key(&path, "latent_rgb_factors", message));
        }
        Ok(Some(found))
    }

    /// `latents`: `[1, channels, height, width]`, before scaling; one pixel for each place.
    pub fn picture(&self, latents: &Tensor) -> Picture {
        let device = latents.device();
        let factors =
            Tensor::from_slice(self.latent_rgb_factors.as_flattened()).view([-1, 3, 1, 1]);
        let factors = factors.transpose(0, 1).contiguous().to_device(device);
        let bias = Tensor::from_slice(&self.latent_rgb_bias).to_device(device);
        Picture::from_signed(&latents.conv2d(&factors, Some(&bias), [1, 1], [0, 0], [1, 1], 1))
    }
}
