//! What a job started from, under other noise, words or weights. Pure.

use easel_domain::prompt::Prompt;
use easel_domain::spec::{GenerateSpec, InputPicture, Place, RenderSpec, RepaintSpec, Repainted};

use super::{NewestModel, on_model, on_pictures, strength};

/// Places end where a latent does.
const GRAIN: u32 = 8;

/// What is drawn from where `parent` started: from its pictures, if there are any, in their place on this canvas.
pub(super) fn from_same(parent: &RenderSpec, generate: GenerateSpec) -> RenderSpec {
    match parent {
        RenderSpec::Repaint(repaint) => RenderSpec::Repaint(RepaintSpec {
            place: moved(repaint, &generate),
            generate,
            ..repaint.clone()
        }),
        RenderSpec::Generate(_)
        | RenderSpec::Upscale(_)
        | RenderSpec::Weigh(_)
        | RenderSpec::Describe(_) => RenderSpec::Generate(generate),
    }
}

/// Whether only a part of the canvas is painted anew: then no other words change its size.
pub fn has_fixed_canvas(parent: &RenderSpec) -> bool {
    match parent {
        RenderSpec::Repaint(repaint) => match repaint.repainted {
            Repainted::Everything => false,
            Repainted::Around | Repainted::Cells { .. } | Repainted::Masked { .. } => true,
        },
        RenderSpec::Generate(_)
        | RenderSpec::Upscale(_)
        | RenderSpec::Weigh(_)
        | RenderSpec::Describe(_) => false,
    }
}

/// Whether what lies around a picture is painted: nothing does around one that is to repeat without a seam.
pub fn paints_around(parent: &RenderSpec) -> bool {
    matches!(parent, RenderSpec::Repaint(repaint) if repaint.repainted == Repainted::Around)
}

/// The same on the canvas of `parent`, as the model draws it, where only a part of that is painted anew.
pub(super) fn on_fixed_canvas(
    generate: GenerateSpec,
    parent: &RenderSpec,
    model: &NewestModel,
) -> Option<GenerateSpec> {
    if !has_fixed_canvas(parent) {
        return Some(generate);
    }
    let canvas = on_model(parent.generated()?, model);
    Some(GenerateSpec {
        width: canvas.width,
        height: canvas.height,
        ..generate
    })
}

/// The spec where `--iw` says something else than in the words that it comes from.
pub fn reweighed(spec: RenderSpec, before: &Prompt, asked: &Prompt) -> RenderSpec {
    match spec {
        RenderSpec::Repaint(repaint)
            if repaint.repainted == Repainted::Everything && differ(before, asked) =>
        {
            RenderSpec::Repaint(RepaintSpec {
                strength: strength(asked),
                ..repaint
            })
        }
        spec => spec,
    }
}

fn differ(before: &Prompt, asked: &Prompt) -> bool {
    (strength(before) - strength(asked)).abs() > f32::EPSILON
}

/// The spec on other pictures, or on none. `None` where nothing is drawn.
pub fn started_over(
    spec: &RenderSpec,
    inputs: Vec<InputPicture>,
    asked: &Prompt,
) -> Option<RenderSpec> {
    let generate = RenderSpec::Generate(spec.generated()?.clone());
    Some(on_pictures(generate, inputs, strength(asked)))
}

/// Where the pictures lie on another canvas: all of it if they filled the old one, else the same part of it.
fn moved(repaint: &RepaintSpec, to: &GenerateSpec) -> Place {
    let (from, place) = (&repaint.generate, repaint.place);
    if (from.width, from.height) == (to.width, to.height) {
        return place;
    }
    let (left, width) = part(place.left, place.width, from.width, to.width);
    let (top, height) = part(place.top, place.height, from.height, to.height);
    Place {
        left,
        top,
        width,
        height,
    }
}

/// The same part of another length.
fn part(start: u32, length: u32, from: u32, to: u32) -> (u32, u32) {
    let from = from.max(1);
    let end = start.saturating_add(length).min(from);
    let scaled = |at: u32| {
        let at = u64::from(at) * u64::from(to);
        let grains = (at + u64::from(from * GRAIN) / 2) / u64::from(from * GRAIN);
        u32::try_from(grains * u64::from(GRAIN)).map_or(to, |at| at.min(to))
    };
    let start_there = scaled(start).min(to.saturating_sub(GRAIN));
    let end_there = if end == from { to } else { scaled(end) };
    let length = end_there.saturating_sub(start_there).max(GRAIN.min(to));
    (start_there, length)
}

#[cfg(test)]
mod tests {
    use super::super::tests::model;
    use super::super::{imagine, remix, reroll, vary};
    use super::*;
    use easel_domain::prompt::{PromptProfile, parse};
    use easel_domain::spec::{Canvas, Side};

    fn asked(text: &str) -> Prompt {
        let mut request = parse(text, &PromptProfile::EASEL, 1).unwrap();
        request.jobs.remove(0)
    }

    fn picture() -> InputPicture {
        InputPicture {
            key: "input/a.png".into(),
            sha256: String::new(),
            width: 64,
            height: 48,
        }
    }

    fn from_a_picture(text: &str) -> RenderSpec {
        super::super::from_pictures(&asked(text), vec![picture()], &model(), 1)
    }

    /// A grid that continues a picture to its right.
    fn panned() -> RenderSpec {
        let RenderSpec::Repaint(spec) = from_a_picture("a boat") else {
            panic!("not from a picture")
        };
        let canvas = Canvas::panned(128, 128, Side::Right, &model().profile);
        RenderSpec::Repaint(RepaintSpec {
            generate: GenerateSpec {
                width: canvas.width,
                height: canvas.height,
                ..spec.generate
            },
            place: canvas.place,
            repainted: Repainted::Around,
            ..spec
        })
    }

    fn repaint(spec: RenderSpec) -> RepaintSpec {
        match spec {
            RenderSpec::Repaint(spec) => spec,
            _ => panic!("it forgot what it started from"),
        }
    }

    #[test]
    fn a_remix_starts_from_the_pictures_of_its_parent_in_the_shape_of_its_words() {
        let parent = from_a_picture("a boat --iw 2");
        let words = imagine(&asked("a train --ar 3:2"), &model(), 9);
        for index in [None, Some(2)] {
            let spec = repaint(remix(words.clone(), &parent, index, &model(), 9).unwrap());
            assert_eq!(spec.inputs, [picture()]);
            assert_eq!((spec.generate.width, spec.generate.height), (160, 112));
            assert_eq!(spec.place, Place::whole(160, 112));
            let kept = spec.strength - repaint(parent.clone()).strength;
            assert!(kept.abs() < f32::EPSILON);
        }
    }

    #[test]
    fn a_remix_of_a_part_keeps_the_canvas() {
        let words = imagine(&asked("a train --ar 1:2"), &model(), 9);
        let (parent, spec) = (
            panned(),
            remix(words, &panned(), None, &model(), 9).unwrap(),
        );
        let (parent, spec) = (repaint(parent), repaint(spec));
        assert_eq!((spec.generate.width, spec.generate.height), (192, 128));
        assert_eq!(
            (spec.place, spec.repainted),
            (parent.place, Repainted::Around)
        );
    }

    #[test]
    fn other_weights_that_draw_another_size_start_from_the_same_part_of_it() {
        let mut newer = model();
        newer.reference.hash = "other".into();
        (newer.profile.native_width, newer.profile.native_height) = (512, 512);
        (newer.profile.max_side, newer.profile.multiple) = (1_024, 64);
        for spec in [
            reroll(&panned(), &newer, 9).unwrap(),
            vary(&panned(), 0, 0.35, &newer, 9).unwrap(),
        ] {
            let spec = repaint(spec);
            assert_eq!((spec.generate.width, spec.generate.height), (640, 448));
            let place = Place {
                left: 0,
                top: 0,
                width: 424,
                height: 448,
            };
            assert_eq!((spec.place, spec.inputs), (place, vec![picture()]));
        }
    }

    #[test]
    fn a_part_of_a_length_lies_within_any_other_length() {
        for from in [16, 128, 200] {
            for to in [8, 64, 104, 1_024] {
                for start in 0..from {
                    let (left, length) = part(start, from - start, from, to);
                    assert!(
                        length > 0 && left + length == to,
                        "{start} of {from} on {to}"
                    );
                    let (left, length) = part(0, start, from, to);
                    assert!(length > 0 && left == 0 && length <= to);
                }
            }
        }
    }

    #[test]
    fn only_another_weight_in_the_words_changes_how_much_of_the_pictures_stays() {
        let (parent, before) = (from_a_picture("a boat --iw 2"), asked("a boat --iw 2"));
        let same = reweighed(parent.clone(), &before, &asked("a train --iw 2"));
        assert_eq!(same, parent);
        let more = repaint(reweighed(parent, &before, &asked("a train --iw 3")));
        let wanted = strength(&asked("a boat --iw 3"));
        assert!((more.strength - wanted).abs() < f32::EPSILON);
    }
}
