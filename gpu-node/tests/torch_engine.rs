//! The real engine, seen through the plain-data trait, with a tiny random checkpoint.

#![cfg(feature = "torch")]
#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

#[path = "torch_engine/enlarge.rs"]
mod enlarge;
#[path = "torch_engine/eyes.rs"]
mod eyes;
#[path = "torch_engine/seamless.rs"]
mod seamless;
#[path = "torch_engine/several.rs"]
mod several;
#[path = "torch_engine/words.rs"]
mod words;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use easel_domain::failure::FailureKind;
use easel_domain::model::ModelRef;
use easel_domain::spec::{GenerateSpec, NoisePlan, PromptText, Sampler};
use easel_gpu_node::checkpoint;
use easel_gpu_node::engine::torch::{Stored, TorchEngine, TorchOptions};
use easel_gpu_node::engine::{
    Engine, EngineEvent, EngineRequest, EngineWork, EventSink, InitPicture, PREVIEW_SIDE, Picture,
};

const PATIENCE: Duration = Duration::from_mins(2);

fn options(max_pictures: u32) -> TorchOptions {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures");
    TorchOptions {
        models: vec![stored(fixtures.join("classic"))],
        device: "cpu".parse().unwrap(),
        precision: "f32".parse().unwrap(),
        workers: 2,
        max_pictures,
        memory_bytes: 1 << 30,
        step_deadline: PATIENCE,
        eyes: None,
    }
}

fn stored(directory: PathBuf) -> Stored {
    Stored {
        directory,
        pinned: true,
    }
}

fn hash() -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures");
    checkpoint::hash(&fixtures.join("classic")).unwrap()
}

fn engine(max_pictures: u32) -> TorchEngine {
    TorchEngine::start(options(max_pictures)).unwrap()
}

fn spec(seeds: &[u32], steps: u32) -> GenerateSpec {
    GenerateSpec {
        model: ModelRef {
            id: "classic".to_owned(),
            hash: String::new(),
        },
        width: 16,
        height: 16,
        steps,
        guidance: 5.0,
        sampler: Sampler::Default,
        pictures: seeds
            .iter()
            .map(|&seed| NoisePlan::from_seed(seed))
            .collect(),
        finish_scale: 1,
        stop: 100,
        seamless: false,
    }
}

fn generate(key: u64, spec: GenerateSpec) -> EngineRequest {
    worded(key, spec, "a red boat")
}

fn worded(key: u64, spec: GenerateSpec, words: &str) -> EngineRequest {
    let text = PromptText {
        positive: words.to_owned(),
        negative: String::new(),
    };
    EngineRequest {
        key,
        model: hash(),
        work: EngineWork::Generate {
            spec,
            text,
            init: None,
        },
    }
}

fn request(key: u64, work: EngineWork) -> EngineRequest {
    let model = hash();
    EngineRequest { key, model, work }
}

fn sink(sender: &Sender<EngineEvent>) -> EventSink {
    let sender = sender.clone();
    Box::new(move |event| drop(sender.send(event)))
}

fn next(events: &Receiver<EngineEvent>) -> EngineEvent {
    events.recv_timeout(PATIENCE).unwrap()
}

/// The last event of the job, past whatever else is said before it.
fn last(events: &Receiver<EngineEvent>, key: u64) -> EngineEvent {
    loop {
        let event = next(events);
        if event.key() == key && event.is_final() {
            return event;
        }
    }
}

fn pictures(event: EngineEvent) -> Vec<Picture> {
    match event {
        EngineEvent::Finished { pictures, .. } => pictures,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_counts_its_steps_shows_previews_and_gives_its_pictures() {
    let (engine, (sender, events)) = (engine(8), channel());
    let model = engine.models().remove(0);
    assert_eq!((model.id.as_str(), model.hash), ("classic", hash()));
    engine
        .submit(generate(7, spec(&[1, 2, 3, 4], 5)), sink(&sender))
        .unwrap();
    let (mut counted, mut previews) = (Vec::new(), 0);
    let finished = loop {
        match next(&events) {
            EngineEvent::Progress {
                key: 7,
                step,
                steps: 5,
                preview,
            } => {
                counted.push(step);
                if let Some(preview) = preview {
                    previews += 1;
                    assert!(preview.width.max(preview.height) <= PREVIEW_SIDE);
                    assert_eq!((preview.width, preview.height), (16, 16));
                }
            }
            event => break event,
        }
    };
    assert_eq!(counted, [1, 2, 3, 4, 5]);
    assert!(previews > 0);
    let pictures = pictures(finished);
    assert_eq!(pictures.len(), 4);
    assert!(
        pictures
            .iter()
            .all(|picture| (picture.width, picture.height) == (16, 16))
    );
}

#[test]
fn jobs_that_share_the_engine_get_the_pictures_they_get_alone() {
    let (engine, (sender, events)) = (engine(8), channel());
    engine
        .submit(generate(1, spec(&[1, 2], 6)), sink(&sender))
        .unwrap();
    let alone = pictures(last(&events, 1));
    engine
        .submit(generate(2, spec(&[9], 30)), sink(&sender))
        .unwrap();
    engine
        .submit(generate(3, spec(&[1, 2], 6)), sink(&sender))
        .unwrap();
    let together = pictures(last(&events, 3));
    let bytes = |pictures: &[Picture]| {
        pictures
            .iter()
            .flat_map(|one| one.rgb.clone())
            .collect::<Vec<_>>()
    };
    let off = bytes(&alone)
        .iter()
        .zip(bytes(&together))
        .map(|(a, b)| a.abs_diff(b))
        .max();
    assert!(off <= Some(1), "off by {off:?}");
    assert_eq!(pictures(last(&events, 2)).len(), 1);
}

#[test]
fn a_cancelled_job_ends_at_the_next_step_and_the_next_one_goes_on() {
    let (engine, (sender, events)) = (engine(1), channel());
    engine
        .submit(generate(1, spec(&[1], 900)), sink(&sender))
        .unwrap();
    engine
        .submit(generate(2, spec(&[2], 900)), sink(&sender))
        .unwrap();
    engine
        .submit(generate(3, spec(&[3], 3)), sink(&sender))
        .unwrap();
    assert!(matches!(
        next(&events),
        EngineEvent::Progress {
            key: 1,
            step: 1,
            ..
        }
    ));
    // One that waits, one that runs, one that nobody knows.
    for key in [2, 1, 99] {
        engine.cancel(key);
    }
    assert_eq!(last(&events, 2), EngineEvent::Cancelled { key: 2 });
    assert_eq!(last(&events, 1), EngineEvent::Cancelled { key: 1 });
    assert_eq!(pictures(last(&events, 3)).len(), 1);
}

#[test]
fn what_the_model_cannot_do_fails_for_good_and_harms_no_other() {
    let (engine, (sender, events)) = (engine(8), channel());
    let wrong = [
        GenerateSpec {
            width: 17,
            ..spec(&[1], 3)
        },
        GenerateSpec {
            steps: 0,
            ..spec(&[1], 3)
        },
        GenerateSpec {
            finish_scale: 3,
            ..spec(&[1], 3)
        },
        spec(&[], 3),
    ];
    for (key, spec) in (1..).zip(wrong) {
        engine.submit(generate(key, spec), sink(&sender)).unwrap();
        let event = last(&events, key);
        assert!(
            matches!(
                event,
                EngineEvent::Failed {
                    kind: FailureKind::Fatal,
                    ..
                }
            ),
            "{event:?}"
        );
    }
    engine
        .submit(generate(9, spec(&[1], 2)), sink(&sender))
        .unwrap();
    assert_eq!(pictures(last(&events, 9)).len(), 1);
}

#[test]
fn a_start_picture_of_any_size_is_resized() {
    let (engine, (sender, events)) = (engine(8), channel());
    let picture = Picture {
        width: 40,
        height: 30,
        rgb: vec![128; 3 * 40 * 30],
    };
    let text = PromptText {
        positive: "a red boat".to_owned(),
        negative: String::new(),
    };
    let init = Some(InitPicture {
        picture,
        strength: 0.5,
        mask: None,
    });
    let work = EngineWork::Generate {
        spec: spec(&[1], 4),
        text,
        init,
    };
    engine.submit(request(1, work), sink(&sender)).unwrap();
    assert!(matches!(
        next(&events),
        EngineEvent::Progress {
            step: 1,
            steps: 2,
            ..
        }
    ));
    assert_eq!(pictures(last(&events, 1)).len(), 1);
}

#[test]
fn a_job_that_was_paused_gives_the_same_pictures_bit_for_bit() {
    let engine = TorchEngine::start(TorchOptions {
        workers: 1,
        ..options(1)
    });
    let (engine, (sender, events)) = (engine.unwrap(), channel());
    engine
        .submit(generate(1, spec(&[5], 200)), sink(&sender))
        .unwrap();
    let straight = pictures(last(&events, 1));
    engine
        .submit(generate(2, spec(&[5], 200)), sink(&sender))
        .unwrap();
    assert!(matches!(
        next(&events),
        EngineEvent::Progress { key: 2, .. }
    ));
    engine.pause(2, true);
    // There is room for one picture: this one is only drawn while the other is held up.
    engine
        .submit(generate(3, spec(&[6], 3)), sink(&sender))
        .unwrap();
    assert_eq!(pictures(last(&events, 3)).len(), 1);
    engine.pause(2, false);
    assert_eq!(pictures(last(&events, 2)), straight);
}

#[test]
fn shutting_down_cancels_everything_and_refuses_more() {
    let (engine, (sender, events)) = (engine(1), channel());
    for key in [1, 2] {
        engine
            .submit(generate(key, spec(&[1], 900)), sink(&sender))
            .unwrap();
    }
    engine.shutdown();
    engine.shutdown();
    let mut ends: Vec<_> = events.try_iter().filter(EngineEvent::is_final).collect();
    ends.sort_by_key(EngineEvent::key);
    assert_eq!(ends, [1, 2].map(|key| EngineEvent::Cancelled { key }));
    assert!(
        engine
            .submit(generate(3, spec(&[1], 1)), sink(&sender))
            .is_err()
    );
}
