//! Prompts that were found for a picture, and the buttons that draw them.

use easel_domain::prompt::AspectRatio;
use easel_domain::spec::{Answer, Description, InputPicture, RenderSpec};
use easel_store::show::JobSnapshot;
use serde_json::{Value, json};

use super::weighed::NUMBERS;
use super::{FINISHED, language};
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::MessagePayload;
use crate::text;

/// At most this many characters of each prompt: escaped, all of it fits an embed.
const PROMPT_CHARS: usize = 400;
const SECONDARY: u8 = 2;

/// What was found, while the words are not erased.
fn found(job: &JobSnapshot) -> &[Description] {
    match (&job.words, &job.answer) {
        (Some(_), Some(Answer::Descriptions { prompts })) => prompts,
        _ => &[],
    }
}

/// The shape of what was described, which its prompts are drawn in.
pub(crate) fn described_shape(inputs: &[InputPicture]) -> Option<AspectRatio> {
    let first = inputs.first()?;
    AspectRatio::of_size(first.width, first.height)
}

/// How the shape is typed behind a prompt; nothing for a square, which needs no word.
fn typed_shape(job: &JobSnapshot) -> String {
    let shape = match &job.spec {
        RenderSpec::Describe(spec) => described_shape(&spec.inputs),
        _ => None,
    };
    shape
        .filter(|shape| *shape != AspectRatio::SQUARE)
        .map_or_else(String::new, |shape| format!(" --ar {shape}"))
}

/// Adds what was found, and the picture, to the message.
pub(super) fn show(payload: &mut MessagePayload, job: &JobSnapshot) {
    let prompts = found(job);
    if prompts.is_empty() {
        return;
    }
    let language = language(job);
    let shape = typed_shape(job);
    let mut lines = vec![language.descriptions().to_owned(), String::new()];
    lines.extend(NUMBERS.iter().zip(prompts).map(|(number, prompt)| {
        let words = text::shortened(&prompt.text, PROMPT_CHARS);
        let words = text::escape_markdown(&words);
        let similarity = language.hundredths(f64::from(prompt.similarity));
        format!("{number} {words}{shape} · `{similarity}`")
    }));
    let mut embed = json!({"description": lines.join("\n"), "color": FINISHED});
    let address = job.words.as_ref().and_then(|words| words.pictured.as_ref());
    if let Some(address) = address {
        embed["thumbnail"] = json!({"url": address});
    }
    payload.embeds.push(embed);
}

/// A button for each prompt, and one for all.
pub(super) fn rows(job: &JobSnapshot) -> Vec<Value> {
    let prompts = found(job);
    if prompts.is_empty() {
        return Vec::new();
    }
    let id = |action, index| {
        let job = job.job;
        CustomId { action, job, index }.to_string()
    };
    let numbers = (0..).zip(NUMBERS.iter().zip(prompts));
    let mut rows = vec![
        numbers
            .map(|(index, (number, _))| {
                json!({"type": 2, "style": SECONDARY, "custom_id": id(ButtonAction::Described, index),
                       "emoji": {"name": number}})
            })
            .collect::<Vec<Value>>(),
    ];
    if prompts.len() > 1 {
        rows.push(vec![
            json!({"type": 2, "style": SECONDARY, "custom_id": id(ButtonAction::DescribedAll, 0),
                   "label": language(job).button_imagine_all(), "emoji": {"name": "🎉"}}),
        ]);
    }
    let row = |buttons| json!({"type": 1, "components": buttons});
    rows.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use crate::view::{Live, Picture, tests::queued, view};
    use easel_domain::job::JobState;
    use easel_domain::spec::{Action, DescribeSpec};
    use proptest::prelude::*;

    fn described(prompts: &[&str]) -> JobSnapshot {
        let mut job = queued();
        job.action = Action::Describe;
        job.spec = RenderSpec::Describe(DescribeSpec {
            model: job.spec.model().clone(),
            inputs: Vec::new(),
        });
        if let Some(own) = &mut job.words {
            own.text.positive.clear();
            "🖼️".clone_into(&mut own.shown);
            own.pictured = Some("https://cdn.example/a.png".to_owned());
        }
        job.state = JobState::Completed;
        let prompts = prompts.iter().map(|text| Description {
            text: (*text).to_owned(),
            similarity: 0.314,
        });
        job.answer = Some(Answer::Descriptions {
            prompts: prompts.collect(),
        });
        job
    }

    #[test]
    fn each_language_shows_the_picture_and_numbered_prompts() {
        for (language, said, number) in Language::ALL
            .into_iter()
            .zip([
                ("1 would be the same", "0.31"),
                ("1 wäre dasselbe", "0,31"),
                ("1 serait la même chose", "0,31"),
            ])
            .map(|(language, (said, number))| (language, said, number))
        {
            let mut job = described(&["a *red* boat", "a ship"]);
            language.code().clone_into(&mut job.locale);
            let payload = view(&job, &Live::Unknown, &Picture::None);
            let embed = &payload.embeds[0];
            let told = embed["description"].as_str().unwrap();
            assert!(told.contains(said), "{told}");
            let line = format!("1️⃣ a \\*red\\* boat · `{number}`\n2️⃣ a ship");
            assert!(told.contains(&line), "{told}");
            assert_eq!(embed["thumbnail"]["url"], "https://cdn.example/a.png");
            assert_eq!(payload.components.len(), 2);
        }
    }

    #[test]
    fn erased_words_leave_no_trace_and_no_button() {
        let mut job = described(&["a boat", "a ship"]);
        job.words = None;
        let payload = view(&job, &Live::Unknown, &Picture::None);
        assert!(payload.embeds.is_empty() && payload.components.is_empty());
    }

    #[test]
    fn one_prompt_needs_no_button_for_all() {
        let payload = view(&described(&["a boat"]), &Live::Unknown, &Picture::None);
        assert_eq!(payload.components.len(), 1);
    }

    proptest! {
        #[test]
        fn the_longest_prompts_fit_an_embed(prompts in prop::collection::vec("[*_~a ]{1,600}", 1..5)) {
            let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
            let payload = view(&described(&prompts), &Live::Unknown, &Picture::None);
            let told = payload.embeds[0]["description"].as_str().unwrap();
            prop_assert!(told.chars().count() <= 4_096);
        }
    }
}
