//! One job inside the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::{Group, Submission};
use crate::engine::memory::Need;
use crate::engine::model::Model;
use crate::engine::{EngineEvent, EngineWork, EventSink, PREVIEW_SIDE, Picture, Timings};
use crate::resize;

/// At most one preview in this time: each costs a little, and nobody looks faster.
const PREVIEW_PAUSE: Duration = Duration::from_millis(300);

/// A job that is being denoised.
pub struct Job<S> {
    pub key: u64,
    pub slots: Vec<S>,
    pub finish_scale: u32,
    /// Whether its pictures go on at their opposite edges.
    pub seamless: bool,
    pub timings: Timings,
    /// Who it can share a call with.
    pub group: Group,
    /// What each of its pictures needs.
    pub need: Need,
    /// When its first step began.
    pub started: Option<Duration>,
    pub paused: bool,
    /// Steps in a row that failed.
    pub failures: u32,
    events: EventSink,
    last_preview: Option<Duration>,
    submitted: Duration,
}

impl<S> Job<S> {
    /// `between` is when reading the prompt began and ended.
    pub fn new(
        submission: Submission,
        slots: Vec<S>,
        group: Group,
        need: Need,
        between: (Duration, Duration),
    ) -> Self {
        let (began, ended) = between;
        let timings = Timings {
            text: ended.saturating_sub(began),
            ..Timings::default()
        };
        let Submission {
            request,
            events,
            at: submitted,
            ..
        } = submission;
        let (finish_scale, seamless) = match &request.work {
            EngineWork::Generate { spec, .. } => (spec.finish_scale, spec.seamless),
            EngineWork::Upscale { .. } | EngineWork::Weigh { .. } | EngineWork::Describe { .. } => {
                (1, false)
            }
        };
        Self {
            key: request.key,
            slots,
            finish_scale,
            seamless,
            timings,
            group,
            need,
            started: None,
            paused: false,
            failures: 0,
            events,
            last_preview: None,
            submitted,
        }
    }

    /// A step of it begins.
    pub fn takes_part(&mut self, now: Duration) {
        if self.started.is_none() {
            self.started = Some(now);
            self.timings.wait = now.saturating_sub(self.submitted);
        }
    }

    pub fn is_finished<M: Model<Slot = S>>(&self, model: &M) -> bool {
        self.slots.iter().all(|slot| {
            let (done, steps) = model.progress(slot);
            done >= steps
        })
    }

    /// Whether it is time for another preview; counts from this call if it is.
    pub fn wants_preview(&mut self, now: Duration) -> bool {
        let due = self
            .last_preview
            .is_none_or(|last| now.saturating_sub(last) >= PREVIEW_PAUSE);
        if due {
            self.last_preview = Some(now);
        }
        due
    }

    pub fn progress<M: Model<Slot = S>>(&mut self, model: &M, preview: Option<Picture>) {
        let first = self.slots.first().map(|slot| model.progress(slot));
        let (step, steps) = first.unwrap_or((0, 0));
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

/// Equal pictures as a grid without gaps, as square as possible, at most [`PREVIEW_SIDE`] a side.
pub fn grid(pictures: &[Picture]) -> Option<Picture> {
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

    fn plain(shade: u8, width: u32, height: u32) -> Picture {
        Picture {
            width,
            height,
            rgb: vec![shade; (3 * width * height) as usize],
        }
    }

    #[test]
    fn four_pictures_make_a_square_of_two_by_two() {
        let pictures = [1, 2, 3, 4].map(|shade| plain(shade, 2, 1));
        let grid = grid(&pictures).unwrap();
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
