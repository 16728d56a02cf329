//! The loop with a model that does nothing but count, and fails when it is told to.

mod away;
mod memory;
mod sharing;

use std::sync::mpsc::{Receiver, Sender, channel};

use easel_domain::model::ModelRef;
use easel_domain::spec::{GenerateSpec, NoisePlan, PromptText, Sampler};

use super::*;
use crate::engine::EngineWork;
use crate::engine::memory::Need;
use crate::engine::model::{Decoding, Started};
use crate::engine::shelf::ModelFacts;
use crate::engine::stopwatch::VirtualTime;

/// One picture of the model below.
struct Count {
    seed: u32,
    done: u32,
    steps: u32,
    width: u32,
}

/// Counts steps; what fails and how is decided by the seeds it is shown.
#[derive(Default)]
struct Counter {
    /// A step that has a slot of this seed panics.
    panics_on: Option<u32>,
    /// A step of more slots than this runs out of memory.
    most_at_once: Option<usize>,
    /// Decoding more pictures than this runs out of memory.
    most_decoded: Option<usize>,
    /// Decoding in one piece runs out of memory.
    only_tiles: bool,
    /// What it says that a picture needs.
    need: Need,
    /// How long a step takes for each pixel of width.
    pace: Option<(Arc<VirtualTime>, Duration)>,
    /// Seeds stepped together, by call.
    calls: Vec<Vec<u32>>,
    /// Pictures decoded, by call.
    decodes: Vec<(usize, Decoding)>,
}

fn shade(value: u32) -> Picture {
    Picture {
        width: 1,
        height: 1,
        rgb: vec![value as u8; 3],
    }
}

impl Model for Counter {
    type Slot = Count;

    fn need(&self, _work: &EngineWork) -> Need {
        self.need
    }

    fn shape(&self, slot: &Count) -> Vec<i64> {
        vec![i64::from(slot.width)]
    }

    fn start(&mut self, work: &EngineWork) -> Result<Started<Count>, ModelError> {
        if matches!(work, EngineWork::Describe { .. }) {
            return Ok(Started::Thought(away::thought()));
        }
        let EngineWork::Generate { spec, .. } = work else {
            return Ok(Started::Pictures(vec![shade(0)]));
        };
        if spec.steps == 0 {
            return Err(ModelError::Bad("no steps".to_owned()));
        }
        let slot = |plan: &NoisePlan| Count {
            seed: plan.seed,
            done: 0,
            steps: spec.steps,
            width: spec.width,
        };
        Ok(Started::Slots(spec.pictures.iter().map(slot).collect()))
    }

    fn step(&mut self, slots: &mut [&mut Count]) -> Result<(), ModelError> {
        let seeds: Vec<u32> = slots.iter().map(|slot| slot.seed).collect();
        self.calls.push(seeds.clone());
        if self.most_at_once.is_some_and(|most| slots.len() > most) {
            return Err(ModelError::Memory("too many slots".to_owned()));
        }
        assert!(
            !seeds.iter().any(|seed| Some(*seed) == self.panics_on),
            "seed of ill omen"
        );
        let width = slots.iter().map(|slot| slot.width).max().unwrap_or(0);
        assert!(slots.iter().all(|slot| slot.width == width), "one shape");
        if let Some((time, pace)) = &self.pace {
            time.pass(*pace * width);
        }
        for slot in slots.iter_mut().filter(|slot| slot.done < slot.steps) {
            slot.done += 1;
        }
        Ok(())
    }

    fn progress(&self, slot: &Count) -> (u32, u32) {
        (slot.done, slot.steps)
    }

    fn preview(&self, slot: &Count) -> Option<Picture> {
        Some(shade(slot.done))
    }

    fn decode(&mut self, slots: &[&Count], how: Decoding) -> Drawn {
        self.decodes.push((slots.len(), how));
        if self.only_tiles && how == Decoding::Whole {
            return Err(ModelError::Memory("too large".to_owned()));
        }
        if self.most_decoded.is_some_and(|most| slots.len() > most) {
            return Err(ModelError::Memory("too many pictures".to_owned()));
        }
        Ok(slots.iter().map(|slot| shade(slot.seed)).collect())
    }

    fn influences(&self, _slot: &Count) -> Option<Vec<f32>> {
        None
    }

    fn enlarge(&mut self, pictures: Vec<Picture>, _: u32, _: bool) -> Drawn {
        Ok(pictures)
    }
}

type Drawn = Result<Vec<Picture>, ModelError>;

struct Bench {
    ticker: Ticker<Counter>,
    time: Arc<VirtualTime>,
    sender: Sender<EngineEvent>,
    events: Receiver<EngineEvent>,
}

/// What a model of the bench takes in memory.
const WEIGHTS: u64 = 100;

fn facts(hash: &str, pinned: bool) -> ModelFacts {
    ModelFacts {
        id: hash.to_owned(),
        hash: hash.to_owned(),
        bytes: WEIGHTS,
        pinned,
    }
}

fn ready(model: Counter) -> Loaded<Counter> {
    Loaded {
        model,
        bytes: WEIGHTS,
        took: Duration::ZERO,
    }
}

impl Bench {
    fn new(model: Counter, max_pictures: u32) -> Self {
        let stock = vec![(facts("m", true), Some(ready(model)))];
        Self::with(stock, max_pictures, 1_000)
    }

    fn with(
        stock: Vec<(ModelFacts, Option<Loaded<Counter>>)>,
        max_pictures: u32,
        memory_bytes: u64,
    ) -> Self {
        let (sender, events) = channel();
        let time = Arc::new(VirtualTime::default());
        let limits = Limits::of(max_pictures, memory_bytes);
        let shared = Shared {
            stopwatch: Arc::clone(&time) as Arc<dyn Stopwatch>,
            waiting: Arc::new(AtomicUsize::new(100)),
            beat: Arc::default(),
        };
        let ticker = Ticker::new(Shelf::new(stock, memory_bytes), limits, shared);
        Self {
            ticker,
            time,
            sender,
            events,
        }
    }

    fn submit(&mut self, key: u64, seeds: &[u32], steps: u32) {
        self.submit_to("m", key, seeds, (steps, 8));
    }

    fn submit_to(&mut self, model: &str, key: u64, seeds: &[u32], (steps, width): (u32, u32)) {
        let plans = seeds.iter().map(|seed| NoisePlan::from_seed(*seed));
        let spec = GenerateSpec {
            model: ModelRef {
                id: "counter".to_owned(),
                hash: model.to_owned(),
            },
            width,
            height: 8,
            steps,
            guidance: 5.0,
            sampler: Sampler::Default,
            pictures: plans.collect(),
            finish_scale: 1,
            stop: 100,
            seamless: false,
        };
        let (text, init) = (PromptText::default(), None);
        self.hand_in(model, key, EngineWork::Generate { spec, text, init });
    }

    fn hand_in(&mut self, model: &str, key: u64, work: EngineWork) {
        let (sender, model) = (self.sender.clone(), model.to_owned());
        self.ticker.submit(Submission {
            request: EngineRequest { key, model, work },
            events: Box::new(move |event| drop(sender.send(event))),
            at: self.time.elapsed(),
            paused: false,
        });
    }

    fn model(&self) -> &Counter {
        self.ticker.shelf.get(0).unwrap()
    }

    fn tick(&mut self, times: usize) {
        for _ in 0..times {
            self.ticker.tick();
        }
    }

    /// The last events so far, by job.
    fn ends(&self) -> Vec<EngineEvent> {
        let mut ends: Vec<_> = self
            .events
            .try_iter()
            .filter(EngineEvent::is_final)
            .collect();
        ends.sort_by_key(EngineEvent::key);
        ends
    }
}

fn is_finished(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Finished { .. })
}

#[test]
fn a_job_joins_at_the_next_step_and_leaves_when_it_is_done() {
    let mut bench = Bench::new(Counter::default(), 8);
    bench.submit(1, &[10], 4);
    bench.tick(1);
    bench.submit(2, &[20, 21], 2);
    bench.tick(4);
    let calls = &bench.model().calls;
    let wanted: [&[u32]; 4] = [&[10], &[10, 20, 21], &[10, 20, 21], &[10]];
    assert_eq!(calls[..], wanted.map(<[u32]>::to_vec));
    let ends = bench.ends();
    assert!(ends.len() == 2 && ends.iter().all(is_finished), "{ends:?}");
    assert!(bench.ticker.is_idle());
}

#[test]
fn a_job_that_breaks_the_step_ends_and_its_neighbours_go_on() {
    let model = Counter {
        panics_on: Some(66),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    for (key, seed) in [(1, 10), (2, 66), (3, 30)] {
        bench.submit(key, &[seed], 5);
    }
    bench.tick(12);
    let ends = bench.ends();
    assert!(is_finished(&ends[0]) && is_finished(&ends[2]), "{ends:?}");
    let broken = matches!(
        ends[1],
        EngineEvent::Failed {
            kind: FailureKind::Fatal,
            ..
        }
    );
    assert!(broken, "{ends:?}");
    // Alone it would have failed at once; among others it was tried once more.
    let tries = bench.model().calls.iter();
    let tries = tries.filter(|seeds| **seeds == [66]).count();
    assert_eq!(tries, MOST_FAILURES as usize);
}

#[test]
fn a_broken_job_that_is_alone_is_not_tried_again() {
    let model = Counter {
        panics_on: Some(66),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.submit(1, &[66], 5);
    bench.tick(3);
    assert_eq!(bench.ends().len(), 1);
    assert!(bench.ticker.is_idle());
}

#[test]
fn without_memory_for_all_at_once_fewer_pictures_share_a_call() {
    let model = Counter {
        most_at_once: Some(2),
        most_decoded: Some(1),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.submit(1, &[10, 11], 3);
    bench.submit(2, &[20, 21], 3);
    bench.submit(3, &[30, 31, 32], 3);
    bench.tick(12);
    let ends = bench.ends();
    assert!(is_finished(&ends[0]) && is_finished(&ends[1]), "{ends:?}");
    // Three do not fit even alone: two and one do.
    assert!(is_finished(&ends[2]), "{ends:?}");
    let sizes: Vec<usize> = bench.model().calls.iter().map(Vec::len).collect();
    assert_eq!(
        sizes[..7],
        [7, 4, 2, 2, 3, 2, 1],
        "and later no more than fit"
    );
    assert!(sizes[7..].iter().all(|size| *size <= 2), "{sizes:?}");
}

#[test]
fn a_paused_job_keeps_its_place_and_gives_its_room_away() {
    let mut bench = Bench::new(Counter::default(), 1);
    bench.submit(1, &[10], 4);
    bench.tick(2);
    bench.submit(2, &[20], 2);
    bench.ticker.pause(1, true);
    bench.tick(3);
    let ends = bench.ends();
    assert!(ends.len() == 1 && ends[0].key() == 2, "{ends:?}");
    assert!(bench.ticker.is_idle(), "a paused job keeps nobody awake");
    bench.ticker.pause(1, false);
    assert!(!bench.ticker.is_idle());
    bench.tick(3);
    assert!(is_finished(&bench.ends()[0]));
    let steps = bench.model().calls.iter();
    assert_eq!(steps.filter(|seeds| **seeds == [10]).count(), 4);
}

#[test]
fn decoding_one_job_holds_no_other_up_for_longer_than_that() {
    let mut bench = Bench::new(Counter::default(), 8);
    for key in 1..=3 {
        bench.submit(key, &[key as u32], 1);
    }
    bench.submit(4, &[40], 9);
    bench.tick(1);
    assert_eq!(bench.ends().len(), 1);
    bench.tick(1);
    assert_eq!(bench.ends().len(), 1);
    assert_eq!(bench.ticker.active[0].slots[0].done, 2);
}

#[test]
fn jobs_are_cancelled_wherever_they_are() {
    let mut bench = Bench::new(Counter::default(), 2);
    bench.submit(1, &[10], 1);
    bench.submit(2, &[20], 1);
    bench.submit(3, &[30], 9);
    bench.tick(1);
    // 1 is done, 2 waits to be decoded, 3 waits for room.
    for key in [2, 3, 99] {
        bench.ticker.cancel(key);
    }
    let ends = bench.ends();
    assert!(is_finished(&ends[0]));
    assert_eq!(ends[1..], [2, 3].map(|key| EngineEvent::Cancelled { key }));
    bench.tick(1);
    assert!(bench.ticker.is_idle());
}

#[test]
fn work_that_cannot_be_done_fails_for_good() {
    let mut bench = Bench::new(Counter::default(), 2);
    bench.submit(1, &[10], 0);
    bench.tick(1);
    let failed = matches!(
        bench.ends()[0],
        EngineEvent::Failed {
            kind: FailureKind::Fatal,
            ..
        }
    );
    assert!(failed);
}
