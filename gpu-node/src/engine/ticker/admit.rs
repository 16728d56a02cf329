//! Who begins: in the order of arrival, as far as models and memory are there.

use super::job::{Job, tell};
use super::{Submission, Ticker, failed, guarded};
use crate::engine::memory::Need;
use crate::engine::model::{Model, ModelError, Started};
use crate::engine::shelf::{Want, mib};
use crate::engine::{EngineEvent, EngineWork, Timings};

/// What is to become of the next job in the order.
enum Verdict {
    /// It begins.
    Start(usize),
    /// It waits for its model, and those after it need not.
    Skip,
    /// It waits for room, and so do those after it.
    Stop,
    /// It cannot be done here.
    Refuse(ModelError),
}

impl<M: Model> Ticker<M> {
    /// Starts jobs in their order while there is room; one that alone is larger than the room runs alone. A job whose
    /// model is not there holds up nobody else's.
    pub(super) fn admit(&mut self) {
        let mut at = 0;
        while at < self.waiting.len() {
            match self.verdict(at) {
                Verdict::Skip => at += 1,
                Verdict::Stop => return,
                Verdict::Start(place) => {
                    if let Some(submission) = self.take_waiting(at) {
                        self.start(submission, place);
                    }
                }
                Verdict::Refuse(error) => {
                    if let Some(mut submission) = self.take_waiting(at) {
                        let event = failed(submission.request.key, &error);
                        tell(&mut submission.events, event);
                    }
                }
            }
        }
    }

    fn verdict(&mut self, at: usize) -> Verdict {
        let Some(next) = self.waiting.get(at) else {
            return Verdict::Stop;
        };
        if next.paused || self.must_wait_for_thought(&next.request.work) {
            return Verdict::Skip;
        }
        let Some(place) = self.shelf.find(&next.request.model) else {
            let message = "this node does not have the model that was asked for";
            return Verdict::Refuse(ModelError::Elsewhere(message.to_owned()));
        };
        match self.ask_for(place) {
            Want::Here => self.room_for(at, place),
            Want::Begin | Want::Later => Verdict::Skip,
            Want::Never(reason) => Verdict::Refuse(ModelError::Elsewhere(reason)),
        }
    }

    fn room_for(&mut self, at: usize, place: usize) -> Verdict {
        let (Some(next), Some(model)) = (self.waiting.get(at), self.shelf.get(place)) else {
            return Verdict::Skip;
        };
        let wanted = pictures(&next.request.work);
        let need = model.need(&next.request.work);
        let running = self.active.iter().filter(|job| !job.paused);
        let running: usize = running.map(|job| job.slots.len()).sum();
        if running > 0 && running + wanted > self.limits.most_begun as usize {
            return Verdict::Stop;
        }
        let least = least_bytes(need, wanted);
        loop {
            if least <= self.free_bytes() {
                return Verdict::Start(place);
            }
            // Work that is held up frees nothing while it waits for the very job that is asked about.
            if self.active.iter().any(|job| !job.paused) || !self.decoding.is_empty() {
                return Verdict::Stop;
            }
            let held_up: Vec<usize> = self.active.iter().map(|job| job.group.0).collect();
            if !self
                .shelf
                .make_room(&|other| other == place || held_up.contains(&other))
            {
                return Verdict::Refuse(ModelError::Memory(format!(
                    "even one picture at a time takes {} MiB, and {} of {} MiB are free",
                    mib(least),
                    mib(self.free_bytes()),
                    mib(self.limits.memory_bytes)
                )));
            }
        }
    }

    /// Memory that neither weights nor the pictures in the engine keep, in bytes.
    pub(super) fn free_bytes(&self) -> u64 {
        let begun = self.active.iter().chain(&self.decoding);
        let kept: u64 = begun
            .map(|job| job.need.kept * job.slots.len() as u64)
            .sum();
        let used = self.shelf.used_bytes() + kept;
        self.limits.memory_bytes.saturating_sub(used)
    }

    fn start(&mut self, mut submission: Submission, place: usize) {
        self.beat();
        let (key, began) = (submission.request.key, self.now());
        let Some(model) = self.shelf.take_up(place) else {
            return;
        };
        let need = model.need(&submission.request.work);
        let started = guarded(|| model.start(&submission.request.work));
        let shape = |slots: &[M::Slot]| slots.first().map(|slot| model.shape(slot));
        match started {
            Ok(Started::Slots(slots)) => {
                let group = (place, shape(&slots).unwrap_or_default());
                let job = Job::new(submission, slots, group, need, (began, self.now()));
                self.active.push(job);
            }
            Ok(Started::Pictures(pictures)) => {
                let timings = Timings {
                    wait: began.saturating_sub(submission.at),
                    finish: self.now().saturating_sub(began),
                    ..Timings::default()
                };
                let event = EngineEvent::Finished {
                    key,
                    pictures,
                    timings,
                };
                tell(&mut submission.events, event);
            }
            Ok(Started::Thought(thought)) => self.think(submission, thought, began),
            Err(error) => tell(&mut submission.events, failed(key, &error)),
        }
    }

    pub(super) fn refuse_all_of(&mut self, place: usize, error: &ModelError) {
        let waits = |one: &Submission| self.shelf.find(&one.request.model) == Some(place);
        let keys = self.waiting.iter().filter(|one| waits(one));
        let keys: Vec<u64> = keys.map(|one| one.request.key).collect();
        for key in keys {
            let at = self.waiting.iter().position(|one| one.request.key == key);
            if let Some(mut submission) = at.and_then(|at| self.take_waiting(at)) {
                tell(&mut submission.events, failed(key, error));
            }
        }
    }
}

fn pictures(work: &EngineWork) -> usize {
    match work {
        EngineWork::Generate { spec, .. } => spec.pictures.len(),
        EngineWork::Upscale { .. } | EngineWork::Weigh { .. } | EngineWork::Describe { .. } => 0,
    }
}

/// The least that work can be done with: one picture in a call at a time, decoded in tiles.
fn least_bytes(need: Need, pictures: usize) -> u64 {
    need.kept * pictures as u64 + need.call.max(need.tiled)
}
