//! From latents to pictures: decoding, previews, safety, enlarging.

use tch::{Kind, Tensor};

use super::{LONGEST_SIDE, Pipeline, guarded};
use crate::edges;
use crate::error::{LoadError, TaskError};
use crate::picture::Picture;
use crate::placement::carried;
use crate::preview::PreviewFactors;
use crate::slot::Slot;
use crate::upscaler::Upscaler;
use crate::vae::Vae;
use crate::workers;

/// A picture, and what the checkpoint's safety checker said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The picture; black when it was flagged.
    pub picture: Picture,
    /// Whether it must not be shown. Never without a safety checker.
    pub flagged: bool,
}

/// What a worker decodes.
struct Decoding {
    latents: Tensor,
    by_channel: bool,
    seamless: bool,
    tile: Option<i64>,
}

impl Decoding {
    fn decode(&self, vae: &Vae) -> Tensor {
        let (latents, by_channel) = (&self.latents, self.by_channel);
        let side = self.tile.or_else(|| Vae::tile_for(latents));
        match (side, self.seamless) {
            (None, seamless) => edges::with(seamless, || vae.decode(latents, by_channel)),
            (Some(side), false) => vae.decode_in_tiles(latents, by_channel, side),
            (Some(side), true) => vae.decode_in_joined_tiles(latents, by_channel, side),
        }
    }
}

impl Pipeline {
    /// The pictures of finished slots, as the autoencoder gives them: no safety checker sees them.
    pub fn decode(&mut self, slots: &[&Slot]) -> Result<Vec<Picture>, TaskError> {
        self.decode_with(slots, None)
    }

    pub(super) fn decode_with(
        &mut self,
        slots: &[&Slot],
        tile: Option<i64>,
    ) -> Result<Vec<Picture>, TaskError> {
        let kind = self.vae_kind();
        let by_channel = self.checkpoint.is_xl();
        let inputs = slots.iter().map(|slot| Decoding {
            latents: slot.latents.to_kind(kind),
            by_channel,
            seamless: slot.seamless,
            tile,
        });
        let inputs: Vec<Decoding> = inputs.collect();
        let places = |decoding: &Decoding| decoding.latents.size()[2..].iter().product();
        let places = inputs.first().map_or(0, places);
        let decode = |vae: &Vae, input: Decoding| input.decode(vae);
        guarded(|| {
            let decoded = workers::run(&mut self.vaes, inputs, places, decode);
            decoded.iter().map(Picture::from_signed).collect()
        })
    }

    /// The pictures of finished slots, judged by the checkpoint's safety checker, where it has one.
    pub fn finish(&mut self, slots: &[&Slot]) -> Result<Vec<Finished>, TaskError> {
        self.finish_with(slots, None)
    }

    /// The same, decoded in tiles of a side given in places of the latents.
    pub(super) fn finish_with(
        &mut self,
        slots: &[&Slot],
        tile: Option<i64>,
    ) -> Result<Vec<Finished>, TaskError> {
        let pictures = self.decode_with(slots, tile)?;
        let Some(safety) = &self.safety else {
            let safe = |picture| Finished {
                picture,
                flagged: false,
            };
            return Ok(pictures.into_iter().map(safe).collect());
        };
        let judge = |mut picture: Picture| {
            let flagged = safety.flags(&picture);
            if flagged {
                picture.rgb.fill(0);
            }
            Finished { picture, flagged }
        };
        guarded(|| pictures.into_iter().map(judge).collect())
    }

    /// Whether the checkpoint brings a safety checker.
    pub fn has_safety_checker(&self) -> bool {
        self.safety.is_some()
    }

    /// A rough picture of where a slot is heading, one pixel for each place of its latents. Nothing before its first
    /// step. For a checkpoint without a `preview.json` the first call encodes a small picture to find out what colours are
    /// in latents.
    pub fn preview(&self, slot: &Slot) -> Option<Picture> {
        let denoised = slot.denoised.as_ref()?;
        let factors = self
            .preview
            .get_or_init(|| self.fitted_preview())
            .as_ref()?;
        let unscaled = || denoised / self.checkpoint.vae.scaling_factor();
        guarded(|| tch::no_grad(|| factors.picture(&unscaled()))).ok()
    }

    fn fitted_preview(&self) -> Option<PreviewFactors> {
        let (vae, config) = (self.vaes.first()?, &self.checkpoint.vae);
        let device = self.options.device.torch();
        let fit = || PreviewFactors::fitted(vae, config.factor(), self.vae_kind(), device);
        guarded(|| tch::no_grad(fit)).ok()?
    }

    /// What the autoencoder computes with.
    fn vae_kind(&self) -> Kind {
        if self.checkpoint.vae.force_upcast() {
            Kind::Float
        } else {
            self.options.precision.kind()
        }
    }

    /// Factor of the checkpoint's super-resolution; 1 where it has none.
    pub fn upscale_factor(&self) -> u32 {
        self.upscalers
            .first()
            .map_or(1, |upscaler| upscaler.scale() as u32)
    }

    /// Enlarges with this network of the ESRGAN family from now on: a safetensors file.
    pub fn use_upscaler(&mut self, path: &std::path::Path) -> Result<(), LoadError> {
        let (device, workers) = (self.options.device.torch(), self.networks.len());
        self.upscalers = guarded(|| Upscaler::open_on(path, device, workers))
            .map_err(|error| LoadError::file(path, error.to_string()))??;
        Ok(())
    }

    /// Enlarges pictures by [`Self::upscale_factor`].
    pub fn upscale(&mut self, pictures: &[Picture]) -> Result<Vec<Picture>, TaskError> {
        if self.upscalers.is_empty() {
            let message = "the checkpoint has no super-resolution network";
            return Err(TaskError::bad("scale", message));
        }
        let fits = |picture: &Picture| {
            picture.is_whole() && picture.width.max(picture.height) <= LONGEST_SIDE
        };
        if !pictures.iter().all(fits) {
            let message = format!("must have sides of 1 to {LONGEST_SIDE} pixels");
            return Err(TaskError::bad("picture", message));
        }
        let device = self.options.device.torch();
        let enlarge = |upscaler: &Upscaler, input: Tensor| upscaler.forward(&input);
        guarded(|| {
            let places = |picture: &Picture| i64::from(picture.width) * i64::from(picture.height);
            let places = pictures.first().map_or(0, places);
            let inputs = pictures
                .iter()
                .map(|picture| carried(&picture.to_unit(), device));
            let outputs = workers::run(&mut self.upscalers, inputs.collect(), places, enlarge);
            outputs.iter().map(Picture::from_unit).collect()
        })
    }
}
