//! Pictures that are described, beside pictures that are drawn.

use super::*;
use easel_domain::spec::{Answer, Description, MAX_DESCRIPTIONS};
use easel_gpu_node::engine::torch::{EyesOptions, StartError};

fn seeing() -> TorchOptions {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures");
    let directory = fixtures.join("eyes");
    TorchOptions {
        eyes: Some(EyesOptions {
            phrases: directory.join("phrases.txt"),
            directory,
        }),
        ..options(8)
    }
}

fn described(event: EngineEvent) -> Vec<Description> {
    match event {
        EngineEvent::Answered {
            answer: Answer::Descriptions { prompts },
            ..
        } => prompts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pictures_that_were_drawn_are_described_while_others_are_drawn() {
    let engine = TorchEngine::start(seeing()).unwrap();
    let (sender, events) = channel();
    let draw = |key| generate(key, spec(&[7, 8], 6));
    engine.submit(draw(1), sink(&sender)).unwrap();
    let drawn = pictures(last(&events, 1));
    let describe = |key, pictures: &[Picture]| {
        let pictures = pictures.to_vec();
        request(key, EngineWork::Describe { pictures })
    };
    engine
        .submit(describe(2, &drawn[..1]), sink(&sender))
        .unwrap();
    let alone = described(last(&events, 2));
    assert!(
        Answer::Descriptions {
            prompts: alone.clone()
        }
        .is_sound()
    );
    assert_eq!(alone.len(), MAX_DESCRIPTIONS);

    engine.submit(draw(3), sink(&sender)).unwrap();
    engine
        .submit(describe(4, &drawn[..1]), sink(&sender))
        .unwrap();
    engine.submit(describe(5, &drawn), sink(&sender)).unwrap();
    let mut ended = 0;
    while ended < 3 {
        let event = next(&events);
        ended += usize::from(event.is_final());
        match event.key() {
            3 if event.is_final() => assert_eq!(pictures(event), drawn),
            4 => assert_eq!(described(event), alone),
            5 => assert!(!described(event).is_empty()),
            _ => {}
        }
    }
    engine.submit(describe(6, &[]), sink(&sender)).unwrap();
    assert!(matches!(
        last(&events, 6),
        EngineEvent::Failed {
            kind: FailureKind::Fatal,
            unfit: true,
            ..
        }
    ));
}

#[test]
fn a_node_without_eyes_says_so_and_eyes_that_cannot_be_loaded_are_named() {
    let (engine, (sender, events)) = (engine(8), channel());
    let black = Picture {
        width: 8,
        height: 8,
        rgb: vec![0; 192],
    };
    let pictures = vec![black];
    engine
        .submit(request(1, EngineWork::Describe { pictures }), sink(&sender))
        .unwrap();
    match last(&events, 1) {
        EngineEvent::Failed { message, .. } => assert!(message.contains("node.describe")),
        other => panic!("{other:?}"),
    }
    let mut blind = seeing();
    if let Some(eyes) = &mut blind.eyes {
        eyes.phrases = "/nowhere/phrases.txt".into();
    }
    match TorchEngine::start(blind) {
        Err(StartError::Eyes(error)) => assert!(error.to_string().contains("/nowhere")),
        other => panic!("{:?}", other.err()),
    }
}
