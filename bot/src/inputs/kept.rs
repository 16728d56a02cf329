//! What is kept of a member's picture: its pixels and nothing else.
//!
//! The whole file is decoded before anything is asked of a node, so that a damaged one is said at once and not after five
//! tries. What comes of it is upright, opaque and plain: turned as the camera says, on white where it is transparent, eight
//! bits for each of three colours, the first picture of those that move, and without the place, time and camera that
//! photographs tell of.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat,
    ImageReader, Limits, RgbImage, imageops,
};

use crate::fetch::{FetchError, FetchedPicture, PictureFormat};

/// Memory that decoding may take, in bytes: 32 million pixels of four colours with sixteen bits each.
const MEMORY: u64 = 256 << 20;
/// No model draws larger; what is larger is shrunk.
const LONGEST_SIDE: u32 = 2_048;
/// What transparent places stand on.
const PAPER: u8 = 255;

/// The picture as it is kept: a PNG, upright and opaque, at most 2048 pixels a side.
///
/// # Errors
///
/// [`FetchError::Damaged`], and [`FetchError::TooManyPixels`] where decoding would take too much memory.
pub(super) fn kept(fetched: &FetchedPicture) -> Result<FetchedPicture, FetchError> {
    let format = match fetched.format {
        PictureFormat::Png => ImageFormat::Png,
        PictureFormat::Jpeg => ImageFormat::Jpeg,
        PictureFormat::WebP => ImageFormat::WebP,
        PictureFormat::Gif => ImageFormat::Gif,
    };
    // The decoder paints what is missing grey.
    if format == ImageFormat::Jpeg && !jpeg_is_whole(&fetched.bytes) {
        return Err(FetchError::Damaged);
    }
    let refused = |error| match error {
        ImageError::Limits(_) => FetchError::TooManyPixels {
            width: fetched.width,
            height: fetched.height,
            max_side: LONGEST_SIDE,
        },
        _ => FetchError::Damaged,
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(&fetched.bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    // A file that says nonsense about how it was held is taken as it is.
    let turn = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let mut picture = DynamicImage::ImageRgb8(shrunk(opaque(picture)));
    picture.apply_orientation(turn);
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(|_| FetchError::Damaged)?;
    Ok(FetchedPicture {
        bytes: file.into(),
        format: PictureFormat::Png,
        width,
        height,
    })
}

fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let on_paper = |colour: u8| {
            let (colour, alpha) = (u32::from(colour), u32::from(alpha));
            let sum = colour * alpha + u32::from(PAPER) * (255 - alpha);
            // Rounded; never more than 255.
            ((sum + 127) / 255) as u8
        };
        image::Rgb([red, green, blue].map(on_paper))
    })
}

fn shrunk(picture: RgbImage) -> RgbImage {
    let longest = picture.width().max(picture.height());
    if longest <= LONGEST_SIDE {
        return picture;
    }
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(LONGEST_SIDE) / u64::from(longest);
        u32::try_from(side).unwrap_or(LONGEST_SIDE).max(1)
    };
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    imageops::resize(&picture, width, height, imageops::FilterType::Triangle)
}

/// Whether a JPEG goes on to its end (ITU-T T.81, B.1: segments with their lengths, and scans up to the next marker).
fn jpeg_is_whole(file: &[u8]) -> bool {
    const MARKER: u8 = 0xff;
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut at = 2;
    loop {
        // Any number of bytes may fill the place before a marker.
        let Some(marker) = file.get(at..).and_then(|rest| {
            let filled = rest.iter().take_while(|byte| **byte == MARKER).count();
            at += filled;
            (filled > 0).then(|| file.get(at).copied())?
        }) else {
            return false;
        };
        at += 1;
        match marker {
            END => return true,
            START | 0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let Some([high, low]) = file.get(at..at + 2) else {
            return false;
        };
        at += usize::from(u16::from_be_bytes([*high, *low]));
        if marker == SCAN {
            // Within a scan a marker's byte is followed by a zero, or by the number of a restart.
            let ends =
                |pair: &[u8]| pair[0] == MARKER && !matches!(pair[1], 0 | 0xd0..=0xd7 | MARKER);
            let Some(found) = file
                .get(at..)
                .and_then(|rest| rest.windows(2).position(ends))
            else {
                return false;
            };
            at += found;
        }
    }
}

#[cfg(test)]
mod tests;
