//! What a file is, by its content: format and dimensions from the header, nothing decoded.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Limits};

use super::{FetchConfig, FetchError};

/// Memory that reading a header may take, in bytes: colour profiles are compressed too.
const HEADER_MEMORY: u64 = 8 << 20;

/// A format that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
    /// GIF, of which the first frame counts.
    Gif,
}

impl PictureFormat {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    fn of(format: ImageFormat) -> Option<Self> {
        match format {
            ImageFormat::Png => Some(Self::Png),
            ImageFormat::Jpeg => Some(Self::Jpeg),
            ImageFormat::WebP => Some(Self::WebP),
            ImageFormat::Gif => Some(Self::Gif),
            _ => None,
        }
    }
}

/// A file that is a picture of bounded size, as far as its header says.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchedPicture {
    /// The file as it came.
    pub bytes: Bytes,
    /// What it is.
    pub format: PictureFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Whose picture it is, is nobody's business.
impl std::fmt::Debug for FetchedPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (format, width, height) = (self.format, self.width, self.height);
        write!(
            f,
            "FetchedPicture({format:?} {width}×{height}, {} bytes)",
            self.bytes.len()
        )
    }
}

/// Recognises a file and reads its dimensions.
pub(super) fn read(bytes: Bytes, settings: &FetchConfig) -> Result<FetchedPicture, FetchError> {
    // By the first bytes alone: neither the address nor the host's media type counts.
    let found = image::guess_format(&bytes).map_err(|_| FetchError::NotAPicture)?;
    let format = PictureFormat::of(found).ok_or(FetchError::NotAPicture)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(HEADER_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(&bytes), found);
    reader.limits(limits);
    let (width, height) = reader.into_dimensions().map_err(|_| FetchError::Damaged)?;
    let (pixels, side) = (u64::from(width) * u64::from(height), width.max(height));
    if pixels == 0 {
        return Err(FetchError::Damaged);
    }
    if side > settings.max_side || pixels > settings.max_pixels {
        return Err(FetchError::TooManyPixels {
            width,
            height,
            max_side: settings.max_side,
        });
    }
    Ok(FetchedPicture {
        bytes,
        format,
        width,
        height,
    })
}
