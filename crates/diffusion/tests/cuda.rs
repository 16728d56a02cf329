//! A graphics card gives the processor's pictures. `cargo test -p easel-diffusion --test cuda -- --ignored` runs these where
//! libtorch finds a CUDA device.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};

use easel_diffusion::{
    Device, LoadOptions, NoisePlan, Picture, Pipeline, Precision, Sampler, Slot, Task,
};
use tch::{Kind, Tensor};

const CARD: Device = Device::Cuda(0);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn pipeline(name: &str, device: Device, precision: Precision) -> Pipeline {
    assert!(device.is_available(), "libtorch finds no {device}");
    let options = LoadOptions {
        device,
        precision,
        ..LoadOptions::default()
    };
    Pipeline::load(&fixture(name), options).unwrap()
}

fn tasks() -> Vec<Task> {
    let samplers = [
        Sampler::Ddim,
        Sampler::Pndm,
        Sampler::Euler,
        Sampler::EulerAncestral,
        Sampler::DpmPlusPlus2M,
        Sampler::DpmPlusPlus2MKarras,
        Sampler::UniPc,
    ];
    (0..)
        .zip(samplers)
        .map(|(seed, sampler)| Task {
            prompt: "a red boat".to_owned(),
            negative: Some(String::new()),
            noise: NoisePlan::from(seed),
            width: 16,
            height: 16,
            steps: 6,
            guidance: 5.0,
            sampler,
            ..Task::default()
        })
        .collect()
}

fn run(pipeline: &mut Pipeline, tasks: &[Task]) -> (Vec<Tensor>, Vec<Picture>) {
    let prepared = tasks.iter().map(|task| pipeline.prepare(task).unwrap());
    let mut slots: Vec<Slot> = prepared.collect();
    while slots.iter().any(|slot| !slot.is_finished()) {
        let mut running: Vec<&mut Slot> = slots.iter_mut().collect();
        pipeline.step(&mut running).unwrap();
    }
    let latents = slots
        .iter()
        .map(|slot| {
            slot.latents()
                .to_device(tch::Device::Cpu)
                .to_kind(Kind::Float)
        })
        .collect();
    let finished: Vec<&Slot> = slots.iter().collect();
    (latents, pipeline.decode(&finished).unwrap())
}

fn furthest(left: &[Tensor], right: &[Tensor]) -> f64 {
    let apart = |(a, b): (&Tensor, &Tensor)| (a - b).abs().max().double_value(&[]);
    left.iter().zip(right).map(apart).fold(0.0, f64::max)
}

fn mean_apart(left: &Picture, right: &Picture) -> f64 {
    let apart = left.rgb.iter().zip(&right.rgb);
    apart.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / left.rgb.len() as f64
}

#[test]
#[ignore = "needs a CUDA device"]
fn in_single_precision_a_card_follows_the_processor_with_every_sampler() {
    for name in ["classic", "velocity", "sdxl"] {
        let cpu = run(&mut pipeline(name, Device::Cpu, Precision::F32), &tasks());
        let card = run(&mut pipeline(name, CARD, Precision::F32), &tasks());
        let apart = furthest(&cpu.0, &card.0);
        assert!(apart <= 1e-2, "{name}: latents are {apart} apart");
        for (a, b) in cpu.1.iter().zip(&card.1) {
            let mean = mean_apart(a, b);
            assert!(mean <= 1.0, "{name}: a picture is {mean}/255 apart");
        }
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn in_half_precision_a_card_draws_nearly_the_same_and_no_neighbour_matters() {
    for precision in [Precision::Bf16, Precision::F16] {
        let exact = run(&mut pipeline("classic", CARD, Precision::F32), &tasks());
        let mut half = pipeline("classic", CARD, precision);
        let together = run(&mut half, &tasks());
        assert!(
            together
                .0
                .iter()
                .all(|latents| latents.isfinite().all().int64_value(&[]) == 1)
        );
        for ((task, a), b) in tasks().iter().zip(&exact.1).zip(&together.1) {
            assert!(
                mean_apart(a, b) <= 12.0,
                "{precision:?}, {:?}",
                task.sampler
            );
            let alone = run(&mut half, std::slice::from_ref(task));
            assert!(
                mean_apart(&alone.1[0], b) <= 3.0,
                "{precision:?}, {:?}",
                task.sampler
            );
        }
    }
}
