//! Resizing as Pillow does it, so that a start picture gives the numbers that Python gives.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::engine::Picture;

/// What is seen of the opposite edge around a seamless picture while it is enlarged, in its pixels. What lies farther away
/// changes nothing visible.
pub const SEEN_AROUND: u32 = 32;

/// Lanczos over three lobes. A picture of the wanted size comes back as it is.
pub fn lanczos(picture: &Picture, width: u32, height: u32) -> Result<Picture, String> {
    if (picture.width, picture.height) == (width, height) {
        return Ok(picture.clone());
    }
    let source = Image::from_vec_u8(
        picture.width,
        picture.height,
        picture.rgb.clone(),
        PixelType::U8x3,
    );
    let source = source.map_err(|error| error.to_string())?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new()
        .resize(&source, &mut target, &options)
        .map_err(|error| error.to_string())?;
    Ok(Picture {
        width,
        height,
        rgb: target.into_vec(),
    })
}
