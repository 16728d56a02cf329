//! The numbers of diffusers 0.42.1, stage by stage. The fixtures are made by `training/fixtures`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use easel_diffusion::clip::{ClipText, Layer};
use easel_diffusion::tokenizer::Tokenizer;
use easel_diffusion::unet::{Extra, UNet};
use easel_diffusion::vae::Vae;
use easel_diffusion::weights::Weights;
use easel_diffusion::{
    Checkpoint, Init, LoadOptions, NoisePlan, Picture, Pipeline, Sampler, Slot, Task,
};
use tch::{Device, Kind, Tensor};

const CHECKPOINTS: [&str; 3] = ["classic", "velocity", "single"];

/// Largest difference of one network's output, and of latents after several steps.
const STAGE: f64 = 1e-5;
const TRAJECTORY: f64 = 1e-4;

const PROMPT: &str = "a red sailboat on the sea at sunset";
const NEGATIVE: &str = "houses and the blue sea";
const SEEDS: [u64; 2] = [11, 12];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn golden(name: &str) -> HashMap<String, Tensor> {
    let tensors = Tensor::read_safetensors(fixture(&format!("{name}.safetensors"))).unwrap();
    tensors.into_iter().collect()
}

fn difference(left: &Tensor, right: &Tensor) -> f64 {
    assert_eq!(left.size(), right.size());
    (left.to_kind(Kind::Double) - right.to_kind(Kind::Double))
        .abs()
        .max()
        .double_value(&[])
}

#[track_caller]
fn assert_near(what: &str, found: &Tensor, wanted: &Tensor, tolerance: f64) {
    let difference = difference(found, wanted);
    assert!(difference <= tolerance, "{what}: differs by {difference:e}");
}

fn weights(name: &str, part: &str, stem: &str) -> Weights {
    Weights::open(&fixture(name).join(part), stem, Kind::Float, Device::Cpu).unwrap()
}

#[test]
fn token_ids_equal_those_of_transformers() {
    #[derive(serde::Deserialize)]
    struct Row {
        text: String,
        ids: Vec<i64>,
    }
    for name in CHECKPOINTS {
        let rows = std::fs::read(fixture(&format!("{name}.tokens.json"))).unwrap();
        let rows: Vec<Row> = serde_json::from_slice(&rows).unwrap();
        let tokenizer = Tokenizer::load(&fixture(name).join("tokenizer"), 77).unwrap();
        for row in rows {
            assert_eq!(
                tokenizer.encode(&row.text),
                row.ids,
                "{name}: {:?}",
                row.text
            );
        }
    }
}

#[test]
fn text_states_equal_those_of_transformers() {
    for name in CHECKPOINTS {
        let (golden, checkpoint) = (golden(name), Checkpoint::open(&fixture(name)).unwrap());
        let weights = weights(name, "text_encoder", "model");
        let encoder = ClipText::load(&weights, &checkpoint.texts[0].config, false).unwrap();
        let found = encoder.forward(&golden["ids"], Layer::Normalised { skipped: 0 });
        assert_near(name, &found.states, &golden["states"], STAGE);
    }
}

#[test]
fn predictions_equal_those_of_diffusers_at_early_middle_and_late_steps() {
    for name in CHECKPOINTS {
        let (golden, checkpoint) = (golden(name), Checkpoint::open(&fixture(name)).unwrap());
        let unet = UNet::load(
            &weights(name, "unet", "diffusion_pytorch_model"),
            &checkpoint.unet,
        )
        .unwrap();
        let found = unet.forward(
            &golden["latents"],
            &golden["timesteps"],
            &golden["states"],
            &Extra::default(),
        );
        assert_near(name, &found, &golden["eps"], STAGE);
        // With deep features of the same call the outermost layers give the same.
        let (latents, timesteps) = (&golden["latents"], &golden["timesteps"]);
        let (states, extra) = (&golden["states"], Extra::default());
        let (whole, deep) = unet.forward_keeping(latents, timesteps, states, &extra, None);
        let shallow = unet.forward_shallow(latents, timesteps, states, &extra, &deep.unwrap());
        assert_eq!(whole, shallow, "{name}");
    }
}

#[test]
fn the_autoencoder_equals_that_of_diffusers_both_ways() {
    for name in CHECKPOINTS {
        let (golden, checkpoint) = (golden(name), Checkpoint::open(&fixture(name)).unwrap());
        let vae = Vae::load(
            &weights(name, "vae", "diffusion_pytorch_model"),
            &checkpoint.vae,
        )
        .unwrap();
        let posterior = vae.encode(&golden["picture"]);
        assert_near(name, &posterior.mean, &golden["posterior_mean"], STAGE);
        let deviation = posterior.deviation.unwrap();
        assert_near(name, &deviation, &golden["posterior_std"], STAGE);
        let scaled = vae.scale(&posterior.mean, false);
        assert_near(name, &scaled, &golden["scaled"], STAGE);
        assert_near(
            name,
            &vae.decode(&golden["scaled"], false),
            &golden["decoded"],
            STAGE,
        );
    }
}

fn picture(tensor: &Tensor) -> Picture {
    let (height, width, _) = tensor.size3().unwrap();
    let rgb = Vec::<u8>::try_from(tensor.flatten(0, -1)).unwrap();
    Picture {
        width: width as u32,
        height: height as u32,
        rgb,
    }
}

/// Both seeds' pictures in one batch; compares latents after each step and the bytes at the end.
fn compare_run(
    name: &str,
    golden: &HashMap<String, Tensor>,
    run: &str,
    sampler: Sampler,
    init: Option<&Init>,
) {
    let mut pipeline = Pipeline::load(
        &fixture(name),
        LoadOptions {
            workers: 2,
            ..LoadOptions::default()
        },
    )
    .unwrap();
    let (width, height) = pipeline.checkpoint().native_size();
    let task = |seed: u64| Task {
        prompt: PROMPT.to_owned(),
        negative: Some(NEGATIVE.to_owned()),
        noise: NoisePlan::from(seed),
        width,
        height,
        steps: 4,
        guidance: 5.0,
        sampler,
        init: init.cloned(),
        ..Task::default()
    };
    let mut slots: Vec<Slot> = SEEDS
        .iter()
        .map(|&seed| pipeline.prepare(&task(seed)).unwrap())
        .collect();
    let trajectory = &golden[&format!("{run}.latents")];
    assert_eq!(
        i64::from(slots[0].steps()),
        trajectory.size()[0],
        "{name} {run}: number of steps"
    );
    for step in 0..trajectory.size()[0] {
        pipeline
            .step(&mut slots.iter_mut().collect::<Vec<_>>())
            .unwrap();
        let latents = Tensor::cat(&[slots[0].latents(), slots[1].latents()], 0);
        let wanted = trajectory.get(step);
        let scale = wanted.abs().max().double_value(&[]).max(1.0);
        assert_near(
            &format!("{name} {run} step {step}"),
            &latents,
            &wanted,
            TRAJECTORY * scale,
        );
    }
    let pictures = pipeline.decode(&slots.iter().collect::<Vec<_>>()).unwrap();
    for (index, found) in pictures.iter().enumerate() {
        let wanted = picture(&golden[&format!("{run}.pictures")].get(index as i64));
        let off = found
            .rgb
            .iter()
            .zip(&wanted.rgb)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(
            off <= Some(1),
            "{name} {run}: picture {index} is off by {off:?}"
        );
    }
}

const SAMPLERS: [(&str, Sampler); 3] = [
    ("default", Sampler::Checkpoint),
    ("ddim", Sampler::Ddim),
    ("euler", Sampler::Euler),
];

#[test]
fn pictures_from_words_equal_those_of_diffusers() {
    for name in CHECKPOINTS {
        let golden = golden(name);
        for (sampler_name, sampler) in SAMPLERS {
            compare_run(
                name,
                &golden,
                &format!("txt2img.{sampler_name}"),
                sampler,
                None,
            );
        }
    }
}

#[test]
fn pictures_from_a_picture_equal_those_of_diffusers() {
    for name in CHECKPOINTS {
        let golden = golden(name);
        let init = Init {
            picture: picture(&golden["start"]),
            strength: 0.6,
            mask: None,
        };
        for (sampler_name, sampler) in SAMPLERS {
            compare_run(
                name,
                &golden,
                &format!("img2img.{sampler_name}"),
                sampler,
                Some(&init),
            );
        }
    }
}
