//! What runs show before they end, for checkpoints that do not say what colours are in their latents.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use easel_diffusion::{LoadOptions, NoisePlan, Picture, Pipeline, Slot, Task};

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/easel-tiny")
}

/// The model that ships without its `preview.json`.
fn without_preview() -> tempfile::TempDir {
    fn link(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                link(&path, &target);
            } else if !path.ends_with("preview.json") {
                fs::copy(path, target).unwrap();
            }
        }
    }
    let copy = tempfile::tempdir().unwrap();
    link(&model(), copy.path());
    copy
}

fn drawn(pipeline: &mut Pipeline, prompt: &str) -> Slot {
    let (width, height) = pipeline.checkpoint().native_size();
    let task = Task {
        prompt: prompt.to_owned(),
        noise: NoisePlan::from(5),
        width,
        height,
        steps: 8,
        guidance: 4.0,
        ..Task::default()
    };
    let mut slot = pipeline.prepare(&task).unwrap();
    while !slot.is_finished() {
        pipeline.step(&mut [&mut slot]).unwrap();
    }
    slot
}

/// Mean difference of a preview's bytes from the means of the picture's pixels that each stands for.
fn distance(preview: &Picture, picture: &Picture) -> f64 {
    let factor = picture.width / preview.width;
    let mut sum = 0.0;
    for y in 0..preview.height {
        for x in 0..preview.width {
            for channel in 0..3 {
                let byte = |picture: &Picture, x: u32, y: u32| {
                    f64::from(picture.rgb[((y * picture.width + x) * 3 + channel) as usize])
                };
                let pixels = (0..factor * factor)
                    .map(|at| byte(picture, x * factor + at % factor, y * factor + at / factor));
                let mean = pixels.sum::<f64>() / f64::from(factor * factor);
                sum += (byte(preview, x, y) - mean).abs();
            }
        }
    }
    sum / f64::from(preview.width * preview.height * 3)
}

#[test]
fn a_checkpoint_that_brings_no_map_of_colours_gets_one_that_is_nearly_as_good() {
    let copy = without_preview();
    let mut own = Pipeline::load(&model(), LoadOptions::default()).unwrap();
    let mut fitted = Pipeline::load(copy.path(), LoadOptions::default()).unwrap();
    for prompt in [
        "a red sailboat on the sea at sunset",
        "a green tree in the snow",
    ] {
        let slot = drawn(&mut own, prompt);
        let picture = own.decode(&[&slot]).unwrap().remove(0);
        let trained = distance(&own.preview(&slot).unwrap(), &picture);
        let slot = drawn(&mut fitted, prompt);
        let preview = fitted.preview(&slot).unwrap();
        let off = distance(&preview, &picture);
        let grey = Picture {
            rgb: vec![128; preview.rgb.len()],
            ..preview
        };
        let nothing = distance(&grey, &picture);
        assert!(
            off < 1.5 * trained && off < nothing / 2.0,
            "{prompt}: {off} {trained} {nothing}"
        );
    }
}
