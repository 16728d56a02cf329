//! What a caller of the pipeline may rely on.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};

use easel_diffusion::{
    Init, LoadOptions, NoiseMix, NoisePlan, Picture, Pipeline, Sampler, Slot, Task, TaskError,
};
use tch::{Kind, Tensor};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn pipeline(workers: usize) -> Pipeline {
    Pipeline::load(
        &fixture("classic"),
        LoadOptions {
            workers,
            ..LoadOptions::default()
        },
    )
    .unwrap()
}

fn task(seed: u64) -> Task {
    Task {
        prompt: "a red boat".to_owned(),
        negative: Some(String::new()),
        noise: NoisePlan::from(seed),
        width: 16,
        height: 16,
        steps: 5,
        guidance: 6.0,
        sampler: Sampler::Ddim,
        ..Task::default()
    }
}

fn run(pipeline: &mut Pipeline, tasks: &[Task]) -> (Vec<Tensor>, Vec<Picture>) {
    let mut slots: Vec<Slot> = tasks
        .iter()
        .map(|task| pipeline.prepare(task).unwrap())
        .collect();
    while slots.iter().any(|slot| !slot.is_finished()) {
        pipeline
            .step(&mut slots.iter_mut().collect::<Vec<_>>())
            .unwrap();
    }
    let latents = slots
        .iter()
        .map(|slot| slot.latents().shallow_clone())
        .collect();
    (
        latents,
        pipeline.decode(&slots.iter().collect::<Vec<_>>()).unwrap(),
    )
}

fn difference(left: &Tensor, right: &Tensor) -> f64 {
    (left - right).abs().max().double_value(&[])
}

#[test]
fn the_same_task_gives_the_same_picture() {
    let (first, second) = (
        run(&mut pipeline(1), &[task(3)]),
        run(&mut pipeline(1), &[task(3)]),
    );
    assert_eq!(first.1, second.1);
    assert_ne!(run(&mut pipeline(1), &[task(4)]).1, first.1);
}

#[test]
fn neighbours_do_not_change_a_picture() {
    let others = [
        Task {
            prompt: "blue houses".to_owned(),
            guidance: 1.0,
            ..task(8)
        },
        Task {
            sampler: Sampler::Euler,
            steps: 9,
            ..task(9)
        },
        Task {
            width: 32,
            ..task(10)
        },
        Task {
            guidance: 3.0,
            steps: 2,
            ..task(11)
        },
        Task {
            stop: 0.4,
            ..task(12)
        },
    ];
    for seamless in [false, true] {
        let wanted = Task {
            seamless,
            ..task(3)
        };
        let other = Task {
            seamless: !seamless,
            ..task(13)
        };
        neighbours_leave_alone(&wanted, &[&others[..], &[other]].concat());
    }
}

fn neighbours_leave_alone(wanted: &Task, others: &[Task]) {
    let wanted = std::slice::from_ref(wanted);
    let alone = run(&mut pipeline(1), wanted);
    for workers in [1, 2, 3] {
        let together = run(&mut pipeline(workers), &[wanted, others].concat());
        assert!(
            difference(&alone.0[0], &together.0[0]) <= 1e-4,
            "{workers} workers"
        );
        let off = alone.1[0]
            .rgb
            .iter()
            .zip(&together.1[0].rgb)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(off <= Some(1), "{workers} workers: off by {off:?}");
    }
}

#[test]
fn slots_join_and_leave_between_steps() {
    let mut pipeline = pipeline(2);
    let (alone, _) = run(&mut pipeline, &[task(3)]);
    let mut first = pipeline.prepare(&task(3)).unwrap();
    let mut dropped = pipeline.prepare(&task(4)).unwrap();
    pipeline.step(&mut [&mut first, &mut dropped]).unwrap();
    drop(dropped);
    let mut late = pipeline.prepare(&task(5)).unwrap();
    while !first.is_finished() {
        pipeline.step(&mut [&mut first, &mut late]).unwrap();
    }
    assert_eq!((first.done(), late.done()), (5, 4));
    assert!(difference(first.latents(), &alone[0]) <= 1e-4);
    // A finished slot stays as it is while the other goes on.
    let finished = first.latents().copy();
    pipeline.step(&mut [&mut first, &mut late]).unwrap();
    assert!(late.is_finished() && difference(first.latents(), &finished) == 0.0);
}

#[test]
fn a_variation_is_near_its_parent() {
    let mut pipeline = pipeline(1);
    let varied = |strength| Task {
        noise: NoisePlan {
            seed: 3,
            mixes: vec![NoiseMix { seed: 77, strength }],
        },
        ..task(3)
    };
    let (latents, _) = run(
        &mut pipeline,
        &[task(3), varied(0.1), varied(1.0), task(77)],
    );
    let near = difference(&latents[0], &latents[1]);
    assert!(near > 0.0 && near < difference(&latents[0], &latents[2]));
    assert!(difference(&latents[2], &latents[3]) < 1e-4);
}

#[test]
fn previews_come_after_the_first_step() {
    let mut pipeline = pipeline(1);
    let mut slot = pipeline.prepare(&task(3)).unwrap();
    assert_eq!(pipeline.preview(&slot), None);
    pipeline.step(&mut [&mut slot]).unwrap();
    let preview = pipeline.preview(&slot).unwrap();
    assert!(preview.is_whole() && (preview.width, preview.height) == (8, 8));
}

#[test]
fn super_resolution_equals_its_definition() {
    let golden = Tensor::read_safetensors(fixture("classic.safetensors")).unwrap();
    let tensor = |name: &str| &golden.iter().find(|(key, _)| key == name).unwrap().1;
    let bytes = |tensor: &Tensor| Vec::<u8>::try_from(tensor.flatten(0, -1)).unwrap();
    let start = Picture {
        width: 16,
        height: 16,
        rgb: bytes(tensor("start")),
    };
    let mut pipeline = pipeline(2);
    assert_eq!(pipeline.upscale_factor(), 2);
    let large = pipeline.upscale(&[start.clone(), start]).unwrap();
    assert_eq!((large[1].width, large[1].height), (32, 32));
    let wanted = bytes(tensor("upscaled"));
    assert!(large.iter().all(|picture| {
        picture
            .rgb
            .iter()
            .zip(&wanted)
            .all(|(found, wanted)| found.abs_diff(*wanted) <= 1)
    }));
}

#[test]
fn half_precision_stays_near_full_precision() {
    let precision = easel_diffusion::Precision::Bf16;
    let options = LoadOptions {
        precision,
        ..LoadOptions::default()
    };
    let mut half = Pipeline::load(&fixture("classic"), options).unwrap();
    let (full, _) = run(
        &mut pipeline(1),
        &[Task {
            guidance: 1.0,
            ..task(3)
        }],
    );
    let (half, _) = run(
        &mut half,
        &[Task {
            guidance: 1.0,
            ..task(3)
        }],
    );
    let mean = (&full[0] - &half[0])
        .abs()
        .mean(Kind::Float)
        .double_value(&[]);
    assert!(mean < 0.1, "mean difference {mean}");
}

#[test]
fn impossible_tasks_are_refused_by_the_parameters_name() {
    type Spoil = fn(&mut Task);
    fn start_from(task: &mut Task, strength: f64, bytes: usize) {
        let picture = Picture {
            width: 16,
            height: 16,
            rgb: vec![0; bytes],
        };
        task.init = Some(Init {
            picture,
            strength,
            mask: None,
        });
    }
    let rows: [(&str, Spoil); 12] = [
        ("width", |task| task.width = 0),
        ("width", |task| task.width = 17),
        ("height", |task| task.height = 1_000_000_000),
        ("steps", |task| task.steps = 0),
        ("steps", |task| task.steps = 1_000_000),
        ("guidance", |task| task.guidance = f64::NAN),
        ("strength", |task| start_from(task, f64::NAN, 768)),
        ("strength", |task| start_from(task, 0.0, 768)),
        ("strength", |task| start_from(task, 1.5, 768)),
        ("strength", |task| start_from(task, 0.1, 768)),
        ("init image", |task| start_from(task, 0.5, 5)),
        ("init image", |task| {
            task.width = 32;
            start_from(task, 0.5, 768);
        }),
    ];
    let mut pipeline = pipeline(1);
    for (name, spoil) in rows {
        let mut task = task(1);
        spoil(&mut task);
        match pipeline.prepare(&task) {
            Err(TaskError::Bad { parameter, .. }) => assert_eq!(parameter, name),
            Err(other) => panic!("{name}: {other}"),
            Ok(_) => panic!("{name} was accepted"),
        }
    }
}

#[test]
fn a_picture_decoded_in_small_tiles_is_nearly_the_same_picture() {
    let mut pipeline = pipeline(1);
    let large = Task {
        width: 96,
        height: 80,
        ..task(4)
    };
    let mut slot = pipeline.prepare(&large).unwrap();
    while !slot.is_finished() {
        pipeline.step(&mut [&mut slot]).unwrap();
    }
    assert!(slot.is_finite());
    let whole = pipeline.finish(&[&slot]).unwrap().remove(0).picture;
    let tiled = pipeline
        .finish_in_tiles(&[&slot])
        .unwrap()
        .remove(0)
        .picture;
    assert_eq!((tiled.width, tiled.height), (96, 80));
    let off = whole.rgb.iter().zip(&tiled.rgb);
    let off: u64 = off.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = off as f64 / whole.rgb.len() as f64;
    assert!(mean > 0.0 && mean < 12.0, "off by {mean}");
}

#[test]
fn deep_features_are_reused_only_when_asked_for_and_never_those_of_a_neighbour() {
    let reusing = |seed: u64, reuse: u32| Task {
        reuse,
        steps: 6,
        ..task(seed)
    };
    let mut pipeline = pipeline(2);
    let mut alone = |task: Task| run(&mut pipeline, &[task]).0.swap_remove(0);
    let (whole, reused) = (alone(reusing(3, 1)), alone(reusing(3, 3)));
    assert!(difference(&whole, &reused) > 1e-4);
    // Neighbours of other rhythms, and one whose guidance ends, so that the number of its rows changes.
    let ends = Task {
        guidance_interval: (0.0, 0.5),
        ..reusing(5, 2)
    };
    let ending = alone(ends.clone());
    let tasks = [reusing(4, 1), reusing(3, 3), ends, reusing(6, 4)];
    let together = run(&mut pipeline, &tasks).0;
    assert!(difference(&reused, &together[1]) <= 1e-4);
    assert!(difference(&ending, &together[2]) <= 1e-4);
    let never = pipeline.prepare(&reusing(1, 0)).err();
    assert!(matches!(never, Some(TaskError::Bad { .. })));
}

#[test]
fn every_kind_of_checkpoint_warms_up_and_draws_the_same_after_it() {
    for name in [
        "sd1", "sdxl", "refiner", "lcm", "inpaint", "tiny-vae", "velocity", "single",
    ] {
        for workers in [1, 3] {
            let options = LoadOptions {
                workers,
                ..LoadOptions::default()
            };
            let mut pipeline = Pipeline::load(&fixture(name), options).unwrap();
            let warmed = pipeline.warm_up();
            assert_eq!(warmed, Ok(()), "{name} with {workers} workers");
        }
    }
    let (cold, _) = run(&mut pipeline(2), &[task(3)]);
    let mut warm = pipeline(2);
    warm.warm_up().unwrap();
    let (warm, _) = run(&mut warm, &[task(3)]);
    assert!(cold[0].equal(&warm[0]), "warming up changed a picture");
}
