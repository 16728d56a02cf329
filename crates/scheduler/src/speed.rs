//! How long things take, for each kind of node, model, shape and batch: learnt from what was measured.
//!
//! Where nothing was measured there is a prior: the nearest thing that was, scaled by pixels; and where there is nothing
//! at all, a guess. A running mean gives the newest measurement a weight of one fifth.

use rustc_hash::FxHashMap;

use crate::job::{BatchKey, ClassKey, ModelKey, Shape};

/// Weight of the newest measurement in a running mean.
const NEWEST: f64 = 0.2;
/// Seconds of one step of one picture of 1024 by 1024 pixels, where nobody has measured anything.
const GUESSED_STEP_S: f64 = 0.25;
const GUESSED_PIXELS: f64 = 1024.0 * 1024.0;
/// Seconds of a load that nobody has measured.
const GUESSED_LOAD_S: f64 = 15.0;
/// Least picture-per-step speed that one more picture must add, as a share of what one alone does.
const WORTH: f64 = 0.15;
/// A batch makes each of its pictures at most this much slower than alone.
const LONGEST_STRETCH: f64 = 2.0;

/// The throughput of a batch against that of one picture, by size.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchGain(Vec<f64>);

impl BatchGain {
    /// `gains[n - 1]` is what a batch of `n` does against one picture alone.
    pub fn new(gains: Vec<f64>) -> Self {
        Self(gains)
    }

    /// Pictures per step time against one alone. Beyond what was measured, nothing more is gained.
    pub fn of(&self, pictures: u32) -> f64 {
        let index = (pictures.max(1) as usize - 1).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or(1.0)
    }

    /// How much longer a step of a batch takes than one of one picture.
    pub fn stretch(&self, pictures: u32) -> f64 {
        f64::from(pictures.max(1)) / self.of(pictures)
    }

    /// The largest batch whose last picture is worth its place, and that nobody waits too long for.
    pub fn cap(&self) -> u32 {
        let mut cap = 1;
        for size in 2..=u32::try_from(self.0.len()).unwrap_or(u32::MAX) {
            let added = self.of(size) - self.of(size - 1);
            if added < WORTH || self.stretch(size) > LONGEST_STRETCH {
                break;
            }
            cap = size;
        }
        cap
    }
}

/// Running estimates.
#[derive(Debug, Clone, Default)]
pub struct SpeedModel {
    gains: Vec<BatchGain>,
    caps: Vec<u32>,
    steps: FxHashMap<(ClassKey, BatchKey), f64>,
    /// Newest step time for a pixel of a model on a kind of node, for shapes that nobody has measured.
    pixels: FxHashMap<(ClassKey, ModelKey), f64>,
    loads: FxHashMap<(ClassKey, ModelKey), f64>,
    error: Option<f64>,
}

impl SpeedModel {
    /// Tells how a kind of node gains from batches. Kinds are numbered in the order of telling.
    pub fn class(&mut self, gain: BatchGain) {
        self.caps.push(gain.cap());
        self.gains.push(gain);
    }

    /// The largest batch that pays on this kind of node.
    pub fn cap(&self, class: ClassKey) -> u32 {
        self.caps.get(class.0 as usize).copied().unwrap_or(1)
    }

    /// Seconds of one step of `pictures` pictures.
    pub fn step_s(&self, class: ClassKey, key: BatchKey, pictures: u32) -> f64 {
        let one = self
            .steps
            .get(&(class, key))
            .copied()
            .unwrap_or_else(|| self.prior_step_s(class, key.model, key.shape));
        one * self.stretch(class, pictures)
    }

    fn stretch(&self, class: ClassKey, pictures: u32) -> f64 {
        self.gains
            .get(class.0 as usize)
            .map_or(f64::from(pictures.max(1)), |gain| gain.stretch(pictures))
    }

    fn prior_step_s(&self, class: ClassKey, model: ModelKey, shape: Shape) -> f64 {
        let for_a_pixel = self
            .pixels
            .get(&(class, model))
            .copied()
            .unwrap_or(GUESSED_STEP_S / GUESSED_PIXELS);
        for_a_pixel * shape.pixels()
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
        self.steps.insert((class, key), seconds);
        self.pixels
            .insert((class, key.model), seconds / key.shape.pixels().max(1.0));
    }

    /// What an operator or an earlier run knows of a load.
    pub fn told_load(&mut self, class: ClassKey, model: ModelKey, seconds: f64) {
        self.loads.insert((class, model), seconds);
    }

    /// A step of `pictures` pictures took so many seconds.
    pub fn measured_step(&mut self, class: ClassKey, key: BatchKey, pictures: u32, seconds: f64) {
        if !(seconds.is_finite() && seconds > 0.0) {
            return;
        }
        let expected = self.step_s(class, key, pictures);
        let off = (seconds - expected).abs() / seconds;
        self.error = Some(
            self.error
                .map_or(off, |error| error + NEWEST * (off - error)),
        );
        let one = seconds / self.stretch(class, pictures);
        let mean = match self.steps.get(&(class, key)) {
            Some(mean) => mean + NEWEST * (one - mean),
            None => one,
        };
        self.told_step(class, key, mean);
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
    fn a_batch_grows_while_its_last_picture_is_worth_its_place() {
        let cap = |gains: &[f64]| BatchGain::new(gains.to_vec()).cap();
        // Measured on an H200 at 512 and at 1024 pixels.
        assert_eq!(cap(&[1.0, 1.82, 2.69, 2.77, 2.9, 3.0, 3.1, 3.13]), 3);
        assert_eq!(cap(&[1.0, 1.02]), 1);
        assert_eq!(cap(&[1.0, 1.9, 2.8, 3.7]), 4);
        assert_eq!(cap(&[1.0]), 1);
    }

    #[test]
    fn what_was_never_measured_is_scaled_from_what_was() {
        let mut speed = SpeedModel::default();
        speed.class(BatchGain::new(vec![1.0, 1.6]));
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
        speed.class(BatchGain::new(vec![1.0]));
        speed.told_step(ClassKey(0), KEY, 1.0);
        for _ in 0..60 {
            speed.measured_step(ClassKey(0), KEY, 1, 0.5);
        }
        assert!((speed.step_s(ClassKey(0), KEY, 1) - 0.5).abs() < 1e-3);
        assert!(speed.error().is_some_and(|error| error < 0.01));
    }
}
