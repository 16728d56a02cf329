//! From prompts and buttons to specs.

use super::*;
use easel_domain::model::ModelProfile;
use easel_domain::prompt::{PromptProfile, parse};
use easel_domain::spec::Sampler;

pub(super) fn model() -> NewestModel {
    let profile = ModelProfile {
        id: "m".into(),
        native_width: 128,
        native_height: 128,
        max_side: 192,
        multiple: 16,
        default_steps: 20,
        default_guidance: 4.0,
        default_sampler: Sampler::Default,
        safe: true,
        finish_scale: 4,
        aliases: vec![],
    };
    NewestModel {
        reference: ModelRef {
            id: "m".into(),
            hash: "h".into(),
        },
        profile,
    }
}

fn generate(text: &str, seed: u32) -> GenerateSpec {
    let request = parse(text, &PromptProfile::EASEL, 1).unwrap();
    of(imagine(&request.jobs[0], &model(), seed))
}

fn words(text: &str, seed: u32) -> RenderSpec {
    RenderSpec::Generate(generate(text, seed))
}

fn of(spec: RenderSpec) -> GenerateSpec {
    match spec {
        RenderSpec::Generate(spec) => spec,
        _ => panic!("not from words alone"),
    }
}

fn seeds(spec: &RenderSpec) -> Vec<u32> {
    let RenderSpec::Generate(spec) = spec else {
        panic!("not a grid")
    };
    spec.pictures.iter().map(NoisePlan::own_seed).collect()
}

#[test]
fn a_prompt_decides_shape_steps_and_seeds() {
    let spec = generate("a boat --ar 16:9 --quality .5 --seed 4294967294", 7);
    assert_eq!(
        (spec.width, spec.height, spec.steps, spec.finish_scale),
        (176, 96, 10, 4)
    );
    assert_eq!(
        seeds(&RenderSpec::Generate(spec)),
        [4_294_967_294, 4_294_967_295, 0, 1]
    );
}

#[test]
fn what_repeats_or_stops_early_does_so_in_all_that_comes_of_it() {
    let grid = words("a boat --tile --stop 40 --seed 1", 0);
    let mut newer = model();
    newer.reference.hash = "other".into();
    for spec in [
        of(grid.clone()),
        of(reroll(&grid, &newer, 9).unwrap()),
        of(vary(&grid, 0, 0.35, &model(), 9).unwrap()),
    ] {
        assert_eq!((spec.stop, spec.seamless), (40, true));
    }
    let plain = of(remix(words("a train", 0), &grid, None, &model(), 9).unwrap());
    assert_eq!((plain.stop, plain.seamless), (100, false));
}

#[test]
fn chaos_stays_with_pictures_that_are_drawn_again_or_varied_and_other_words_bring_their_own() {
    let grid = words("a boat --chaos 60 --seed 1", 0);
    let varied = vary(&grid, 2, 0.35, &model(), 100).unwrap();
    let remixed = |text, index| remix(words(text, 0), &grid, index, &model(), 9).unwrap();
    for (spec, chaos) in [
        (grid.clone(), 60),
        (reroll(&grid, &model(), 9).unwrap(), 60),
        (reroll(&varied, &model(), 9).unwrap(), 60),
        (varied, 60),
        (remixed("a train --chaos 5", None), 5),
        (remixed("a train", Some(1)), 0),
    ] {
        let all: Vec<_> = of(spec).pictures.iter().map(|plan| plan.chaos).collect();
        assert_eq!(all, [chaos; 4]);
    }
}

#[test]
fn a_prompt_without_a_seed_gets_the_drawn_one() {
    assert_eq!(
        seeds(&RenderSpec::Generate(generate("a boat", 40))),
        [40, 41, 42, 43]
    );
}

#[test]
fn variations_keep_their_parents_noise_and_have_their_own_seeds() {
    let grid = words("a boat --seed 1", 0);
    let varied = vary(&grid, 2, 0.35, &model(), 100).unwrap();
    assert_eq!(seeds(&varied), [100, 101, 102, 103]);
    let RenderSpec::Generate(varied) = varied else {
        panic!("not a grid")
    };
    assert!(
        varied
            .pictures
            .iter()
            .all(|plan| plan.seed == 3 && plan.mixes.len() == 1)
    );
    assert_eq!(vary(&grid, 4, 0.35, &model(), 0), None);
}

#[test]
fn what_was_drawn_by_other_weights_keeps_its_shape_and_takes_the_new_size_and_settings() {
    let grid = words("a boat --ar 3:2 --seed 1", 0);
    let mut newer = model();
    newer.reference.hash = "other".into();
    (newer.profile.native_width, newer.profile.native_height) = (512, 512);
    (newer.profile.max_side, newer.profile.multiple) = (1024, 64);
    (newer.profile.default_steps, newer.profile.finish_scale) = (30, 1);
    for spec in [
        of(reroll(&grid, &newer, 9).unwrap()),
        of(vary(&grid, 0, 0.35, &newer, 9).unwrap()),
    ] {
        assert_eq!(spec.model, newer.reference);
        assert_eq!(
            (spec.width, spec.height, spec.steps, spec.finish_scale),
            (640, 448, 30, 1)
        );
    }
    let same = of(reroll(&grid, &model(), 9).unwrap());
    assert_eq!(same.width, of(grid).width);
}

#[test]
fn a_reroll_of_variations_varies_the_same_picture() {
    let grid = words("a boat --seed 1", 0);
    let varied = vary(&grid, 0, 0.35, &model(), 100).unwrap();
    let again = reroll(&varied, &model(), 200).unwrap();
    assert_eq!(seeds(&again), [200, 201, 202, 203]);
    assert_eq!(again.noise_plan(0).unwrap().seed, 1);
    assert_eq!(seeds(&reroll(&grid, &model(), 9).unwrap()), [9, 10, 11, 12]);
}

#[test]
fn a_remix_keeps_the_noise_under_other_words() {
    let grid = words("a boat --seed 1", 0);
    let asked = || words("a train --ar 3:2 --seed 77", 0);
    let whole = of(remix(asked(), &grid, None, &model(), 9).unwrap());
    assert_eq!((whole.pictures[0].seed, whole.width), (1, 160));
    let one = of(remix(asked(), &grid, Some(2), &model(), 9).unwrap());
    assert!(
        one.pictures
            .iter()
            .all(|plan| plan.seed == 3 && plan.mixes.len() == 1)
    );
    assert_eq!(remix(asked(), &grid, Some(4), &model(), 9), None);
}
