//! Resizing as Pillow does it, so that pictures give the numbers that Python gives.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::picture::Picture;

/// How pixels between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Lanczos over three lobes.
    Lanczos,
    /// Cubic polynomials (Catmull & Rom 1974).
    Bicubic,
    /// Straight lines between pixels.
    Bilinear,
}

impl Filter {
    fn algorithm(self) -> ResizeAlg {
        ResizeAlg::Convolution(match self {
            Self::Lanczos => FilterType::Lanczos3,
            Self::Bicubic => FilterType::CatmullRom,
            Self::Bilinear => FilterType::Bilinear,
        })
    }
}

/// The picture at that size, neither side of which may be 0; as it is when it has that size.
pub fn resize(picture: &Picture, width: u32, height: u32, filter: Filter) -> Picture {
    if (picture.width, picture.height) == (width, height) {
        return picture.clone();
    }
    let rgb = convolve(
        &picture.rgb,
        (picture.width, picture.height),
        (width, height),
        PixelType::U8x3,
        filter,
    );
    Picture { width, height, rgb }
}

/// The same for one byte per pixel.
pub fn resize_grey(grey: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Vec<u8> {
    if from == to {
        return grey.to_vec();
    }
    convolve(grey, from, to, PixelType::U8, filter)
}

fn convolve(
    bytes: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    pixel: PixelType,
    filter: Filter,
) -> Vec<u8> {
    let mut target = Image::new(to.0, to.1, pixel);
    let source = Image::from_vec_u8(from.0, from.1, bytes.to_vec(), pixel);
    let options = ResizeOptions::new().resize_alg(filter.algorithm());
    // Fails only for buffers of another length than their size; those stay black.
    if let Ok(source) = source {
        let _ = Resizer::new().resize(&source, &mut target, &options);
    }
    target.into_vec()
}

/// The middle of the picture; black where it is smaller than that.
pub fn center(picture: &Picture, width: u32, height: u32) -> Picture {
    let mut rgb = vec![0; 3 * (width as usize) * (height as usize)];
    let offset = |whole: u32, part: u32| {
        let (whole, part) = (i64::from(whole), i64::from(part));
        (whole - part).div_euclid(2)
    };
    let (left, top) = (offset(picture.width, width), offset(picture.height, height));
    for y in 0..i64::from(height) {
        for x in 0..i64::from(width) {
            let (from_x, from_y) = (x + left, y + top);
            let inside = (0..i64::from(picture.width)).contains(&from_x)
                && (0..i64::from(picture.height)).contains(&from_y);
            if inside {
                let from = 3 * (from_y * i64::from(picture.width) + from_x) as usize;
                let to = 3 * (y * i64::from(width) + x) as usize;
                rgb[to..to + 3].copy_from_slice(&picture.rgb[from..from + 3]);
            }
        }
    }
    Picture { width, height, rgb }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Picture {
        let rgb = (0..3 * width * height).map(|at| (at % 251) as u8).collect();
        Picture { width, height, rgb }
    }

    #[test]
    fn the_middle_of_a_picture_is_cut_out_or_framed() {
        let picture = gradient(4, 4);
        let middle = center(&picture, 2, 2);
        assert_eq!(middle.rgb[..3], picture.rgb[15..18]);
        let framed = center(&picture, 6, 6);
        assert_eq!(framed.rgb[..3], [0; 3]);
        assert_eq!(framed.rgb[3 * 7..3 * 8], picture.rgb[..3]);
    }

    #[test]
    fn a_picture_of_the_wanted_size_stays_as_it_is() {
        let picture = gradient(5, 3);
        assert_eq!(resize(&picture, 5, 3, Filter::Lanczos), picture);
        assert!(resize(&picture, 10, 6, Filter::Bicubic).is_whole());
    }
}
