//! The real engine: one thread that owns a device and a loaded checkpoint.

mod model;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use easel_diffusion::{Device, LoadError, LoadOptions, Pipeline, Precision};

use super::model::Model;
use super::ticker::{Submission, Ticker};
use super::{Engine, EngineInfo, EngineRequest, EventSink, SubmitError};
use crate::checkpoint;
use model::TorchModel;

/// Jobs that may wait inside the engine; the dispatcher keeps the rest.
const MOST_WAITING: usize = 64;

/// What to load and where.
#[derive(Debug, Clone)]
pub struct TorchOptions {
    /// The checkpoint's directory.
    pub model: PathBuf,
    /// `cpu` or `cuda:N`.
    pub device: Device,
    /// Type of the weights.
    pub precision: Precision,
    /// Single-thread workers that share a batch on a CPU.
    pub workers: usize,
    /// Pictures that are denoised together at most.
    pub max_pictures: u32,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The checkpoint is at fault.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The system is at fault.
    #[error("start engine thread")]
    Thread(#[source] std::io::Error),
    /// The thread ended before it said anything.
    #[error("engine thread died while loading")]
    Died,
}

enum Command {
    Submit(Box<Submission>),
    Cancel(u64),
    Pause(u64, bool),
    Shutdown,
}

impl Command {
    fn submission(self) -> Option<Submission> {
        match self {
            Self::Submit(submission) => Some(*submission),
            Self::Cancel(_) | Self::Pause(..) | Self::Shutdown => None,
        }
    }
}

/// A checkpoint on a device, driven by its own thread.
pub struct TorchEngine {
    info: EngineInfo,
    commands: Sender<Command>,
    waiting: Arc<AtomicUsize>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl TorchEngine {
    /// Loads the checkpoint and starts the thread. Takes as long as reading the weights takes.
    pub fn start(options: TorchOptions) -> Result<Self, StartError> {
        let (model_id, model_hash) = (
            checkpoint::id(&options.model),
            checkpoint::hash(&options.model),
        );
        let model_hash = model_hash
            .map_err(|error| LoadError::file(&options.model, format!("hash: {error}")))?;
        let (commands, received) = channel();
        let (loaded, outcome) = sync_channel(1);
        let waiting = Arc::new(AtomicUsize::new(0));
        let (device, max_pictures) = (options.device.to_string(), options.max_pictures.max(1));
        let counter = Arc::clone(&waiting);
        let run = move || {
            let load = LoadOptions {
                device: options.device,
                precision: options.precision,
                workers: options.workers,
            };
            match Pipeline::load(&options.model, load) {
                Ok(pipeline) => {
                    let told = loaded.send(Ok(pipeline.weight_bytes()));
                    if told.is_ok() {
                        let model = TorchModel(pipeline);
                        serve(&received, Ticker::new(model, max_pictures, counter));
                    }
                }
                // The other side holds its end until it has heard.
                Err(error) => drop(loaded.send(Err(error))),
            }
        };
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(run)
            .map_err(StartError::Thread)?;
        let weight_bytes = outcome.recv().map_err(|_| StartError::Died)??;
        let info = EngineInfo {
            model_id,
            model_hash,
            device,
            weight_bytes,
            max_pictures,
        };
        Ok(Self {
            info,
            commands,
            waiting,
            thread: Mutex::new(Some(thread)),
        })
    }
}

/// Takes commands between ticks, and sleeps on them when there is nothing to do.
fn serve<M: Model>(commands: &Receiver<Command>, mut ticker: Ticker<M>) {
    loop {
        let mut command = if ticker.is_idle() {
            commands.recv().ok()
        } else {
            commands.try_recv().ok()
        };
        if command.is_none() && ticker.is_idle() {
            // Nobody is left who could wake a paused job.
            return ticker.cancel_all();
        }
        while let Some(next) = command {
            match next {
                Command::Submit(submission) => ticker.submit(*submission),
                Command::Cancel(key) => ticker.cancel(key),
                Command::Pause(key, paused) => ticker.pause(key, paused),
                Command::Shutdown => {
                    let rest = commands.try_iter();
                    rest.filter_map(Command::submission)
                        .for_each(|last| ticker.submit(last));
                    return ticker.cancel_all();
                }
            }
            command = commands.try_recv().ok();
        }
        ticker.tick();
    }
}

impl Engine for TorchEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, request: EngineRequest, events: EventSink) -> Result<(), SubmitError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(SubmitError::Full);
        }
        let submission = Submission {
            request,
            events,
            at: Instant::now(),
        };
        self.commands
            .send(Command::Submit(Box::new(submission)))
            .map_err(|_| SubmitError::Stopped)
    }

    fn cancel(&self, key: u64) {
        // A thread that is gone has cancelled everything.
        let _ = self.commands.send(Command::Cancel(key));
    }

    fn pause(&self, key: u64, paused: bool) {
        let _ = self.commands.send(Command::Pause(key, paused));
    }

    fn shutdown(&self) {
        let _ = self.commands.send(Command::Shutdown);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic of the thread was printed by the panic hook; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

impl Drop for TorchEngine {
    fn drop(&mut self) {
        self.shutdown();
    }
}
