//! What is drawn instead where memory is short (G7): the same in fewer pixels.
//!
//! Only what the member left open is lowered, and only where a picture of another size is the same kind of picture: what
//! goes on from an old picture's noise, or keeps a part of it, is bound to its size.

use super::{GenerateSpec, NoisePlan, Place, RenderSpec, RepaintSpec, Repainted};
use crate::model::ModelProfile;

/// What of a spec nobody asked for, so that it may be less than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leeway {
    /// Width and height.
    pub size: bool,
}

impl Leeway {
    /// Everything was asked for, or follows from what was.
    pub const NONE: Self = Self { size: false };
}

/// The spec one notch smaller, or nothing where it must not or cannot be: each side about three quarters of what it was, in
/// the shape that comes closest, and no side below half of the model's native ones, where models draw nothing sensible.
pub fn lowered(spec: &RenderSpec, leeway: Leeway, model: &ModelProfile) -> Option<RenderSpec> {
    let drawn = spec.generated().filter(|_| leeway.size)?;
    let (width, height) = smaller((drawn.width, drawn.height), model)?;
    spec.resized(width, height)
}

/// Width and height one notch smaller. Half of the long side would be two notches.
fn smaller((width, height): (u32, u32), model: &ModelProfile) -> Option<(u32, u32)> {
    let multiple = model.multiple.max(1);
    let (long, short) = (width.max(height) / multiple, width.min(height) / multiple);
    let native = model.native_width.min(model.native_height);
    let least = native.div_ceil(2).div_ceil(multiple).max(1);
    let mut best: Option<((u32, u32), f64)> = None;
    for new_long in (long / 2 + 1..=long * 3 / 4).rev() {
        let exact = f64::from(short) * f64::from(new_long) / f64::from(long);
        let new_short = exact.round() as u32;
        let skew = (f64::from(new_short) / exact).ln().abs();
        if new_short >= least && best.is_none_or(|(_, lowest)| skew < lowest) {
            best = Some(((new_long, new_short), skew));
        }
    }
    let ((long, short), _) = best?;
    let (long, short) = (long * multiple, short * multiple);
    Some(if width >= height {
        (long, short)
    } else {
        (short, long)
    })
}

impl RenderSpec {
    /// The same in another size, or nothing where what is drawn depends on its size.
    #[must_use]
    pub fn resized(&self, width: u32, height: u32) -> Option<Self> {
        let varies = |plan: &NoisePlan| !plan.mixes.is_empty();
        if self.generated()?.pictures.iter().any(varies) {
            // Noise of another size has nothing in common with that of the picture that is varied.
            return None;
        }
        let sized = |spec: &GenerateSpec| GenerateSpec {
            width,
            height,
            ..spec.clone()
        };
        match self {
            Self::Generate(spec) => Some(Self::Generate(sized(spec))),
            Self::Repaint(spec) => {
                let whole = Place::whole(spec.generate.width, spec.generate.height);
                match &spec.repainted {
                    // Inputs are cut and scaled to their place on the node.
                    Repainted::Everything if spec.place == whole => {
                        Some(Self::Repaint(RepaintSpec {
                            generate: sized(&spec.generate),
                            place: Place::whole(width, height),
                            ..spec.clone()
                        }))
                    }
                    Repainted::Everything
                    | Repainted::Around
                    | Repainted::Cells { .. }
                    | Repainted::Masked { .. } => None,
                }
            }
            Self::Upscale(_) | Self::Weigh(_) | Self::Describe(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ModelRef;
    use crate::spec::{InputPicture, Sampler};

    const OPEN: Leeway = Leeway { size: true };

    fn model(native: u32, multiple: u32) -> ModelProfile {
        ModelProfile {
            id: "m".into(),
            native_width: native,
            native_height: native,
            max_side: 2 * native,
            multiple,
            default_steps: 20,
            default_guidance: 5.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 1,
            aliases: vec![],
        }
    }

    fn grid(width: u32, height: u32) -> GenerateSpec {
        GenerateSpec {
            model: ModelRef {
                id: "m".into(),
                hash: "h".into(),
            },
            width,
            height,
            steps: 20,
            guidance: 5.0,
            sampler: Sampler::Default,
            pictures: (0..4).map(NoisePlan::from_seed).collect(),
            finish_scale: 1,
            stop: 100,
            seamless: false,
        }
    }

    fn on_picture(width: u32, height: u32, repainted: Repainted) -> RepaintSpec {
        RepaintSpec {
            generate: grid(width, height),
            inputs: vec![InputPicture {
                key: "public/a.png".into(),
                sha256: "ab".into(),
                width: 700,
                height: 300,
            }],
            place: Place::whole(width, height),
            strength: 0.7,
            repainted,
        }
    }

    fn sizes(mut spec: RenderSpec, model: &ModelProfile) -> Vec<(u32, u32)> {
        let mut sizes = Vec::new();
        while let Some(less) = lowered(&spec, OPEN, model) {
            let drawn = less.generated().unwrap();
            sizes.push((drawn.width, drawn.height));
            spec = less;
        }
        sizes
    }

    #[test]
    fn sides_become_three_quarters_as_long_as_the_model_draws_something() {
        let large = RenderSpec::Generate(grid(512, 512));
        assert_eq!(sizes(large, &model(512, 8)), [(384, 384), (288, 288)]);
        let small = RenderSpec::Generate(grid(128, 128));
        assert_eq!(sizes(small, &model(128, 16)), [(96, 96), (64, 64)]);
    }

    #[test]
    fn a_shape_is_kept_as_well_as_multiples_allow() {
        let wide = RenderSpec::Generate(grid(176, 96));
        assert_eq!(sizes(wide, &model(128, 16)), [(112, 64)]);
        let high = RenderSpec::Generate(grid(768, 1344));
        assert_eq!(
            lowered(&high, OPEN, &model(1024, 64)).map(|spec| spec.finished_size()),
            Some((512, 896))
        );
    }

    #[test]
    fn nothing_but_the_size_changes_and_nothing_where_it_was_asked_for() {
        let spec = RenderSpec::Generate(grid(512, 512));
        assert_eq!(lowered(&spec, Leeway::NONE, &model(512, 8)), None);
        let less = lowered(&spec, OPEN, &model(512, 8)).unwrap();
        assert_eq!(less.resized(512, 512), Some(spec));
    }

    #[test]
    fn a_picture_in_a_prompt_is_put_on_the_smaller_canvas() {
        let spec = on_picture(512, 512, Repainted::Everything);
        let Some(RenderSpec::Repaint(less)) =
            lowered(&RenderSpec::Repaint(spec.clone()), OPEN, &model(512, 8))
        else {
            panic!("it can be smaller");
        };
        assert_eq!(less.place, Place::whole(384, 384));
        assert_eq!((less.inputs, less.strength), (spec.inputs, spec.strength));
    }

    #[test]
    fn what_is_bound_to_the_size_of_an_old_picture_keeps_it() {
        let mut varied = grid(512, 512);
        let plan = varied.pictures[0].varied(9, 0.3).unwrap();
        varied.pictures[0] = plan;
        let cells = Repainted::Cells {
            columns: 2,
            rows: 2,
            chosen: vec![0],
        };
        let mut off_centre = on_picture(512, 512, Repainted::Everything);
        off_centre.place.width = 256;
        for bound in [
            RenderSpec::Generate(varied),
            RenderSpec::Repaint(on_picture(512, 512, Repainted::Around)),
            RenderSpec::Repaint(on_picture(512, 512, cells)),
            RenderSpec::Repaint(off_centre),
        ] {
            assert_eq!(lowered(&bound, OPEN, &model(512, 8)), None, "{bound:?}");
        }
    }

    proptest! {
        #[test]
        fn each_notch_is_less_work_in_about_the_same_shape_and_they_end(
            native in 16..2048_u32, multiple in 1..65_u32, width in 1..128_u32, height in 1..128_u32,
        ) {
            let model = model(native, multiple);
            let mut spec = RenderSpec::Generate(grid(width * multiple, height * multiple));
            let mut notches = 0;
            while let Some(less) = lowered(&spec, OPEN, &model) {
                let (before, after) = (spec.generated().unwrap(), less.generated().unwrap());
                prop_assert!(after.width % multiple == 0 && after.height % multiple == 0);
                prop_assert!(2 * after.width.min(after.height) >= native);
                prop_assert!(after.width <= before.width && after.height <= before.height);
                let area = |spec: &GenerateSpec| u64::from(spec.width) * u64::from(spec.height);
                prop_assert!(area(after) < area(before));
                // The short side is the multiple that is nearest to the shape.
                let (long, short) = (after.width.max(after.height), after.width.min(after.height));
                let ratio = f64::from(before.width.min(before.height)) / f64::from(before.width.max(before.height));
                prop_assert!((f64::from(short) - f64::from(long) * ratio).abs() <= f64::from(multiple) / 2.0 + 1e-6);
                spec = less;
                notches += 1;
                prop_assert!(notches < 64);
            }
        }
    }
}
