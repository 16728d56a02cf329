//! Resizing as Pillow does it, so that pictures give the numbers that Python gives.

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
    /// How far it reaches, in pixels.
    fn reach(self) -> f64 {
        match self {
            Self::Lanczos => 3.0,
            Self::Bicubic => 2.0,
            Self::Bilinear => 1.0,
        }
    }

    /// The weight of a pixel at that distance.
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Lanczos | Self::Bicubic | Self::Bilinear => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
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
        3,
        filter,
    );
    Picture { width, height, rgb }
}

/// The same for one byte per pixel.
pub fn resize_grey(grey: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Vec<u8> {
    if from == to {
        return grey.to_vec();
    }
    convolve(grey, from, to, 1, filter)
}

/// Bits behind the point of a weight. Pillow has as many, and rounds to bytes between both directions: a mask is cut at one
/// half, so that a byte more or less moves its edge.
const FRACTION: u32 = 22;

/// The pixels that make up one, from the first, with their weights.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

impl Taps {
    /// For each of `to` pixels, out of `from`.
    fn all(from: usize, to: usize, filter: Filter) -> Vec<Self> {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let reach = filter.reach() * stretch;
        let tap = |at: usize| {
            let center = (at as f64 + 0.5) * scale;
            let first = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(from);
            let weight = |pixel: usize| filter.weight((pixel as f64 - center + 0.5) / stretch);
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: &f64| {
                let scaled = weight / sum * f64::from(1 << FRACTION);
                (scaled + 0.5_f64.copysign(scaled)) as i32
            };
            Self {
                first,
                weights: weights.iter().map(fixed).collect(),
            }
        };
        (0..to).map(tap).collect()
    }

    /// The weighted sum of bytes that lie `stride` apart.
    fn sum(&self, bytes: &[u8], stride: usize) -> u8 {
        let bytes = bytes[self.first * stride..].iter().step_by(stride);
        let products = bytes.zip(&self.weights);
        let products = products.map(|(byte, weight)| i32::from(*byte) * weight);
        let sum = products.fold(1 << (FRACTION - 1), i32::wrapping_add);
        (sum >> FRACTION).clamp(0, 255) as u8
    }
}

/// Rows first, then columns; the other way round where a picture loses more than twice as many pixels of height as of width,
/// as Pillow 13 does it.
fn convolve(
    bytes: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    channels: usize,
    filter: Filter,
) -> Vec<u8> {
    let sides = |(width, height): (u32, u32)| (width as usize, height as usize);
    let ((from_width, from_height), (width, height)) = (sides(from), sides(to));
    let lost = |from: usize, to: usize| from as i64 - to as i64;
    let (narrower, lower) = (lost(from_width, width), lost(from_height, height));
    if lower > 0 && lower > 2 * narrower {
        let low = columns(bytes, from_height, height, channels * from_width, filter);
        return rows(&low, from_width, width, channels, filter);
    }
    let wide = rows(bytes, from_width, width, channels, filter);
    columns(&wide, from_height, height, channels * width, filter)
}

/// Each row, from one width to another.
fn rows(bytes: &[u8], from: usize, to: usize, channels: usize, filter: Filter) -> Vec<u8> {
    if from == to {
        return bytes.to_vec();
    }
    let taps = Taps::all(from, to, filter);
    let mut wide = Vec::with_capacity(bytes.len() / from.max(1) * to);
    for row in bytes.chunks_exact(channels * from) {
        for tap in &taps {
            wide.extend((0..channels).map(|channel| tap.sum(&row[channel..], channels)));
        }
    }
    wide
}

/// Each column, from one height to another; a row is `stride` bytes.
fn columns(bytes: &[u8], from: usize, to: usize, stride: usize, filter: Filter) -> Vec<u8> {
    if from == to {
        return bytes.to_vec();
    }
    let taps = Taps::all(from, to, filter);
    let row = |tap: Taps| (0..stride).map(move |at| tap.sum(&bytes[at..], stride));
    taps.into_iter().flat_map(row).collect()
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

    const WANTED: [(Filter, [[u8; 9]; 3]); 3] = [
        (
            Filter::Lanczos,
            [
                [0, 2, 0, 59, 83, 59, 0, 2, 0],
                [0, 25, 255, 253, 255, 253, 255, 25, 0],
                [0, 0, 7, 0, 0, 0, 7, 0, 0],
            ],
        ),
        (
            Filter::Bicubic,
            [
                [0, 0, 0, 64, 84, 64, 0, 0, 0],
                [0, 27, 255, 255, 255, 255, 255, 27, 0],
                [0, 0, 0, 0, 0, 0, 0, 0, 0],
            ],
        ),
        (
            Filter::Bilinear,
            [
                [0, 0, 0, 75, 97, 75, 0, 0, 0],
                [0, 40, 236, 255, 255, 255, 236, 40, 0],
                [0, 0, 0, 0, 0, 0, 0, 0, 0],
            ],
        ),
    ];

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
    fn bytes_are_those_of_pillow() {
        // A disc, as a mask is drawn, from 14x10 to 9x17; what Pillow 13 gives at its edge.
        let inside = |at: usize| {
            let (x, y) = ((at % 14) as f64 / 13.0 - 0.5, (at / 14) as f64 / 9.0 - 0.4);
            x * x + y * y < 0.1
        };
        let disc: Vec<u8> = (0..140).map(|at| 255 * u8::from(inside(at))).collect();
        for (filter, wanted) in WANTED {
            let found = resize_grey(&disc, (14, 10), (9, 17), filter);
            let rows: Vec<&[u8]> = found.chunks(9).collect();
            assert_eq!([rows[1], rows[6], rows[13]], wanted, "{filter:?}");
        }
        let wider = resize_grey(&disc, (14, 10), (18, 7), Filter::Lanczos);
        let rows: Vec<&[u8]> = wider.chunks(18).collect();
        let wanted: [[u8; 18]; 3] = [
            [0, 0, 0, 0, 0, 0, 43, 85, 74, 74, 85, 43, 0, 0, 0, 0, 0, 0],
            [
                0, 7, 0, 46, 255, 255, 250, 255, 255, 255, 255, 250, 255, 255, 46, 0, 7, 0,
            ],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!([rows[0], rows[3], rows[5]], wanted);
        let lower = resize_grey(&disc, (14, 10), (13, 5), Filter::Lanczos);
        let rows: Vec<&[u8]> = lower.chunks(13).collect();
        let wanted: [[u8; 13]; 3] = [
            [0, 0, 1, 0, 55, 148, 128, 148, 55, 0, 1, 0, 0],
            [2, 0, 48, 255, 243, 255, 255, 255, 243, 255, 48, 0, 2],
            [0, 0, 3, 1, 51, 138, 119, 138, 51, 1, 3, 0, 0],
        ];
        assert_eq!([rows[0], rows[2], rows[3]], wanted);
    }

    #[test]
    fn a_picture_of_the_wanted_size_stays_as_it_is() {
        let picture = gradient(5, 3);
        assert_eq!(resize(&picture, 5, 3, Filter::Lanczos), picture);
        assert!(resize(&picture, 10, 6, Filter::Bicubic).is_whole());
    }
}
