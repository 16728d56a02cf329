//! Pictures that go on at their opposite edges, and those that stop early.

use super::*;

/// The model that ships: 64 pixels square, with a network that enlarges four times.
fn shipped() -> (TorchEngine, String) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/easel-tiny");
    let hash = checkpoint::hash(&models).unwrap();
    let options = TorchOptions {
        models: vec![stored(models)],
        ..options(8)
    };
    (TorchEngine::start(options).unwrap(), hash)
}

fn done(engine: &TorchEngine, model: &str, work: EngineWork) -> Vec<Picture> {
    let (sender, events) = channel();
    let model = model.to_owned();
    let request = EngineRequest {
        key: 1,
        model,
        work,
    };
    engine.submit(request, sink(&sender)).unwrap();
    pictures(last(&events, 1))
}

/// The picture moved to the right, in a circle.
fn moved(picture: &Picture, pixels: usize) -> Picture {
    let rows = picture.rgb.chunks_exact(3 * picture.width as usize);
    let rotated = rows.flat_map(|row| {
        let mut row = row.to_vec();
        row.rotate_right(3 * pixels);
        row
    });
    Picture {
        rgb: rotated.collect(),
        ..*picture
    }
}

fn off(left: &Picture, right: &Picture) -> u8 {
    let channels = left.rgb.iter().zip(&right.rgb);
    channels.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn a_seamless_picture_is_enlarged_wherever_its_edge_is_and_another_is_not() {
    let (engine, model) = shipped();
    let picture = Picture {
        width: 48,
        height: 32,
        rgb: (0..3 * 48 * 32_u32)
            .map(|at| (at * 37 % 251) as u8)
            .collect(),
    };
    for scale in [4, 2] {
        for seamless in [true, false] {
            let work = |picture| EngineWork::Upscale {
                picture,
                scale,
                seamless,
            };
            let whole = done(&engine, &model, work(picture.clone())).remove(0);
            let other = done(&engine, &model, work(moved(&picture, 20))).remove(0);
            assert_eq!((whole.width, whole.height), (48 * scale, 32 * scale));
            let off = off(&moved(&whole, 20 * scale as usize), &other);
            assert_eq!(off <= 1, seamless, "scale {scale}: off by {off}");
        }
    }
}

#[test]
fn seamless_jobs_and_others_share_an_engine_and_are_drawn_as_they_are_alone() {
    let (engine, model) = shipped();
    let of = |seamless: bool, stop: u8| EngineWork::Generate {
        spec: GenerateSpec {
            width: 64,
            height: 64,
            seamless,
            stop,
            finish_scale: 4,
            ..spec(&[1], 6)
        },
        text: PromptText {
            positive: "a red boat".to_owned(),
            negative: String::new(),
        },
        init: None,
    };
    let works = [of(false, 100), of(true, 100), of(false, 50)];
    let alone = works
        .each_ref()
        .map(|work| done(&engine, &model, work.clone()));
    assert!(alone[0] != alone[1] && alone[0] != alone[2]);
    let (sender, events) = channel();
    for (key, work) in (1..).zip(works) {
        let model = model.clone();
        let request = EngineRequest { key, model, work };
        engine.submit(request, sink(&sender)).unwrap();
    }
    let mut steps = [0; 3];
    let mut together = [None, None, None];
    while together.iter().any(Option::is_none) {
        let event = next(&events);
        let at = event.key() as usize - 1;
        if let EngineEvent::Progress { steps: all, .. } = &event {
            steps[at] = *all;
        }
        if event.is_final() {
            together[at] = Some(pictures(event));
        }
    }
    assert_eq!(steps, [6, 6, 3]);
    for (alone, together) in alone.iter().zip(together) {
        assert!(off(&alone[0], &together.unwrap()[0]) <= 1);
    }
}
