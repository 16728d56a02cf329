//! A model that counts its steps, as fast as it is told to be, and jobs for it.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::model::ModelRef;
use easel_domain::spec::{GenerateSpec, NoisePlan, PromptText, Sampler};

use super::{Arrival, SLOTS};
use crate::engine::memory::Need;
use crate::engine::model::{Decoding, Model, ModelError, Started};
use crate::engine::stopwatch::VirtualTime;
use crate::engine::{EngineRequest, EngineWork, Picture};

/// What jobs ask for.
pub const HASH: &str = "bench";

/// Throughput of a batch of 1 to 8 against one picture, Qwen-Image at 512x512 on an H200 in bf16 (sglang, pull request
/// 22183, which measured 1, 2, 3, 4 and 8; between 4 and 8 a straight line).
#[expect(clippy::approx_constant, reason = "it was measured")]
const GAIN: [f64; SLOTS] = [1.0, 1.82, 2.69, 2.77, 2.8625, 2.955, 3.0475, 3.140];

/// A step of one picture. Only ratios matter.
const ONE_STEP_S: f64 = 0.05;

/// How long steps take.
#[derive(Clone)]
pub enum Pace {
    /// No time at all.
    Nothing,
    /// As measured; the time passes on this stopwatch.
    Measured(Arc<VirtualTime>),
}

/// A step of so many pictures, as measured.
pub fn step_time(pictures: usize) -> Duration {
    let gain = GAIN[pictures.clamp(1, SLOTS) - 1];
    Duration::from_secs_f64(ONE_STEP_S * pictures as f64 / gain)
}

/// Counts steps.
pub struct Counting(pub Pace);

impl Model for Counting {
    type Slot = (u32, u32);

    fn need(&self, _work: &EngineWork) -> Need {
        Need::default()
    }

    fn shape(&self, _slot: &(u32, u32)) -> Vec<i64> {
        vec![1, 4, 64, 64]
    }

    fn start(&mut self, work: &EngineWork) -> Result<Started<(u32, u32)>, ModelError> {
        match work {
            EngineWork::Generate { spec, .. } => Ok(Started::Slots(vec![(0, spec.steps)])),
            EngineWork::Upscale { .. } | EngineWork::Weigh { .. } | EngineWork::Describe { .. } => {
                Err(ModelError::Bad("only counts".to_owned()))
            }
        }
    }

    fn step(&mut self, slots: &mut [&mut (u32, u32)]) -> Result<(), ModelError> {
        if let Pace::Measured(time) = &self.0 {
            time.pass(step_time(slots.len()));
        }
        for slot in slots.iter_mut() {
            slot.0 += 1;
        }
        Ok(())
    }

    fn progress(&self, slot: &(u32, u32)) -> (u32, u32) {
        *slot
    }

    fn preview(&self, _slot: &(u32, u32)) -> Option<Picture> {
        None
    }

    fn decode(&mut self, _: &[&(u32, u32)], _: Decoding) -> Result<Vec<Picture>, ModelError> {
        Ok(Vec::new())
    }

    fn influences(&self, _slot: &(u32, u32)) -> Option<Vec<f32>> {
        None
    }

    fn enlarge(
        &mut self,
        pictures: Vec<Picture>,
        _: u32,
        _: bool,
    ) -> Result<Vec<Picture>, ModelError> {
        Ok(pictures)
    }
}

/// A job of one picture.
pub fn request(key: u64, steps: u32) -> EngineRequest {
    let spec = GenerateSpec {
        model: ModelRef {
            id: HASH.to_owned(),
            hash: HASH.to_owned(),
        },
        width: 512,
        height: 512,
        steps,
        guidance: 1.0,
        sampler: Sampler::Default,
        pictures: vec![NoisePlan::from_seed(1)],
        finish_scale: 1,
        stop: 100,
        seamless: false,
    };
    EngineRequest {
        key,
        model: HASH.to_owned(),
        work: EngineWork::Generate {
            spec,
            text: PromptText::default(),
            init: None,
        },
    }
}

/// Jobs at random (Poisson), as many as are that share of what full batches can do.
pub fn arrivals(seed: u64, jobs: u32, load: f64, (least, most): (u32, u32)) -> Vec<Arrival> {
    let mean_steps = f64::from(least + most) / 2.0;
    let full = SLOTS as f64 / step_time(SLOTS).as_secs_f64();
    let rate = load * full / mean_steps;
    let mut draw = Draws(seed);
    let mut at = 0.0;
    let arrival = |_| {
        at -= (1.0 - draw.unit()).ln() / rate;
        Arrival {
            at: Duration::from_secs_f64(at),
            steps: least + (draw.unit() * f64::from(most - least + 1)) as u32,
        }
    };
    (0..jobs).map(arrival).collect()
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Draws(u64);

impl Draws {
    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
