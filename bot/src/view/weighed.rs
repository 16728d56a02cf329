//! The words of a prompt with what they count, and the shorter prompts that can be drawn.

use easel_domain::spec::{Answer, Shortened, Weight, shortened, words_to_weigh};
use easel_store::show::JobSnapshot;
use serde_json::{Value, json};

use super::{FINISHED, language};
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::MessagePayload;
use crate::text;

/// At most this many characters of the words, and of each shorter prompt: escaped, all of it fits an embed.
const WORDS_CHARS: usize = 600;
const SHORTER_CHARS: usize = 200;
const SECONDARY: u8 = 2;
pub(super) const NUMBERS: [&str; 5] = ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣"];

/// What was found, while the words are not erased.
fn found(job: &JobSnapshot) -> Option<(Vec<&str>, Shortened)> {
    let words = &job.words.as_ref()?.text.positive;
    let Some(Answer::Influences { of_words }) = &job.answer else {
        return None;
    };
    let shortened = shortened(words, of_words)?;
    Some((words_to_weigh(words), shortened))
}

/// Adds what was found to the message. Of erased words nothing is told.
pub(super) fn show(payload: &mut MessagePayload, job: &JobSnapshot) {
    if job.words.is_none() || job.answer.is_none() {
        return;
    }
    let language = language(job);
    let model = format!("`{}`", job.spec.model().id.replace('`', ""));
    let lines = match found(job) {
        None => vec![language.nothing_counts(model)],
        Some((words, shortened)) => {
            let first = [marked(&words, &shortened.weights), String::new()];
            let shorter = NUMBERS.iter().zip(&shortened.shorter);
            let shorter = shorter.map(|(number, shorter)| {
                let shorter = text::escape_markdown(&text::shortened(shorter, SHORTER_CHARS));
                format!("{number} {shorter}")
            });
            let first = first.into_iter().chain([language.shorter_prompts(model)]);
            first.chain(shorter).collect()
        }
    };
    let found = json!({"description": lines.join("\n"), "color": FINISHED});
    payload.embeds.push(found);
}

/// The words, the weak ones struck out and the strongest bold.
fn marked(words: &[&str], weights: &[Weight]) -> String {
    let mut characters = 0;
    let mut parts = Vec::new();
    for (word, weight) in words.iter().zip(weights) {
        characters += word.chars().count() + 1;
        if characters > WORDS_CHARS {
            parts.push("…".to_owned());
            break;
        }
        let word = text::escape_markdown(word);
        parts.push(match weight {
            Weight::Weak => format!("~~{word}~~"),
            Weight::Middle => word,
            Weight::Strong => format!("**{word}**"),
        });
    }
    parts.join(" ")
}

/// A button for each shorter prompt.
pub(super) fn rows(job: &JobSnapshot) -> Vec<Value> {
    let Some((_, shortened)) = found(job).filter(|(_, found)| !found.shorter.is_empty()) else {
        return Vec::new();
    };
    let numbers = NUMBERS.iter().zip(&shortened.shorter);
    let buttons: Vec<Value> = (0..)
        .zip(numbers)
        .map(|(index, (number, _))| {
            let id = CustomId {
                action: ButtonAction::Shorter,
                job: job.job,
                index,
            };
            json!({"type": 2, "style": SECONDARY, "custom_id": id.to_string(), "emoji": {"name": number}})
        })
        .collect();
    vec![json!({"type": 1, "components": buttons})]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use crate::view::{Live, Picture, tests::queued, view};
    use easel_domain::job::JobState;
    use easel_domain::spec::{Action, RenderSpec, WeighSpec};
    use proptest::prelude::*;

    fn weighed(words: &str, of_words: Vec<f32>) -> JobSnapshot {
        let mut job = queued();
        job.action = Action::Shorten;
        job.spec = RenderSpec::Weigh(WeighSpec {
            model: job.spec.model().clone(),
        });
        if let Some(own) = &mut job.words {
            words.clone_into(&mut own.text.positive);
            words.clone_into(&mut own.shown);
        }
        job.state = JobState::Completed;
        job.answer = Some(Answer::Influences { of_words });
        job
    }

    #[test]
    fn each_language_tells_the_same_words_and_numbers() {
        for (language, said) in Language::ALL.into_iter().zip([
            "bold ones count most",
            "fette am meisten",
            "en gras comptent le plus",
        ]) {
            let mut job = weighed("a *red* boat", vec![0.01, 0.2, 0.3]);
            language.code().clone_into(&mut job.locale);
            let payload = view(&job, &Live::Unknown, &Picture::None);
            let told = payload.embeds[0]["description"].as_str().unwrap();
            assert!(told.starts_with("~~a~~ \\*red\\* **boat**\n\n"), "{told}");
            assert!(
                told.contains(said) && told.contains("1️⃣ \\*red\\* boat"),
                "{told}"
            );
            assert_eq!(payload.components.len(), 1);
        }
    }

    #[test]
    fn words_that_the_model_does_not_know_are_told_so() {
        let job = weighed("xq zz", vec![0.0, 0.0]);
        let payload = view(&job, &Live::Unknown, &Picture::None);
        let told = payload.embeds[0]["description"].as_str().unwrap();
        assert!(told.contains("nothing to shorten") && payload.components.is_empty());
    }

    #[test]
    fn erased_words_leave_no_trace_and_no_button() {
        let mut job = weighed("a red boat", vec![0.01, 0.2, 0.3]);
        job.words = None;
        let payload = view(&job, &Live::Unknown, &Picture::None);
        assert!(payload.embeds.is_empty() && payload.components.is_empty());
    }

    proptest! {
        #[test]
        fn the_longest_words_fit_an_embed(words in prop::collection::vec(("[*_~a]{1,60}", 0.01_f32..1.0), 2..100)) {
            let text: Vec<String> = words.iter().map(|(word, _)| word.clone()).collect();
            let influences = words.iter().map(|(_, influence)| *influence).collect();
            let payload = view(&weighed(&text.join(" "), influences), &Live::Unknown, &Picture::None);
            let told = payload.embeds[0]["description"].as_str().unwrap();
            prop_assert!(told.chars().count() <= 4_096);
            prop_assert!(payload.content.chars().count() <= 2_000);
        }
    }
}
