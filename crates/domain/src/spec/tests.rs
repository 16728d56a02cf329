//! Specs as they are stored, and what is read from them.

use super::*;

#[test]
fn a_variation_of_a_variation_keeps_the_whole_chain() {
    let first = NoisePlan::from_seed(1);
    let second = first
        .varied(2, 0.2)
        .and_then(|plan| plan.varied(3, 0.4))
        .unwrap();
    assert_eq!(second.seed, 1);
    assert_eq!(
        second.mixes.iter().map(|mix| mix.seed).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(second.own_seed(), 3);
}

#[test]
fn chaos_stresses_words_differently_in_each_picture_and_the_same_in_its_variations() {
    let plan = |seed, chaos| NoisePlan {
        chaos,
        ..NoisePlan::from_seed(seed)
    };
    let stress =
        |plan: &NoisePlan| -> Vec<f64> { (0..500).map(|word| plan.emphasis(word)).collect() };
    assert_eq!(stress(&plan(1, 0)), [1.0; 500]);
    for chaos in [1, 50, 100] {
        let (drawn, widest) = (stress(&plan(1, chaos)), f64::from(chaos) / 100.0);
        let logarithms: Vec<f64> = drawn.iter().map(|factor| factor.ln() / widest).collect();
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        for &logarithm in &logarithms {
            (least, most) = (least.min(logarithm), most.max(logarithm));
        }
        let mean = logarithms.iter().sum::<f64>() / 500.0;
        assert!((-1.001..-0.98).contains(&least) && (0.98..1.001).contains(&most));
        assert!(mean.abs() < 0.1, "{mean}");
        assert_ne!(drawn, stress(&plan(2, chaos)));
        assert_eq!(drawn, stress(&plan(1, chaos).varied(7, 0.3).unwrap()));
    }
}

#[test]
fn a_chain_of_variations_ends() {
    let mut plan = NoisePlan::from_seed(0);
    for seed in 0..MAX_NOISE_MIXES {
        plan = plan.varied(u32::try_from(seed).unwrap(), 0.1).unwrap();
    }
    assert_eq!(plan.varied(9, 0.1), None);
}

#[test]
fn debug_output_never_shows_a_prompt() {
    let text = PromptText {
        positive: "a secret garden".to_owned(),
        negative: String::new(),
    };
    assert!(!format!("{text:?}").contains("secret"));
}

#[test]
fn a_repainted_picture_reads_its_inputs_in_order_and_survives_storage() {
    let input = |key: &str| InputPicture {
        key: key.to_owned(),
        sha256: "ab".to_owned(),
        width: 512,
        height: 512,
    };
    let spec = RenderSpec::Repaint(RepaintSpec {
        generate: GenerateSpec {
            model: ModelRef {
                id: "m".to_owned(),
                hash: "h".to_owned(),
            },
            width: 128,
            height: 128,
            steps: 20,
            guidance: 4.5,
            sampler: Sampler::Default,
            pictures: vec![NoisePlan::from_seed(7)],
            finish_scale: 4,
            stop: 55,
            seamless: true,
        },
        inputs: vec![input("a")],
        place: Place::whole(128, 128),
        strength: 0.75,
        repainted: Repainted::Masked {
            mask: input("mask"),
        },
    });
    let keys: Vec<&str> = spec
        .inputs()
        .iter()
        .map(|input| input.key.as_str())
        .collect();
    assert_eq!(keys, ["a", "mask"]);
    let stored = serde_json::to_value(&spec).unwrap();
    assert_eq!(stored["kind"], "repaint");
    assert_eq!(serde_json::from_value::<RenderSpec>(stored).unwrap(), spec);
    assert!(spec.is_seamless());
    assert_eq!(spec.work_shape(), (128, 128, 11), "what is paid for");
}

#[test]
fn as_many_steps_are_made_as_the_percentage_leaves_and_one_at_least() {
    let made = |steps: u32, stop: u8| {
        let stored = serde_json::json!({"model": {"id": "m", "hash": "h"}, "width": 8, "height": 8, "steps": steps,
            "guidance": 1.0, "sampler": "default", "pictures": [], "finish_scale": 1, "stop": stop});
        let spec: GenerateSpec = serde_json::from_value(stored).unwrap();
        spec.steps_made()
    };
    let cases = [
        (20, 100),
        (20, 50),
        (20, 10),
        (4, 10),
        (1, 10),
        (25, 50),
        (20, 0),
    ];
    let wanted = [20, 10, 2, 1, 1, 13, 1];
    assert_eq!(cases.map(|(steps, stop)| made(steps, stop)), wanted);
}

#[test]
fn a_question_makes_no_picture_and_survives_storage() {
    let stored = serde_json::json!({"kind": "weigh", "model": {"id": "m", "hash": "h"}});
    let spec: RenderSpec = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!((spec.picture_count(), spec.noise_plan(0)), (0, None));
    assert!(spec.is_question() && spec.inputs().is_empty());
    assert_eq!(serde_json::to_value(&spec).unwrap(), stored);
}

#[test]
fn a_question_about_pictures_reads_them_and_is_known_by_its_stored_kind() {
    let input = serde_json::json!({"key": "public/a.png", "sha256": "ab", "width": 8, "height": 8});
    let stored = serde_json::json!({"kind": "describe", "model": {"id": "m", "hash": "h"}, "inputs": [input]});
    let spec: RenderSpec = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!((spec.picture_count(), spec.inputs().len()), (0, 1));
    assert_eq!(serde_json::to_value(&spec).unwrap(), stored);
    assert_eq!(spec.question(), Question::of_kind("describe"));
    assert_eq!(Question::of_kind("weigh"), Some(Question::Words));
    assert_eq!(Question::of_kind("generate"), None);
}

#[test]
fn specs_of_the_first_release_are_still_read() {
    let stored = serde_json::json!({"kind": "generate", "model": {"id": "m", "hash": "h"}, "width": 128,
        "height": 128, "steps": 20, "guidance": 4.0, "sampler": "default", "pictures": [{"seed": 1}],
        "finish_scale": 4});
    let spec: RenderSpec = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(
        (spec.picture_count(), spec.finished_size()),
        (1, (512, 512))
    );
    assert_eq!(
        (spec.work_shape().2, spec.is_seamless()),
        (20, false),
        "nothing is left out or joined"
    );
    let again = serde_json::to_value(&spec).unwrap();
    assert_eq!(again, stored, "and older readers read what is written now");
}
