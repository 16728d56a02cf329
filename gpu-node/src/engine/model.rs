//! What the engine asks of a model: plain data around slots that only the model can look into.

use super::{EngineWork, Picture};

/// Why a model did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No try can succeed: the work asks for what this model cannot do.
    #[error("{0}")]
    Bad(String),
    /// There was not enough memory. Less at once, or elsewhere, may succeed.
    #[error("out of memory: {0}")]
    Memory(String),
    /// Something else broke.
    #[error("{0}")]
    Broken(String),
}

/// What a piece of work has become.
pub enum Started<S> {
    /// One slot for each picture, to be stepped until all are done.
    Slots(Vec<S>),
    /// Finished pictures: there was nothing to denoise.
    Pictures(Vec<Picture>),
}

/// A loaded model. Everything happens on the engine's thread.
pub trait Model {
    /// One picture between steps.
    type Slot;

    /// Checks work and readies it for its first step, or does it at once where it has no steps.
    fn start(&mut self, work: &EngineWork) -> Result<Started<Self::Slot>, ModelError>;

    /// One step of every slot that is not done. After an error, slots whose [`Self::progress`] has grown have been
    /// stepped, and the others are as they were.
    fn step(&mut self, slots: &mut [&mut Self::Slot]) -> Result<(), ModelError>;

    /// Steps done, and steps in all.
    fn progress(&self, slot: &Self::Slot) -> (u32, u32);

    /// A rough picture of where a slot is heading.
    fn preview(&self, slot: &Self::Slot) -> Option<Picture>;

    /// One picture for each slot, all of which are done.
    fn decode(&mut self, slots: &[&Self::Slot]) -> Result<Vec<Picture>, ModelError>;

    /// The same pictures, that many times as large.
    fn enlarge(&mut self, pictures: Vec<Picture>, scale: u32) -> Result<Vec<Picture>, ModelError>;
}
