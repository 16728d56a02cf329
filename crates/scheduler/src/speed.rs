//! How long things take, for each kind of node, model, shape and batch: learnt from what was measured.
//!
//! Where nothing was measured there is a prior: the nearest thing that was, scaled by pixels; and where there is nothing
//! at all, a guess. A running mean gives the newest measurement a weight of one fifth. How much batches gain is told of a
//! kind of node, or learnt for each shape from the sizes that its calls happened to have.

mod gain;
mod times;

use rustc_hash::FxHashMap;

use crate::job::{BatchKey, ClassKey, ModelKey, Shape};

pub use gain::BatchGain;
use times::StepTimes;

/// Weight of the newest measurement in a running mean.
const NEWEST: f64 = 0.2;
/// Seconds of one step of one picture of 1024 by 1024 pixels, where nobody has measured anything.
const GUESSED_STEP_S: f64 = 0.25;
const GUESSED_PIXELS: f64 = 1024.0 * 1024.0;
/// Pictures in a call that nobody makes: whoever reports more has miscounted.
const TOO_MANY: u32 = 1024;
/// Seconds of a load that nobody has measured.
const GUESSED_LOAD_S: f64 = 15.0;
/// Running estimates.
#[derive(Debug, Clone, Default)]
pub struct SpeedModel {
    /// What was told of each kind of node, with the largest batch that pays by it; nothing where that is to be learnt.
    gains: Vec<Option<(BatchGain, u32)>>,
    steps: FxHashMap<(ClassKey, BatchKey), StepTimes>,
    /// Shape of a model that was measured last on a kind of node, for those that nobody has measured.
    newest: FxHashMap<(ClassKey, ModelKey), Shape>,
    loads: FxHashMap<(ClassKey, ModelKey), f64>,
    error: Option<f64>,
}

impl SpeedModel {
    /// Tells how a kind of node gains from batches; without `gain` it is learnt. Kinds are numbered in the order of telling.
    pub fn class(&mut self, gain: Option<BatchGain>) {
        self.gains.push(gain.map(|gain| {
            let cap = gain.cap();
            (gain, cap)
        }));
    }

    fn gain(&self, class: ClassKey) -> Option<&(BatchGain, u32)> {
        self.gains.get(class.0 as usize)?.as_ref()
    }

    /// The largest batch that pays on this kind of node, by what was told or measured; 1 where that is nothing.
    pub fn cap(&self, class: ClassKey, key: BatchKey) -> u32 {
        match self.gain(class) {
            Some((_, cap)) => *cap,
            None => self.steps.get(&(class, key)).map_or(1, StepTimes::cap),
        }
    }

    /// Seconds of one step of `pictures` pictures.
    pub fn step_s(&self, class: ClassKey, key: BatchKey, pictures: u32) -> f64 {
        let told = self.gain(class).map(|(gain, _)| gain);
        if let Some(times) = self.steps.get(&(class, key)) {
            return times.at(pictures, told);
        }
        let newest = self.newest.get(&(class, key.model));
        let nearest = newest.and_then(|shape| {
            let near = BatchKey {
                shape: *shape,
                ..key
            };
            Some((shape, self.steps.get(&(class, near))?))
        });
        if let Some((shape, times)) = nearest {
            return times.at(pictures, told) * key.shape.pixels() / shape.pixels().max(1.0);
        }
        let guessed = StepTimes::of(1, GUESSED_STEP_S / GUESSED_PIXELS * key.shape.pixels());
        guessed.at(pictures, told)
    }

    /// Seconds that it takes to load a model.
    pub fn load_s(&self, class: ClassKey, model: ModelKey) -> f64 {
        self.loads
            .get(&(class, model))
            .copied()
            .unwrap_or(GUESSED_LOAD_S)
    }

    /// What an operator or an earlier run knows of a step of one picture; measurements go on from here.
    pub fn told_step(&mut self, class: ClassKey, key: BatchKey, seconds: f64) {
        self.steps.insert((class, key), StepTimes::of(1, seconds));
        self.newest.insert((class, key.model), key.shape);
    }

    /// What an operator or an earlier run knows of a load.
    pub fn told_load(&mut self, class: ClassKey, model: ModelKey, seconds: f64) {
        self.loads.insert((class, model), seconds);
    }

    /// A step of `pictures` pictures took so many seconds.
    pub fn measured_step(&mut self, class: ClassKey, key: BatchKey, pictures: u32, seconds: f64) {
        if !(seconds.is_finite() && seconds > 0.0 && (1..=TOO_MANY).contains(&pictures)) {
            return;
        }
        let expected = self.step_s(class, key, pictures);
        let off = (seconds - expected).abs() / seconds;
        self.error = Some(
            self.error
                .map_or(off, |error| error + NEWEST * (off - error)),
        );
        self.newest.insert((class, key.model), key.shape);
        self.steps
            .entry((class, key))
            .and_modify(|times| times.measured(pictures, seconds, NEWEST))
            .or_insert_with(|| StepTimes::of(pictures, seconds));
    }

    /// A load took so many seconds.
    pub fn measured_load(&mut self, class: ClassKey, model: ModelKey, seconds: f64) {
        if seconds.is_finite() && seconds > 0.0 {
            let mean = self.loads.entry((class, model)).or_insert(seconds);
            *mean += NEWEST * (seconds - *mean);
        }
    }

    /// How far off the estimates are: the running mean of |measured − expected| / measured.
    pub fn error(&self) -> Option<f64> {
        self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: BatchKey = BatchKey {
        model: ModelKey(0),
        shape: Shape {
            width: 512,
            height: 512,
        },
    };

    #[test]
    fn what_was_never_measured_is_scaled_from_what_was() {
        let mut speed = SpeedModel::default();
        speed.class(Some(BatchGain::new(vec![1.0, 1.6])));
        speed.measured_step(ClassKey(0), KEY, 1, 0.1);
        let large = BatchKey {
            shape: Shape {
                width: 1024,
                height: 512,
            },
            ..KEY
        };
        assert!((speed.step_s(ClassKey(0), large, 1) - 0.2).abs() < 1e-9);
        assert!((speed.step_s(ClassKey(0), KEY, 2) - 0.125).abs() < 1e-9);
    }

    #[test]
    fn estimates_follow_what_is_measured_and_say_how_far_off_they_were() {
        let mut speed = SpeedModel::default();
        speed.class(None);
        speed.told_step(ClassKey(0), KEY, 1.0);
        for _ in 0..60 {
            speed.measured_step(ClassKey(0), KEY, 1, 0.5);
        }
        assert!((speed.step_s(ClassKey(0), KEY, 1) - 0.5).abs() < 1e-3);
        assert!(speed.error().is_some_and(|error| error < 0.01));
    }
    #[test]
    fn what_batches_gain_is_learnt_for_each_shape_and_guides_those_that_nobody_measured() {
        let mut speed = SpeedModel::default();
        speed.class(None);
        assert_eq!(speed.cap(ClassKey(0), KEY), 1);
        for (pictures, seconds) in [(4, 0.4), (8, 0.8), (1, 0.1)] {
            speed.measured_step(ClassKey(0), KEY, pictures, seconds);
        }
        assert_eq!(speed.cap(ClassKey(0), KEY), 1, "nothing is gained");
        let wide = BatchKey {
            shape: Shape {
                width: 1024,
                height: 512,
            },
            ..KEY
        };
        assert!((speed.step_s(ClassKey(0), wide, 6) - 1.2).abs() < 1e-9);
        speed.measured_step(ClassKey(0), KEY, u32::MAX, 0.1);
        speed.measured_step(ClassKey(0), KEY, 0, 0.1);
        assert_eq!(speed.cap(ClassKey(0), KEY), 1);
    }
}
