//! What a `ControlNet` sees of the picture that others are to follow.

use tch::Tensor;

use crate::error::LoadError;
use crate::layers::{Activation, Conv2d};
use crate::weights::Weights;

/// Convolutions from a picture to the size of its latents.
pub struct Embedding {
    conv_in: Conv2d,
    blocks: Vec<Conv2d>,
    conv_out: Conv2d,
}

impl Embedding {
    /// From `inputs` channels over those of each level, which halves the size but for the first, to `outputs`.
    pub fn load(
        weights: &Weights,
        inputs: i64,
        levels: &[i64],
        outputs: i64,
    ) -> Result<Self, LoadError> {
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let named = weights.child("blocks");
        let mut blocks = Vec::new();
        for (index, pair) in levels.windows(2).enumerate() {
            let same = named.child(2 * index);
            blocks.push(Conv2d::load(&same, pair[0], pair[0], 3)?);
            let halved = named.child(2 * index + 1);
            blocks.push(Conv2d::load_strided(&halved, pair[0], pair[1], 3, 2, 1)?);
        }
        Ok(Self {
            conv_in: Conv2d::load(&weights.child("conv_in"), inputs, first, 3)?,
            blocks,
            conv_out: Conv2d::load(&weights.child("conv_out"), last, outputs, 3)?,
        })
    }

    /// `picture`: `[batch, inputs, height, width]`, to `[batch, outputs, height', width']`.
    pub fn forward(&self, picture: &Tensor) -> Tensor {
        let activation = Activation::Silu;
        let mut x = activation.forward_owned(self.conv_in.forward(picture));
        for block in &self.blocks {
            x = activation.forward_owned(block.forward(&x));
        }
        self.conv_out.forward(&x)
    }
}
