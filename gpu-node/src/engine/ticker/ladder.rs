//! Steps and decoding, and what is tried when memory runs out (G7): fewer pictures at once, other models out, tiles; a
//! refusal with its reason only when nothing of that helps. A lower resolution is the dispatcher's to decide.

use std::collections::{HashMap, HashSet};

use easel_domain::spec::Answer;

use super::choice::Pick;
use super::job::Job;
use super::{Group, MOST_FAILURES, Ticker, failed, guarded};
use crate::engine::model::{Decoding, Model, ModelError};
use crate::engine::shelf::mib;
use crate::engine::{EngineEvent, Picture};

/// After so many calls in a row that went well, a batch that was made smaller may grow again.
const GROWS_AFTER: u32 = 256;

/// How many pictures of one shape fit into a call, as far as failures have taught.
#[derive(Debug, Clone, Copy)]
pub struct Cap {
    pictures: usize,
    calls: u32,
}

impl Cap {
    fn halved(pictures: usize) -> Self {
        Self {
            pictures: pictures.div_ceil(2).max(1),
            calls: 0,
        }
    }
}

impl<M: Model> Ticker<M> {
    /// One step of those whose turn it is in a group, in as few calls as fit. Returns how many slots there were, and tells
    /// their jobs.
    pub(super) fn step(&mut self, group: &Group) -> usize {
        let picks = self.picks(group);
        self.note_first_steps(&picks);
        let stepped: HashSet<usize> = picks.iter().map(|(job, _)| *job).collect();
        let stepped: HashSet<u64> = stepped.iter().map(|job| self.active[*job].key).collect();
        let alone = stepped.len() == 1;
        let cap = self.cap(group, &picks);
        let mut todo: Vec<Vec<Pick>> = picks.chunks(cap.max(1)).map(<[Pick]>::to_vec).collect();
        todo.reverse();
        let mut fallen: HashMap<usize, ModelError> = HashMap::new();
        while let Some(picks) = todo.pop() {
            let before = self.done(&picks);
            let began = self.now();
            let outcome = self.call(group.0, &picks);
            let left: Vec<Pick> = picks
                .iter()
                .zip(before.iter().zip(self.done(&picks)))
                .filter(|(_, (before, done))| **before == *done)
                .map(|(pick, _)| *pick)
                .collect();
            match outcome {
                Ok(()) => {
                    let took = self.now().saturating_sub(began);
                    let pictures = u32::try_from(picks.len()).unwrap_or(u32::MAX);
                    for job in picks.chunk_by(|a, b| a.0 == b.0) {
                        let job = &mut self.active[job[0].0];
                        job.failures = 0;
                        job.timings.called(pictures, took);
                    }
                    self.went_well(group);
                }
                Err(_) if left.is_empty() => {}
                Err(ModelError::Memory(message)) => {
                    self.less_at_once(group, left, &message, &mut todo, &mut fallen);
                }
                Err(error) => self.apart(&left, error, alone, &mut todo, &mut fallen),
            }
        }
        self.let_fall(fallen);
        self.tell_progress(&stepped);
        picks.len()
    }

    /// How many of these the prediction and past failures allow in one call.
    fn cap(&self, group: &Group, picks: &[Pick]) -> usize {
        let learnt = self.caps.get(group).map_or(usize::MAX, |cap| cap.pictures);
        let call = picks.iter().map(|(job, _)| self.active[*job].need.call);
        let call = call.max().unwrap_or(0);
        let predicted = self.free_bytes().checked_div(call).unwrap_or(u64::MAX);
        learnt.min(usize::try_from(predicted).unwrap_or(usize::MAX))
    }

    fn done(&self, picks: &[Pick]) -> Vec<u32> {
        let done = |&(job, slot): &Pick| {
            let job: &Job<M::Slot> = &self.active[job];
            let model = self.shelf.get(job.group.0);
            model.map_or(0, |model| model.progress(&job.slots[slot]).0)
        };
        picks.iter().map(done).collect()
    }

    fn call(&mut self, place: usize, picks: &[Pick]) -> Result<(), ModelError> {
        self.beat();
        let Some(model) = self.shelf.take_up(place) else {
            return Err(ModelError::Broken("its model is not loaded".to_owned()));
        };
        let mut slots: Vec<&mut M::Slot> = Vec::with_capacity(picks.len());
        let mut picks = picks.iter().peekable();
        for (at, job) in self.active.iter_mut().enumerate() {
            for (number, slot) in job.slots.iter_mut().enumerate() {
                if picks.next_if(|pick| **pick == (at, number)).is_some() {
                    slots.push(slot);
                }
            }
        }
        guarded(|| model.step(&mut slots))
    }

    fn went_well(&mut self, group: &Group) {
        if let Some(cap) = self.caps.get_mut(group) {
            cap.calls += 1;
            if cap.calls >= GROWS_AFTER {
                *cap = Cap {
                    pictures: cap.pictures * 2,
                    calls: 0,
                };
            }
        }
        self.caps
            .retain(|_, cap| cap.pictures < self.limits.max_pictures as usize);
    }

    /// Memory ran out: half of the pictures, then room where other models were, then a refusal.
    fn less_at_once(
        &mut self,
        group: &Group,
        left: Vec<Pick>,
        message: &str,
        todo: &mut Vec<Vec<Pick>>,
        fallen: &mut HashMap<usize, ModelError>,
    ) {
        if left.len() > 1 {
            let cap = Cap::halved(left.len());
            self.caps.insert(group.clone(), cap);
            let halves = left.chunks(cap.pictures).map(<[Pick]>::to_vec);
            todo.extend(halves.rev());
            return;
        }
        let in_use = self.places_in_use();
        if self.shelf.make_room(&|place| in_use.contains(&place)) {
            todo.push(left);
            return;
        }
        for (job, _) in left {
            let free = mib(self.free_bytes());
            let reason = format!("{message}; one picture alone did not fit into {free} MiB");
            fallen.insert(job, ModelError::Memory(reason));
        }
    }

    /// Something broke: each job on its own, so that one cannot take the others with it.
    fn apart(
        &mut self,
        left: &[Pick],
        error: ModelError,
        alone: bool,
        todo: &mut Vec<Vec<Pick>>,
        fallen: &mut HashMap<usize, ModelError>,
    ) {
        let jobs = left.chunk_by(|a, b| a.0 == b.0).map(<[Pick]>::to_vec);
        let jobs: Vec<_> = jobs.collect();
        if jobs.len() > 1 {
            todo.extend(jobs.into_iter().rev());
            return;
        }
        let Some(&(at, _)) = left.first() else {
            return;
        };
        let job = &mut self.active[at];
        job.failures += if alone { MOST_FAILURES } else { 1 };
        if job.failures >= MOST_FAILURES || matches!(error, ModelError::Bad(_)) {
            fallen.insert(at, error);
        }
    }

    fn let_fall(&mut self, fallen: HashMap<usize, ModelError>) {
        self.stirred |= !fallen.is_empty();
        let mut places: Vec<(usize, ModelError)> = fallen.into_iter().collect();
        places.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        for (at, error) in places {
            let job = self.active.remove(at);
            let event = failed(job.key, &error);
            job.end(event);
        }
    }

    /// A denoised job becomes pictures, and a weighed prompt its answer.
    pub(super) fn finish(&mut self, mut job: Job<M::Slot>) {
        let (key, began) = (job.key, self.now());
        if let Some(of_words) = self.influences(&job) {
            let timings = std::mem::take(&mut job.timings);
            return job.end(EngineEvent::Answered {
                key,
                answer: Answer::Influences { of_words },
                timings,
            });
        }
        let decoded = self.decode(&job);
        let middle = self.now();
        job.timings.decode = middle.saturating_sub(began);
        let finished = decoded.and_then(|pictures| self.enlarge(&job, pictures));
        job.timings.finish = self.now().saturating_sub(middle);
        let timings = std::mem::take(&mut job.timings);
        job.end(match finished {
            Ok(pictures) => EngineEvent::Finished {
                key,
                pictures,
                timings,
            },
            Err(error) => failed(key, &error),
        });
    }

    fn influences(&self, job: &Job<M::Slot>) -> Option<Vec<f32>> {
        let model = self.shelf.get(job.group.0)?;
        job.slots.first().and_then(|slot| model.influences(slot))
    }

    /// All at once, one by one, in tiles, in tiles without the models that nobody uses: the first of these that is
    /// predicted to fit, and does.
    fn decode(&mut self, job: &Job<M::Slot>) -> Result<Vec<Picture>, ModelError> {
        let count = job.slots.len() as u64;
        let free = self.free_bytes();
        let rungs = [
            (count as usize, Decoding::Whole, job.need.decode * count),
            (1, Decoding::Whole, job.need.decode),
            (1, Decoding::Tiled, 0),
            (1, Decoding::Tiled, 0),
        ];
        let mut last = ModelError::Memory("nothing fits".to_owned());
        for (rung, (at_once, how, need)) in rungs.into_iter().enumerate() {
            if need > free {
                continue;
            }
            if rung == 3 {
                let mut in_use = self.places_in_use();
                in_use.push(job.group.0);
                if !self.shelf.make_room(&|place| in_use.contains(&place)) {
                    break;
                }
            }
            match self.decode_by(job, at_once, how) {
                Err(ModelError::Memory(message)) => last = ModelError::Memory(message),
                outcome => return outcome,
            }
        }
        Err(last)
    }

    fn decode_by(
        &mut self,
        job: &Job<M::Slot>,
        at_once: usize,
        how: Decoding,
    ) -> Result<Vec<Picture>, ModelError> {
        let slots: Vec<&M::Slot> = job.slots.iter().collect();
        let mut pictures = Vec::with_capacity(slots.len());
        for part in slots.chunks(at_once.max(1)) {
            self.beat();
            let Some(model) = self.shelf.take_up(job.group.0) else {
                return Err(ModelError::Broken("its model is not loaded".to_owned()));
            };
            pictures.extend(guarded(|| model.decode(part, how))?);
        }
        Ok(pictures)
    }

    fn enlarge(
        &mut self,
        job: &Job<M::Slot>,
        pictures: Vec<Picture>,
    ) -> Result<Vec<Picture>, ModelError> {
        if job.finish_scale == 1 {
            return Ok(pictures);
        }
        self.beat();
        let Some(model) = self.shelf.take_up(job.group.0) else {
            return Err(ModelError::Broken("its model is not loaded".to_owned()));
        };
        guarded(|| model.enlarge(pictures, job.finish_scale, job.seamless))
    }
}
