//! Checkpoints in one file, under the names of Stable Diffusion's first code. The files are made by
//! `training/fixtures/original.py`, where diffusers reads the same weights from them.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use easel_diffusion::{Inspection, LoadOptions, NoisePlan, Pipeline, Task, inspect};
use tch::{Kind, Tensor};

const FILE: &str = "model.safetensors";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A checkpoint's configurations and tokenizers without its weights.
fn copy_without_weights(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_without_weights(&path, &target);
        } else if path.extension().unwrap() != "safetensors" {
            fs::copy(path, target).unwrap();
        }
    }
}

/// A checkpoint whose weights are in one file.
fn checkpoint(name: &str, file: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    copy_without_weights(&fixture(name), directory.path());
    let file = fixture(&format!("{file}.original.safetensors"));
    fs::copy(file, directory.path().join(FILE)).unwrap();
    directory
}

fn rewrite(root: &Path, edit: impl FnOnce(&mut Vec<(String, Tensor)>)) {
    let mut tensors = Tensor::read_safetensors(root.join(FILE)).unwrap();
    edit(&mut tensors);
    Tensor::write_safetensors(&tensors, root.join(FILE)).unwrap();
}

fn latents(directory: &Path) -> (Tensor, u64) {
    let mut pipeline = Pipeline::load(directory, LoadOptions::default()).unwrap();
    let mut slot = pipeline
        .prepare(&Task {
            prompt: "a red sailboat on the sea".to_owned(),
            negative: Some("houses".to_owned()),
            noise: NoisePlan::from(3),
            width: 32,
            height: 16,
            steps: 3,
            ..Task::default()
        })
        .unwrap();
    while !slot.is_finished() {
        pipeline.step(&mut [&mut slot]).unwrap();
    }
    let picture = pipeline.decode(&[&slot]).unwrap().remove(0);
    let shown = Tensor::from_slice(&picture.rgb).to_kind(Kind::Float);
    let both = Tensor::cat(&[slot.latents().flatten(0, -1), shown], 0);
    (both, pipeline.weight_bytes())
}

#[test]
fn one_file_gives_the_pictures_of_the_parts_that_it_holds() {
    // The second file of the first checkpoint has its text encoder as Stable Diffusion 2 stores it.
    for (name, file) in [("sd1", "sd1"), ("sd1", "sd2"), ("sdxl", "sdxl")] {
        let directory = checkpoint(name, file);
        let Inspection {
            parts, problems, ..
        } = inspect(directory.path());
        assert_eq!(problems, [], "{file}");
        let (found, bytes) = latents(directory.path());
        let (wanted, whole) = latents(&fixture(name));
        assert_eq!(found, wanted, "{file}");
        // The layer too many of the one with an OpenCLIP text encoder counts as stored.
        assert_eq!(bytes == whole, file != "sd2", "{file}");
        let stored: u64 = parts.iter().map(|part| part.stored.bytes).sum();
        assert!(stored < fs::metadata(directory.path().join(FILE)).unwrap().len());
    }
}

#[test]
fn a_part_of_its_own_wins_over_the_one_in_the_file() {
    let directory = checkpoint("sd1", "sd1");
    let vae = "vae/diffusion_pytorch_model.safetensors";
    let mut tensors = Tensor::read_safetensors(fixture("sd1").join(vae)).unwrap();
    for (name, tensor) in &mut tensors {
        if name == "decoder.conv_out.bias" {
            *tensor += 0.5;
        }
    }
    Tensor::write_safetensors(&tensors, directory.path().join(vae)).unwrap();
    let (swapped, _) = latents(directory.path());
    let (own, _) = latents(&fixture("sd1"));
    let numbers = own.numel() as i64 - 3 * 32 * 16;
    assert_eq!(swapped.narrow(0, 0, numbers), own.narrow(0, 0, numbers));
    assert_ne!(swapped, own);
}

#[test]
fn what_is_wrong_with_the_file_is_named_as_it_is_there() {
    let directory = checkpoint("sd1", "sd2");
    let root = directory.path();
    let fused = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight";
    rewrite(root, |tensors| {
        for (name, tensor) in tensors.iter_mut() {
            if name == fused {
                *tensor = tensor.narrow(0, 0, 10).copy();
            } else if name == "model.diffusion_model.out.2.bias" {
                *tensor = Tensor::cat(&[&*tensor, &*tensor], 0);
            }
        }
        tensors.retain(|(name, _)| name != "first_stage_model.encoder.conv_in.weight");
        let extra = "model.diffusion_model.input_blocks.1.1.new.weight".to_owned();
        tensors.push((extra, Tensor::from(1.0_f32)));
    });
    let problems = inspect(root).problems;
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        format!("{fused}: shape is [10, 16], expected [48, 16]"),
        "model.diffusion_model.out.2.bias: shape is [8], expected [4]".to_owned(),
        "encoder.conv_in.weight: missing tensor".to_owned(),
        "input_blocks.1.1.new.weight: extra tensor".to_owned(),
    ] {
        let named = |text: &&String| text.contains(&part) && text.contains(FILE);
        assert!(told.iter().any(|text| named(&text)), "{part}: {told:#?}");
    }
    assert!(Pipeline::load(root, LoadOptions::default()).is_err());
}

#[test]
fn a_file_without_its_configurations_is_told_what_it_lacks() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join(FILE);
    fs::copy(fixture("sd1.original.safetensors"), &file).unwrap();
    for path in [scratch.path(), &file] {
        let error = Pipeline::load(path, LoadOptions::default());
        let error = error.err().unwrap().to_string();
        assert!(error.contains("--without-weights"), "{error}");
    }
}

#[test]
fn pickled_files_are_named_as_such_and_words_of_nothing_are_refused() {
    let mut pipeline = Pipeline::load(&fixture("sd1"), LoadOptions::default()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("word.pt");
    for start in [&b"PK\x03\x04archive"[..], b"\x80\x02}q\x00."] {
        fs::write(&file, start).unwrap();
        let error = pipeline.learn_word("cat", &file).unwrap_err();
        assert!(error.message.contains("pickled"), "{error}");
    }
    let nothing = Tensor::zeros([0, 16], (Kind::Float, tch::Device::Cpu));
    let file = scratch.path().join("word.safetensors");
    Tensor::write_safetensors(&[("emb_params", nothing)], &file).unwrap();
    let error = pipeline.learn_word("cat", &file).unwrap_err();
    assert!(error.message.contains("expected [_, 16]"), "{error}");
}

#[test]
fn of_two_such_files_none_is_guessed() {
    let directory = checkpoint("sd1", "sd1");
    let other = directory.path().join("another.safetensors");
    fs::copy(directory.path().join(FILE), other).unwrap();
    let error = Pipeline::load(directory.path(), LoadOptions::default());
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("another.safetensors") && error.contains(FILE),
        "{error}"
    );
}
