//! Perceptual hashes: pictures that look the same have hashes that differ in few bits.
//!
//! A difference hash (Krawetz, "Kind of Like That", 2013) over 17 × 16 brightness cells: each of its 256 bits says
//! whether brightness falls from one cell to its right neighbour. It survives scaling, compression, and changes of
//! brightness and colour; it does not survive mirroring, cropping or rotation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Pixels of a picture: rows from the top, three bytes (red, green, blue) each.
#[derive(Clone, Copy)]
pub struct RgbPicture<'p> {
    width: usize,
    height: usize,
    pixels: &'p [u8],
}

impl<'p> RgbPicture<'p> {
    /// `pixels` holds `width` × `height` × 3 bytes; `None` if it does not, or if a side is 0.
    pub fn new(width: u32, height: u32, pixels: &'p [u8]) -> Option<Self> {
        let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        let bytes = width.checked_mul(height)?.checked_mul(3)?;
        (bytes > 0 && bytes == pixels.len()).then_some(Self {
            width,
            height,
            pixels,
        })
    }

    /// Width in pixels.
    pub fn width(self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(self) -> usize {
        self.height
    }

    /// The mean colour of each cell of a grid of `columns` × `rows` over the picture, row by row, each in `[0, 255]`.
    ///
    /// Where the picture has fewer pixels than the grid has cells, cells share pixels.
    pub(super) fn cells(self, columns: usize, rows: usize) -> Vec<[f32; 3]> {
        let bounds = |cell: usize, cells: usize, side: usize| {
            let start = cell * side / cells;
            let end = ((cell + 1) * side).div_ceil(cells);
            start..end.clamp(start + 1, side)
        };
        let mut means = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = [0_u64; 3];
                let mut count = 0_u64;
                for y in bounds(row, rows, self.height) {
                    for x in bounds(column, columns, self.width) {
                        let at = (y * self.width + x) * 3;
                        for (sum, value) in sum.iter_mut().zip(&self.pixels[at..at + 3]) {
                            *sum += u64::from(*value);
                        }
                        count += 1;
                    }
                }
                means.push(sum.map(|sum| sum as f32 / count as f32));
            }
        }
        means
    }
}

/// Leaves out the pixels.
impl fmt::Debug for RgbPicture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RgbPicture({} × {})", self.width, self.height)
    }
}

/// A hash of 256 bits; 64 hex digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PictureHash([u64; 4]);

const ROWS: usize = 16;
const COLUMNS: usize = 17;
/// Steps of brightness below this are noise and count as none.
const LEAST_STEP: f32 = 1.0;
/// Hashes with fewer steps say too little: all flat pictures would match each other.
const LEAST_STEPS: usize = 24;

impl PictureHash {
    /// The hash of a picture, or `None` for one that is nearly flat.
    pub fn of(picture: RgbPicture<'_>) -> Option<Self> {
        let brightness: Vec<f32> = picture
            .cells(COLUMNS, ROWS)
            .into_iter()
            .map(|[red, green, blue]| 0.299 * red + 0.587 * green + 0.114 * blue)
            .collect();
        let mut bits = [0_u64; 4];
        let mut steps = 0;
        for (row, cells) in brightness.chunks_exact(COLUMNS).enumerate() {
            for (column, pair) in cells.windows(2).enumerate() {
                let fall = pair[0] - pair[1];
                steps += usize::from(fall.abs() >= LEAST_STEP);
                if fall >= LEAST_STEP {
                    let bit = row * (COLUMNS - 1) + column;
                    bits[bit / 64] |= 1 << (bit % 64);
                }
            }
        }
        (steps >= LEAST_STEPS).then_some(Self(bits))
    }

    /// In how many bits two hashes differ: 0 to 256. Unrelated pictures differ in about a third to half of them.
    pub fn distance(self, other: Self) -> u32 {
        self.0
            .iter()
            .zip(other.0)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum()
    }
}

impl fmt::Display for PictureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

impl FromStr for PictureHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("a picture hash is 64 hex digits");
        }
        let mut words = [0; 4];
        for (word, digits) in words.iter_mut().zip(text.as_bytes().chunks_exact(16)) {
            let digits = std::str::from_utf8(digits).map_err(|_| "a picture hash is ASCII")?;
            *word = u64::from_str_radix(digits, 16).map_err(|_| "a picture hash is hexadecimal")?;
        }
        Ok(Self(words))
    }
}

impl Serialize for PictureHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PictureHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of overlapping waves: smooth, with structure everywhere, another one for each `kind`.
    pub(in crate::picture) fn waves(width: u32, height: u32, kind: f32) -> Vec<u8> {
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
                for shift in [0.0, 0.3, 0.6] {
                    let value = (u * (7.0 + kind) + shift).sin() * (v * (5.0 + 2.0 * kind)).cos()
                        + (u * v * 9.0 * kind).sin();
                    pixels.push((127.5 + 60.0 * value).clamp(0.0, 255.0) as u8);
                }
            }
        }
        pixels
    }

    fn hash(width: u32, height: u32, pixels: &[u8]) -> PictureHash {
        PictureHash::of(RgbPicture::new(width, height, pixels).unwrap()).unwrap()
    }

    #[test]
    fn the_same_picture_in_other_sizes_and_brightness_is_near() {
        let original = hash(256, 256, &waves(256, 256, 1.0));
        assert!(original.distance(hash(97, 131, &waves(97, 131, 1.0))) <= 16);
        let brighter: Vec<u8> = waves(256, 256, 1.0)
            .iter()
            .map(|value| value / 2 + 60)
            .collect();
        assert!(original.distance(hash(256, 256, &brighter)) <= 16);
        let noisy: Vec<u8> = waves(256, 256, 1.0)
            .iter()
            .enumerate()
            .map(|(i, value)| value.saturating_add((i % 7) as u8))
            .collect();
        assert!(original.distance(hash(256, 256, &noisy)) <= 16);
    }

    #[test]
    fn other_pictures_are_far() {
        let original = hash(128, 128, &waves(128, 128, 1.0));
        for kind in [3.0, 5.0, 8.0] {
            assert!(
                original.distance(hash(128, 128, &waves(128, 128, kind))) > 60,
                "{kind}"
            );
        }
    }

    #[test]
    fn flat_and_malformed_pictures_have_no_hash() {
        assert_eq!(
            PictureHash::of(RgbPicture::new(64, 64, &[90; 64 * 64 * 3]).unwrap()),
            None
        );
        assert!(RgbPicture::new(64, 64, &[0; 10]).is_none());
        assert!(RgbPicture::new(0, 64, &[]).is_none());
        assert!(RgbPicture::new(u32::MAX, u32::MAX, &[0; 3]).is_none());
    }

    proptest! {
        #[test]
        fn hashes_are_read_back_and_any_picture_can_be_hashed(
            width in 1..40_u32, height in 1..40_u32, seed in any::<u32>(),
        ) {
            let count = (width * height * 3) as usize;
            let mut state = seed;
            let pixels: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .take(count)
            .collect();
            let hash = PictureHash::of(RgbPicture::new(width, height, &pixels).unwrap());
            if let Some(hash) = hash {
                prop_assert_eq!(hash.to_string().parse::<PictureHash>(), Ok(hash));
                prop_assert_eq!(hash.distance(hash), 0);
            }
        }
    }
}
