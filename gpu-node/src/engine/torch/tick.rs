//! The engine's loop: admit, step, tell, decode.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use easel_diffusion::{Pipeline, Slot, TaskError};

use super::Submission;
use super::job::{Job, failed, grid, picture, pixels, tasks, tell};
use crate::engine::{EngineEvent, EngineWork, Picture, Timings};
use crate::resize;

/// Jobs in the engine, and the model that they share.
pub struct Ticker {
    pipeline: Pipeline,
    max_pictures: usize,
    /// In the order of their arrival.
    waiting: VecDeque<Submission>,
    active: Vec<Job>,
    /// Shared with whoever submits: jobs on their way and in `waiting`.
    waiting_count: Arc<AtomicUsize>,
}

impl Ticker {
    pub fn new(pipeline: Pipeline, max_pictures: u32, waiting_count: Arc<AtomicUsize>) -> Self {
        let (waiting, active) = (VecDeque::new(), Vec::new());
        Self {
            pipeline,
            max_pictures: max_pictures as usize,
            waiting,
            active,
            waiting_count,
        }
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.active.is_empty()
    }

    pub fn submit(&mut self, submission: Submission) {
        self.waiting.push_back(submission);
    }

    pub fn cancel(&mut self, key: u64) {
        if let Some(index) = self
            .waiting
            .iter()
            .position(|waiting| waiting.request.key == key)
        {
            if let Some(mut submission) = self.take_waiting(index) {
                tell(&mut submission.events, EngineEvent::Cancelled { key });
            }
        } else if let Some(index) = self.active.iter().position(|job| job.key == key) {
            self.active
                .remove(index)
                .end(EngineEvent::Cancelled { key });
        }
    }

    pub fn cancel_all(&mut self) {
        let keys = self.waiting.iter().map(|waiting| waiting.request.key);
        for key in keys
            .chain(self.active.iter().map(|job| job.key))
            .collect::<Vec<_>>()
        {
            self.cancel(key);
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
        for job in &mut self.active {
            let wanted = !job.is_finished() && job.wants_preview();
            let previews = wanted.then(|| job.slots.iter().map(|slot| self.pipeline.preview(slot)));
            let previews: Option<Vec<_>> = previews.and_then(Iterator::collect);
            job.progress(previews.as_deref().and_then(grid));
        }
        let (finished, running) = self.active.drain(..).partition(Job::is_finished);
        self.active = running;
        for job in finished {
            self.finish(job);
        }
    }

    /// Starts jobs in their order while there is room; one that alone is larger than the room runs alone.
    fn admit(&mut self) {
        while let Some(next) = self.waiting.front() {
            let running: usize = self.active.iter().map(|job| job.slots.len()).sum();
            let wanted = match &next.request.work {
                EngineWork::Generate { spec, .. } => spec.pictures.len(),
                EngineWork::Upscale { .. } => 0,
            };
            if running > 0 && running + wanted > self.max_pictures {
                return;
            }
            if let Some(submission) = self.take_waiting(0) {
                self.start(submission);
            }
        }
    }

    fn start(&mut self, mut submission: Submission) {
        let (key, began) = (submission.request.key, Instant::now());
        let outcome = match &submission.request.work {
            EngineWork::Generate { spec, text, init } => {
                let finish_scale = spec.finish_scale;
                let tasks = self
                    .check_scale(finish_scale)
                    .and_then(|()| tasks(spec, text, init.as_ref()));
                tasks.and_then(|tasks| {
                    self.pipeline.encode_text(&text.positive)?;
                    let text_time = began.elapsed();
                    let slots: Result<Vec<Slot>, _> = tasks
                        .iter()
                        .map(|task| self.pipeline.prepare(task))
                        .collect();
                    Ok(Ok((slots?, finish_scale, text_time)))
                })
            }
            EngineWork::Upscale { picture, scale } => {
                self.enlarge(vec![picture.clone()], *scale).map(Err)
            }
        };
        match outcome {
            Ok(Ok((slots, finish_scale, text))) => {
                self.active
                    .push(Job::new(submission, slots, finish_scale, text));
            }
            Ok(Err(pictures)) => {
                let (wait, finish) = (began - submission.at, began.elapsed());
                let timings = Timings {
                    wait,
                    finish,
                    ..Timings::default()
                };
                tell(
                    &mut submission.events,
                    EngineEvent::Finished {
                        key,
                        pictures,
                        timings,
                    },
                );
            }
            Err(error) => tell(&mut submission.events, failed(key, &error)),
        }
    }

    fn step(&mut self) {
        let mut slots: Vec<&mut Slot> = self
            .active
            .iter_mut()
            .flat_map(|job| &mut job.slots)
            .collect();
        if slots.is_empty() {
            return;
        }
        // Whose fault it was cannot be told; each of them may have better luck elsewhere.
        if let Err(error) = self.pipeline.step(&mut slots) {
            let (TaskError::Torch(message) | TaskError::Bad { message, .. }) = error;
            self.fail_all(&message);
        }
    }

    /// Ends everything that runs; another try may succeed.
    pub fn fail_all(&mut self, message: &str) {
        for job in self.active.drain(..) {
            let event = failed(job.key, &TaskError::Torch(message.to_owned()));
            job.end(event);
        }
    }

    fn finish(&mut self, mut job: Job) {
        let (key, decoding) = (job.key, Instant::now());
        job.timings.denoise = decoding - job.started;
        let decoded = self.pipeline.decode(&job.slots.iter().collect::<Vec<_>>());
        job.timings.decode = decoding.elapsed();
        let finishing = Instant::now();
        let decoded = decoded.map(|pictures| pictures.into_iter().map(picture).collect());
        let finished = decoded.and_then(|pictures| self.enlarge(pictures, job.finish_scale));
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

    fn check_scale(&self, scale: u32) -> Result<(), TaskError> {
        let factor = self.pipeline.upscale_factor();
        if (1..=factor).contains(&scale) {
            return Ok(());
        }
        let message = format!("must be from 1 to this model's {factor}, not {scale}");
        Err(TaskError::Bad {
            parameter: "scale",
            message,
        })
    }

    /// The network knows one factor; a smaller one is its result, made smaller.
    fn enlarge(&mut self, pictures: Vec<Picture>, scale: u32) -> Result<Vec<Picture>, TaskError> {
        self.check_scale(scale)?;
        if scale == 1 {
            return Ok(pictures);
        }
        let sizes: Vec<_> = pictures
            .iter()
            .map(|picture| (picture.width * scale, picture.height * scale))
            .collect();
        let inputs: Vec<_> = pictures.into_iter().map(pixels).collect();
        let enlarged = self.pipeline.upscale(&inputs)?.into_iter().map(picture);
        let resized = enlarged
            .zip(sizes)
            .map(|(picture, (width, height))| resize::lanczos(&picture, width, height));
        resized.collect::<Result<_, _>>().map_err(|message| {
            let parameter = "scale";
            TaskError::Bad { parameter, message }
        })
    }
}
