//! Networks around the checkpoint: enlarging and classifying. The fixtures are made by `training/fixtures`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use easel_diffusion::upscaler::Upscaler;
use easel_diffusion::vision::{Classifier, Judge};
use easel_diffusion::{Checkpoint, LoadOptions, NoisePlan, Picture, Pipeline, Task, inspect};
use tch::{Kind, Tensor};

const STAGE: f64 = 1e-5;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn tensors(path: &Path) -> HashMap<String, Tensor> {
    Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect()
}

#[track_caller]
fn assert_near(found: &Tensor, wanted: &Tensor) {
    assert_eq!(found.size(), wanted.size());
    let difference = (found - wanted).abs().max().double_value(&[]);
    assert!(difference <= STAGE, "differs by {difference:e}");
}

fn picture(tensor: &Tensor) -> Picture {
    let (height, width, _) = tensor.size3().unwrap();
    Picture {
        width: width as u32,
        height: height as u32,
        rgb: Vec::<u8>::try_from(tensor.flatten(0, -1)).unwrap(),
    }
}

/// A copy of a fixture's directory that a test may change.
fn copied(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    copy(&fixture(name), directory.path());
    directory
}

#[test]
fn networks_of_the_esrgan_family_enlarge_by_either_factor_and_under_either_name() {
    let golden = tensors(&fixture("rrdb.safetensors"));
    for (name, scale) in [("x4", 4), ("x2", 2), ("old", 4)] {
        let network = Upscaler::open(&fixture(&format!("rrdb-{name}.safetensors"))).unwrap();
        assert_eq!(network.scale(), scale);
        assert_near(&network.forward(&golden["picture"]), &golden[name]);
    }
}

#[test]
fn esrgans_middle_layout_is_read_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("middle.safetensors");
    let names = [
        ("conv_body", "trunk_conv"),
        ("body.", "RRDB_trunk."),
        ("rdb", "RDB"),
        ("conv_up", "upconv"),
        ("conv_hr", "HRconv"),
    ];
    let middle = |name: &str| {
        let rename = |name: String, (from, to): &(&str, &str)| name.replace(from, to);
        names.iter().fold(name.to_owned(), rename)
    };
    let weights = tensors(&fixture("rrdb-x4.safetensors"));
    let renamed: Vec<(String, Tensor)> = weights
        .into_iter()
        .map(|(name, weight)| (middle(&name), weight))
        .collect();
    Tensor::write_safetensors(&renamed, &path).unwrap();
    let golden = tensors(&fixture("rrdb.safetensors"));
    let network = Upscaler::open(&path).unwrap();
    assert_near(&network.forward(&golden["picture"]), &golden["x4"]);
}

#[test]
fn what_is_no_such_network_is_refused_by_name() {
    let message = |name: &str| Upscaler::open(&fixture(name)).err().unwrap().to_string();
    let text = message("classifier/model.safetensors");
    assert!(text.contains("RRDBNet"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.safetensors");
    let mut weights = tensors(&fixture("rrdb-x4.safetensors"));
    weights.insert(
        "conv_last.weight".to_owned(),
        Tensor::zeros([3, 7, 3, 3], tch::kind::FLOAT_CPU),
    );
    Tensor::write_safetensors(&weights.into_iter().collect::<Vec<_>>(), &path).unwrap();
    let text = Upscaler::open(&path).err().unwrap().to_string();
    assert!(text.contains("conv_last.weight"), "{text}");
}

#[test]
fn a_checkpoint_may_bring_such_a_network_or_be_given_one() {
    let file = fixture("rrdb-x4.safetensors");
    let small = Picture {
        width: 11,
        height: 14,
        rgb: (0..3 * 11 * 14).map(|at| (at % 251) as u8).collect(),
    };
    let mut given = Pipeline::load(&fixture("classic"), LoadOptions::default()).unwrap();
    assert_eq!(given.upscale_factor(), 2);
    given.use_upscaler(&file).unwrap();
    assert_eq!(given.upscale_factor(), 4);
    let directory = copied("classic");
    let part = directory.path().join("upscaler");
    fs::write(part.join("config.json"), r#"{"_class_name": "RRDBNet"}"#).unwrap();
    fs::copy(&file, part.join("model.safetensors")).unwrap();
    assert_eq!(inspect(directory.path()).problems, []);
    let mut own = Pipeline::load(directory.path(), LoadOptions::default()).unwrap();
    let large = own.upscale(std::slice::from_ref(&small)).unwrap();
    assert_eq!((large[0].width, large[0].height), (44, 56));
    assert_eq!(large, given.upscale(&[small]).unwrap());
}

#[test]
fn a_classifier_gives_the_numbers_of_transformers() {
    let golden = tensors(&fixture("classifier.safetensors"));
    let classifier = Classifier::open(&fixture("classifier")).unwrap();
    assert_near(&classifier.forward(&golden["prepared"]), &golden["logits"]);
    for index in 0..golden["pictures"].size()[0] {
        let picture = picture(&golden["pictures"].get(index));
        let prepared = classifier.prepare(&picture).squeeze_dim(0);
        // Bytes between those of the picture are rounded by either library: off by one of 255 at most, over 0.3.
        let off = (prepared - golden["prepared"].get(index)).abs();
        assert!(off.max().double_value(&[]) <= 1.01 / 255.0 / 0.3);
        let scores = classifier.classify(&picture);
        let labels: Vec<&str> = scores.iter().map(|score| score.label.as_str()).collect();
        assert_eq!(labels, ["drawing", "normal", "nsfw"]);
        let shares = golden["shares"].get(index).to_kind(Kind::Double);
        for (label, score) in scores.iter().enumerate() {
            let wanted = shares.double_value(&[label as i64]);
            assert!(
                (score.share - wanted).abs() < 0.01,
                "{score:?}, not {wanted}"
            );
        }
    }
}

#[test]
fn a_classifier_in_the_checkers_place_blackens_what_it_flags() {
    let directory = copied("classic");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("safety_checker")).unwrap();
    fs::create_dir_all(at("feature_extractor")).unwrap();
    let config = fs::read_to_string(fixture("classifier/config.json")).unwrap();
    let model = "safety_checker/model.safetensors";
    fs::copy(fixture("classifier/model.safetensors"), at(model)).unwrap();
    let preparation = "preprocessor_config.json";
    let target = at("feature_extractor").join(preparation);
    fs::copy(fixture("classifier").join(preparation), target).unwrap();
    let index = fs::read_to_string(at("model_index.json")).unwrap();
    let mut index: serde_json::Value = serde_json::from_str(&index).unwrap();
    index["safety_checker"] = serde_json::json!(["transformers", "ViTForImageClassification"]);
    fs::write(at("model_index.json"), index.to_string()).unwrap();
    let flagged = |config: &str| {
        fs::write(at("safety_checker/config.json"), config).unwrap();
        let mut pipeline = Pipeline::load(directory.path(), LoadOptions::default())?;
        assert_eq!(inspect(directory.path()).problems, []);
        let task = Task {
            noise: NoisePlan::from(1),
            width: 16,
            height: 16,
            steps: 1,
            ..Task::default()
        };
        let mut slot = pipeline.prepare(&task).unwrap();
        pipeline.step(&mut [&mut slot]).unwrap();
        let finished = pipeline.finish(&[&slot]).unwrap();
        assert_eq!(
            finished[0].flagged,
            finished[0].picture.rgb.iter().all(|byte| *byte == 0)
        );
        Ok::<_, easel_diffusion::LoadError>(finished[0].flagged)
    };
    // Whichever label the picture gets: with all of them unsafe it is flagged, with none the classifier is refused.
    let labelled = |labels: [&str; 3]| {
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["id2label"] = serde_json::json!({"0": labels[0], "1": labels[1], "2": labels[2]});
        config.to_string()
    };
    assert!(flagged(&labelled(["nsfw", "porn", "sexy"])).unwrap());
    let error = flagged(&labelled(["cat", "dog", "not_nsfw"])).unwrap_err();
    assert!(error.to_string().contains("id2label"), "{error}");
    let either = flagged(&labelled(["nsfw", "normal", "normal"])).unwrap();
    assert_ne!(
        either,
        flagged(&labelled(["normal", "nsfw", "nsfw"])).unwrap()
    );
}

#[test]
fn a_judge_of_its_own_directory_is_what_its_configuration_names() {
    let judge = Judge::open(&fixture("classifier")).unwrap();
    assert_eq!(judge.labels(), ["drawing", "normal", "nsfw"]);
    let picture = Picture {
        width: 9,
        height: 9,
        rgb: (0..3 * 81).collect(),
    };
    let shares: f64 = judge.scores(&picture).iter().map(|score| score.share).sum();
    assert!((shares - 1.0).abs() < 1e-5, "{shares}");
    let checkpoint = Checkpoint::open(&fixture("checked")).unwrap();
    let own = Judge::of_checkpoint(&checkpoint).unwrap().unwrap();
    let scores = own.scores(&picture);
    assert_eq!(scores[0].share > 0.5, own.flags(&picture));
    assert_eq!(own.labels(), ["nsfw"]);
    let classic = Checkpoint::open(&fixture("classic")).unwrap();
    assert!(Judge::of_checkpoint(&classic).unwrap().is_none());
    let error = Judge::open(&fixture("classic/text_encoder")).err().unwrap();
    assert!(error.to_string().contains("CLIPTextModel"), "{error}");
}

#[test]
fn a_checkpoint_may_be_loaded_without_its_checker() {
    let options = LoadOptions {
        safety_checker: false,
        ..LoadOptions::default()
    };
    let without = Pipeline::load(&fixture("checked"), options).unwrap();
    let with = Pipeline::load(&fixture("checked"), LoadOptions::default()).unwrap();
    assert!(with.has_safety_checker() && !without.has_safety_checker());
    assert!(without.weight_bytes() < with.weight_bytes());
}
