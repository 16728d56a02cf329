use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::gif::GifEncoder;
use image::{Frame, ImageBuffer, Rgb, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

/// Red in cyan, magenta, yellow and black, as printers and their programs save it.
const CMYK: &str = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgW\
FBgSFBUU/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQy\
gZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrC\
w8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD9U6/Kqvyqr9U6/9k=";
/// Red, then green.
const MOVING_WEBP: &str = "UklGRoQAAABXRUJQVlA4WAoAAAACAAAAAwAAAQAAQU5JTQYAAAAAAAAAAABBTk1GKAAAAAAAAAAAAAMAAAEAAGQAAAJWUDhMDwAAAC8DQAAA\
BxD9j/4HIqL/AQBBTk1GKAAAAAAAAAAAAAMAAAEAAGQAAABWUDhMDwAAAC8DQAAAB9D/iP4HIqL/AQA=";
/// Red, then green.
const MOVING_PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAIAAADwyuo0AAAACGFjVEwAAAACAAAAAPONk3AAAAAaZmNUTAAAAAAAAAAEAAAAAgAAAAAAAAAAAAEA\
CgAAdYjXEwAAABBJREFUeJxj/M+AAExIbAYAGTUBAxsvSxIAAAAaZmNUTAAAAAEAAAAEAAAAAgAAAAAAAAAAAAEACgAA7vs9xwAAABVmZEFUAAAAAnicY2T4zwAHTAxIAAAYNgED\
aMVvlwAAAABJRU5ErkJggg==";

fn fetched(bytes: Vec<u8>, format: PictureFormat) -> FetchedPicture {
    FetchedPicture {
        bytes: bytes.into(),
        format,
        width: 1,
        height: 1,
    }
}

/// What is kept, read back.
fn pixels(file: Vec<u8>, format: PictureFormat) -> RgbImage {
    let kept = kept(&fetched(file, format)).unwrap();
    assert_eq!(kept.format, PictureFormat::Png);
    let picture = image::load_from_memory_with_format(&kept.bytes, ImageFormat::Png).unwrap();
    assert_eq!(
        (kept.width, kept.height),
        (picture.width(), picture.height())
    );
    let DynamicImage::ImageRgb8(picture) = picture else {
        panic!("not plain")
    };
    picture
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn is_about(found: Rgb<u8>, wanted: [u8; 3]) -> bool {
    found.0.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 12)
}

/// What no format makes small, so that a file that is cut lacks something.
fn noise(side: u32) -> DynamicImage {
    let mut state = 1_u32;
    DynamicImage::ImageRgb8(RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    }))
}

const FORMATS: [(PictureFormat, ImageFormat); 4] = [
    (PictureFormat::Png, ImageFormat::Png),
    (PictureFormat::Jpeg, ImageFormat::Jpeg),
    (PictureFormat::WebP, ImageFormat::WebP),
    (PictureFormat::Gif, ImageFormat::Gif),
];

/// A JPEG that is red on the left and blue on the right, with what a camera writes about how it was held.
fn held(orientation: u16) -> Vec<u8> {
    let picture = RgbImage::from_fn(32, 16, |x, _| {
        Rgb(if x < 16 { [250, 10, 10] } else { [10, 10, 250] })
    });
    let file = written(&picture.into(), ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend_from_slice(&orientation.to_le_bytes());
    exif.extend_from_slice(&[0; 6]);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xff, 0xe1], &length, &exif, &file[2..]].concat()
}

#[test]
fn photographs_are_turned_as_the_camera_was_held() {
    for (orientation, size, red) in [
        (1, (32, 16), (4, 8)),
        (2, (32, 16), (28, 8)),
        (3, (32, 16), (28, 8)),
        (6, (16, 32), (8, 4)),
        (8, (16, 32), (8, 28)),
        (99, (32, 16), (4, 8)),
    ] {
        let picture = pixels(held(orientation), PictureFormat::Jpeg);
        assert_eq!(picture.dimensions(), size, "{orientation}");
        let found = *picture.get_pixel(red.0, red.1);
        assert!(is_about(found, [250, 10, 10]), "{orientation}: {found:?}");
    }
}

#[test]
fn nothing_of_what_a_file_says_about_itself_is_kept() {
    let kept = kept(&fetched(held(6), PictureFormat::Jpeg)).unwrap();
    assert!(!kept.bytes.windows(4).any(|bytes| bytes == b"Exif"));
    let names: Vec<_> = [b"eXIf", b"tEXt", b"iTXt", b"tIME"]
        .iter()
        .filter(|name| kept.bytes.windows(4).any(|bytes| bytes == **name))
        .collect();
    assert!(names.is_empty());
}

#[test]
fn every_kind_of_colour_becomes_plain_and_what_is_transparent_white() {
    let deep = ImageBuffer::from_pixel(4, 2, Rgb([65_535_u16, 0, 32_768]));
    let deep = written(&DynamicImage::ImageRgb16(deep), ImageFormat::Png);
    let found = *pixels(deep, PictureFormat::Png).get_pixel(1, 1);
    assert!(is_about(found, [255, 0, 128]), "{found:?}");

    let grey = written(&DynamicImage::new_luma16(3, 3), ImageFormat::Png);
    assert_eq!(
        pixels(grey, PictureFormat::Png).get_pixel(0, 0).0,
        [0, 0, 0]
    );

    let glass = RgbaImage::from_fn(2, 1, |x, _| Rgba([0, 0, 0, if x == 0 { 0 } else { 128 }]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let kind = FORMATS
            .iter()
            .find(|(_, known)| *known == format)
            .unwrap()
            .0;
        let picture = pixels(written(&glass.clone().into(), format), kind);
        assert_eq!(picture.get_pixel(0, 0).0, [255, 255, 255]);
        assert!(is_about(*picture.get_pixel(1, 0), [127, 127, 127]));
    }

    let printed = pixels(STANDARD.decode(CMYK).unwrap(), PictureFormat::Jpeg);
    let found = *printed.get_pixel(4, 4);
    assert!(is_about(found, [255, 0, 0]), "{found:?}");
}

#[test]
fn of_pictures_that_move_the_first_counts() {
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for colour in [[255, 0, 0, 255], [0, 255, 0, 255]] {
        let frame = Frame::new(RgbaImage::from_pixel(4, 2, Rgba(colour)));
        encoder.encode_frame(frame).unwrap();
    }
    drop(encoder);
    for (file, format) in [
        (gif, PictureFormat::Gif),
        (STANDARD.decode(MOVING_WEBP).unwrap(), PictureFormat::WebP),
        (STANDARD.decode(MOVING_PNG).unwrap(), PictureFormat::Png),
    ] {
        let picture = pixels(file, format);
        assert_eq!(picture.dimensions(), (4, 2), "{format:?}");
        let found = *picture.get_pixel(3, 1);
        assert!(is_about(found, [255, 0, 0]), "{format:?} {found:?}");
    }
}

#[test]
fn a_file_that_ends_too_early_is_damaged_in_every_format() {
    for (kind, format) in FORMATS {
        let whole = written(&noise(64), format);
        assert_eq!(pixels(whole.clone(), kind).dimensions(), (64, 64));
        for percent in [10, 50, 90] {
            let cut = whole[..whole.len() * percent / 100].to_vec();
            assert!(
                matches!(kept(&fetched(cut, kind)), Err(FetchError::Damaged)),
                "{percent} % of a {kind:?}"
            );
        }
    }
}

#[test]
fn a_jpeg_may_have_more_behind_its_end() {
    let mut file = held(1);
    file.extend_from_slice(b"\xff\xda a film that a telephone adds");
    assert_eq!(pixels(file, PictureFormat::Jpeg).dimensions(), (32, 16));
}

#[test]
fn what_is_larger_than_any_model_draws_is_shrunk_and_keeps_its_shape() {
    let wide = written(&DynamicImage::new_luma8(4_096, 64), ImageFormat::Png);
    let picture = pixels(wide, PictureFormat::Png);
    assert_eq!(picture.dimensions(), (2_048, 32));
    let line = written(&DynamicImage::new_luma8(1, 8_000), ImageFormat::Png);
    assert_eq!(pixels(line, PictureFormat::Png).dimensions(), (1, 2_048));
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..400, byte: u8) {
        for (kind, format) in FORMATS {
            let _ = kept(&fetched(body.clone(), kind));
            let mut file = written(&noise(8), format);
            let at = at % file.len();
            file[at] = byte;
            let _ = kept(&fetched(file, kind));
        }
    }
}
