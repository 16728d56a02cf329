//! Several models, samplers and lengths of prompts in one engine.

use std::collections::HashSet;

use easel_domain::message::Residency;

use super::*;

#[test]
fn a_second_model_is_loaded_when_a_job_wants_it_and_goes_when_it_is_told_to() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures");
    let other = fixtures.join("velocity");
    let (other, model) = (other.clone(), checkpoint::hash(&other).unwrap());
    let mut options = options(8);
    options.models.push(Stored {
        directory: other,
        pinned: false,
    });
    let (engine, (sender, events)) = (TorchEngine::start(options).unwrap(), channel());
    let residency = || engine.models().remove(1).residency;
    assert_eq!(residency(), Residency::Stored);
    engine
        .submit(generate(1, spec(&[1], 900)), sink(&sender))
        .unwrap();
    let wanted = EngineRequest {
        model: model.clone(),
        ..generate(2, spec(&[2], 3))
    };
    engine.submit(wanted, sink(&sender)).unwrap();
    assert_eq!(pictures(last(&events, 2)).len(), 1);
    assert_eq!(residency(), Residency::Resident);
    assert!(engine.models()[1].load_time.is_some());
    engine.unload(&model);
    engine.cancel(1);
    assert_eq!(last(&events, 1), EngineEvent::Cancelled { key: 1 });
    // Orders are not answered but by what is said from then on.
    let deadline = std::time::Instant::now() + PATIENCE;
    while residency() != Residency::Stored {
        assert!(std::time::Instant::now() < deadline, "{:?}", residency());
        std::thread::yield_now();
    }
}

#[test]
fn weights_and_samplers_change_a_picture_and_neighbours_of_other_lengths_do_not() {
    let (engine, (sender, events)) = (engine(64), channel());
    let alone = |request| {
        engine.submit(request, sink(&sender)).unwrap();
        pictures(last(&events, 0))
    };
    let plain = alone(generate(0, spec(&[1], 6)));
    let weighted = "a (red:1.9) boat";
    let heavy = alone(worded(0, spec(&[1], 6), weighted));
    assert_ne!(plain, heavy);
    let drawn = Sampler::ALL.map(|sampler| {
        let spec = GenerateSpec {
            sampler,
            ..spec(&[1], 6)
        };
        alone(worded(0, spec, weighted)).swap_remove(0).rgb
    });
    let distinct: HashSet<_> = drawn.iter().collect();
    assert_eq!(distinct.len(), drawn.len());
    let long = "a boat on the sea, ".repeat(30);
    engine
        .submit(worded(1, spec(&[5, 6], 6), &long), sink(&sender))
        .unwrap();
    engine
        .submit(worded(2, spec(&[1], 6), weighted), sink(&sender))
        .unwrap();
    let together = pictures(last(&events, 2));
    let off = heavy[0].rgb.iter().zip(&together[0].rgb);
    assert!(off.map(|(a, b)| a.abs_diff(*b)).max() <= Some(1));
}
