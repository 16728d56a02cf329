//! Decoding where memory is short.

use super::{Finished, Pipeline};
use crate::error::TaskError;
use crate::slot::Slot;

/// Side of a tile, in places of the latents.
const SIDE: i64 = 32;

impl Pipeline {
    /// The same as [`Self::finish`], in small overlapping tiles, so that it needs a fraction of the memory. Tiles do not
    /// see each other: colours may differ a little between them, and are blended where they overlap.
    pub fn finish_in_tiles(&mut self, slots: &[&Slot]) -> Result<Vec<Finished>, TaskError> {
        self.finish_with(slots, Some(SIDE))
    }
}
