//! What a node tells of a job that it draws.

use easel_moderation::RgbPicture;

use crate::encode::encode_preview;
use crate::engine::{EngineEvent, Picture};

/// Not every step has a preview, and progress is coalesced: the newest preview goes with the newest progress.
pub(super) fn with_preview(mut event: EngineEvent, before: Option<EngineEvent>) -> EngineEvent {
    if let EngineEvent::Progress { preview, .. } = &mut event
        && preview.is_none()
        && let Some(EngineEvent::Progress { preview: old, .. }) = before
    {
        *preview = old;
    }
    event
}

/// The preview as a message carries it: blurred, because nobody has checked it.
pub(super) fn obscured_preview(preview: &Picture) -> Option<String> {
    let pixels = RgbPicture::new(preview.width, preview.height, &preview.rgb)?;
    let rgb = easel_moderation::obscured(pixels);
    encode_preview(&Picture {
        width: preview.width,
        height: preview.height,
        rgb,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_a_preview_keeps_the_one_before() {
        let step = |step, preview| EngineEvent::Progress {
            key: 1,
            step,
            steps: 4,
            preview,
        };
        let grey = || {
            Some(Picture {
                width: 1,
                height: 1,
                rgb: vec![9; 3],
            })
        };
        assert_eq!(
            with_preview(step(2, None), Some(step(1, grey()))),
            step(2, grey())
        );
        assert_eq!(with_preview(step(1, None), None), step(1, None));
    }
}
