//! How much each word of a prompt counts.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};

use easel_diffusion::{LoadOptions, Pipeline, TaskError};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn pipeline(path: &str) -> Pipeline {
    Pipeline::load(&here(path), LoadOptions::default()).unwrap()
}

fn weighed(pipeline: &mut Pipeline, prompt: &str, at_once: usize) -> Vec<f32> {
    let words = prompt.split(' ').map(str::to_owned).collect();
    let mut weighing = pipeline.begin_weighing(words).unwrap();
    let mut rounds = 0;
    while weighing.progress().0 < weighing.progress().1 {
        pipeline.weigh(&mut weighing, at_once).unwrap();
        rounds += 1;
    }
    assert_eq!(rounds, weighing.progress().1.div_ceil(at_once));
    // Once all are weighed, nothing more happens.
    pipeline.weigh(&mut weighing, at_once).unwrap();
    weighing.influences().to_vec()
}

#[test]
fn a_word_counts_the_same_however_many_are_weighed_at_once() {
    let mut pipeline = pipeline("tests/fixtures/classic");
    let prompt = "a red boat on the sea";
    let one = weighed(&mut pipeline, prompt, 1);
    let all = weighed(&mut pipeline, prompt, 8);
    assert_eq!(one.len(), 6);
    let off = one.iter().zip(&all).map(|(a, b)| (a - b).abs());
    assert!(off.fold(0.0, f32::max) < 1e-5, "{one:?} {all:?}");
    assert!(one.iter().all(|influence| (0.0..=2.0).contains(influence)));
    assert!(one.iter().any(|influence| *influence > 1e-4), "{one:?}");
}

#[test]
fn what_a_model_is_told_in_several_pieces_or_by_several_encoders_is_weighed_too() {
    let mut classic = pipeline("tests/fixtures/classic");
    let long = ["boat"; 90].join(" ");
    assert_eq!(weighed(&mut classic, &long, 32).len(), 90);
    let mut xl = pipeline("tests/fixtures/sdxl");
    let found = weighed(&mut xl, "a red boat", 2);
    assert!(
        found.iter().all(|influence| influence.is_finite()),
        "{found:?}"
    );
}

#[test]
fn no_words_are_a_mistake_and_no_panic() {
    let error = pipeline("tests/fixtures/classic").begin_weighing(Vec::new());
    assert!(matches!(error, Err(TaskError::Bad { .. })));
}

/// What the shipped model was taught: things and colours, and nothing about articles.
#[test]
fn for_the_shipped_model_things_and_colours_count_and_little_words_do_not() {
    let mut pipeline = pipeline("../../models/easel-tiny");
    for (prompt, strong) in [
        (
            "a red sailboat on the sea at sunset",
            [1, 2, 5, 7].as_slice(),
        ),
        ("two yellow boats and a lighthouse at night", &[1, 2, 5, 7]),
        ("a blue house with a green tree in the snow", &[1, 2, 5, 9]),
    ] {
        let found = weighed(&mut pipeline, prompt, 8);
        let mean = |wanted: bool| {
            let some = found.iter().enumerate();
            let some = some.filter(|(at, _)| strong.contains(at) == wanted);
            let some: Vec<f32> = some.map(|(_, influence)| *influence).collect();
            some.iter().sum::<f32>() / some.len() as f32
        };
        assert!(mean(true) > 1.5 * mean(false), "{prompt}: {found:?}");
    }
}
