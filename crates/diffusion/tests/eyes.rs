//! Pictures and words in one space, beside the numbers of transformers. The fixture is made by `training/fixtures/eyes.py`.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use easel_diffusion::Picture;
use easel_diffusion::vision::{Describer, Eyes, Placed};
use tch::Tensor;

/// Largest difference of a number, in fp32.
const STAGE: f64 = 1e-5;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn golden() -> HashMap<String, Tensor> {
    let tensors = Tensor::read_safetensors(fixture("eyes.safetensors")).unwrap();
    tensors.into_iter().collect()
}

fn pictures() -> Vec<Picture> {
    let all = &golden()["pictures"];
    let one = |index| {
        let picture = all.get(index);
        let (height, width, _) = picture.size3().unwrap();
        Picture {
            width: width as u32,
            height: height as u32,
            rgb: Vec::<u8>::try_from(picture.flatten(0, -1)).unwrap(),
        }
    };
    (0..all.size()[0]).map(one).collect()
}

/// The directory with one text of a file replaced.
fn spoilt(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture("eyes")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = directory.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    directory
}

#[track_caller]
fn assert_near(found: &Tensor, wanted: &Tensor, by: f64) {
    assert_eq!(found.size(), wanted.size());
    let difference = (found - wanted).abs().max().double_value(&[]);
    assert!(difference <= by, "differs by {difference:e}");
}

#[test]
fn both_towers_give_the_numbers_of_transformers() {
    let golden = golden();
    let eyes = Eyes::open(&fixture("eyes")).unwrap();
    let (seen, read) = (
        eyes.place_pictures(&golden["prepared"]),
        eyes.place_texts(&golden["ids"]),
    );
    assert_near(&seen, &golden["image_embeds"], STAGE);
    assert_near(&read, &golden["text_embeds"], STAGE);
    let logits = seen.matmul(&read.transpose(0, 1)) * eyes.scale();
    // Of numbers up to exp(3), with that scale.
    assert_near(&logits, &golden["logits"], STAGE);
}

#[test]
fn pictures_and_texts_find_their_way_as_they_come() {
    let golden = golden();
    let eyes = Eyes::open(&fixture("eyes")).unwrap();
    let texts = [
        "a red boat on the sea at sunset",
        "sunset",
        "blue houses and route 66",
    ];
    let read = eyes.read(&texts).unwrap();
    for (row, picture) in pictures().iter().enumerate() {
        let seen = eyes.see(picture).unwrap();
        for (column, text) in read.iter().enumerate() {
            let wanted = golden["logits"].double_value(&[row as i64, column as i64]);
            let found = f64::from(seen.similarity(text)) * eyes.scale();
            // Bytes between those of the picture are rounded by either library.
            assert!((found - wanted).abs() < 0.05, "{found}, not {wanted}");
        }
    }
}

#[test]
fn a_picture_is_described_by_the_likeliest_phrases_of_each_section() {
    let directory = fixture("eyes");
    let describer = Describer::open(&directory, &directory.join("phrases.txt")).unwrap();
    let seen = &pictures()[..1];
    let rankings = describer.rank(seen).unwrap();
    assert_eq!(rankings.len(), 4);
    for ranking in &rankings {
        let shares: f64 = ranking.closest.iter().map(|ranked| ranked.share).sum();
        assert!((shares - 1.0).abs() < 1e-9);
    }
    let four = describer.describe(seen, 4).unwrap();
    assert_eq!(four.len(), 4);
    let best = rankings[2].closest[0].phrase;
    let best = &describer.phrases().sections()[2].phrases[best].said;
    assert!(four.iter().any(|one| one.text.contains(best)));
    let eyes = Eyes::open(&directory).unwrap();
    let picture = eyes.see(&seen[0]).unwrap();
    for pair in four.windows(2) {
        assert!(pair[0].similarity >= pair[1].similarity && pair[0].text != pair[1].text);
    }
    for one in &four {
        let read = eyes.read(&[one.text.as_str()]).unwrap();
        assert!((picture.similarity(&read[0]) - one.similarity).abs() < 1e-5);
    }
    assert_eq!(
        describer.describe(seen, 4).unwrap(),
        four,
        "no chance in it"
    );
}

#[test]
fn several_pictures_are_described_by_what_they_have_in_common() {
    let directory = fixture("eyes");
    let describer = Describer::open(&directory, &directory.join("phrases.txt")).unwrap();
    let (both, eyes) = (pictures(), Eyes::open(&directory).unwrap());
    let seen: Vec<Placed> = both.iter().map(|one| eyes.see(one).unwrap()).collect();
    let mean = Placed::mean(&seen).unwrap();
    let best = &describer.describe(&both, 1).unwrap()[0];
    let read = eyes.read(&[best.text.as_str()]).unwrap();
    assert!((mean.similarity(&read[0]) - best.similarity).abs() < 1e-5);
    let nothing = describer.describe(&[], 4).unwrap_err().to_string();
    assert!(nothing.contains("none to look at"), "{nothing}");
    let torn = Picture {
        width: 4,
        height: 4,
        rgb: vec![0; 5],
    };
    assert!(describer.describe(&[torn], 4).is_err());
}

#[test]
fn what_cannot_be_loaded_is_refused_by_file_and_key() {
    for (file, from, to, said) in [
        (
            "config.json",
            "\"projection_dim\": 12",
            "\"projection_dim\": 13",
            "visual_projection.weight",
        ),
        (
            "config.json",
            "\"projection_dim\": 12",
            "\"projection_dim\": 0",
            "projection_dim",
        ),
        (
            "config.json",
            "\"patch_size\": 6",
            "\"patch_size\": 8",
            "vision_model",
        ),
        (
            "config.json",
            "\"num_attention_heads\": 3",
            "\"num_attention_heads\": 5",
            "num_attention_heads",
        ),
        (
            "preprocessor_config.json",
            "\"resample\": 3",
            "\"resample\": 5",
            "resample",
        ),
        ("phrases.txt", "{medium}", "{moon}", "line 2"),
        ("phrases.txt", "red", "blue", "line 11"),
    ] {
        let directory = spoilt(file, from, to);
        let phrases = directory.path().join("phrases.txt");
        let error = Describer::open(directory.path(), &phrases).err().unwrap();
        assert!(error.to_string().contains(said), "{to}: {error}");
    }
}

#[test]
fn a_tokenizer_of_another_model_is_noticed_before_anything_is_computed() {
    let directory = spoilt("vocab.json", "\"sea</w>\": ", "\"sea</w>\": 7");
    let phrases = directory.path().join("phrases.txt");
    let error = Describer::open(directory.path(), &phrases).err().unwrap();
    assert!(error.to_string().contains("vocabulary of 600"), "{error}");
}
