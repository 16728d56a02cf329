//! One job inside the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use easel_diffusion::{
    Init, NoiseMix, NoisePlan, Picture as Pixels, Sampler, Slot, Task, TaskError,
};
use easel_domain::failure::FailureKind;
use easel_domain::spec::{self, GenerateSpec, PromptText};

use super::Submission;
use crate::engine::{EngineEvent, EventSink, InitPicture, PREVIEW_SIDE, Picture, Timings};
use crate::resize;

/// At most one preview in this time: each costs a little, and nobody looks faster.
const PREVIEW_PAUSE: Duration = Duration::from_millis(300);

/// A job that is being denoised.
pub struct Job {
    pub key: u64,
    pub slots: Vec<Slot>,
    pub finish_scale: u32,
    pub timings: Timings,
    pub started: Instant,
    events: EventSink,
    last_preview: Option<Instant>,
}

impl Job {
    pub fn new(
        submission: Submission,
        slots: Vec<Slot>,
        finish_scale: u32,
        text: Duration,
    ) -> Self {
        let started = Instant::now();
        let timings = Timings {
            wait: started - submission.at,
            text,
            ..Timings::default()
        };
        let Submission {
            request, events, ..
        } = submission;
        Self {
            key: request.key,
            slots,
            finish_scale,
            timings,
            started,
            events,
            last_preview: None,
        }
    }

    pub fn is_finished(&self) -> bool {
        self.slots.iter().all(Slot::is_finished)
    }

    /// Whether it is time for another preview; counts from this call if it is.
    pub fn wants_preview(&mut self) -> bool {
        let due = self
            .last_preview
            .is_none_or(|last| last.elapsed() >= PREVIEW_PAUSE);
        if due {
            self.last_preview = Some(Instant::now());
        }
        due
    }

    pub fn progress(&mut self, preview: Option<Picture>) {
        let (step, steps) = self
            .slots
            .first()
            .map_or((0, 0), |slot| (slot.done(), slot.steps()));
        let event = EngineEvent::Progress {
            key: self.key,
            step,
            steps,
            preview,
        };
        tell(&mut self.events, event);
    }

    pub fn end(mut self, event: EngineEvent) {
        tell(&mut self.events, event);
    }
}

/// A receiver that panics must not take the engine with it.
pub fn tell(events: &mut EventSink, event: EngineEvent) {
    let _ = catch_unwind(AssertUnwindSafe(|| events(event)));
}

/// What the engine says of a job that it could not do.
pub fn failed(key: u64, error: &TaskError) -> EngineEvent {
    let kind = match error {
        TaskError::Bad { .. } => FailureKind::Fatal,
        TaskError::Torch(_) => FailureKind::Retryable,
    };
    EngineEvent::Failed {
        key,
        kind,
        message: error.to_string(),
    }
}

/// One task for each picture of a spec.
pub fn tasks(
    spec: &GenerateSpec,
    text: &PromptText,
    init: Option<&InitPicture>,
) -> Result<Vec<Task>, TaskError> {
    let bad = |message: String| TaskError::Bad {
        parameter: "init image",
        message,
    };
    let init = init
        .map(|init| {
            let picture = resize::lanczos(&init.picture, spec.width, spec.height).map_err(bad)?;
            Ok(Init {
                picture: pixels(picture),
                strength: init.strength,
            })
        })
        .transpose()?;
    let task = |plan: &spec::NoisePlan| Task {
        prompt: text.positive.clone(),
        negative: text.negative.clone(),
        noise: noise(plan),
        width: spec.width,
        height: spec.height,
        steps: spec.steps,
        guidance: f64::from(spec.guidance),
        sampler: sampler(spec.sampler),
        init: init.clone(),
    };
    if spec.pictures.is_empty() {
        return Err(TaskError::Bad {
            parameter: "pictures",
            message: "none are asked for".to_owned(),
        });
    }
    Ok(spec.pictures.iter().map(task).collect())
}

fn noise(plan: &spec::NoisePlan) -> NoisePlan {
    let mix = |mix: &spec::NoiseMix| NoiseMix {
        seed: u64::from(mix.seed),
        strength: f64::from(mix.strength),
    };
    NoisePlan {
        seed: u64::from(plan.seed),
        mixes: plan.mixes.iter().map(mix).collect(),
    }
}

fn sampler(sampler: spec::Sampler) -> Sampler {
    match sampler {
        spec::Sampler::Default => Sampler::Checkpoint,
        spec::Sampler::Ddim => Sampler::Ddim,
        spec::Sampler::Euler => Sampler::Euler,
    }
}

pub fn pixels(picture: Picture) -> Pixels {
    Pixels {
        width: picture.width,
        height: picture.height,
        rgb: picture.rgb,
    }
}

pub fn picture(pixels: Pixels) -> Picture {
    Picture {
        width: pixels.width,
        height: pixels.height,
        rgb: pixels.rgb,
    }
}

/// Equal pictures as a grid without gaps, as square as possible, at most [`PREVIEW_SIDE`] a side.
pub fn grid(pictures: &[Pixels]) -> Option<Picture> {
    let first = pictures.first()?;
    let (width, height) = (first.width as usize, first.height as usize);
    let columns = (1..=pictures.len()).find(|columns| columns * columns >= pictures.len())?;
    let rows = pictures.len().div_ceil(columns);
    let mut rgb = vec![0; 3 * width * columns * height * rows];
    for (index, picture) in pictures.iter().enumerate() {
        let (left, top) = (index % columns * width, index / columns * height);
        for (y, row) in picture.rgb.chunks_exact(3 * width).enumerate() {
            let start = 3 * ((top + y) * width * columns + left);
            rgb[start..start + row.len()].copy_from_slice(row);
        }
    }
    let whole = Picture {
        width: (width * columns) as u32,
        height: (height * rows) as u32,
        rgb,
    };
    let longest = whole.width.max(whole.height);
    if longest <= PREVIEW_SIDE {
        return Some(whole);
    }
    let shrunk = |side: u32| (side * PREVIEW_SIDE / longest).max(1);
    resize::lanczos(&whole, shrunk(whole.width), shrunk(whole.height)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(shade: u8, width: u32, height: u32) -> Pixels {
        Pixels {
            width,
            height,
            rgb: vec![shade; (3 * width * height) as usize],
        }
    }

    #[test]
    fn four_pictures_make_a_square_of_two_by_two() {
        let grid = grid(&[
            plain(1, 2, 1),
            plain(2, 2, 1),
            plain(3, 2, 1),
            plain(4, 2, 1),
        ])
        .unwrap();
        assert_eq!((grid.width, grid.height), (4, 2));
        let reds: Vec<u8> = grid.rgb.iter().step_by(3).copied().collect();
        assert_eq!(reds, [1, 1, 2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn large_previews_are_shrunk() {
        let grid = grid(&[plain(9, 100, 50), plain(9, 100, 50)]).unwrap();
        assert_eq!((grid.width, grid.height), (64, 16));
        assert!(grid.rgb.iter().all(|&byte| byte == 9));
    }
}
