//! How much memory pictures need, before they are begun.
//!
//! A prediction, so that running out of memory is the exception; when it happens all the same, the ticker works with less
//! at once and remembers it for that shape of batch (see `ticker::ladder`).

/// What one picture needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Need {
    /// While it is in the engine: latents, text states, the sampler's memory.
    pub kept: u64,
    /// While it is in a model call, its rows with and without guidance together.
    pub call: u64,
    /// While it is decoded whole.
    pub decode: u64,
    /// While it is decoded in tiles.
    pub tiled: u64,
}

/// What the need of a picture follows from: numbers of the checkpoint's own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anatomy {
    /// Channels of the outermost level of the denoising network.
    pub unet_channels: u64,
    /// Channels of the outermost level of the autoencoder.
    pub vae_channels: u64,
    /// Channels of the latents.
    pub latent_channels: u64,
    /// How many times smaller latents are than pictures.
    pub factor: u64,
    /// Bytes of a number in the denoising network.
    pub unet_bytes: u64,
    /// Bytes of a number in the autoencoder.
    pub vae_bytes: u64,
}

/// Maps of the outermost width that one row holds at the peak of a UNet call without gradients, in the last block of the
/// way up (Rombach et al. 2021, figure 3, with two layers a level and channels 1, 2, 4, 4 times the first): the saved
/// maps of the way down, 3 + 5/4 + 10/16 + 12/64 = 5; the joined input and its normalised copy, 3 + 3; the GEGLU of the
/// transformer, 8 and its product, 4. Attention is computed in blocks and adds no matrix.
const UNET_MAPS: u64 = 23;

/// Maps of the outermost width at the peak of a decoder: twice as many channels as at its end, as input, normalised,
/// convolved, and the residual.
const VAE_MAPS: u64 = 8;

/// Copies of the latents that a picture keeps: the sampler's history, noise, the last denoised ones, a start picture's.
const LATENT_COPIES: u64 = 8;

/// Side of a tile in places of the latents, as `Pipeline::finish_in_tiles` cuts them.
const TILE: u64 = 32;

impl Anatomy {
    /// What a picture of that many pixels needs.
    pub fn need(&self, width: u32, height: u32, guided: bool) -> Need {
        let pixels = u64::from(width) * u64::from(height);
        let places = pixels / (self.factor * self.factor).max(1);
        let rows = if guided { 2 } else { 1 };
        let tile = (TILE * TILE).min(places) * self.factor * self.factor;
        let decode = |pixels: u64| pixels * self.vae_channels * self.vae_bytes * VAE_MAPS;
        Need {
            kept: places * self.latent_channels * 4 * LATENT_COPIES,
            call: places * self.unet_channels * self.unet_bytes * UNET_MAPS * rows,
            decode: decode(pixels),
            // The whole picture is put together beside the tile, with the weights of its seams.
            tiled: decode(tile) + pixels * 4 * 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn need_grows_with_the_picture_and_tiles_bound_it() {
        let sd15 = Anatomy {
            unet_channels: 320,
            vae_channels: 128,
            latent_channels: 4,
            factor: 8,
            unet_bytes: 2,
            vae_bytes: 4,
        };
        let (small, large) = (sd15.need(512, 512, true), sd15.need(1024, 1024, true));
        assert_eq!(large.call, 4 * small.call);
        assert_eq!(sd15.need(512, 512, false).call * 2, small.call);
        assert!(large.decode > 3 * large.tiled, "{large:?}");
    }
}
