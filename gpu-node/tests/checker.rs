//! What looks at pictures, with networks of random weights.

#![cfg(feature = "torch")]
#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use easel_gpu_node::checker::Checkers;
use easel_gpu_node::checker::network::{self, Painter};
use easel_gpu_node::checkpoint;
use easel_gpu_node::config::NodeConfig;
use easel_gpu_node::engine::Picture;
use easel_moderation::Category;
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures");
    fixtures.join(name)
}

fn node(checker: &Value) -> NodeConfig {
    serde_json::from_value(json!({ "id": "n", "model": "/nowhere", "checker": checker })).unwrap()
}

fn refusal(checker: &Value) -> String {
    let loaded = network::load(&node(checker), &[]).err().unwrap();
    loaded.to_string()
}

fn doubtful(directory: &Path) -> Painter<'_> {
    let safe = false;
    Painter { directory, safe }
}

fn safe(directory: &Path) -> Painter<'_> {
    let safe = true;
    Painter { directory, safe }
}

fn picture() -> Picture {
    Picture {
        width: 30,
        height: 20,
        rgb: (0..30 * 20 * 3).map(|at| (at % 251) as u8).collect(),
    }
}

fn sexual(checkers: &Checkers, model: &str) -> f32 {
    let scores = checkers.of(model).unwrap().scores(&picture()).unwrap();
    assert_eq!(scores.len(), 1, "{scores:?}");
    scores[&Category::Sexual]
}

#[test]
fn a_classifier_speaks_in_the_categories_that_its_labels_mean() {
    let directory = fixture("classifier");
    let one = network::load(&node(&json!({ "directory": directory })), &[]).unwrap();
    let labels = json!({ "drawing": "sexual", "normal": "sexual", "nsfw": "none" });
    let others = node(&json!({ "directory": directory, "labels": labels }));
    let others = network::load(&others, &[]).unwrap();
    assert_eq!(one.of("any").unwrap().id(), "classifier");
    let (nsfw, rest) = (sexual(&one, "any"), sexual(&others, "any"));
    assert!(
        nsfw > 0.0 && rest > 0.0 && (nsfw + rest - 1.0).abs() < 1e-5,
        "{nsfw} {rest}"
    );
}

#[test]
fn a_checkpoint_that_brings_a_checker_needs_no_other() {
    let (with, without) = (fixture("checked"), fixture("classic"));
    let checkers = network::load(&node(&Value::Null), &[doubtful(&with)]).unwrap();
    let hash = checkpoint::hash(&with).unwrap();
    let score = sexual(&checkers, &hash);
    assert!([0.0, 1.0].contains(&score), "{score}");
    assert!(checkers.of("others").is_none());
    let refused = network::load(&node(&Value::Null), &[doubtful(&with), doubtful(&without)]);
    let refused = refused.err().unwrap().to_string();
    assert!(
        refused.contains("what classic draws") && refused.contains("a classifier, or"),
        "{refused}"
    );
}

#[test]
fn what_a_safe_checkpoint_makes_of_pictures_is_looked_at_by_its_own_checker() {
    let (with, without) = (fixture("checked"), fixture("classic"));
    let both = [safe(&with), safe(&without)];
    let checkers = network::load(&node(&Value::Null), &both).unwrap();
    let score = sexual(&checkers, &checkpoint::hash(&with).unwrap());
    assert!([0.0, 1.0].contains(&score), "{score}");
    // Where it brings none, nobody looks, as nobody did before.
    assert!(checkers.of(&checkpoint::hash(&without).unwrap()).is_none());
    let mixed = [safe(&with), doubtful(&without)];
    assert!(network::load(&node(&Value::Null), &mixed).is_err());
}

#[test]
fn a_checker_of_its_own_directory_may_be_the_safety_checker() {
    let directory = tempfile::tempdir().unwrap();
    let part = fixture("checked");
    for name in ["config.json", "model.safetensors"] {
        fs::copy(
            part.join("safety_checker").join(name),
            directory.path().join(name),
        )
        .unwrap();
    }
    let preparation = "preprocessor_config.json";
    let from = part.join("feature_extractor").join(preparation);
    fs::copy(from, directory.path().join(preparation)).unwrap();
    let alone = network::load(&node(&json!({ "directory": directory.path() })), &[]).unwrap();
    let own = network::load(&node(&Value::Null), &[doubtful(&part)]).unwrap();
    let hash = checkpoint::hash(&part).unwrap();
    let apart = sexual(&alone, "any") - sexual(&own, &hash);
    assert!(apart.abs() < f32::EPSILON, "{apart}");
}

#[test]
fn a_checker_that_cannot_be_used_is_refused_by_file_and_key() {
    let nothing = refusal(&json!({ "directory": "/nowhere" }));
    assert!(
        nothing.contains("node.checker") && nothing.contains("/nowhere/config.json"),
        "{nothing}"
    );
    let label =
        refusal(&json!({ "directory": fixture("classifier"), "labels": { "porn": "sexual" } }));
    assert!(
        label.contains("\"porn\"") && label.contains("drawing, normal, nsfw"),
        "{label}"
    );
    let text = refusal(&json!({ "directory": fixture("classic/text_encoder") }));
    assert!(text.contains("architectures"), "{text}");
}
