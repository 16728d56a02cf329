//! The engine's loop: admit, step, tell, decode. Knows no libtorch: [`Model`]s do the work.
//!
//! Each tick is one call of one model, for jobs of one *group*: same model, same shapes. Groups take turns by the device
//! time that their pictures have had. Jobs join, leave and are held up between ticks only. More may have begun than fit
//! into a call: a newcomer's first step is never kept waiting for the last one of a job that came before.

mod admit;
mod away;
mod choice;
mod job;
mod ladder;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use easel_domain::failure::FailureKind;

use super::model::{Model, ModelError, Thought};
use super::shelf::{Loaded, Shelf, Want};
use super::stopwatch::Stopwatch;
use super::turns::Turns;
use super::{EngineEvent, EngineModel, EngineRequest, EventSink, Picture};
use away::Away;
use job::{Job, grid, tell};
use ladder::Cap;

/// Failures that a job may have on its own before it is given up. The first may have been a neighbour's doing.
const MOST_FAILURES: u32 = 2;

/// A job that is handed to the engine.
pub struct Submission {
    /// What to make.
    pub request: EngineRequest,
    /// Who wants to know.
    pub events: EventSink,
    /// When it was handed over, on the engine's stopwatch.
    pub at: Duration,
    /// Whether it is held up before it has begun.
    pub paused: bool,
}

/// What may be used at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pictures that are denoised together.
    pub max_pictures: u32,
    /// Pictures that have begun. Those that do not fit into a call sit it out: they keep latents and text, a megabyte or
    /// two each.
    pub most_begun: u32,
    /// Memory for weights and pictures, in bytes.
    pub memory_bytes: u64,
}

impl Limits {
    /// So many pictures in a call, and twice as many begun.
    pub fn of(max_pictures: u32, memory_bytes: u64) -> Self {
        Self {
            max_pictures,
            most_begun: max_pictures.saturating_mul(2),
            memory_bytes,
        }
    }
}

/// Jobs that can share a call: place of the model, and the shapes.
type Group = (usize, Vec<i64>);

/// When the piece of work began that the thread is at now: how others notice that it does not end.
#[derive(Debug, Default)]
pub struct Beat(AtomicU64);

impl Beat {
    /// A new piece of work begins.
    pub fn begins(&self, now: Duration) {
        let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros.saturating_add(1), Ordering::Relaxed);
    }

    /// There is nothing to do.
    pub fn rests(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// When the current piece of work began.
    pub fn since(&self) -> Option<Duration> {
        let stored = self.0.load(Ordering::Relaxed);
        stored.checked_sub(1).map(Duration::from_micros)
    }
}

/// What the ticker shares with the rest of the process.
#[derive(Clone)]
pub struct Shared {
    /// The time.
    pub stopwatch: Arc<dyn Stopwatch>,
    /// Jobs on their way and waiting; whoever submits has counted them up.
    pub waiting: Arc<AtomicUsize>,
    /// The thread's sign of life.
    pub beat: Arc<Beat>,
}

/// Jobs in the engine, and the models that they share.
pub struct Ticker<M: Model> {
    shelf: Shelf<M>,
    limits: Limits,
    /// In the order of their arrival.
    waiting: VecDeque<Submission>,
    active: Vec<Job<M::Slot>>,
    /// Denoised and not yet decoded: one job's pictures are decoded in each tick, so that the others go on.
    decoding: VecDeque<Job<M::Slot>>,
    turns: Turns<Group>,
    caps: HashMap<Group, Cap>,
    /// Loads that are to begin, by place.
    to_load: Vec<usize>,
    /// What is being thought about, one thing at a time.
    away: Option<Away>,
    /// That, before it has begun.
    thought: Option<(u64, Thought)>,
    /// Something was admitted or told since the last tick that found nothing to do.
    stirred: bool,
    shared: Shared,
}

impl<M: Model> Ticker<M> {
    /// An engine with these models.
    pub fn new(shelf: Shelf<M>, limits: Limits, shared: Shared) -> Self {
        Self {
            shelf,
            limits,
            waiting: VecDeque::new(),
            active: Vec::new(),
            decoding: VecDeque::new(),
            turns: Turns::default(),
            caps: HashMap::new(),
            to_load: Vec::new(),
            away: None,
            thought: None,
            stirred: false,
            shared,
        }
    }

    /// Whether a tick would do nothing until it is told something.
    pub fn is_idle(&self) -> bool {
        !self.stirred && self.decoding.is_empty() && self.active.iter().all(|job| job.paused)
    }

    /// Takes a job; it begins at the next tick with room for it.
    pub fn submit(&mut self, submission: Submission) {
        self.stirred = true;
        self.waiting.push_back(submission);
    }

    /// Drops a job, wherever it is.
    pub fn cancel(&mut self, key: u64) {
        self.stirred = true;
        let end = EngineEvent::Cancelled { key };
        let waiting = |one: &Submission| one.request.key == key;
        if let Some(index) = self.waiting.iter().position(waiting) {
            if let Some(mut submission) = self.take_waiting(index) {
                tell(&mut submission.events, end);
            }
        } else if let Some(index) = self.active.iter().position(|job| job.key == key) {
            self.active.remove(index).end(end);
        } else if let Some(index) = self.decoding.iter().position(|job| job.key == key)
            && let Some(job) = self.decoding.remove(index)
        {
            job.end(end);
        } else {
            self.cancel_thought(key);
        }
    }

    /// Drops every job.
    pub fn cancel_all(&mut self) {
        let waiting = self.waiting.iter().map(|waiting| waiting.request.key);
        let active = self.active.iter().chain(&self.decoding).map(|job| job.key);
        let all = waiting.chain(active).chain(self.thinking());
        for key in all.collect::<Vec<_>>() {
            self.cancel(key);
        }
    }

    /// Holds a job up, or lets it go on. Held jobs keep their latents and give their room to others; one that goes on
    /// may exceed it for a while.
    pub fn pause(&mut self, key: u64, paused: bool) {
        self.stirred = true;
        for job in self.active.iter_mut().filter(|job| job.key == key) {
            job.paused = paused;
        }
        let waiting = self.waiting.iter_mut();
        for one in waiting.filter(|one| one.request.key == key) {
            one.paused = paused;
        }
    }

    /// Somebody expects to need a model.
    pub fn load(&mut self, hash: &str) {
        self.stirred = true;
        if let Some(place) = self.shelf.find(hash) {
            self.ask_for(place);
        }
    }

    /// A model is not needed any more, but by the jobs that have begun.
    pub fn unload(&mut self, hash: &str) {
        self.stirred = true;
        if let Some(place) = self.shelf.find(hash) {
            let in_use = self.places_in_use();
            self.shelf.unload(place, &|place| in_use.contains(&place));
        }
    }

    /// A load has ended. Jobs that wait for a model that could not be loaded fail: another node may have it.
    pub fn loaded(&mut self, place: usize, outcome: Result<Loaded<M>, String>) {
        self.stirred = true;
        match outcome {
            Ok(loaded) => self.shelf.loaded(place, Some(loaded)),
            Err(reason) => {
                self.shelf.loaded(place, None);
                let message = format!("load its model: {reason}");
                self.refuse_all_of(place, &ModelError::Elsewhere(message));
            }
        }
    }

    /// Loads that are to begin now; the caller sees to them and says how they ended.
    pub fn loads(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.to_load)
    }

    /// The models, as they are now.
    pub fn models(&self) -> Vec<EngineModel> {
        self.shelf.models()
    }

    fn now(&self) -> Duration {
        self.shared.stopwatch.elapsed()
    }

    /// A piece of work begins that may get stuck.
    fn beat(&self) {
        self.shared.beat.begins(self.now());
    }

    fn ask_for(&mut self, place: usize) -> Want {
        let in_use = self.places_in_use();
        let want = self.shelf.want(place, &|place| in_use.contains(&place));
        if want == Want::Begin {
            self.to_load.push(place);
        }
        want
    }

    /// Models of jobs that have begun.
    fn places_in_use(&self) -> Vec<usize> {
        let begun = self.active.iter().chain(&self.decoding);
        begun.map(|job| job.group.0).collect()
    }

    fn take_waiting(&mut self, index: usize) -> Option<Submission> {
        let submission = self.waiting.remove(index)?;
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(submission)
    }

    /// One call for the group whose turn it is, with whatever begins or ends around it.
    pub fn tick(&mut self) {
        self.stirred = false;
        let in_use = self.places_in_use();
        self.shelf.sweep(&|place| in_use.contains(&place));
        self.admit();
        if let Some(group) = self.turns.next(&self.runnable()) {
            let began = self.now();
            let stepped = self.step(&group);
            let took = self.now().saturating_sub(began);
            self.turns.took(&group, took, stepped);
        }
        self.move_finished();
        if let Some(job) = self.decoding.pop_front() {
            self.finish(job);
            self.stirred = true;
        }
    }

    fn runnable(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for job in self.active.iter().filter(|job| !job.paused) {
            if !groups.contains(&job.group) {
                groups.push(job.group.clone());
            }
        }
        groups
    }

    /// Tells the jobs of these keys how far they are.
    fn tell_progress(&mut self, keys: &HashSet<u64>) {
        let now = self.now();
        let models = &self.shelf;
        for job in self.active.iter_mut().filter(|job| keys.contains(&job.key)) {
            let Some(model) = models.get(job.group.0) else {
                continue;
            };
            let wanted = !job.is_finished(model) && job.wants_preview(now);
            let previews = wanted.then(|| job.slots.iter().map(|slot| model.preview(slot)));
            let previews: Option<Vec<Picture>> = previews.and_then(Iterator::collect);
            job.progress(model, previews.as_deref().and_then(grid));
        }
    }

    fn move_finished(&mut self) {
        let now = self.now();
        let models = &self.shelf;
        let finished = |job: &Job<M::Slot>| {
            let model = models.get(job.group.0);
            model.is_some_and(|model| job.is_finished(model))
        };
        let (finished, running) = self.active.drain(..).partition::<Vec<_>, _>(finished);
        self.active = running;
        for mut job in finished {
            job.timings.denoise = now.saturating_sub(job.started.unwrap_or(now));
            self.decoding.push_back(job);
        }
    }
}

/// What the engine says of a job that it could not do. What broke when the job was alone will break again; memory may be
/// there elsewhere, or later.
fn failed(key: u64, error: &ModelError) -> EngineEvent {
    let kind = match error {
        ModelError::Bad(_) | ModelError::Broken(_) => FailureKind::Fatal,
        ModelError::Memory(_) => FailureKind::Memory,
        ModelError::Elsewhere(_) => FailureKind::Retryable,
    };
    EngineEvent::Failed {
        key,
        kind,
        unfit: matches!(error, ModelError::Bad(_)),
        message: error.to_string(),
    }
}

/// A panic is a bug of ours or of a library; it ends no thread that serves others.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let first = text
            .and_then(|text| text.lines().next())
            .unwrap_or("no reason given");
        Err(ModelError::Broken(format!("the model panicked: {first}")))
    })
}
