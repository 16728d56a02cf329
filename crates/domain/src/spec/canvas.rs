//! Where an old picture lies on a new canvas: zoom, pan and square, as sizes in pixels before finishing.

use super::repaint::Place;
use crate::model::ModelProfile;

/// Places are multiples of this many pixels, so that they end where a latent ends.
const GRAIN: u32 = 8;

/// A canvas with an old picture on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The old picture.
    pub place: Place,
}

/// Towards where a picture is continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// ⬅️
    Left,
    /// ➡️
    Right,
    /// ⬆️
    Up,
    /// ⬇️
    Down,
}

impl Canvas {
    /// The same size, with the picture `percent`/100 times smaller in the middle. From 101 to 200 make sense; others are
    /// taken as the nearest that does.
    pub fn zoomed_out(width: u32, height: u32, percent: u32) -> Self {
        let percent = percent.clamp(101, 200);
        let smaller = |side: u32| grain(side * 100 / percent).min(side);
        let (inner_width, inner_height) = (smaller(width), smaller(height));
        Self::holding(width, height, inner_width, inner_height, |room| room / 2)
    }

    /// A canvas of another shape and size, with the picture in the middle: `percent`/100 times smaller than the largest that
    /// fits. From 100 to 200 make sense; others are taken as the nearest that does.
    pub fn reshaped(picture: (u32, u32), canvas: (u32, u32), percent: u32) -> Self {
        let ratio = |whole: u32, side: u32| f64::from(whole) / f64::from(side.max(1));
        let fit = ratio(canvas.0, picture.0).min(ratio(canvas.1, picture.1));
        let factor = fit * 100.0 / f64::from(percent.clamp(100, 200));
        let inner = |side: u32, whole: u32| {
            let scaled = (f64::from(side) * factor).round() as u32;
            grain(scaled).min(whole)
        };
        let (width, height) = (inner(picture.0, canvas.0), inner(picture.1, canvas.1));
        if (width, height) == canvas {
            // There would be nothing to paint.
            return Self::zoomed_out(canvas.0, canvas.1, percent);
        }
        Self::holding(canvas.0, canvas.1, width, height, |room| room / 2)
    }

    /// Half as much again towards one side. Where the model cannot draw that large, the picture becomes smaller.
    pub fn panned(width: u32, height: u32, side: Side, model: &ModelProfile) -> Self {
        let is_wide = matches!(side, Side::Left | Side::Right);
        let (wanted_width, wanted_height) = if is_wide {
            (width + width / 2, height)
        } else {
            (width, height + height / 2)
        };
        let at_end = matches!(side, Side::Left | Side::Up);
        Self::fitted(
            (width, height),
            (wanted_width, wanted_height),
            model,
            |room| {
                if at_end { room } else { 0 }
            },
        )
    }

    /// As wide as it is high, with the picture in the middle.
    pub fn squared(width: u32, height: u32, model: &ModelProfile) -> Self {
        let side = width.max(height);
        Self::fitted((width, height), (side, side), model, |room| room / 2)
    }

    /// A canvas of about `wanted` that the model can draw, with a picture of `size` on it.
    fn fitted(
        size: (u32, u32),
        wanted: (u32, u32),
        model: &ModelProfile,
        put: impl Fn(u32) -> u32,
    ) -> Self {
        let multiple = model.multiple.max(GRAIN);
        let most = (model.max_side / multiple).max(1) * multiple;
        let longest = wanted.0.max(wanted.1).max(1);
        let shrink = (f64::from(most) / f64::from(longest)).min(1.0);
        let scaled = |side: u32| f64::from(side) * shrink;
        let snap = |side: u32| {
            let steps = (scaled(side) / f64::from(multiple)).round() as u32;
            steps.clamp(1, most / multiple) * multiple
        };
        let (width, height) = (snap(wanted.0), snap(wanted.1));
        // A side that is not extended is filled: a seam of a few pixels would be painted for nothing.
        let inner = |side: u32, wanted: u32, whole: u32| {
            if side == wanted {
                whole
            } else {
                grain(scaled(side) as u32).min(whole)
            }
        };
        let inner_width = inner(size.0, wanted.0, width);
        let inner_height = inner(size.1, wanted.1, height);
        Self::holding(width, height, inner_width, inner_height, put)
    }

    fn holding(
        width: u32,
        height: u32,
        inner_width: u32,
        inner_height: u32,
        put: impl Fn(u32) -> u32,
    ) -> Self {
        let at = |room: u32| put(room) / GRAIN * GRAIN;
        Self {
            width,
            height,
            place: Place {
                left: at(width - inner_width),
                top: at(height - inner_height),
                width: inner_width,
                height: inner_height,
            },
        }
    }
}

/// The nearest multiple of [`GRAIN`], and at least one.
fn grain(side: u32) -> u32 {
    ((side + GRAIN / 2) / GRAIN).max(1) * GRAIN
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::Sampler;

    fn model(max_side: u32, multiple: u32) -> ModelProfile {
        ModelProfile {
            id: "m".into(),
            native_width: 128,
            native_height: 128,
            max_side,
            multiple,
            default_steps: 20,
            default_guidance: 4.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 4,
            aliases: vec![],
        }
    }

    #[test]
    fn another_shape_holds_the_whole_picture_in_its_middle() {
        let place = |left, top, width, height| Place {
            left,
            top,
            width,
            height,
        };
        for (picture, canvas, percent, wanted) in [
            ((128, 128), (192, 96), 100, place(48, 0, 96, 96)),
            ((128, 128), (192, 96), 200, place(72, 24, 48, 48)),
            ((160, 96), (128, 128), 100, place(0, 24, 128, 80)),
            // As good as the same shape: a zoom.
            ((160, 96), (168, 96), 100, place(0, 0, 168, 96)),
        ] {
            let got = Canvas::reshaped(picture, canvas, percent);
            assert_eq!((got.width, got.height), canvas);
            if wanted.width < canvas.0 || wanted.height < canvas.1 {
                assert_eq!(got.place, wanted);
            }
            assert!(got.place.width < canvas.0 || got.place.height < canvas.1);
        }
    }

    #[test]
    fn a_zoom_keeps_the_size_and_puts_the_picture_in_the_middle() {
        let canvas = Canvas::zoomed_out(128, 128, 200);
        let place = Place {
            left: 32,
            top: 32,
            width: 64,
            height: 64,
        };
        assert_eq!(
            (canvas.width, canvas.height, canvas.place),
            (128, 128, place)
        );
    }

    #[test]
    fn a_pan_grows_towards_its_side_and_shrinks_where_the_model_ends() {
        let canvas = Canvas::panned(128, 128, Side::Right, &model(192, 16));
        assert_eq!((canvas.width, canvas.height), (192, 128));
        assert_eq!(canvas.place, Place::whole(128, 128));
        let canvas = Canvas::panned(128, 128, Side::Up, &model(192, 16));
        assert_eq!(
            (canvas.width, canvas.height, canvas.place.top),
            (128, 192, 64)
        );
        let canvas = Canvas::panned(192, 96, Side::Left, &model(192, 16));
        assert_eq!((canvas.width, canvas.height), (192, 64));
        assert_eq!(
            canvas.place,
            Place {
                left: 64,
                top: 0,
                width: 128,
                height: 64
            }
        );
    }

    #[test]
    fn a_square_holds_the_whole_picture() {
        let canvas = Canvas::squared(176, 96, &model(192, 16));
        assert_eq!((canvas.width, canvas.height), (176, 176));
        assert_eq!((canvas.place.width, canvas.place.height), (176, 96));
        assert_eq!(canvas.place.top, 40);
    }

    fn side() -> impl Strategy<Value = Side> {
        prop_oneof![
            Just(Side::Left),
            Just(Side::Right),
            Just(Side::Up),
            Just(Side::Down)
        ]
    }

    proptest! {
        #[test]
        fn the_picture_lies_on_the_canvas_and_the_model_can_draw_it(
            width in 2_u32..40, height in 2_u32..40, side in side(), percent in 0_u32..400, steps in 4_u32..64,
        ) {
            let model = model(steps * 16, 16);
            let most = steps * 16;
            let (width, height) = ((width * 16).min(most), (height * 16).min(most));
            let canvases = [
                Canvas::panned(width, height, side, &model),
                Canvas::squared(width, height, &model),
                Canvas::zoomed_out(width, height, percent),
            ];
            for canvas in canvases {
                let place = canvas.place;
                prop_assert!(canvas.width <= most && canvas.height <= most, "{canvas:?}");
                prop_assert!(canvas.width % 16 == 0 && canvas.height % 16 == 0 && canvas.width > 0, "{canvas:?}");
                prop_assert!(place.width > 0 && place.height > 0);
                prop_assert!(place.left + place.width <= canvas.width, "{canvas:?}");
                prop_assert!(place.top + place.height <= canvas.height, "{canvas:?}");
            }
        }
    }
}
