//! Masks that members upload: which part of a picture is to be painted anew.
//!
//! Of the file nothing is kept but the shape of its white part, in the size of the picture: black and white, and no
//! picture of anybody's.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, ImageReader, Limits, Luma, LumaA};

/// Memory that decoding may take, in bytes.
const MEMORY: u64 = 256 << 20;
/// From here on a grey counts as white.
const WHITE: u8 = 128;

/// Why a file is no mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// It cannot be decoded, or not within bounds.
    #[error("the mask is damaged")]
    Damaged,
    /// Nothing is to be painted.
    #[error("the mask has no white part")]
    Empty,
    /// Everything is to be painted, which is another picture.
    #[error("the mask is white all over")]
    Full,
}

/// The mask as a PNG of this size, black and white. What is transparent counts as black.
///
/// # Errors
///
/// See [`MaskError`].
pub fn prepare(file: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, MaskError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::new(Cursor::new(file))
        .with_guessed_format()
        .map_err(|_| MaskError::Damaged)?;
    reader.limits(limits);
    let grey = reader.decode().map_err(|_| MaskError::Damaged)?;
    let grey = grey.into_luma_alpha8();
    let opaque = |LumaA([light, alpha]): &LumaA<u8>| {
        (u16::from(*light) * u16::from(*alpha) / 255).min(255) as u8
    };
    let grey: ImageBuffer<Luma<u8>, Vec<u8>> =
        ImageBuffer::from_fn(grey.width(), grey.height(), |x, y| {
            Luma([opaque(grey.get_pixel(x, y))])
        });
    let mut mask = resize(&grey, width.max(1), height.max(1), FilterType::Triangle);
    let mut white = 0_usize;
    for Luma([light]) in mask.pixels_mut() {
        *light = if *light >= WHITE { 255 } else { 0 };
        white += usize::from(*light == 255);
    }
    match white {
        0 => return Err(MaskError::Empty),
        all if all == mask.len() => return Err(MaskError::Full),
        _ => {}
    }
    let mut body = Vec::new();
    PngEncoder::new(&mut body)
        .write_image(&mask, mask.width(), mask.height(), ExtendedColorType::L8)
        .map_err(|_| MaskError::Damaged)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};
    use proptest::prelude::*;

    /// The left part of a picture in one colour, the rest in another.
    fn halves(side: u32, white: u32, left: [u8; 4], right: [u8; 4]) -> Vec<u8> {
        let colour = |x| if x < white { left } else { right };
        let picture = RgbaImage::from_fn(side, side, |x, _| Rgba(colour(x)));
        let mut body = Cursor::new(Vec::new());
        picture.write_to(&mut body, ImageFormat::Png).unwrap();
        body.into_inner()
    }

    const WHITE: [u8; 4] = [255; 4];
    const BLACK: [u8; 4] = [0, 0, 0, 255];
    const GLASS: [u8; 4] = [255, 255, 255, 0];

    #[test]
    fn the_white_part_is_kept_in_the_size_of_the_picture() {
        for right in [BLACK, GLASS] {
            let mask = prepare(&halves(64, 32, WHITE, right), (16, 8)).unwrap();
            let mask = image::load_from_memory(&mask).unwrap().into_luma8();
            assert_eq!(mask.dimensions(), (16, 8));
            assert_eq!(
                (mask.get_pixel(0, 4).0, mask.get_pixel(15, 4).0),
                ([255], [0])
            );
            assert!(mask.pixels().all(|pixel| [0, 255].contains(&pixel.0[0])));
        }
    }

    #[test]
    fn a_mask_that_means_nothing_or_everything_is_told_apart() {
        let of = |white| prepare(&halves(16, white, WHITE, BLACK), (16, 16));
        assert_eq!(of(0), Err(MaskError::Empty));
        assert_eq!(of(16), Err(MaskError::Full));
        assert_eq!(prepare(b"\x89PNG\r\n", (16, 16)), Err(MaskError::Damaged));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            prop_assert_eq!(prepare(&body, (8, 8)), Err(MaskError::Damaged));
            let whole = halves(8, 4, WHITE, BLACK);
            let _ = prepare(&whole[..cut.min(whole.len())], (8, 8));
        }
    }
}
