//! Words that are weighed, beside pictures that are drawn.

use super::*;
use easel_domain::spec::Answer;

const PROMPT: &str = "a red boat on the sea with a small lighthouse and birds";

fn weigh(key: u64, prompt: &str) -> EngineRequest {
    let words = prompt.split_whitespace().map(str::to_owned).collect();
    request(key, EngineWork::Weigh { words })
}

fn drawn(engine: &TorchEngine, chaos: u8, seeds: &[u32]) -> Vec<Picture> {
    let (sender, events) = channel();
    let mut spec = spec(seeds, 6);
    for plan in &mut spec.pictures {
        plan.chaos = chaos;
    }
    engine.submit(generate(1, spec), sink(&sender)).unwrap();
    pictures(last(&events, 1))
}

#[test]
fn each_picture_of_a_chaotic_grid_takes_the_words_in_its_own_way() {
    let engine = engine(8);
    let plain = drawn(&engine, 0, &[7, 8]);
    let chaotic = drawn(&engine, 100, &[7, 8]);
    assert!(plain[0] != chaotic[0] && plain[1] != chaotic[1]);
    assert_eq!(drawn(&engine, 100, &[7, 8]), chaotic, "from its seed alone");
    assert_ne!(drawn(&engine, 20, &[7, 8]), chaotic);
}

fn influences(event: EngineEvent) -> Vec<f32> {
    match event {
        EngineEvent::Answered {
            answer: Answer::Influences { of_words },
            ..
        } => of_words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_are_weighed_in_steps_between_those_of_pictures_and_neither_changes_the_other() {
    let (engine, (sender, events)) = (engine(8), channel());
    engine.submit(weigh(1, PROMPT), sink(&sender)).unwrap();
    let alone = influences(last(&events, 1));
    assert_eq!(alone.len(), 12);
    engine
        .submit(generate(2, spec(&[7], 6)), sink(&sender))
        .unwrap();
    let drawn = pictures(last(&events, 2));

    engine
        .submit(generate(3, spec(&[7], 6)), sink(&sender))
        .unwrap();
    engine.submit(weigh(4, PROMPT), sink(&sender)).unwrap();
    engine.submit(weigh(5, "a boat"), sink(&sender)).unwrap();
    let mut ended = Vec::new();
    let mut steps = 0;
    while ended.len() < 3 {
        let event = next(&events);
        if let EngineEvent::Progress {
            key: 4,
            step,
            preview,
            ..
        } = &event
        {
            assert!(preview.is_none(), "words have no picture");
            steps += 1;
            assert!(*step <= 12);
        }
        if event.is_final() {
            ended.push(event);
        }
    }
    assert_eq!(
        steps, 2,
        "eight words in the first step, four in the second"
    );
    for event in ended {
        match event.key() {
            3 => assert_eq!(pictures(event), drawn),
            4 => assert_eq!(influences(event), alone),
            _ => assert_eq!(influences(event).len(), 2),
        }
    }
}

#[test]
fn words_can_be_held_up_and_cancelled_and_none_are_refused() {
    let (engine, (sender, events)) = (engine(8), channel());
    engine
        .submit(generate(1, spec(&[1], 400)), sink(&sender))
        .unwrap();
    let many = "boat ".repeat(90);
    engine.submit(weigh(2, &many), sink(&sender)).unwrap();
    engine.pause(2, true);
    engine.cancel(2);
    assert_eq!(last(&events, 2), EngineEvent::Cancelled { key: 2 });
    engine.cancel(1);
    last(&events, 1);
    engine.submit(weigh(3, ""), sink(&sender)).unwrap();
    assert!(matches!(
        last(&events, 3),
        EngineEvent::Failed {
            kind: FailureKind::Fatal,
            unfit: true,
            ..
        }
    ));
}
