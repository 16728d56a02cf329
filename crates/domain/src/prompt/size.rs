//! From an aspect ratio to pixels that a model can draw.

use super::value::AspectRatio;
use crate::model::ModelProfile;

/// Width and height in pixels for `ratio` on `model`: the model's native area where its longest side permits, both
/// sides multiples of the model's multiple.
///
/// The short side never falls below a quarter of the native one, so a shape more extreme than the model can draw
/// becomes the most extreme one that it can.
pub fn picture_size(ratio: AspectRatio, model: &ModelProfile) -> (u32, u32) {
    let multiple = model.multiple.max(1);
    let (native_width, native_height) = (
        f64::from(model.native_width),
        f64::from(model.native_height),
    );
    let most = (model.max_side / multiple).max(1);
    let least = (model.native_width.min(model.native_height) / 4)
        .div_ceil(multiple)
        .clamp(1, most);
    let longest = f64::from(most * multiple);
    let shape = f64::from(ratio.width()) / f64::from(ratio.height());
    let (width, height) = (
        (native_width * native_height * shape).sqrt(),
        (native_width * native_height / shape).sqrt(),
    );
    let shrink = (longest / width.max(height)).min(1.0);
    // In multiples; a float cast saturates, so no input can overflow.
    let snap = |side: f64| {
        ((side * shrink / f64::from(multiple)).round() as u32).clamp(least, most) * multiple
    };
    (snap(width), snap(height))
}

/// Whether a picture of these sides has the shape that was asked for, or one that nobody would tell from it: five
/// percent is what snapping to a model's multiples costs.
pub fn has_shape(ratio: AspectRatio, width: u32, height: u32) -> bool {
    const TOLERANCE: f64 = 0.05;
    let asked = f64::from(ratio.width()) / f64::from(ratio.height());
    let drawn = f64::from(width) / f64::from(height.max(1));
    (drawn / asked).ln().abs() <= TOLERANCE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::Sampler;

    fn model(native: u32, max_side: u32, multiple: u32) -> ModelProfile {
        ModelProfile {
            id: "m".to_owned(),
            native_width: native,
            native_height: native,
            max_side,
            multiple,
            default_steps: 20,
            default_guidance: 5.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 1,
            aliases: Vec::new(),
        }
    }

    fn size(ratio: &str, model: &ModelProfile) -> (u32, u32) {
        picture_size(ratio.parse().unwrap(), model)
    }

    #[test]
    fn common_shapes_keep_about_the_native_area() {
        let large = model(1024, 2048, 64);
        assert_eq!(size("1:1", &large), (1024, 1024));
        assert_eq!(size("16:9", &large), (1344, 768));
        assert_eq!(size("9:16", &large), (768, 1344));
        assert_eq!(size("3:2", &large), (1280, 832));
        assert_eq!(size("16:9", &model(128, 192, 16)), (176, 96));
    }

    #[test]
    fn extreme_shapes_are_drawn_as_far_as_the_model_goes() {
        assert_eq!(size("9999:1", &model(512, 768, 8)), (768, 128));
        assert_eq!(size("1:9999", &model(512, 768, 8)), (128, 768));
        assert_eq!(size("3:1", &model(512, 768, 8)), (768, 256));
        let shaped =
            |ratio: &str, (width, height)| has_shape(ratio.parse().unwrap(), width, height);
        assert!(shaped("3:1", (768, 256)) && shaped("16:9", (176, 96)));
        assert!(!shaped("9999:1", (768, 128)) && !shaped("1:9999", (128, 768)));
        assert!(!shaped("16:9", (0, 0)));
    }

    proptest! {
        #[test]
        fn every_size_fits_the_model(
            w in 1..=u32::MAX, h in 1..=u32::MAX,
            native in 1..4096_u32, max_side in 1..8192_u32, multiple in 0..128_u32,
        ) {
            let model = model(native, max_side.max(multiple), multiple);
            let (width, height) = picture_size(AspectRatio::new(w, h).unwrap(), &model);
            let multiple = multiple.max(1);
            prop_assert!(width % multiple == 0 && height % multiple == 0);
            prop_assert!(width >= multiple && width <= model.max_side.max(multiple));
            prop_assert!(height >= multiple && height <= model.max_side.max(multiple));
            // The long side of the shape is never the short side of the picture.
            let kept = if w >= h { width >= height } else { width <= height };
            prop_assert!(kept);
        }
    }
}
