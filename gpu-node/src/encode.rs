//! From pictures in memory to files with their claims.

use std::io::Cursor;

use base64::Engine as _;
use easel_blobs::FileDigests;
use easel_domain::message::FileClaim;
use easel_domain::picture::{FileRole, MAX_GRID_BYTES, PictureOutcome, PictureVerdict};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbImage, imageops};

use crate::engine::{PREVIEW_SIDE, Picture};

/// Largest preview in a progress message, before base64.
const MAX_PREVIEW_BYTES: usize = 12 * 1024;
/// Colour of the place of a picture that is withheld.
const PLACEHOLDER: image::Rgb<u8> = image::Rgb([32, 34, 37]);
const JPEG_QUALITY: u8 = 90;

/// A picture that cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The codec refused it.
    #[error("encode a picture")]
    Codec(#[from] image::ImageError),
    /// Its bytes do not fit its size, or there is none at all.
    #[error("a picture has the wrong number of bytes")]
    Shape,
    /// It is too large in every format.
    #[error("the grid is larger than {MAX_GRID_BYTES} bytes in every format")]
    TooLarge,
}

/// A file that is ready to be claimed and uploaded.
#[derive(Debug, Clone)]
pub struct EncodedFile {
    /// What to ask for.
    pub claim: FileClaim,
    /// The body.
    pub body: bytes::Bytes,
}

/// All files of a job: each picture that is shown with its thumbnails, and the grid where there are several.
///
/// # Errors
///
/// See [`EncodeError`].
pub fn encode_job(
    pictures: &[Picture],
    verdicts: &[PictureVerdict],
) -> Result<Vec<EncodedFile>, EncodeError> {
    let images = pictures
        .iter()
        .map(to_image)
        .collect::<Result<Vec<_>, _>>()?;
    let shown: Vec<bool> = verdicts
        .iter()
        .map(|verdict| {
            matches!(
                verdict.outcome,
                PictureOutcome::Pass | PictureOutcome::Spoiler
            )
        })
        .collect();
    let mut files = Vec::new();
    for (index, image) in (0..).zip(&images) {
        if shown.get(index as usize).copied().unwrap_or(false) {
            files.push(file(FileRole::Full, index, image, png(image)?, "image/png"));
            for (role, side) in [(FileRole::Thumb512, 512), (FileRole::Thumb128, 128)] {
                if let Some(small) = shrunk(image, side) {
                    files.push(file(role, index, &small, png(&small)?, "image/png"));
                }
            }
        }
    }
    if images.len() > 1 && !files.is_empty() {
        files.push(grid(&images, &shown)?);
    }
    Ok(files)
}

/// A preview as base64 of a PNG, or nothing when it does not fit into a message.
pub fn encode_preview(preview: &Picture) -> Option<String> {
    let image = to_image(preview).ok()?;
    let small = shrunk(&image, PREVIEW_SIDE);
    let body = png(small.as_ref().unwrap_or(&image)).ok()?;
    (body.len() <= MAX_PREVIEW_BYTES)
        .then(|| base64::engine::general_purpose::STANDARD.encode(body))
}

/// The picture of a file in any format that members' pictures come in.
///
/// # Errors
///
/// Bytes that are no picture.
pub fn decode(body: &[u8]) -> Result<Picture, EncodeError> {
    let image = image::load_from_memory(body)?.into_rgb8();
    Ok(Picture {
        width: image.width(),
        height: image.height(),
        rgb: image.into_raw(),
    })
}

/// A picture as a PNG file.
///
/// # Errors
///
/// A picture without pixels.
pub fn encode_plain(picture: &Picture) -> Result<Vec<u8>, EncodeError> {
    png(&to_image(picture)?)
}

fn to_image(picture: &Picture) -> Result<RgbImage, EncodeError> {
    RgbImage::from_raw(picture.width, picture.height, picture.rgb.clone())
        .filter(|image| image.width() > 0 && image.height() > 0)
        .ok_or(EncodeError::Shape)
}

/// The picture with its longest side at `side`, or nothing when it is not larger.
fn shrunk(image: &RgbImage, side: u32) -> Option<RgbImage> {
    let longest = image.width().max(image.height());
    if longest <= side {
        return None;
    }
    let scaled =
        |length: u32| (u64::from(length) * u64::from(side) / u64::from(longest)).max(1) as u32;
    Some(imageops::resize(
        image,
        scaled(image.width()),
        scaled(image.height()),
        imageops::FilterType::Lanczos3,
    ))
}

/// Two columns (one row for two pictures); a withheld picture leaves a dark place.
fn grid(images: &[RgbImage], shown: &[bool]) -> Result<EncodedFile, EncodeError> {
    let (width, height) = images
        .first()
        .map(RgbImage::dimensions)
        .ok_or(EncodeError::Shape)?;
    let rows = u32::try_from(images.len().div_ceil(2)).map_err(|_| EncodeError::Shape)?;
    let mut canvas = RgbImage::from_pixel(width * 2, height * rows, PLACEHOLDER);
    for (index, image) in images
        .iter()
        .enumerate()
        .filter(|(index, _)| shown.get(*index) == Some(&true))
    {
        let (column, row) = ((index % 2) as u32, (index / 2) as u32);
        imageops::replace(
            &mut canvas,
            image,
            i64::from(column * width),
            i64::from(row * height),
        );
    }
    let body = png(&canvas)?;
    if body.len() as u64 <= MAX_GRID_BYTES {
        return Ok(file(FileRole::Grid, 0, &canvas, body, "image/png"));
    }
    let mut body = Vec::new();
    JpegEncoder::new_with_quality(&mut body, JPEG_QUALITY).encode_image(&canvas)?;
    if body.len() as u64 <= MAX_GRID_BYTES {
        Ok(file(FileRole::Grid, 0, &canvas, body, "image/jpeg"))
    } else {
        Err(EncodeError::TooLarge)
    }
}

fn png(image: &RgbImage) -> Result<Vec<u8>, EncodeError> {
    let mut body = Cursor::new(Vec::new());
    PngEncoder::new_with_quality(&mut body, CompressionType::Default, FilterType::Adaptive)
        .write_image(
            image.as_raw(),
            image.width(),
            image.height(),
            image::ExtendedColorType::Rgb8,
        )?;
    Ok(body.into_inner())
}

fn file(
    role: FileRole,
    index: u32,
    image: &RgbImage,
    body: Vec<u8>,
    content_type: &str,
) -> EncodedFile {
    let digests = FileDigests::of(&body);
    EncodedFile {
        claim: FileClaim {
            role,
            index,
            sha256: digests.sha256,
            md5: digests.md5,
            size_bytes: digests.size_bytes,
            content_type: content_type.into(),
            width: image.width(),
            height: image.height(),
        },
        body: body.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn picture(width: u32, height: u32, value: u8) -> Picture {
        Picture {
            width,
            height,
            rgb: vec![value; (width * height * 3) as usize],
        }
    }

    fn verdict(outcome: PictureOutcome) -> PictureVerdict {
        PictureVerdict {
            outcome,
            checker: "test".into(),
            scores: BTreeMap::new(),
        }
    }

    #[test]
    fn four_pictures_make_a_grid_of_two_by_two() {
        let pictures: Vec<_> = [10, 80, 160, 240]
            .map(|value| picture(256, 128, value))
            .to_vec();
        let files = encode_job(&pictures, &vec![verdict(PictureOutcome::Pass); 4]).unwrap();
        let roles: Vec<_> = files
            .iter()
            .map(|file| (file.claim.role, file.claim.index))
            .collect();
        assert_eq!(roles.len(), 4 * 2 + 1);
        let grid = files.last().unwrap();
        assert_eq!(
            (grid.claim.role, grid.claim.width, grid.claim.height),
            (FileRole::Grid, 512, 256)
        );
        let decoded = decode(&grid.body).unwrap();
        let pixel = |x: usize, y: usize| decoded.rgb[(y * 512 + x) * 3];
        assert_eq!(
            [pixel(5, 5), pixel(500, 5), pixel(5, 250), pixel(500, 250)],
            [10, 80, 160, 240]
        );
    }

    #[test]
    fn a_withheld_picture_has_no_file_and_no_pixel_in_the_grid() {
        let pictures = vec![picture(64, 64, 200); 4];
        let mut verdicts = vec![verdict(PictureOutcome::Pass); 4];
        verdicts[1] = verdict(PictureOutcome::Hold);
        let files = encode_job(&pictures, &verdicts).unwrap();
        assert!(files.iter().all(|file| file.claim.index != 1));
        let grid = decode(&files.last().unwrap().body).unwrap();
        assert_eq!(grid.rgb[100 * 3], PLACEHOLDER.0[0]);
    }

    #[test]
    fn a_single_picture_has_no_grid_and_one_that_is_withheld_has_nothing() {
        let files = encode_job(&[picture(64, 64, 9)], &[verdict(PictureOutcome::Pass)]).unwrap();
        assert_eq!(
            files.iter().map(|file| file.claim.role).collect::<Vec<_>>(),
            [FileRole::Full]
        );
        assert!(
            encode_job(&[picture(64, 64, 9)], &[verdict(PictureOutcome::Block)])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_claim_describes_its_body() {
        let files = encode_job(&[picture(700, 20, 1)], &[verdict(PictureOutcome::Pass)]).unwrap();
        for file in files {
            assert_eq!(file.claim.size_bytes, file.body.len() as u64);
            assert_eq!(FileDigests::of(&file.body).sha256, file.claim.sha256);
        }
    }

    #[test]
    fn a_picture_with_the_wrong_number_of_bytes_is_refused() {
        let broken = Picture {
            width: 4,
            height: 4,
            rgb: vec![0; 5],
        };
        assert!(matches!(
            encode_job(&[broken], &[verdict(PictureOutcome::Pass)]),
            Err(EncodeError::Shape)
        ));
    }

    #[test]
    fn a_preview_fits_into_a_message() {
        let encoded = encode_preview(&picture(300, 100, 77)).unwrap();
        assert!(encoded.len() <= 16 * 1024);
    }
}
