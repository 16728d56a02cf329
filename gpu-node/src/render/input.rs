//! Reading a start picture.

use std::path::Path;

use easel_diffusion::Picture;
use image::{ImageReader, Limits};

use crate::cli::CommandError;
use crate::engine;
use crate::resize;

/// Longest side that is decoded, in pixels.
const LONGEST_SIDE: u32 = 8192;

/// Most memory that decoding may take, in bytes: small files can claim to be huge pictures.
const DECODING_BYTES: u64 = 512 << 20;

/// A PNG, JPEG or WebP file; transparency is dropped.
pub fn read(path: &Path) -> Result<Picture, CommandError> {
    let bad = |error: &dyn std::fmt::Display| {
        CommandError::Bad(format!("--init-image {}: {error}", path.display()))
    };
    let reader = ImageReader::open(path).map_err(|error| bad(&error))?;
    let mut reader = reader.with_guessed_format().map_err(|error| bad(&error))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODING_BYTES);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| bad(&error))?.to_rgb8();
    Ok(Picture {
        width: decoded.width(),
        height: decoded.height(),
        rgb: decoded.into_raw(),
    })
}

/// The picture at that size.
pub fn resized(picture: Picture, width: u32, height: u32) -> Result<Picture, CommandError> {
    // A size that the task cannot have is refused there, with the parameter's name.
    if width == 0 || height == 0 || width > LONGEST_SIDE || height > LONGEST_SIDE {
        return Ok(picture);
    }
    let picture = engine::Picture {
        width: picture.width,
        height: picture.height,
        rgb: picture.rgb,
    };
    let resized = resize::lanczos(&picture, width, height);
    let resized = resized.map_err(|error| CommandError::Bad(format!("--init-image: {error}")))?;
    Ok(Picture {
        width,
        height,
        rgb: resized.rgb,
    })
}
