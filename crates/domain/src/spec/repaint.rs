//! Pictures from words and from other pictures: what is kept, what is painted anew.

use serde::{Deserialize, Serialize};

use super::{GenerateSpec, InputPicture};

/// A rectangle on a canvas, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Place {
    /// All of a canvas.
    pub fn whole(width: u32, height: u32) -> Self {
        Self {
            left: 0,
            top: 0,
            width,
            height,
        }
    }
}

/// Which part of the canvas is painted anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Repainted {
    /// All of it, starting from what is there.
    Everything,
    /// What lies around the place of the input.
    Around,
    /// The chosen cells of a grid of columns and rows.
    Cells {
        /// Cells in a row.
        columns: u32,
        /// Rows.
        rows: u32,
        /// The chosen ones, counted from 0 in reading order.
        chosen: Vec<u32>,
    },
    /// What is white in a picture that is stretched over the canvas.
    Masked {
        /// The mask.
        mask: InputPicture,
    },
}

/// Pictures from words and from other pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepaintSpec {
    /// The words' side: model, size of the canvas, steps, noise.
    pub generate: GenerateSpec,
    /// The pictures to start from, one to [`MAX_INPUTS`]; several are mixed in equal parts.
    pub inputs: Vec<InputPicture>,
    /// Where on the canvas they are put.
    pub place: Place,
    /// How much of what is painted anew is replaced: above 0, at most 1 (all of it).
    pub strength: f32,
    /// Which part is painted anew.
    pub repainted: Repainted,
}

/// Most pictures that one job starts from.
pub const MAX_INPUTS: usize = 5;

impl RepaintSpec {
    /// Every picture that the job reads, in the order in which they are granted: the inputs, then the mask.
    pub fn inputs(&self) -> Vec<&InputPicture> {
        let mask = match &self.repainted {
            Repainted::Masked { mask } => Some(mask),
            Repainted::Everything | Repainted::Around | Repainted::Cells { .. } => None,
        };
        self.inputs.iter().chain(mask).collect()
    }
}
