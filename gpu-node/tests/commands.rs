//! The commands as a user meets them: exit codes, and nothing but JSON on stdout.

#![cfg(feature = "torch")]
#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures/classic")
}

fn node(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_easel-gpu-node"));
    command.args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn render(out: &Path, more: &[&str]) -> Output {
    let (model, out) = (checkpoint(), out.to_str().unwrap());
    let model = model.to_str().unwrap();
    let always = [
        "render",
        "--model",
        model,
        "--prompt",
        "a red boat",
        "--out",
        out,
        "--json",
    ];
    node(&[&always, more].concat())
}

#[test]
fn render_writes_the_pictures_that_its_report_names() {
    let out = tempfile::tempdir().unwrap();
    let report = json(&render(
        out.path(),
        &["--seed", "5", "--count", "2", "--steps", "3"],
    ));
    assert_eq!(report["model"]["id"], "classic");
    assert_eq!(report["model"]["kind"], "sd1");
    for (index, image) in report["images"].as_array().unwrap().iter().enumerate() {
        assert_eq!(image["file"], format!("{index}.png"));
        assert_eq!(image["seed"], 5 + index);
        assert_eq!(image["flagged"], false);
        let picture = image::open(out.path().join(format!("{index}.png"))).unwrap();
        assert_eq!((picture.width(), picture.height()), (16, 16));
    }
    for part in ["load", "text", "denoise", "decode", "total"] {
        assert!(report["timings_s"][part].as_f64().unwrap() >= 0.0, "{part}");
    }
    assert!(report["steps_per_s"].as_f64().unwrap() > 0.0);
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let out = tempfile::tempdir().unwrap();
    let hash = |more: &[&str]| {
        let report = json(&render(
            out.path(),
            &[&["--steps", "3", "--threads", "1"], more].concat(),
        ));
        report["images"].as_array().unwrap().last().unwrap()["sha256"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(hash(&["--seed", "6"]), hash(&["--seed", "6"]));
    assert_ne!(hash(&["--seed", "6"]), hash(&["--seed", "7"]));
}

#[test]
fn a_picture_can_be_the_start_and_gives_its_size() {
    let out = tempfile::tempdir().unwrap();
    let start = out.path().join("start.png");
    image::RgbImage::from_pixel(25, 20, image::Rgb([200, 80, 40]))
        .save(&start)
        .unwrap();
    let start = start.to_str().unwrap();
    let report = json(&render(
        out.path(),
        &["--init-image", start, "--strength", "0.5", "--steps", "4"],
    ));
    let image = &report["images"][0];
    assert_eq!(
        (&image["width"], &image["height"]),
        (&24.into(), &20.into())
    );
}

#[test]
fn bad_input_ends_with_exit_code_2_and_one_message() {
    let out = tempfile::tempdir().unwrap();
    let rows: [&[&str]; 23] = [
        &["--seed", "-1"],
        &["--seed", "18446744073709551616"],
        &["--width", "0"],
        &["--width", "17"],
        &["--height", "1000000000"],
        &["--steps", "0"],
        &["--steps", "1000000"],
        &["--guidance", "NaN"],
        &["--sampler", "heun"],
        &["--count", "1000000000"],
        &["--guidance", "inf"],
        // Of this size, no picture is left.
        &["--guidance", "1e300"],
        &["--clip-skip", "3"],
        &["--prompt-syntax", "markdown"],
        &["--lora", "style.safetensors:NaN"],
        &["--textual-inversion", "/no/such/file.safetensors"],
        &["--unknown", "1"],
        &["--steps"],
        &["--device", "cuda:7"],
        &["--init-image", "/no/such/file.png"],
        &["--mask", "mask.png"],
        &["--lora", "style.safetensors"],
        &["--dtype", "f8"],
    ];
    for row in rows {
        let output = render(out.path(), row);
        assert_eq!(output.status.code(), Some(2), "{row:?}");
        assert!(output.stdout.is_empty(), "{row:?}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            message.starts_with("error: ") && message.lines().count() == 1,
            "{row:?}: {message}"
        );
    }
}

fn fixture(name: &str) -> String {
    let fixtures = checkpoint().with_file_name(name);
    fixtures.to_str().unwrap().to_owned()
}

fn gradient(path: &Path, width: u32, height: u32) -> String {
    image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 9) as u8, (y * 9) as u8, 40])
    })
    .save(path)
    .unwrap();
    path.to_str().unwrap().to_owned()
}

fn follow(out: &Path, more: &[&str]) -> Output {
    let (model, directory) = (fixture("sd1"), out.to_str().unwrap());
    let mut arguments = vec![
        "render",
        "--model",
        &model,
        "--prompt",
        "a red boat",
        "--out",
    ];
    arguments.extend([directory, "--steps", "3", "--json"]);
    arguments.extend(more);
    node(&arguments)
}

#[test]
fn a_picture_is_followed_and_gives_its_size() {
    let out = tempfile::tempdir().unwrap();
    let edges = gradient(&out.path().join("edges.png"), 25, 20);
    let (first, second) = (fixture("sd1-control-1"), fixture("sd1-control-2"));
    let hash = |more: &[&str]| {
        let report = json(&follow(out.path(), more));
        let image = &report["images"][0];
        assert_eq!(
            (&image["width"], &image["height"]),
            (&24.into(), &20.into())
        );
        image["sha256"].as_str().unwrap().to_owned()
    };
    let free = hash(&["--width", "24", "--height", "20"]);
    let alone = ["--controlnet", &first, "--control-image", &edges];
    let whole = hash(&alone);
    assert_ne!(whole, free);
    let half = format!("{first}:0.5");
    assert_ne!(
        hash(&["--controlnet", &half, "--control-image", &edges]),
        whole
    );
    let early = [&alone[..], &["--control-interval", "0-0.4"]].concat();
    assert_ne!(hash(&early), whole);
    assert_ne!(hash(&[&alone[..], &["--guess-mode"]].concat()), whole);
    let both = ["--controlnet", &second, "--control-image", &edges];
    assert_ne!(hash(&[alone, both].concat()), whole);
    let report = json(&node(&["inspect", &first, "--json"]));
    assert_eq!(report["kind"], "controlnet");
    assert_eq!(report["parts"][0]["class"], "ControlNetModel");
}

#[test]
fn what_cannot_be_followed_ends_with_exit_code_2_and_one_message() {
    let out = tempfile::tempdir().unwrap();
    let edges = gradient(&out.path().join("edges.png"), 24, 24);
    let (own, other) = (fixture("sd1-control-1"), fixture("sdxl-control-1"));
    let (broken, scaled) = (out.path().join("broken"), format!("{own}:NaN"));
    std::fs::create_dir(&broken).unwrap();
    std::fs::copy(
        Path::new(&own).join("config.json"),
        broken.join("config.json"),
    )
    .unwrap();
    let weights = "diffusion_pytorch_model.safetensors";
    let whole = std::fs::read(Path::new(&own).join(weights)).unwrap();
    std::fs::write(broken.join(weights), &whole[..whole.len() / 2]).unwrap();
    let (broken, model) = (broken.to_str().unwrap(), fixture("sd1"));
    let good = ["--controlnet", &own, "--control-image", &edges];
    let rows: [Vec<&str>; 11] = [
        vec!["--controlnet", &own],
        vec!["--control-image", &edges],
        vec!["--guess-mode"],
        vec!["--controlnet", &other, "--control-image", &edges],
        vec!["--controlnet", broken, "--control-image", &edges],
        vec!["--controlnet", &model, "--control-image", &edges],
        vec!["--controlnet", &scaled, "--control-image", &edges],
        vec!["--controlnet", &own, "--control-image", "/no/such/file.png"],
        [&good[..], &["--control-image", &edges]].concat(),
        [&good[..], &["--control-interval", "0.5-0.5"]].concat(),
        [&good[..], &["--reuse", "2"]].concat(),
    ];
    for row in rows {
        let output = follow(out.path(), &row);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{row:?}: {message}");
        assert!(output.stdout.is_empty(), "{row:?}");
        assert_eq!(message.lines().count(), 1, "{row:?}: {message}");
        assert!(message.starts_with("error: "), "{row:?}: {message}");
    }
}

#[test]
fn inspect_reports_parts_and_problems() {
    let model = checkpoint();
    let report = json(&node(&["inspect", model.to_str().unwrap(), "--json"]));
    let names: Vec<_> = report["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["name"])
        .collect();
    assert_eq!(names, ["text_encoder", "unet", "vae", "upscaler"]);
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(0));
    assert_eq!(
        report["memory_bytes"]["f32"].as_u64(),
        report["memory_bytes"]["f16"].as_u64().map(|half| 2 * half)
    );
    let empty = tempfile::tempdir().unwrap();
    let output = node(&["inspect", empty.path().to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"][0]["file"], "model_index.json");
}

#[test]
fn bench_measures() {
    let model = checkpoint();
    let arguments = ["--steps", "2", "--batch", "2", "--repeat", "2", "--json"];
    let report = json(&node(
        &[
            &["bench", "--model", model.to_str().unwrap()],
            &arguments[..],
        ]
        .concat(),
    ));
    for figure in [
        "images_per_s",
        "steps_per_s",
        "p50_s",
        "p95_s",
        "peak_memory_bytes",
    ] {
        assert!(report[figure].as_f64().unwrap() > 0.0, "{figure}");
    }
}
