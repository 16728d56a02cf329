//! A finished picture as a file of fewer bytes: a JPEG, and a smaller picture only where that is not enough.
//!
//! Decoding and encoding take tens of milliseconds: callers do it off the event loop, one at a time.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ImageReader, Limits, RgbImage};

/// Memory that decoding may take, in bytes, and the longest side, in pixels.
const MEMORY: u64 = 256 << 20;
const SIDE: u32 = 8_192;
/// Tried in this order, at full size first.
const QUALITIES: [u8; 3] = [92, 80, 65];
const SMALLER: [u32; 3] = [1, 2, 4];

/// The picture in at most so many bytes; `None` where it cannot be read, or not be made so small.
pub(super) fn lighter(file: &[u8], at_most: usize) -> Option<Bytes> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE), Some(SIDE));
    let mut reader = ImageReader::new(Cursor::new(file))
        .with_guessed_format()
        .ok()?;
    reader.limits(limits);
    let whole = reader.decode().ok()?.into_rgb8();
    SMALLER.iter().find_map(|times| {
        let (width, height) = (whole.width() / times, whole.height() / times);
        let shrunk = (*times > 1).then(|| {
            let (width, height) = (width.max(1), height.max(1));
            resize(&whole, width, height, FilterType::Triangle)
        });
        let picture = shrunk.as_ref().unwrap_or(&whole);
        QUALITIES
            .iter()
            .filter_map(|quality| jpeg(picture, *quality))
            .find(|body| body.len() <= at_most)
    })
}

fn jpeg(picture: &RgbImage, quality: u8) -> Option<Bytes> {
    let mut body = Vec::new();
    JpegEncoder::new_with_quality(&mut body, quality)
        .encode_image(picture)
        .ok()?;
    Some(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgb};
    use proptest::prelude::*;

    /// What no format makes small: noise.
    fn noise(side: u32) -> Vec<u8> {
        let mut state = 1_u32;
        let picture = RgbImage::from_fn(side, side, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        });
        let mut body = Cursor::new(Vec::new());
        picture.write_to(&mut body, ImageFormat::Png).unwrap();
        body.into_inner()
    }

    fn side(body: &[u8]) -> u32 {
        image::load_from_memory_with_format(body, ImageFormat::Jpeg)
            .unwrap()
            .width()
    }

    #[test]
    fn a_picture_keeps_its_size_where_fewer_bytes_suffice_and_shrinks_where_they_do_not() {
        let whole = noise(256);
        let large = lighter(&whole, whole.len() / 2).unwrap();
        assert!(large.len() <= whole.len() / 2);
        assert_eq!(side(&large), 256);
        let small = lighter(&whole, whole.len() / 20).unwrap();
        assert!(small.len() <= whole.len() / 20 && side(&small) < 256);
        assert_eq!(lighter(&whole, 100), None);
    }

    #[test]
    fn what_claims_more_pixels_than_memory_is_not_decoded() {
        let mut bomb = noise(8);
        // Width and height stand behind the length, the type and the signature.
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        assert_eq!(lighter(&bomb, 1 << 20), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..500) {
            prop_assert_eq!(lighter(&body, 1 << 20), None);
            let whole = noise(8);
            let _ = lighter(&whole[..cut.min(whole.len())], 1 << 20);
        }
    }
}
