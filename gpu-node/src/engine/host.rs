//! The engine's thread, for any kind of model: commands in, ticks, loads beside it.

mod loads;
mod thoughts;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use easel_domain::spec::Answer;

use super::model::{Model, ModelError};
use super::shelf::{Loaded, ModelFacts, Shelf};
use super::stopwatch::Stopwatch;
use super::ticker::{Beat, Limits, Shared, Submission, Ticker};
use super::{Engine, EngineInfo, EngineModel, EngineRequest, EventSink, Pulse, SubmitError};
use loads::Loads;
use thoughts::Thoughts;

/// Jobs that may wait inside the engine; the dispatcher keeps the rest.
const MOST_WAITING: usize = 64;

/// How often a shutdown looks whether the thread is stuck.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Reads a model into memory; called on a thread of its own, by the model's place in the stock.
pub type Load<M> = Arc<dyn Fn(usize) -> Result<Loaded<M>, String> + Send + Sync>;

/// What an engine is started with.
pub struct Start<M> {
    /// What it says of itself.
    pub info: EngineInfo,
    /// Its models; those that are in memory already.
    pub stock: Vec<(ModelFacts, Option<Loaded<M>>)>,
    /// How it loads the others.
    pub load: Load<M>,
    /// What may be used at once.
    pub limits: Limits,
    /// A shutdown waits for a piece of work for no longer than this.
    pub step_deadline: Duration,
    /// The time.
    pub stopwatch: Arc<dyn Stopwatch>,
}

enum Command<M> {
    Submit(Box<Submission>),
    Cancel(u64),
    Pause(u64, bool),
    Load(String),
    Unload(String),
    Loaded(usize, Box<Result<Loaded<M>, String>>),
    ThoughtOf(u64, Box<Result<Answer, ModelError>>),
    Shutdown,
}

impl<M> Command<M> {
    fn submission(self) -> Option<Submission> {
        match self {
            Self::Submit(submission) => Some(*submission),
            Self::Cancel(_)
            | Self::Pause(..)
            | Self::Load(_)
            | Self::Unload(_)
            | Self::Loaded(..)
            | Self::ThoughtOf(..)
            | Self::Shutdown => None,
        }
    }
}

/// A device with models, driven by its own thread.
pub struct Host<M: Model + Send + 'static> {
    info: EngineInfo,
    commands: Sender<Command<M>>,
    shared: Shared,
    models: Arc<Mutex<Vec<EngineModel>>>,
    step_deadline: Duration,
    /// Closed when the thread has ended.
    ended: Mutex<Receiver<()>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<M: Model + Send + 'static> Host<M> {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub fn new(start: Start<M>) -> std::io::Result<Self> {
        let (commands, received) = channel();
        let (alive, ended) = channel();
        let shared = Shared {
            stopwatch: start.stopwatch,
            waiting: Arc::new(AtomicUsize::new(0)),
            beat: Arc::new(Beat::default()),
        };
        let shelf = Shelf::new(start.stock, start.info.weight_room_bytes);
        let models = Arc::new(Mutex::new(shelf.models()));
        let mut driver = Driver {
            commands: received,
            models: Arc::clone(&models),
            loads: Loads::new(start.load, commands.clone()),
            thoughts: Thoughts::new(commands.clone()),
            beat: Arc::clone(&shared.beat),
        };
        let (limits, ticker_shared) = (start.limits, shared.clone());
        let run = move || {
            let _alive: Sender<()> = alive;
            driver.serve(Ticker::new(shelf, limits, ticker_shared));
        };
        let thread = std::thread::Builder::new().name("engine".to_owned());
        Ok(Self {
            info: start.info,
            commands,
            shared,
            models,
            step_deadline: start.step_deadline,
            ended: Mutex::new(ended),
            thread: Mutex::new(Some(thread.spawn(run)?)),
        })
    }

    fn has_ended(&self) -> bool {
        let thread = lock(&self.thread);
        thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Whether the thread has been at one piece of work for longer than it may.
    fn is_stuck(&self) -> bool {
        matches!(self.pulse(), Pulse::Busy(time) if time >= self.step_deadline)
    }
}

/// What lives on the thread.
struct Driver<M> {
    commands: Receiver<Command<M>>,
    models: Arc<Mutex<Vec<EngineModel>>>,
    loads: Loads<M>,
    thoughts: Thoughts<M>,
    beat: Arc<Beat>,
}

impl<M: Model + Send + 'static> Driver<M> {
    /// Takes commands between ticks, and sleeps on them when there is nothing to do.
    fn serve(&mut self, mut ticker: Ticker<M>) {
        loop {
            let mut command = if ticker.is_idle() {
                self.beat.rests();
                self.commands.recv().ok()
            } else {
                self.commands.try_recv().ok()
            };
            while let Some(next) = command {
                match next {
                    Command::Submit(submission) => ticker.submit(*submission),
                    Command::Cancel(key) => ticker.cancel(key),
                    Command::Pause(key, paused) => ticker.pause(key, paused),
                    Command::Load(hash) => ticker.load(&hash),
                    Command::Unload(hash) => ticker.unload(&hash),
                    Command::Loaded(place, outcome) => ticker.loaded(place, *outcome),
                    Command::ThoughtOf(key, outcome) => ticker.thought_of(key, *outcome),
                    Command::Shutdown => return self.end(&mut ticker),
                }
                command = self.commands.try_recv().ok();
            }
            // Said before jobs end, so that who hears of an end finds the models that it ended with.
            self.announce(&ticker);
            ticker.tick();
            for place in ticker.loads() {
                self.loads.begin(place);
            }
            if let Some((key, thought)) = ticker.next_thought() {
                self.thoughts.begin(key, thought);
            }
            self.announce(&ticker);
        }
    }

    fn announce(&self, ticker: &Ticker<M>) {
        let models = ticker.models();
        let mut announced = lock(&self.models);
        if *announced != models {
            *announced = models;
        }
    }

    fn end(&mut self, ticker: &mut Ticker<M>) {
        let rest = self.commands.try_iter();
        rest.filter_map(Command::submission)
            .for_each(|last| ticker.submit(last));
        ticker.cancel_all();
        self.thoughts.finish();
    }
}

impl<M: Model + Send + 'static> Engine for Host<M> {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn models(&self) -> Vec<EngineModel> {
        lock(&self.models).clone()
    }

    fn pulse(&self) -> Pulse {
        if self.has_ended() {
            return Pulse::Stopped;
        }
        let since = self.shared.beat.since();
        since.map_or(Pulse::Idle, |since| {
            Pulse::Busy(self.shared.stopwatch.elapsed().saturating_sub(since))
        })
    }

    fn load(&self, hash: &str) {
        // A thread that is gone loads nothing: its pulse says so.
        let _ = self.commands.send(Command::Load(hash.to_owned()));
    }

    fn unload(&self, hash: &str) {
        let _ = self.commands.send(Command::Unload(hash.to_owned()));
    }

    fn submit(&self, request: EngineRequest, events: EventSink) -> Result<(), SubmitError> {
        let waiting = &self.shared.waiting;
        if waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(SubmitError::Full);
        }
        let submission = Submission {
            request,
            events,
            at: self.shared.stopwatch.elapsed(),
            paused: false,
        };
        let sent = self.commands.send(Command::Submit(Box::new(submission)));
        sent.map_err(|_| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            SubmitError::Stopped
        })
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
        let ended = lock(&self.ended);
        if lock(&self.thread).is_none() {
            return;
        }
        while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if self.is_stuck() {
                // A call into a library cannot be interrupted; the process ends with the thread in it.
                lock(&self.thread).take();
                return;
            }
        }
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of the thread was printed by the panic hook; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

impl<M: Model + Send + 'static> Drop for Host<M> {
    fn drop(&mut self) {
        self.shutdown();
    }
}
