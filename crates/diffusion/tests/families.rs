//! Whole runs of every family against those of diffusers 0.42.1. The fixtures are made by `training/fixtures/runs.py`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use easel_diffusion::{
    Init, LoadOptions, Mask, NoisePlan, Picture, Pipeline, Sampler, Slot, Task, inspect,
};
use tch::{Kind, Tensor};

/// Largest difference of latents after all steps, where their largest value is 1.
const TRAJECTORY: f64 = 1e-4;

const PROMPT: &str = "a red sailboat on the sea at sunset";
const NEGATIVE: &str = "houses and the blue sea";
const SEEDS: [u64; 2] = [21, 22];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    Vec::<u8>::try_from(tensor.flatten(0, -1)).unwrap()
}

fn picture(tensor: &Tensor) -> Picture {
    let (height, width, _) = tensor.size3().unwrap();
    Picture {
        width: width as u32,
        height: height as u32,
        rgb: bytes(tensor),
    }
}

struct Family {
    name: &'static str,
    golden: HashMap<String, Tensor>,
    pipeline: Pipeline,
}

impl Family {
    fn load(name: &'static str) -> Self {
        let golden = Tensor::read_safetensors(fixture(&format!("{name}.runs.safetensors")));
        let options = LoadOptions {
            workers: 2,
            ..LoadOptions::default()
        };
        Self {
            name,
            golden: golden.unwrap().into_iter().collect(),
            pipeline: Pipeline::load(&fixture(name), options).unwrap(),
        }
    }

    /// Every run of a mode that the fixtures have.
    fn samplers(&self, mode: &str) -> Vec<Sampler> {
        let has = |sampler: &Sampler| {
            let key = format!("{mode}.{}.latents", sampler.name());
            self.golden.contains_key(&key)
        };
        Sampler::ALL.into_iter().filter(has).collect()
    }

    fn task(&self, mode: &str, sampler: Sampler, seed: u64) -> Task {
        let start = picture(&self.golden["start"]);
        let (width, height) = if mode == "img2img" || mode == "inpaint" {
            (start.width, start.height)
        } else {
            self.pipeline.checkpoint().native_size()
        };
        let mask = (mode == "inpaint").then(|| Mask {
            width,
            height,
            grey: bytes(&self.golden["mask"]),
        });
        let init = (mode == "img2img" || mode == "inpaint").then_some(Init {
            picture: start,
            strength: 0.7,
            mask,
        });
        Task {
            prompt: PROMPT.to_owned(),
            negative: Some(NEGATIVE.to_owned()),
            noise: NoisePlan::from(seed),
            width,
            height,
            steps: 6,
            guidance: 5.0,
            sampler,
            init,
            ..Task::default()
        }
    }

    /// Both seeds in one batch, compared with each on its own by diffusers.
    fn compare(&mut self, mode: &str, sampler: Sampler) {
        let what = format!("{} {mode} {}", self.name, sampler.name());
        let mut slots: Vec<Slot> = SEEDS
            .iter()
            .map(|&seed| {
                let task = self.task(mode, sampler, seed);
                self.pipeline.prepare(&task).unwrap()
            })
            .collect();
        while !slots[0].is_finished() {
            let mut running: Vec<&mut Slot> = slots.iter_mut().collect();
            self.pipeline.step(&mut running).unwrap();
        }
        let latents = Tensor::cat(&[slots[0].latents(), slots[1].latents()], 0);
        let wanted = &self.golden[&format!("{mode}.{}.latents", sampler.name())];
        let scale = wanted.abs().max().double_value(&[]).max(1.0);
        let off = (latents - wanted).abs().max().double_value(&[]) / scale;
        assert!(off <= TRAJECTORY, "{what}: latents differ by {off:e}");
        let finished = self.pipeline.finish(&slots.iter().collect::<Vec<_>>());
        let wanted = &self.golden[&format!("{mode}.{}.pictures", sampler.name())];
        for (index, found) in finished.unwrap().into_iter().enumerate() {
            let wanted = bytes(&wanted.get(index as i64));
            let off = found.picture.rgb.iter().zip(&wanted);
            let off = off.map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(1), "{what}: picture {index} is off by {off:?}");
            assert!(!found.flagged || wanted.iter().all(|byte| *byte == 0));
        }
    }

    fn compare_all(&mut self, modes: &[&str]) {
        for mode in modes {
            let samplers = self.samplers(mode);
            assert!(!samplers.is_empty(), "{}: no run of {mode}", self.name);
            for sampler in samplers {
                self.compare(mode, sampler);
            }
        }
        assert_eq!(inspect(&fixture(self.name)).problems, []);
    }
}

#[test]
fn stable_diffusion_with_every_sampler() {
    Family::load("sd1").compare_all(&["txt2img", "img2img", "inpaint"]);
}

#[test]
fn stable_diffusion_xl_with_every_sampler() {
    let mut family = Family::load("sdxl");
    assert_eq!(family.pipeline.checkpoint().kind(), "sdxl");
    family.compare_all(&["txt2img", "img2img", "inpaint"]);
}

#[test]
fn a_refiner_improves_a_picture() {
    let mut family = Family::load("refiner");
    assert_eq!(family.pipeline.checkpoint().kind(), "sdxl-refiner");
    family.compare_all(&["img2img"]);
}

#[test]
fn an_inpainting_network_sees_the_mask() {
    let mut family = Family::load("inpaint");
    assert_eq!(family.pipeline.checkpoint().kind(), "inpaint");
    family.compare_all(&["inpaint"]);
    let mut task = family.task("inpaint", Sampler::Checkpoint, 1);
    task.init = None;
    assert!(family.pipeline.prepare(&task).is_err());
}

#[test]
fn latent_consistency_is_told_the_guidance() {
    let mut family = Family::load("lcm");
    assert_eq!(family.pipeline.checkpoint().kind(), "lcm");
    family.compare_all(&["txt2img", "img2img"]);
}

#[test]
fn a_tiny_autoencoder_serves_as_well() {
    Family::load("tiny-vae").compare_all(&["txt2img", "img2img"]);
}

#[test]
fn a_safety_checker_blackens_what_it_flags() {
    let mut family = Family::load("checked");
    assert!(family.pipeline.has_safety_checker());
    family.compare_all(&["txt2img", "img2img"]);
}

#[test]
fn adapters_are_merged_and_taken_out_bit_for_bit() {
    for name in ["sd1", "sdxl"] {
        let mut family = Family::load(name);
        for style in ["kohya", "peft"] {
            let file = fixture(&format!("{name}.{style}.safetensors"));
            let lora = family.pipeline.read_lora(&file).unwrap();
            family.pipeline.set_loras(&[(lora, 0.5)]).unwrap();
            family.compare(style, Sampler::Checkpoint);
        }
        family.pipeline.set_loras(&[]).unwrap();
        let latents = |pipeline: &mut Pipeline, task: &Task| {
            let mut slot = pipeline.prepare(task).unwrap();
            pipeline.step(&mut [&mut slot]).unwrap();
            slot.latents().copy()
        };
        let task = family.task("txt2img", Sampler::Ddim, 5);
        let after = latents(&mut family.pipeline, &task);
        let mut fresh = Family::load(name);
        assert_eq!(after, latents(&mut fresh.pipeline, &task));
    }
}

#[test]
fn an_adapter_of_another_family_is_refused() {
    let family = Family::load("sd1");
    let other = fixture("sdxl.kohya.safetensors");
    let error = family.pipeline.read_lora(&other).unwrap_err();
    assert!(error.message.contains("another family"), "{error}");
    let weights = fixture("sd1/unet/diffusion_pytorch_model.safetensors");
    assert!(family.pipeline.read_lora(&weights).is_err());
}

#[test]
fn neighbours_of_every_kind_do_not_change_a_picture() {
    let mut family = Family::load("sdxl");
    let tasks: Vec<Task> = Sampler::ALL[1..]
        .iter()
        .enumerate()
        .map(|(index, &sampler)| {
            let mode = ["txt2img", "img2img", "inpaint"][index % 3];
            let task = family.task(mode, sampler, index as u64);
            Task {
                steps: 4 + index as u32,
                guidance: if index % 4 == 3 {
                    1.0
                } else {
                    2.0 + index as f64
                },
                ..task
            }
        })
        .collect();
    let mut run = |tasks: &[Task]| {
        let pipeline = &mut family.pipeline;
        let prepared = tasks.iter().map(|task| pipeline.prepare(task).unwrap());
        let mut slots: Vec<Slot> = prepared.collect();
        while slots.iter().any(|slot| !slot.is_finished()) {
            let mut running: Vec<&mut Slot> = slots.iter_mut().collect();
            pipeline.step(&mut running).unwrap();
        }
        slots
    };
    let together = run(&tasks);
    for (task, neighbour) in tasks.iter().zip(&together) {
        let alone = run(std::slice::from_ref(task));
        let scale = alone[0].latents().abs().max().double_value(&[]).max(1.0);
        let off = (alone[0].latents() - neighbour.latents()).abs().max();
        let off = off.to_kind(Kind::Double).double_value(&[]) / scale;
        assert!(off <= TRAJECTORY, "{:?}: differs by {off:e}", task.sampler);
    }
}

#[test]
fn weights_change_a_picture_and_long_prompts_are_read_to_their_end() {
    use easel_diffusion::Syntax;
    let mut family = Family::load("sdxl");
    let mut first = |prompt: &str, syntax: Syntax| {
        let task = Task {
            prompt: prompt.to_owned(),
            syntax,
            ..family.task("txt2img", Sampler::Ddim, 5)
        };
        let mut slot = family.pipeline.prepare(&task).unwrap();
        family.pipeline.step(&mut [&mut slot]).unwrap();
        slot.latents().copy()
    };
    let plain = first("a red boat", Syntax::Plain);
    assert_eq!(first("a red boat", Syntax::Weighted), plain);
    assert_ne!(first("a (red:1.4) boat", Syntax::Weighted), plain);
    let long = "sunset ".repeat(90);
    let cut = first(&format!("{long} red"), Syntax::Plain);
    assert_eq!(first(&format!("{long} blue"), Syntax::Plain), cut);
    let whole = first(&format!("{long} red"), Syntax::Weighted);
    assert_ne!(first(&format!("{long} blue"), Syntax::Weighted), whole);
}

#[test]
fn adapters_that_change_between_steps_count_at_once() {
    let mut family = Family::load("sd1");
    let lora = family
        .pipeline
        .read_lora(&fixture("sd1.kohya.safetensors"))
        .unwrap();
    let task = family.task("txt2img", Sampler::Ddim, 5);
    // Nothing may be left of what was computed with other weights, whether or not others were drawn in between.
    let mut drawn = |between: bool| {
        let pipeline = &mut family.pipeline;
        let mut slot = pipeline.prepare(&task).unwrap();
        pipeline.step(&mut [&mut slot]).unwrap();
        pipeline.set_loras(&[(lora.clone(), 2.0)]).unwrap();
        if between {
            let mut other = pipeline.prepare(&task).unwrap();
            pipeline.step(&mut [&mut other]).unwrap();
        }
        pipeline.step(&mut [&mut slot]).unwrap();
        pipeline.set_loras(&[]).unwrap();
        slot.latents().copy()
    };
    let at_once = drawn(false);
    assert_eq!(at_once, drawn(true));
}
