//! The shipped lists against a set of prompts with the outcome that people would expect. Prints the measured rates.

use std::collections::BTreeMap;

use easel_domain::spec::PromptText;
use easel_moderation::{PromptOutcome, PromptPolicy};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    prompt: Vec<Labelled>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    text: String,
    #[serde(default)]
    no: String,
    expect: PromptOutcome,
    known_miss: Option<String>,
}

#[test]
fn the_shipped_lists_do_as_labelled_and_their_misses_are_known() {
    let set: Set = toml::from_str(include_str!("labelled.toml")).unwrap();
    let policy = PromptPolicy::built_in().unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut surprises = Vec::new();
    for labelled in &set.prompt {
        let text = PromptText {
            positive: labelled.text.clone(),
            negative: labelled.no.clone(),
        };
        let verdict = policy.check(&text);
        let wanted = labelled.expect == PromptOutcome::Allow;
        let result = match (wanted, verdict.allows()) {
            (true, true) => "rightly allowed",
            (true, false) => "wrongly refused",
            (false, true) => "wrongly allowed",
            (false, false) => "rightly refused",
        };
        *counts.entry(result).or_default() += 1;
        if (verdict.outcome == labelled.expect) == labelled.known_miss.is_some() {
            surprises.push(format!(
                "{:?}: {:?}, {:?}",
                labelled.text, verdict.outcome, verdict.hits
            ));
        }
    }
    let count = |result: &str| counts.get(result).copied().unwrap_or(0);
    let share = |part: usize, other: usize| 100.0 * part as f64 / (part + other).max(1) as f64;
    println!(
        "labelled set of {}: {} of {} harmless prompts refused ({:.1} %), {} of {} harmful ones allowed ({:.1} %)",
        set.prompt.len(),
        count("wrongly refused"),
        count("wrongly refused") + count("rightly allowed"),
        share(count("wrongly refused"), count("rightly allowed")),
        count("wrongly allowed"),
        count("wrongly allowed") + count("rightly refused"),
        share(count("wrongly allowed"), count("rightly refused")),
    );
    assert!(
        surprises.is_empty(),
        "not as labelled:\n{}",
        surprises.join("\n")
    );
    assert!(set.prompt.len() >= 80);
}
