//! Pictures made larger.

use super::*;

#[test]
fn pictures_are_enlarged_after_drawing_or_on_their_own() {
    let (engine, (sender, events)) = (engine(8), channel());
    let finished = GenerateSpec {
        finish_scale: 2,
        ..spec(&[1], 2)
    };
    engine.submit(generate(1, finished), sink(&sender)).unwrap();
    let drawn = pictures(last(&events, 1));
    engine
        .submit(generate(2, spec(&[1], 2)), sink(&sender))
        .unwrap();
    let small = pictures(last(&events, 2)).remove(0);
    let work = EngineWork::Upscale {
        picture: small,
        scale: 2,
        seamless: false,
    };
    engine.submit(request(3, work), sink(&sender)).unwrap();
    let enlarged = pictures(last(&events, 3));
    assert_eq!((enlarged[0].width, enlarged[0].height), (32, 32));
    assert_eq!(drawn, enlarged);
}

#[test]
fn a_factor_below_the_networks_own_is_met_exactly() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/easel-tiny");
    let model = checkpoint::hash(&models).unwrap();
    let engine = TorchEngine::start(TorchOptions {
        models: vec![stored(models)],
        ..options(8)
    })
    .unwrap();
    let (sender, events) = channel();
    let picture = Picture {
        width: 40,
        height: 24,
        rgb: vec![90; 3 * 40 * 24],
    };
    let work = EngineWork::Upscale {
        picture,
        scale: 2,
        seamless: false,
    };
    engine
        .submit(
            EngineRequest {
                key: 1,
                model,
                work,
            },
            sink(&sender),
        )
        .unwrap();
    let enlarged = pictures(last(&events, 1));
    assert_eq!((enlarged[0].width, enlarged[0].height), (80, 48));
}
