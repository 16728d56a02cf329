//! Pictures that follow others, against diffusers 0.42.1. The fixtures are made by `training/fixtures/control.py`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use easel_diffusion::controlnet::{ControlNet, ControlNetConfig};
use easel_diffusion::unet::{Extra, UNet};
use easel_diffusion::weights::Weights;
use easel_diffusion::{
    Checkpoint, Control, ControlNetId, Init, LoadError, LoadOptions, Mask, NoisePlan, Picture,
    Pipeline, Slot, Task, TaskError, inspect,
};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

/// Largest difference of one network's output, and of latents after all steps, where the largest value is 1.
const STAGE: f64 = 1e-5;
const TRAJECTORY: f64 = 1e-4;

const SEEDS: [u64; 2] = [21, 22];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn golden(family: &str) -> HashMap<String, Tensor> {
    let file = fixture(&format!("{family}.control.safetensors"));
    Tensor::read_safetensors(file)
        .unwrap()
        .into_iter()
        .collect()
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    Vec::<u8>::try_from(tensor.flatten(0, -1)).unwrap()
}

fn picture(tensor: &Tensor) -> Picture {
    Picture {
        width: tensor.size()[1] as u32,
        height: tensor.size()[0] as u32,
        rgb: bytes(tensor),
    }
}

#[track_caller]
fn assert_near(what: &str, found: &Tensor, wanted: &Tensor, tolerance: f64) {
    assert_eq!(found.size(), wanted.size(), "{what}");
    let scale = wanted.abs().max().double_value(&[]).max(1.0);
    let off = (found - wanted).abs().max().double_value(&[]) / scale;
    assert!(off <= tolerance, "{what}: differs by {off:e}");
}

struct Family {
    golden: HashMap<String, Tensor>,
    pipeline: Pipeline,
    networks: Vec<ControlNetId>,
}

impl Family {
    fn load(name: &str, workers: usize) -> Self {
        let options = LoadOptions {
            workers,
            ..LoadOptions::default()
        };
        let mut pipeline = Pipeline::load(&fixture(name), options).unwrap();
        let weights = pipeline.weight_bytes();
        let directories = [1, 2].map(|number| fixture(&format!("{name}-control-{number}")));
        let there = directories.iter().filter(|directory| directory.exists());
        let networks: Vec<ControlNetId> = there
            .map(|directory| pipeline.read_controlnet(directory).unwrap())
            .collect();
        assert!(pipeline.weight_bytes() > weights);
        Self {
            golden: golden(name),
            pipeline,
            networks,
        }
    }

    fn control(&self, number: usize, scale: f64) -> Control {
        Control {
            net: self.networks[number],
            picture: picture(&self.golden[["edges", "start"][number]]),
            scale,
            interval: (0.0, 1.0),
            guess: false,
        }
    }

    fn task(&self, mode: &str, seed: u64, controls: Vec<Control>) -> Task {
        let start = picture(&self.golden["start"]);
        let (width, height) = (start.width, start.height);
        let mask = (mode == "inpaint").then(|| Mask {
            width,
            height,
            grey: bytes(&self.golden["mask"]),
        });
        let init = (mode != "txt2img").then_some(Init {
            picture: start,
            strength: 0.7,
            mask,
        });
        Task {
            prompt: "a red sailboat on the sea at sunset".to_owned(),
            negative: Some("houses and the blue sea".to_owned()),
            noise: NoisePlan::from(seed),
            width,
            height,
            steps: 6,
            guidance: 5.0,
            init,
            controls,
            ..Task::default()
        }
    }

    fn run(&mut self, tasks: &[Task]) -> Vec<Slot> {
        let pipeline = &mut self.pipeline;
        let prepared = tasks.iter().map(|task| pipeline.prepare(task).unwrap());
        let mut slots: Vec<Slot> = prepared.collect();
        while slots.iter().any(|slot| !slot.is_finished()) {
            let mut running: Vec<&mut Slot> = slots.iter_mut().collect();
            pipeline.step(&mut running).unwrap();
        }
        slots
    }

    /// Both seeds in one batch, compared with each on its own by diffusers.
    fn compare(&mut self, mode: &str, case: &str, controls: &[Control]) {
        let tasks = SEEDS.map(|seed| self.task(mode, seed, controls.to_vec()));
        let slots = self.run(&tasks);
        let latents = Tensor::cat(&[slots[0].latents(), slots[1].latents()], 0);
        let wanted = &self.golden[&format!("{mode}.{case}.latents")];
        assert_near(&format!("{mode} {case}"), &latents, wanted, TRAJECTORY);
        let found = self.pipeline.decode(&slots.iter().collect::<Vec<_>>());
        let wanted = &self.golden[&format!("{mode}.{case}.pictures")];
        for (index, found) in found.unwrap().into_iter().enumerate() {
            let wanted = bytes(&wanted.get(index as i64));
            let off = found.rgb.iter().zip(&wanted);
            let off = off.map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(1), "{mode} {case} {index}: off by {off:?}");
        }
    }
}

const FAMILIES: [&str; 2] = ["sd1", "sdxl"];

#[test]
fn outputs_and_the_prediction_with_them_equal_those_of_diffusers() {
    for family in FAMILIES {
        let golden = golden(family);
        let stage = |key: &str| golden.get(&format!("stage.{key}"));
        let directory = fixture(&format!("{family}-control-1"));
        let config = ControlNetConfig::read(&directory).unwrap();
        let weights = ControlNet::open(&directory, Kind::Float, Device::Cpu).unwrap();
        let network = ControlNet::load(&weights, &config).unwrap();
        let extra = Extra {
            pooled: stage("pooled").map(Tensor::shallow_clone),
            time_ids: stage("time_ids").map(Tensor::shallow_clone),
            guidance: None,
        };
        let given = ["latents", "picture", "timesteps", "states"];
        let [latents, picture, timesteps, states] = given.map(|key| stage(key).unwrap());
        let hint = network.embed(picture);
        let ask = |guess: bool| {
            let scales = Tensor::from_slice(&network.scales(0.75, guess));
            let scales = scales.unsqueeze(0).expand([3, -1], false);
            network.forward(latents, &hint, timesteps, states, &extra, &scales)
        };
        let found = ask(false);
        for (index, output) in found.skips.iter().chain([&found.middle]).enumerate() {
            let wanted = stage(&format!("residual.{index}")).unwrap();
            assert_near(&format!("{family} {index}"), output, wanted, STAGE);
        }
        let next = format!("residual.{}", found.skips.len() + 1);
        assert!(stage(&next).is_none(), "{family} has too few outputs");
        let guessed = stage("guessed.0").unwrap();
        assert_near(family, &ask(true).skips[0], guessed, STAGE);
        let checkpoint = Checkpoint::open(&fixture(family)).unwrap();
        let stem = "diffusion_pytorch_model";
        let unet = fixture(family).join("unet");
        let unet = Weights::open(&unet, stem, Kind::Float, Device::Cpu).unwrap();
        let unet = UNet::load(&unet, &checkpoint.unet).unwrap();
        let (eps, _) = unet.forward_keeping(latents, timesteps, states, &extra, Some(&found));
        assert_near(family, &eps, stage("eps").unwrap(), STAGE);
    }
}

#[test]
fn whole_runs_follow_a_picture_as_diffusers_does() {
    for name in FAMILIES {
        let mut family = Family::load(name, 2);
        let alone = family.control(0, 0.8);
        for mode in ["txt2img", "img2img", "inpaint"] {
            family.compare(mode, "alone", std::slice::from_ref(&alone));
            // The means of its outputs alone.
            family.compare(mode, "second", &[family.control(1, 0.9)]);
        }
        let both = [alone.clone(), family.control(1, 1.3)];
        family.compare("txt2img", "both", &both);
        let guess = Control {
            guess: true,
            ..alone.clone()
        };
        family.compare("txt2img", "guess", &[guess]);
        let interval = Control {
            interval: (0.2, 0.7),
            ..alone
        };
        family.compare("txt2img", "interval", &[interval]);
    }
}

#[test]
fn a_consistency_model_is_told_the_guidance_only_where_it_starts_from_noise() {
    let mut family = Family::load("lcm", 2);
    let alone = family.control(0, 0.8);
    for mode in ["txt2img", "img2img", "inpaint"] {
        family.compare(mode, "alone", std::slice::from_ref(&alone));
    }
}

#[test]
fn what_a_neighbour_follows_does_not_change_a_picture() {
    let mut family = Family::load("sdxl", 3);
    let late = Control {
        interval: (0.5, 1.0),
        ..family.control(0, 1.0)
    };
    let controls = [
        vec![],
        vec![family.control(0, 0.8)],
        vec![family.control(0, 0.3)],
        vec![family.control(1, 1.0)],
        vec![family.control(0, 1.0), family.control(1, 0.5)],
        vec![family.control(1, 0.5), late],
        vec![Control {
            guess: true,
            ..family.control(0, 1.0)
        }],
    ];
    let tasks: Vec<Task> = (0..)
        .zip(controls)
        .map(|(seed, controls)| Task {
            steps: 3 + seed as u32 % 3,
            guidance: if seed == 2 { 1.0 } else { 4.0 },
            ..family.task("txt2img", seed, controls)
        })
        .collect();
    let together = family.run(&tasks);
    for (index, task) in tasks.iter().enumerate() {
        let alone = family.run(std::slice::from_ref(task)).remove(0);
        let what = format!("picture {index}");
        assert_near(
            &what,
            together[index].latents(),
            alone.latents(),
            TRAJECTORY,
        );
        let free = Task {
            controls: Vec::new(),
            ..task.clone()
        };
        let free = family.run(&[free]).remove(0);
        let moved = (free.latents() - alone.latents()).abs().max();
        let moved = moved.double_value(&[]);
        assert_eq!(moved > 1e-3, !task.controls.is_empty(), "{what}: {moved}");
    }
}

#[test]
fn impossible_controls_are_refused_by_the_parameters_name() {
    type Spoil = fn(&mut Task);
    let rows: [(&str, Spoil); 6] = [
        ("reuse", |task| task.reuse = 2),
        ("control image", |task| task.controls[0].picture.width = 12),
        ("control scale", |task| task.controls[0].scale = f64::NAN),
        ("control interval", |task| {
            task.controls[0].interval = (0.5, 0.5);
        }),
        ("control interval", |task| {
            task.controls[0].interval = (0.0, f64::NAN);
        }),
        ("control", |task| {
            task.controls = vec![task.controls[0].clone(); 9];
        }),
    ];
    let mut family = Family::load("sd1", 1);
    let good = family.task("txt2img", 1, vec![family.control(0, 1.0)]);
    for (name, spoil) in rows {
        let mut task = good.clone();
        spoil(&mut task);
        match family.pipeline.prepare(&task) {
            Err(TaskError::Bad { parameter, .. }) => assert_eq!(parameter, name),
            Err(other) => panic!("{name}: {other}"),
            Ok(_) => panic!("{name} was accepted"),
        }
    }
    let mut other = Family::load("sd1", 1);
    let foreign = other.pipeline.prepare(&good).err().unwrap();
    assert!(
        foreign.to_string().contains("another pipeline"),
        "{foreign}"
    );
}

/// A copy of a good network, broken by `break_it`, read for its checkpoint; and what inspecting it finds.
fn broken(break_it: impl FnOnce(&Path)) -> (LoadError, Vec<LoadError>) {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture("sdxl-control-1")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    break_it(copy.path());
    let mut pipeline = Pipeline::load(&fixture("sdxl"), LoadOptions::default()).unwrap();
    let error = pipeline.read_controlnet(copy.path()).unwrap_err();
    assert!(error.file.starts_with(copy.path()), "{error}");
    (error, inspect(copy.path()).problems)
}

#[test]
fn networks_that_are_broken_or_unknown_are_refused_by_file_and_key() {
    let edit = |root: &Path, key: &str, value: &Value| {
        let path = root.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value.clone();
        fs::write(path, config.to_string()).unwrap();
    };
    // Those that a directory shows by itself, and those that show beside a checkpoint only.
    let alone = [
        ("_class_name", json!("ControlNetUnionModel")),
        ("controlnet_conditioning_channel_order", json!("gbr")),
        ("conditioning_channels", json!(6)),
        ("conditioning_embedding_out_channels", json!([])),
        ("mid_block_type", Value::Null),
        ("class_embed_type", json!("timestep")),
        ("encoder_hid_dim", json!(8)),
        ("addition_embed_type", json!("text")),
    ];
    for (key, value) in alone {
        let (error, problems) = broken(|root| edit(root, key, &value));
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
        assert_eq!(problems, [error]);
    }
    let beside = [
        ("cross_attention_dim", json!(768)),
        ("block_out_channels", json!([8, 16])),
        ("layers_per_block", json!(7)),
        ("in_channels", json!(9)),
        ("conditioning_embedding_out_channels", json!([4, 4, 4, 4])),
        ("downsample_padding", json!(0)),
        ("projection_class_embeddings_input_dim", json!(77)),
    ];
    for (key, value) in beside {
        let (error, _) = broken(|root| edit(root, key, &value));
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
    }
    let file = "diffusion_pytorch_model.safetensors";
    let (error, problems) = broken(|root| {
        let whole = fs::read(root.join(file)).unwrap();
        fs::write(root.join(file), &whole[..whole.len() / 2]).unwrap();
    });
    assert_eq!(
        (error.file.file_name().unwrap().to_str(), &problems[..]),
        (Some(file), &[error.clone()][..])
    );
    let (error, problems) = broken(|root| {
        let mut tensors = Tensor::read_safetensors(root.join(file)).unwrap();
        tensors.retain(|(name, _)| name != "controlnet_mid_block.weight");
        Tensor::write_safetensors(&tensors, root.join(file)).unwrap();
    });
    assert_eq!(error.key.as_deref(), Some("controlnet_mid_block.weight"));
    assert_eq!(problems, [error]);
    let (error, _) = broken(|root| fs::remove_file(root.join("config.json")).unwrap());
    assert!(error.message.contains("not the directory of a ControlNet"));
}

#[test]
fn a_network_of_another_family_is_refused_and_inspected_all_the_same() {
    for (family, other) in [("sd1", "sdxl-control-1"), ("sdxl", "sd1-control-1")] {
        let mut pipeline = Pipeline::load(&fixture(family), LoadOptions::default()).unwrap();
        let error = pipeline.read_controlnet(&fixture(other)).unwrap_err();
        assert!(error.file.ends_with("config.json"), "{error}");
        let found = inspect(&fixture(other));
        assert_eq!((found.kind, found.problems), (Some("controlnet"), vec![]));
        assert_eq!(found.parts[0].class, "ControlNetModel");
    }
}
