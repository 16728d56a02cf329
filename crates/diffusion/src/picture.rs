//! Pictures as plain bytes, and their way in and out of tensors.

use tch::{Device, Kind, Tensor};

/// Rows from the top, three bytes (red, green, blue) for each pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

impl Picture {
    /// Whether the buffer has the length that the size asks for, and the picture is not empty.
    pub fn is_whole(&self) -> bool {
        let pixels = u64::from(self.width) * u64::from(self.height);
        pixels > 0 && self.rgb.len() as u64 == 3 * pixels
    }

    /// The same with `pixels` more on each side, which repeat the opposite edge: what lies around a seamless picture.
    #[must_use]
    pub fn surrounded(&self, pixels: u32) -> Self {
        let places = |length: u32| {
            let (margin, length) = (i64::from(pixels), i64::from(length));
            (-margin..length + margin).map(move |at| at.rem_euclid(length.max(1)) as usize)
        };
        let mut rgb = Vec::new();
        for y in places(self.height) {
            let row = &self.rgb[3 * y * self.width as usize..];
            for x in places(self.width) {
                rgb.extend_from_slice(&row[3 * x..3 * x + 3]);
            }
        }
        Self {
            width: self.width + 2 * pixels,
            height: self.height + 2 * pixels,
            rgb,
        }
    }

    /// The same without `pixels` on each side, of which there must be more.
    #[must_use]
    pub fn trimmed(&self, pixels: u32) -> Self {
        let (width, margin) = (self.width as usize, pixels as usize);
        let rows = self.rgb.chunks_exact(3 * width.max(1));
        let kept = rows.skip(margin).take(self.height as usize - 2 * margin);
        Self {
            width: self.width - 2 * pixels,
            height: self.height - 2 * pixels,
            rgb: kept
                .flat_map(|row| &row[3 * margin..3 * (width - margin)])
                .copied()
                .collect(),
        }
    }

    /// To `[1, 3, height, width]` in 0..1.
    pub(crate) fn to_unit(&self) -> Tensor {
        let shape = [i64::from(self.height), i64::from(self.width), 3];
        let bytes = Tensor::from_data_size(&self.rgb, &shape, Kind::Uint8);
        bytes.permute([2, 0, 1]).unsqueeze(0).to_kind(Kind::Float) / 255.0
    }

    /// From `[1, 3, height, width]` in 0..1; what lies outside is clamped.
    pub(crate) fn from_unit(x: &Tensor) -> Self {
        let (_, _, height, width) = x.size4().expect("pictures have four dimensions");
        let scaled = (x
            .to_device(Device::Cpu)
            .to_kind(Kind::Float)
            .clamp(0.0, 1.0)
            * 255.0)
            .round();
        let bytes = scaled
            .to_kind(Kind::Uint8)
            .squeeze_dim(0)
            .permute([1, 2, 0])
            .contiguous();
        let mut rgb = vec![0; (3 * height * width) as usize];
        let count = rgb.len();
        bytes.copy_data_u8(&mut rgb, count);
        Self {
            width: width as u32,
            height: height as u32,
            rgb,
        }
    }

    /// From `[1, 3, height, width]` in -1..1, as autoencoders give them.
    pub(crate) fn from_signed(x: &Tensor) -> Self {
        Self::from_unit(&(x / 2.0 + 0.5))
    }
}

/// Which parts of a picture to replace: rows from the top, one byte for each pixel, 255 for all of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height` bytes; from 128 on the pixel is replaced.
    pub grey: Vec<u8>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({}x{})", self.width, self.height)
    }
}

impl Mask {
    /// Whether the buffer has the length that the size asks for.
    pub fn is_whole(&self) -> bool {
        self.grey.len() as u64 == u64::from(self.width) * u64::from(self.height)
    }

    /// To `[1, 1, height, width]`: 1 where the picture is replaced, else 0.
    pub(crate) fn to_tensor(&self) -> Tensor {
        let shape = [1, 1, i64::from(self.height), i64::from(self.width)];
        let bytes = Tensor::from_data_size(&self.grey, &shape, Kind::Uint8);
        bytes.ge(128.0).to_kind(Kind::Float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_picture_is_its_opposite_edge_and_can_be_taken_away() {
        let picture = Picture {
            width: 3,
            height: 2,
            rgb: (0..18).collect(),
        };
        let large = picture.surrounded(4);
        assert_eq!((large.width, large.height), (11, 10));
        assert!(large.is_whole());
        assert_eq!(large.rgb[3 * 3..3 * 5], [6, 7, 8, 0, 1, 2]);
        assert_eq!(large.trimmed(4), picture);
    }

    #[test]
    fn bytes_survive_the_way_through_a_tensor() {
        let picture = Picture {
            width: 3,
            height: 2,
            rgb: (0..18).map(|byte| byte * 14).collect(),
        };
        assert_eq!(Picture::from_unit(&picture.to_unit()), picture);
        assert_eq!(
            Picture::from_signed(&(picture.to_unit() * 2.0 - 1.0)),
            picture
        );
    }
}
