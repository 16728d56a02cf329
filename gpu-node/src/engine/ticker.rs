//! The engine's loop: admit, step, tell, decode. Knows no libtorch: a [`Model`] does the work.

mod job;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use easel_domain::failure::FailureKind;

use super::model::{Model, ModelError, Started};
use super::{EngineEvent, EngineRequest, EngineWork, EventSink, Picture, Timings};
use job::{Job, grid, tell};

/// Failures that a job may have on its own before it is given up. The first may have been a neighbour's doing.
const MOST_FAILURES: u32 = 2;

/// A job that is handed to the engine.
pub struct Submission {
    /// What to make.
    pub request: EngineRequest,
    /// Who wants to know.
    pub events: EventSink,
    /// When it was handed over.
    pub at: Instant,
}

/// Jobs in the engine, and the model that they share.
pub struct Ticker<M: Model> {
    model: M,
    max_pictures: usize,
    /// In the order of their arrival.
    waiting: VecDeque<Submission>,
    active: Vec<Job<M::Slot>>,
    /// Denoised and not yet decoded: one job's pictures are decoded in each tick, so that the others go on.
    decoding: VecDeque<Job<M::Slot>>,
    /// Shared with whoever submits: jobs on their way and in `waiting`.
    waiting_count: Arc<AtomicUsize>,
}

impl<M: Model> Ticker<M> {
    /// An engine with room for that many pictures at once. `waiting_count` is what the submitter counted up.
    pub fn new(model: M, max_pictures: u32, waiting_count: Arc<AtomicUsize>) -> Self {
        Self {
            model,
            max_pictures: max_pictures as usize,
            waiting: VecDeque::new(),
            active: Vec::new(),
            decoding: VecDeque::new(),
            waiting_count,
        }
    }

    /// Whether a tick would do nothing.
    pub fn is_idle(&self) -> bool {
        self.decoding.is_empty()
            && self.active.iter().all(|job| job.paused)
            && (self.waiting.is_empty() || !self.has_room_for_next())
    }

    /// Takes a job; it begins at the next tick with room for it.
    pub fn submit(&mut self, submission: Submission) {
        self.waiting.push_back(submission);
    }

    /// Drops a job, wherever it is.
    pub fn cancel(&mut self, key: u64) {
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
        }
    }

    /// Drops every job.
    pub fn cancel_all(&mut self) {
        let waiting = self.waiting.iter().map(|waiting| waiting.request.key);
        let active = self.active.iter().chain(&self.decoding).map(|job| job.key);
        for key in waiting.chain(active).collect::<Vec<_>>() {
            self.cancel(key);
        }
    }

    /// Holds a running job up, or lets it go on. Held jobs keep their latents and give their room to others; one that
    /// goes on may exceed it for a while.
    pub fn pause(&mut self, key: u64, paused: bool) {
        for job in self.active.iter_mut().filter(|job| job.key == key) {
            job.paused = paused;
        }
    }

    fn take_waiting(&mut self, index: usize) -> Option<Submission> {
        let submission = self.waiting.remove(index)?;
        self.waiting_count.fetch_sub(1, Ordering::Relaxed);
        Some(submission)
    }

    /// One step of everything that runs, with whatever begins or ends around it.
    pub fn tick(&mut self) {
        self.admit();
        self.step();
        for job in self.active.iter_mut().filter(|job| !job.paused) {
            let model = &self.model;
            let wanted = !job.is_finished(model) && job.wants_preview();
            let previews = wanted.then(|| job.slots.iter().map(|slot| model.preview(slot)));
            let previews: Option<Vec<Picture>> = previews.and_then(Iterator::collect);
            job.progress(model, previews.as_deref().and_then(grid));
        }
        let model = &self.model;
        let finished = |job: &Job<M::Slot>| job.is_finished(model);
        let (finished, running) = self.active.drain(..).partition::<Vec<_>, _>(finished);
        self.active = running;
        for mut job in finished {
            job.timings.denoise = job.started.elapsed();
            self.decoding.push_back(job);
        }
        if let Some(job) = self.decoding.pop_front() {
            self.finish(job);
        }
    }

    fn has_room_for_next(&self) -> bool {
        let Some(next) = self.waiting.front() else {
            return true;
        };
        let running = self.active.iter().filter(|job| !job.paused);
        let running: usize = running.map(|job| job.slots.len()).sum();
        let wanted = match &next.request.work {
            EngineWork::Generate { spec, .. } => spec.pictures.len(),
            EngineWork::Upscale { .. } => 0,
        };
        running == 0 || running + wanted <= self.max_pictures
    }

    /// Starts jobs in their order while there is room; one that alone is larger than the room runs alone.
    fn admit(&mut self) {
        while !self.waiting.is_empty() && self.has_room_for_next() {
            if let Some(submission) = self.take_waiting(0) {
                self.start(submission);
            }
        }
    }

    fn start(&mut self, mut submission: Submission) {
        let (key, began) = (submission.request.key, Instant::now());
        let model = &mut self.model;
        let started = guarded(|| model.start(&submission.request.work));
        match started {
            Ok(Started::Slots(slots)) => {
                let job = Job::new(submission, slots, began.elapsed());
                self.active.push(job);
            }
            Ok(Started::Pictures(pictures)) => {
                let timings = Timings {
                    wait: began - submission.at,
                    finish: began.elapsed(),
                    ..Timings::default()
                };
                let event = EngineEvent::Finished {
                    key,
                    pictures,
                    timings,
                };
                tell(&mut submission.events, event);
            }
            Err(error) => tell(&mut submission.events, failed(key, &error)),
        }
    }

    /// All jobs together; where that fails, each on its own, so that one cannot take the others with it.
    fn step(&mut self) {
        let before: Vec<Vec<u32>> = self
            .active
            .iter()
            .map(|job| job.done(&self.model))
            .collect();
        let running = self.active.iter_mut().filter(|job| !job.paused);
        let mut slots: Vec<&mut M::Slot> = running.flat_map(|job| &mut job.slots).collect();
        if slots.is_empty() {
            return;
        }
        let model = &mut self.model;
        if guarded(|| model.step(&mut slots)).is_ok() {
            return;
        }
        let alone = self.active.iter().filter(|job| !job.paused).count() == 1;
        let mut kept = Vec::new();
        for (mut job, before) in self.active.drain(..).zip(before) {
            let model = &mut self.model;
            let done = job.done(model);
            let left = job.slots.iter_mut().zip(done.iter().zip(&before));
            let mut left: Vec<_> = left
                .filter(|(_, (done, before))| done == before)
                .map(|(slot, _)| slot)
                .collect();
            if job.paused || left.is_empty() {
                kept.push(job);
                continue;
            }
            match guarded(|| model.step(&mut left)) {
                Ok(()) => job.failures = 0,
                Err(error) => {
                    job.failures += if alone { 2 } else { 1 };
                    if job.failures >= MOST_FAILURES || matches!(error, ModelError::Bad(_)) {
                        let event = failed(job.key, &error);
                        job.end(event);
                        continue;
                    }
                }
            }
            kept.push(job);
        }
        self.active = kept;
    }

    fn finish(&mut self, mut job: Job<M::Slot>) {
        let (key, decoding) = (job.key, Instant::now());
        let model = &mut self.model;
        let slots: Vec<&M::Slot> = job.slots.iter().collect();
        let decoded = guarded(|| model.decode(&slots)).or_else(|error| match error {
            // Less at once may fit.
            ModelError::Memory(_) if slots.len() > 1 => {
                let one = |slot: &&M::Slot| guarded(|| model.decode(&[*slot]));
                let each: Result<Vec<_>, _> = slots.iter().map(one).collect();
                each.map(|pictures| pictures.into_iter().flatten().collect())
            }
            error => Err(error),
        });
        job.timings.decode = decoding.elapsed();
        let finishing = Instant::now();
        let scale = job.finish_scale;
        let finished = decoded.and_then(|pictures| match scale {
            1 => Ok(pictures),
            scale => guarded(|| model.enlarge(pictures, scale)),
        });
        job.timings.finish = finishing.elapsed();
        let timings = job.timings;
        job.end(match finished {
            Ok(pictures) => EngineEvent::Finished {
                key,
                pictures,
                timings,
            },
            Err(error) => failed(key, &error),
        });
    }
}

/// What the engine says of a job that it could not do. What broke when the job was alone will break again; memory may be
/// there elsewhere, or later.
fn failed(key: u64, error: &ModelError) -> EngineEvent {
    let kind = match error {
        ModelError::Bad(_) | ModelError::Broken(_) => FailureKind::Fatal,
        ModelError::Memory(_) => FailureKind::Retryable,
    };
    EngineEvent::Failed {
        key,
        kind,
        message: error.to_string(),
    }
}

/// A panic is a bug of ours or of a library; it ends no thread that serves others.
fn guarded<T>(work: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let first = text
            .and_then(|text| text.lines().next())
            .unwrap_or("no reason given");
        Err(ModelError::Broken(format!("the model panicked: {first}")))
    })
}
