//! How pictures are made ready for an encoder, by transformers' `preprocessor_config.json`.

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use crate::config::read_json;
use crate::error::LoadError;
use crate::picture::Picture;
use crate::resize::{self, Filter};

/// Longest side that pictures are prepared at, in pixels.
const LONGEST_SIDE: u32 = 4096;

/// Side of pictures where the file names none.
const USUAL_SIDE: u32 = 224;

/// What the file may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct File {
    crop_size: Option<Size>,
    size: Option<Size>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    do_resize: Option<bool>,
    do_center_crop: Option<bool>,
    do_normalize: Option<bool>,
    resample: Option<u8>,
}

/// One number, or an object around it; files of different ages write it differently.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Number(u32),
    Shortest { shortest_edge: u32 },
    Sides { height: u32, width: u32 },
}

impl Size {
    /// Height and width.
    fn sides(self) -> (u32, u32) {
        match self {
            Self::Number(side)
            | Self::Shortest {
                shortest_edge: side,
            } => (side, side),
            Self::Sides { height, width } => (height, width),
        }
    }
}

/// What a preparer's class does unless the file says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Usual {
    /// Mean of red, green and blue.
    pub mean: [f32; 3],
    /// Their deviation.
    pub deviation: [f32; 3],
    /// Whether the middle is cut out: then one number is the length of the shortest side, and otherwise that of both.
    pub crops: bool,
    /// How pixels between pixels are found.
    pub filter: Filter,
}

impl Usual {
    /// `CLIPImageProcessor`.
    pub const CLIP: Self = Self {
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        deviation: [0.268_629_54, 0.261_302_6, 0.275_777_1],
        crops: true,
        filter: Filter::Bicubic,
    };

    /// `ViTImageProcessor`.
    pub const VIT: Self = Self {
        mean: [0.5; 3],
        deviation: [0.5; 3],
        crops: false,
        filter: Filter::Bilinear,
    };
}

/// How pictures are made ready.
#[derive(Debug, Clone)]
pub struct Preparation {
    /// The size before the middle is cut out; nothing to leave it as it is.
    size: Option<Size>,
    /// Height and width of what is cut out.
    crop: Option<(u32, u32)>,
    mean: [f32; 3],
    deviation: [f32; 3],
    filter: Filter,
}

impl Preparation {
    /// Reads the file.
    pub fn read(path: &Path, usual: Usual) -> Result<Self, LoadError> {
        let file: File = read_json(path)?;
        for (key, size) in [("size", file.size), ("crop_size", file.crop_size)] {
            let (height, width) = size.map_or((USUAL_SIDE, USUAL_SIDE), Size::sides);
            let most = LONGEST_SIDE;
            if !(1..=most).contains(&height) || !(1..=most).contains(&width) {
                let message = format!("must be from 1 to {most}, not {height} by {width}");
                return Err(LoadError::key(path, key, message));
            }
        }
        let filter = match file.resample {
            None => usual.filter,
            Some(1) => Filter::Lanczos,
            Some(2) => Filter::Bilinear,
            Some(3) => Filter::Bicubic,
            Some(other) => {
                let message = format!("{other} is not supported, only 1, 2 and 3");
                return Err(LoadError::key(path, "resample", message));
            }
        };
        let size = match file.size.unwrap_or(Size::Number(USUAL_SIDE)) {
            Size::Number(side) if !usual.crops => Size::Sides {
                height: side,
                width: side,
            },
            size => size,
        };
        let crop = file.crop_size.unwrap_or(Size::Number(USUAL_SIDE)).sides();
        let normalises = file.do_normalize.unwrap_or(true);
        let numbers = |file: Option<[f32; 3]>, usual, otherwise| {
            if normalises {
                file.unwrap_or(usual)
            } else {
                otherwise
            }
        };
        Ok(Self {
            size: file.do_resize.unwrap_or(true).then_some(size),
            crop: file.do_center_crop.unwrap_or(usual.crops).then_some(crop),
            mean: numbers(file.image_mean, usual.mean, [0.0; 3]),
            deviation: numbers(file.image_std, usual.deviation, [1.0; 3]),
            filter,
        })
    }

    /// The picture at the encoder's size, normalised: `[1, 3, side, side]`.
    pub fn prepare(&self, picture: &Picture, side: u32) -> Tensor {
        let mut x = picture.clone();
        if let Some(size) = self.size {
            let (width, height) = resized(picture, size);
            x = resize::resize(&x, width, height, self.filter);
        }
        if let Some((height, width)) = self.crop {
            x = resize::center(&x, width, height);
        }
        // Whatever the files say, the encoder takes one size only.
        if (x.width, x.height) != (side, side) {
            x = resize::resize(&x, side, side, self.filter);
        }
        let channel = |numbers: &[f32; 3]| Tensor::from_slice(numbers).view([1, 3, 1, 1]);
        (x.to_unit() - channel(&self.mean)) / channel(&self.deviation)
    }
}

/// Width and height of a picture that is to have that size.
fn resized(picture: &Picture, wanted: Size) -> (u32, u32) {
    let shortest = match wanted {
        Size::Sides { height, width } => return (width, height),
        Size::Number(edge)
        | Size::Shortest {
            shortest_edge: edge,
        } => edge,
    };
    let (short, long) = (
        picture.width.min(picture.height),
        picture.width.max(picture.height),
    );
    let longest = u64::from(shortest) * u64::from(long) / u64::from(short.max(1));
    let longest = u32::try_from(longest).unwrap_or(u32::MAX);
    if picture.width <= picture.height {
        (shortest, longest)
    } else {
        (longest, shortest)
    }
}
