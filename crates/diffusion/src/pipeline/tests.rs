//! Seamless pictures and early stops, with a look inside the slots.

use std::path::Path;

use tch::Tensor;

use super::{LoadOptions, Pipeline};
use crate::noise::NoisePlan;
use crate::picture::{Mask, Picture};
use crate::schedulers::Sampler;
use crate::slot::{Init, Slot, Task};

const SAMPLERS: [Sampler; 8] = [
    Sampler::Ddim,
    Sampler::Pndm,
    Sampler::Euler,
    Sampler::EulerAncestral,
    Sampler::DpmPlusPlus2M,
    Sampler::DpmPlusPlus2MKarras,
    Sampler::UniPc,
    Sampler::Lcm,
];

fn pipeline() -> Pipeline {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/easel-tiny");
    Pipeline::load(&model, LoadOptions::default()).unwrap()
}

fn task(seamless: bool) -> Task {
    Task {
        prompt: "a red boat on the sea".to_owned(),
        noise: NoisePlan::from(5),
        width: 64,
        height: 48,
        steps: 6,
        guidance: 4.0,
        sampler: Sampler::Ddim,
        seamless,
        ..Task::default()
    }
}

fn run(pipeline: &mut Pipeline, slot: &mut Slot) {
    while !slot.is_finished() {
        pipeline.step(&mut [&mut *slot]).unwrap();
    }
}

fn most(difference: &Tensor) -> f64 {
    difference.abs().max().double_value(&[])
}

/// The picture moved in a circle, to the right and down.
fn moved(picture: &Picture, right: usize, down: usize) -> Picture {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let at = |x: usize, y: usize| {
        let start = 3 * ((y + height - down) % height * width + (x + width - right) % width);
        picture.rgb[start..start + 3].iter().copied()
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Picture {
        rgb: places.flat_map(|(x, y)| at(x, y)).collect(),
        ..*picture
    }
}

fn off(left: &Picture, right: &Picture) -> f64 {
    let off = left.rgb.iter().zip(&right.rgb);
    let sum: u64 = off.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / left.rgb.len() as f64
}

/// Mean difference of neighbouring rows and columns: across the edges, and within.
fn steps(picture: &Picture) -> (f64, f64) {
    let beside = [moved(picture, 1, 0), moved(picture, 0, 1)];
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (mut across, mut within) = ((0.0, 0.0), (0.0, 0.0));
    for (sideways, other) in [true, false].into_iter().zip(&beside) {
        for at in 0..width * height {
            let edge = if sideways {
                at % width == 0
            } else {
                at < width
            };
            let sum = if edge { &mut across } else { &mut within };
            for channel in 3 * at..3 * at + 3 {
                sum.0 += f64::from(picture.rgb[channel].abs_diff(other.rgb[channel]));
                sum.1 += 1.0;
            }
        }
    }
    (across.0 / across.1, within.0 / within.1)
}

#[test]
fn moved_noise_moves_a_seamless_picture_and_no_other() {
    let mut pipeline = pipeline();
    for (seamless, at_most, at_least) in [(true, 1e-3, 0.0), (false, f64::MAX, 0.1)] {
        let mut plain = pipeline.prepare(&task(seamless)).unwrap();
        let mut shifted = pipeline.prepare(&task(seamless)).unwrap();
        // The network halves twice, so by multiples of four places, each of four pixels.
        shifted.latents = shifted.latents.roll([8, 4], [2, 3]);
        run(&mut pipeline, &mut plain);
        run(&mut pipeline, &mut shifted);
        let difference = most(&(plain.latents().roll([8, 4], [2, 3]) - shifted.latents()));
        assert!(
            (at_least..=at_most).contains(&difference),
            "seamless {seamless}: off by {difference}"
        );
        let pictures = pipeline.decode(&[&plain, &shifted]).unwrap();
        let difference = off(&moved(&pictures[0], 16, 32), &pictures[1]);
        assert_eq!(difference <= 0.01, seamless, "off by {difference}");
    }
}

#[test]
fn edges_of_a_seamless_picture_match_also_in_tiles_and_enlarged() {
    let mut pipeline = pipeline();
    let mut slot = pipeline.prepare(&task(true)).unwrap();
    run(&mut pipeline, &mut slot);
    let small = pipeline.decode(&[&slot]).unwrap();
    let tiled = pipeline.decode_with(&[&slot], Some(8)).unwrap();
    let large = pipeline.upscale(&[small[0].surrounded(8)]).unwrap();
    for (name, picture) in [
        ("small", &small[0]),
        ("in tiles", &tiled[0]),
        ("large", &large[0].trimmed(32)),
    ] {
        let (across, within) = steps(picture);
        assert!(
            across < 1.6 * within,
            "{name}: {across} across, {within} within"
        );
    }
    let mut plain = pipeline.prepare(&task(false)).unwrap();
    run(&mut pipeline, &mut plain);
    let (across, within) = steps(&pipeline.decode(&[&plain]).unwrap()[0]);
    assert!(across > 2.0 * within, "{across} across, {within} within");
}

#[test]
fn a_run_that_stops_early_gives_what_the_whole_run_expected_at_that_step() {
    let mut pipeline = pipeline();
    for sampler in SAMPLERS {
        let whole = Task {
            sampler,
            ..task(false)
        };
        let stopped = Task {
            stop: 0.5,
            ..whole.clone()
        };
        let mut whole = pipeline.prepare(&whole).unwrap();
        let mut stopped = pipeline.prepare(&stopped).unwrap();
        run(&mut pipeline, &mut stopped);
        assert_eq!(stopped.steps(), whole.steps().div_ceil(2), "{sampler:?}");
        for _ in 0..stopped.steps() {
            pipeline.step(&mut [&mut whole]).unwrap();
        }
        let expected = whole.denoised.as_ref().unwrap();
        assert_eq!(stopped.latents(), expected, "{sampler:?}");
        assert!(
            most(&(stopped.latents() - whole.latents())) > 0.1,
            "{sampler:?}"
        );
    }
}

#[test]
fn what_was_to_be_kept_is_kept_by_a_run_that_stops_early() {
    let mut pipeline = pipeline();
    let (width, height) = (64, 48);
    let half = |at: u32| if at % width < width / 2 { 0 } else { 255 };
    let stopped = Task {
        stop: 0.3,
        init: Some(Init {
            picture: Picture {
                width,
                height,
                rgb: vec![90; (3 * width * height) as usize],
            },
            strength: 1.0,
            mask: Some(Mask {
                width,
                height,
                grey: (0..width * height).map(half).collect(),
            }),
        }),
        ..task(false)
    };
    let mut slot = pipeline.prepare(&stopped).unwrap();
    run(&mut pipeline, &mut slot);
    let Some(crate::slot::Keeping::Blend { clean, .. }) = &slot.keeping else {
        panic!("this checkpoint has no channels for masks");
    };
    let left = |x: &Tensor| x.narrow(3, 0, 8);
    assert_eq!(left(clean), left(slot.latents()));
}

#[test]
fn a_stop_outside_the_run_is_refused() {
    let mut pipeline = pipeline();
    for stop in [0.0, -0.5, 1.1, f64::NAN] {
        let task = Task {
            stop,
            ..task(false)
        };
        let refused = pipeline.prepare(&task).err().map(|error| error.to_string());
        assert!(
            refused.as_deref().is_some_and(|text| text.contains("stop")),
            "{stop}: {refused:?}"
        );
    }
    let least = Task {
        stop: 0.001,
        ..task(false)
    };
    assert_eq!(pipeline.prepare(&least).unwrap().steps(), 1);
}
