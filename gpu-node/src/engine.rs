//! The engine as the rest of the node sees it: plain data in, plain data out, no libtorch in sight.
//!
//! One thread owns a device and the models on it. It takes commands between denoising steps, so a job starts, and a
//! cancelled job ends, at the next step boundary, never in the middle of one. Jobs of one model whose latents have the
//! same shape share each model call, and different ones take turns; a job's pictures do not depend on its neighbours.
//! Weights are loaded by a thread of their own, while the others are drawn with.

pub mod fake;
pub mod host;
pub mod memory;
pub mod model;
pub mod shelf;
pub mod stopwatch;
pub mod ticker;
#[cfg(feature = "torch")]
pub mod torch;
pub mod turns;

use std::time::Duration;

use easel_domain::failure::FailureKind;
use easel_domain::message::Residency;
use easel_domain::spec::{Answer, GenerateSpec, PromptText};

/// Longest side of a preview, in pixels.
pub const PREVIEW_SIDE: u32 = 64;

/// A picture in memory: rows from the top, three bytes (red, green, blue) for each pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

/// Sizes only: a picture may be private, and its bytes never belong in a log.
impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

/// A picture to start from instead of pure noise.
#[derive(Debug, Clone, PartialEq)]
pub struct InitPicture {
    /// The picture; the engine resizes it to the wanted size.
    pub picture: Picture,
    /// How much of it to replace: above 0, at most 1 (all of it).
    pub strength: f64,
    /// Which parts of it to replace; nothing for all of it.
    pub mask: Option<Mask>,
}

/// Which parts of a picture to replace: rows from the top, one byte for each pixel; from 128 on it is replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height` bytes.
    pub grey: Vec<u8>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({}x{})", self.width, self.height)
    }
}

/// What to make.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineWork {
    /// Pictures from words.
    Generate {
        /// Size, steps, sampler and the noise of each picture.
        spec: GenerateSpec,
        /// The words.
        text: PromptText,
        /// Where to start; nothing for pure noise.
        init: Option<InitPicture>,
    },
    /// One picture, enlarged by the model's super-resolution.
    Upscale {
        /// The picture.
        picture: Picture,
        /// Factor for both sides.
        scale: u32,
        /// Whether it goes on at its opposite edge.
        seamless: bool,
    },
    /// No picture: how much each word of a prompt counts.
    Weigh {
        /// The words, in their order.
        words: Vec<String>,
    },
    /// No picture: prompts that fit what some show on the whole.
    Describe {
        /// At least one.
        pictures: Vec<Picture>,
    },
}

/// One job for the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineRequest {
    /// The caller's name for it, unique among the jobs in the engine; comes back in every event.
    pub key: u64,
    /// Hash of the weights that it needs.
    pub model: String,
    /// What to make.
    pub work: EngineWork,
}

/// Calls of one size that a job took part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Pictures in each, of this job and of its neighbours.
    pub pictures: u32,
    /// How many there were.
    pub count: u32,
    /// What all of them took.
    pub took: Duration,
}

/// How long the parts of a job took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timings {
    /// From submission to the first step.
    pub wait: Duration,
    /// Encoding of the prompt; next to nothing when it was cached.
    pub text: Duration,
    /// From the first step to the last, shared with the neighbours in the batch.
    pub denoise: Duration,
    /// Latents to pixels.
    pub decode: Duration,
    /// Super-resolution.
    pub finish: Duration,
    /// The calls of the model that its steps were part of, by size.
    pub calls: Vec<Calls>,
}

impl Timings {
    /// A call of so many pictures took part of the job a step further.
    pub(crate) fn called(&mut self, pictures: u32, took: Duration) {
        let same = |calls: &&mut Calls| calls.pictures == pictures;
        if let Some(calls) = self.calls.iter_mut().find(same) {
            calls.count += 1;
            calls.took += took;
        } else {
            self.calls.push(Calls {
                pictures,
                count: 1,
                took,
            });
        }
    }
}

/// What the engine has to say about a job. Every accepted job ends in exactly one event that is not [`Self::Progress`].
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEvent {
    /// A step is done.
    Progress {
        /// The job.
        key: u64,
        /// Steps done, counted from 1.
        step: u32,
        /// Steps in all.
        steps: u32,
        /// All of the job's pictures as a grid, roughly, at most [`PREVIEW_SIDE`] pixels a side; not at every step.
        preview: Option<Picture>,
    },
    /// The pictures are there, in the order of the request.
    Finished {
        /// The job.
        key: u64,
        /// One for each picture wanted.
        pictures: Vec<Picture>,
        /// Where the time went.
        timings: Timings,
    },
    /// The question is answered.
    Answered {
        /// The job.
        key: u64,
        /// How much words count, or prompts that fit pictures.
        answer: Answer,
        /// Where the time went.
        timings: Timings,
    },
    /// The job was cancelled before its last step.
    Cancelled {
        /// The job.
        key: u64,
    },
    /// The job could not be done.
    Failed {
        /// The job.
        key: u64,
        /// Whether another try may help.
        kind: FailureKind,
        /// The job asks for what its model cannot do: that says nothing of model, device or node.
        unfit: bool,
        /// What went wrong, without any of the prompt's words.
        message: String,
    },
}

impl EngineEvent {
    /// The job that the event is about.
    pub fn key(&self) -> u64 {
        match self {
            Self::Progress { key, .. } | Self::Finished { key, .. } | Self::Cancelled { key } => {
                *key
            }
            Self::Answered { key, .. } | Self::Failed { key, .. } => *key,
        }
    }

    /// Whether this is the job's last event.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Progress { .. } => false,
            Self::Finished { .. }
            | Self::Answered { .. }
            | Self::Cancelled { .. }
            | Self::Failed { .. } => true,
        }
    }
}

/// Takes a job's events on the engine's thread; must not block. Coalescing progress is the receiver's business.
pub type EventSink = Box<dyn FnMut(EngineEvent) + Send>;

/// Why a job was not accepted; its sink gets no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// As many jobs wait as the engine takes.
    #[error("engine is full")]
    Full,
    /// The engine was shut down, or its thread died.
    #[error("engine has stopped")]
    Stopped,
}

/// What an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Device in libtorch's words: `cpu`, `cuda:0`.
    pub device: String,
    /// Type of the weights in libtorch's words: `f32`.
    pub precision: String,
    /// Memory that weights may take together, in bytes.
    pub weight_room_bytes: u64,
    /// Pictures that are denoised together at most; more wait inside the engine.
    pub max_pictures: u32,
}

/// A model that an engine has, or could load.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineModel {
    /// The model's own name.
    pub id: String,
    /// SHA-256 over the sorted (path, file SHA-256) pairs of its directory, in hex.
    pub hash: String,
    /// Memory that its weights take, in bytes; estimated from the files until they are loaded.
    pub bytes: u64,
    /// Whether it is never given up.
    pub pinned: bool,
    /// Where its weights are.
    pub residency: Residency,
    /// How long its last load took.
    pub load_time: Option<Duration>,
}

/// What an engine's thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// It waits for work.
    Idle,
    /// It has been at one piece of work, such as a step, for so long.
    Busy(Duration),
    /// It is gone.
    Stopped,
}

/// A device with models.
pub trait Engine: Send + Sync {
    /// What it is.
    fn info(&self) -> &EngineInfo;

    /// The models that it has or could load, as they are now.
    fn models(&self) -> Vec<EngineModel>;

    /// What its thread is doing: how a caller notices that a step does not end.
    fn pulse(&self) -> Pulse;

    /// Loads a model, while the others are drawn with. One that is there, or unknown, is left as it is.
    fn load(&self, hash: &str);

    /// Gives a model up once no job needs it. A pinned or unknown one is left as it is.
    fn unload(&self, hash: &str);

    /// Hands over a job. It joins the others at the next step boundary, or once its model is loaded.
    fn submit(&self, request: EngineRequest, events: EventSink) -> Result<(), SubmitError>;

    /// Drops the job at the next step boundary. A key that is unknown or has ended is ignored.
    fn cancel(&self, key: u64);

    /// Holds a job up at the next step boundary, or lets it go on. Held jobs keep what they have and give their room to
    /// others. A key that is unknown or has ended is ignored.
    fn pause(&self, key: u64, paused: bool);

    /// Cancels every job and ends the engine's thread; returns when it has ended, or is stuck in a step. May be called
    /// twice.
    fn shutdown(&self);
}
