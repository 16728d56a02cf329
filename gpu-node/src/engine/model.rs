//! What the engine asks of a model: plain data around slots that only the model can look into.

use easel_domain::spec::Answer;

use super::memory::Need;
use super::{EngineWork, Picture};

/// Why a model did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No try can succeed: the work asks for what this model cannot do.
    #[error("{0}")]
    Bad(String),
    /// There was not enough memory for pictures of this size. Less at once, or elsewhere, may succeed.
    #[error("out of memory: {0}")]
    Memory(String),
    /// It cannot be done here, or not now, whatever its size. Elsewhere, or later, may succeed.
    #[error("{0}")]
    Elsewhere(String),
    /// Something else broke.
    #[error("{0}")]
    Broken(String),
}

/// What a piece of work has become.
pub enum Started<S> {
    /// One slot for each picture, or one for all words, to be stepped until all are done.
    Slots(Vec<S>),
    /// Finished pictures: there was nothing to denoise.
    Pictures(Vec<Picture>),
    /// What was asked takes its time and needs no device: it is thought about on another thread.
    Thought(Thought),
}

/// What finds an answer, away from the engine's thread.
pub type Thought = Box<dyn FnOnce() -> Result<Answer, ModelError> + Send>;

/// How much memory decoding may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// As much as it is fastest with.
    Whole,
    /// As little as it can do with; colours may differ a little where tiles meet.
    Tiled,
}

/// A loaded model. Everything but a [`Thought`] happens on the engine's thread.
pub trait Model {
    /// One picture between steps.
    type Slot;

    /// What each picture of a piece of work needs, as far as it can be told beforehand.
    fn need(&self, work: &EngineWork) -> Need;

    /// What must be equal for slots to share a call.
    fn shape(&self, slot: &Self::Slot) -> Vec<i64>;

    /// Checks work and readies it for its first step, or does it at once where it has no steps.
    fn start(&mut self, work: &EngineWork) -> Result<Started<Self::Slot>, ModelError>;

    /// One step of every slot that is not done; all are of one shape. After an error, slots whose [`Self::progress`] has grown have been
    /// stepped, and the others are as they were.
    fn step(&mut self, slots: &mut [&mut Self::Slot]) -> Result<(), ModelError>;

    /// Steps done, and steps in all.
    fn progress(&self, slot: &Self::Slot) -> (u32, u32);

    /// A rough picture of where a slot is heading.
    fn preview(&self, slot: &Self::Slot) -> Option<Picture>;

    /// One picture for each slot, all of which are done.
    fn decode(&mut self, slots: &[&Self::Slot], how: Decoding) -> Result<Vec<Picture>, ModelError>;

    /// What a slot that is done says of words; nothing where it is a picture's.
    fn influences(&self, slot: &Self::Slot) -> Option<Vec<f32>>;

    /// The same pictures, that many times as large; seamless ones go on at their opposite edges, and still do.
    fn enlarge(
        &mut self,
        pictures: Vec<Picture>,
        scale: u32,
        seamless: bool,
    ) -> Result<Vec<Picture>, ModelError>;
}
