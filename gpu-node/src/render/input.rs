//! Reading start pictures and masks.

use std::path::Path;

use easel_diffusion::{Filter, Init, Mask, Picture, resize, resize_grey};
use image::{DynamicImage, ImageReader, Limits};

use crate::cli::CommandError;

/// Longest side that is decoded, in pixels.
const LONGEST_SIDE: u32 = 8192;

/// Most memory that decoding may take, in bytes: small files can claim to be huge pictures.
const DECODING_BYTES: u64 = 512 << 20;

/// A PNG, JPEG or WebP file that an option names; transparency is dropped.
pub fn read(path: &Path, option: &str) -> Result<Picture, CommandError> {
    let decoded = decode(path, option)?.to_rgb8();
    Ok(Picture {
        width: decoded.width(),
        height: decoded.height(),
        rgb: decoded.into_raw(),
    })
}

/// The same for a mask: one byte of brightness for each pixel.
pub fn read_mask(path: &Path) -> Result<Mask, CommandError> {
    let decoded = decode(path, "--mask")?;
    let (width, height) = (decoded.width(), decoded.height());
    let grey = match decoded {
        DynamicImage::ImageLuma8(grey) => grey.into_raw(),
        other => other
            .to_rgb8()
            .pixels()
            .map(|pixel| luma(pixel.0))
            .collect(),
    };
    Ok(Mask {
        width,
        height,
        grey,
    })
}

/// Brightness as Pillow computes it (ITU-R BT.601, in 16-bit fixed point).
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

fn decode(path: &Path, option: &str) -> Result<DynamicImage, CommandError> {
    let bad = |error: &dyn std::fmt::Display| {
        CommandError::Bad(format!("{option} {}: {error}", path.display()))
    };
    let reader = ImageReader::open(path).map_err(|error| bad(&error))?;
    let mut reader = reader.with_guessed_format().map_err(|error| bad(&error))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODING_BYTES);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| bad(&error))?;
    if decoded.width() == 0 || decoded.height() == 0 {
        return Err(bad(&"the picture is empty"));
    }
    Ok(decoded)
}

/// A picture at the wanted size; as it is where no task can have that size, which is then refused by the parameter's name.
pub fn fitted(picture: Picture, width: u32, height: u32) -> Picture {
    if width == 0 || height == 0 || width > LONGEST_SIDE || height > LONGEST_SIDE {
        return picture;
    }
    resize(&picture, width, height, Filter::Lanczos)
}

/// Where to start, at the wanted size.
pub fn init(
    picture: Picture,
    mask: Option<Mask>,
    strength: f64,
    width: u32,
    height: u32,
) -> Result<Init, CommandError> {
    let size = (picture.width, picture.height);
    if let Some(mask) = mask
        .as_ref()
        .filter(|mask| (mask.width, mask.height) != size)
    {
        return Err(CommandError::Bad(format!(
            "--mask: is {}x{}, but the start picture is {}x{}",
            mask.width, mask.height, size.0, size.1
        )));
    }
    // A size that the task cannot have is refused there, with the parameter's name.
    if width == 0 || height == 0 || width > LONGEST_SIDE || height > LONGEST_SIDE {
        return Ok(Init {
            picture,
            strength,
            mask,
        });
    }
    let resized = |mask: Mask| Mask {
        grey: resize_grey(&mask.grey, size, (width, height), Filter::Lanczos),
        width,
        height,
    };
    Ok(Init {
        picture: resize(&picture, width, height, Filter::Lanczos),
        strength,
        mask: mask.map(resized),
    })
}
