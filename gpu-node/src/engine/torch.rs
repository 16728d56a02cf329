//! The real engine: checkpoints on a device.

mod model;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use easel_diffusion::vision::Describer;
use easel_diffusion::{Checkpoint, Device, LoadError, LoadOptions, Pipeline, Precision};

use super::EngineInfo;
use super::host::{Host, Load, Start};
use super::shelf::{Loaded, ModelFacts};
use super::stopwatch::RealTime;
use super::ticker::Limits;
use crate::checkpoint;
pub use model::{SharedEyes, TorchModel};

/// A checkpoint that the engine has or may load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its directory.
    pub directory: PathBuf,
    /// Whether it is loaded at the start and never given up.
    pub pinned: bool,
}

/// What to load and where.
#[derive(Debug, Clone)]
pub struct TorchOptions {
    /// The checkpoints.
    pub models: Vec<Stored>,
    /// `cpu` or `cuda:N`.
    pub device: Device,
    /// Type of the weights.
    pub precision: Precision,
    /// Single-thread workers that share a batch on a CPU.
    pub workers: usize,
    /// Pictures that are denoised together at most.
    pub max_pictures: u32,
    /// Memory for weights and pictures, in bytes.
    pub memory_bytes: u64,
    /// How long a step may take.
    pub step_deadline: Duration,
    /// What it looks at pictures with, if it can.
    pub eyes: Option<EyesOptions>,
}

/// A `CLIPModel`, and a vocabulary for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EyesOptions {
    /// The model's directory.
    pub directory: PathBuf,
    /// The file of its phrases.
    pub phrases: PathBuf,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A checkpoint is at fault.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The eyes are at fault.
    #[error(transparent)]
    Eyes(LoadError),
    /// The system is at fault.
    #[error("start engine thread")]
    Thread(#[source] std::io::Error),
}

/// Checkpoints on a device, driven by their own thread.
pub type TorchEngine = Host<TorchModel>;

impl TorchEngine {
    /// Checks every checkpoint, loads those that are pinned, and starts the thread. Takes as long as reading the
    /// weights takes.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn start(options: TorchOptions) -> Result<Self, StartError> {
        let load = LoadOptions {
            device: options.device,
            precision: options.precision,
            workers: options.workers,
            // What may be shown is decided for whatever a node makes, not for what comes out of one network.
            safety_checker: false,
        };
        let (eyes, eyes_bytes) = open_eyes(options.eyes.as_ref())?;
        let memory_bytes = left_beside_eyes(&options, eyes_bytes);
        let mut stock = Vec::new();
        let mut reserve = 0;
        for stored in &options.models {
            let (facts, working) = describe(stored, options.precision)?;
            reserve = reserve.max(working);
            let loaded = stored
                .pinned
                .then(|| load_model(stored, load, eyes.as_ref()))
                .transpose()?;
            stock.push((facts, loaded));
        }
        let info = EngineInfo {
            device: options.device.to_string(),
            precision: format!("{:?}", options.precision).to_lowercase(),
            weight_room_bytes: memory_bytes.saturating_sub(reserve),
            max_pictures: options.max_pictures.max(1),
        };
        let limits = Limits::of(info.max_pictures, memory_bytes);
        let models = options.models;
        let load: Load<TorchModel> = Arc::new(move |place| {
            let stored = models.get(place).ok_or("no such model")?;
            load_model(stored, load, eyes.as_ref()).map_err(|error| error.to_string())
        });
        Self::new(Start {
            info,
            stock,
            load,
            limits,
            step_deadline: options.step_deadline,
            stopwatch: Arc::new(RealTime::start()),
        })
        .map_err(StartError::Thread)
    }
}

/// What is left of the device's memory, in bytes: the eyes are on the processor, and take none of a GPU's.
fn left_beside_eyes(options: &TorchOptions, eyes_bytes: u64) -> u64 {
    if options.device == Device::Cpu {
        options.memory_bytes.saturating_sub(eyes_bytes)
    } else {
        options.memory_bytes
    }
}

/// The eyes, on the processor, and the memory that they take of it.
fn open_eyes(options: Option<&EyesOptions>) -> Result<(Option<SharedEyes>, u64), StartError> {
    let Some(options) = options else {
        return Ok((None, 0));
    };
    let eyes = Describer::open(&options.directory, &options.phrases);
    let eyes = eyes.map_err(StartError::Eyes)?;
    let bytes = eyes.weight_bytes();
    Ok((Some(Arc::new(Mutex::new(eyes))), bytes))
}

fn load_model(
    stored: &Stored,
    options: LoadOptions,
    eyes: Option<&SharedEyes>,
) -> Result<Loaded<TorchModel>, LoadError> {
    let began = Instant::now();
    let mut pipeline = Pipeline::load(&stored.directory, options)?;
    let failed = |error| LoadError::file(&stored.directory, format!("a first step: {error}"));
    pipeline.warm_up().map_err(failed)?;
    Ok(Loaded {
        bytes: pipeline.weight_bytes(),
        model: TorchModel::new(pipeline, options.precision, eyes.cloned()),
        took: began.elapsed(),
    })
}

/// What a checkpoint's files say without reading its weights, and what one picture of its own size needs beside them.
fn describe(stored: &Stored, precision: Precision) -> Result<(ModelFacts, u64), LoadError> {
    let directory = &stored.directory;
    let hash = checkpoint::hash(directory)
        .map_err(|error| LoadError::file(directory, format!("hash: {error}")))?;
    let inspection = easel_diffusion::inspect(directory);
    // One that is loaded at once says itself whether it can be; one that is not must not surprise anybody later.
    if let Some(problem) = inspection.problems.into_iter().next()
        && !stored.pinned
    {
        return Err(problem);
    }
    let parameters = inspection.parts.iter().map(|part| part.stored.parameters);
    let facts = ModelFacts {
        id: checkpoint::id(directory),
        hash,
        bytes: parameters.sum::<u64>() * precision.bytes(),
        pinned: stored.pinned,
    };
    let checkpoint = Checkpoint::open(directory)?;
    let (width, height) = checkpoint.native_size();
    let need = model::anatomy(&checkpoint, precision).need(width, height, true);
    Ok((facts, need.kept + need.call.max(need.tiled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eyes_take_memory_of_the_processor_and_not_of_a_gpu() {
        let on = |device| TorchOptions {
            models: Vec::new(),
            device,
            precision: Precision::default(),
            workers: 1,
            max_pictures: 8,
            memory_bytes: 1_000,
            step_deadline: Duration::from_mins(4),
            eyes: None,
        };
        assert_eq!(left_beside_eyes(&on(Device::Cpu), 300), 700);
        assert_eq!(left_beside_eyes(&on(Device::Cuda(0)), 300), 1_000);
    }
}
