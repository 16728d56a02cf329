//! The step before the first.

use super::Pipeline;
use crate::error::TaskError;
use crate::picture::{Mask, Picture};
use crate::slot::{Init, Task};

/// Latents of the picture that warms up have at most so many places a side: enough for every level of the network, and
/// little work even where pictures are large.
const WARM_PLACES: u32 = 16;

/// Rows that the picture's step has: what is wanted and what is not.
const ROWS: usize = 2;

impl Pipeline {
    /// Takes a step of small pictures that nobody sees. What a first step does once is then done: weights are read from
    /// their file or reach the device, kernels are chosen, and every worker has its memory. Draws from no generator but
    /// its own, so no later picture changes.
    ///
    /// # Errors
    ///
    /// [`TaskError::Torch`] where libtorch cannot compute, for example out of memory.
    pub fn warm_up(&mut self) -> Result<(), TaskError> {
        let task = self.warming();
        // Each worker is to have a row.
        let pictures = self.networks.len().div_ceil(ROWS);
        let slots = (0..pictures).map(|_| self.prepare(&task));
        let mut slots = slots.collect::<Result<Vec<_>, _>>()?;
        self.step(&mut slots.iter_mut().collect::<Vec<_>>())
    }

    fn warming(&self) -> Task {
        let (width, height) = self.checkpoint.native_size();
        let most = WARM_PLACES * self.checkpoint.multiple();
        let (width, height) = (width.min(most), height.min(most));
        let pixels = width as usize * height as usize;
        let init = self.checkpoint.has_mask_channels().then(|| Init {
            picture: Picture {
                width,
                height,
                rgb: vec![0; 3 * pixels],
            },
            strength: 1.0,
            mask: Some(Mask {
                width,
                height,
                grey: vec![u8::MAX; pixels],
            }),
        });
        Task {
            width,
            height,
            init,
            ..Task::default()
        }
    }
}
