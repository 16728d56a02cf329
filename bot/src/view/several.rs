//! The message that proposes several jobs.

use std::time::Duration;

use easel_domain::ledger::Credits;
use easel_domain::{BatchId, JobId};
use serde_json::json;
use time::OffsetDateTime;

use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::MessagePayload;
use crate::text::{self, Language};

const SECONDARY: u8 = 2;
const SUCCESS: u8 = 3;
/// Prompts that are listed; more are counted.
const LISTED: usize = 10;
/// Characters of each, so that ten of them fit a message even when every one is escaped.
const CHARS: usize = 75;

/// Several jobs as they are proposed.
#[derive(Clone)]
pub struct SeveralJobs<'a> {
    /// The proposal.
    pub id: BatchId,
    /// The prompt of each job.
    pub prompts: &'a [String],
    /// Different pictures that they begin from.
    pub begun_from: usize,
    /// Pictures of all of them.
    pub pictures: usize,
    /// Credits for all of them.
    pub price: Credits,
    /// How long all of them take, if that is known.
    pub time: Option<Duration>,
    /// Until the last of them should start, where that is later than the member's tier promises.
    pub quoted: Option<Duration>,
    /// Until when they may be agreed to.
    pub expires_at: OffsetDateTime,
}

/// Prompts are never logged.
impl std::fmt::Debug for SeveralJobs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SeveralJobs({}, {})", self.id, self.prompts.len())
    }
}

/// Count, price, time, the prompts, and the two buttons.
pub fn several(jobs: &SeveralJobs<'_>, language: Language) -> MessagePayload {
    let count = jobs.prompts.len();
    let until = format!("<t:{}:t>", jobs.expires_at.unix_timestamp());
    let price = language.price(jobs.price);
    let mut lines = vec![
        language.several_proposed(count, jobs.pictures, price, until),
        language.several_time(jobs.time),
    ];
    let quote = |wait| language.several_quoted(language.about(wait));
    lines.extend(jobs.quoted.map(quote));
    if jobs.begun_from > 0 {
        lines.push(language.several_begun_from(jobs.begun_from));
    }
    lines.extend((1..).zip(jobs.prompts).take(LISTED).map(|(n, prompt)| {
        let prompt = text::escape_markdown(&text::shortened(prompt, CHARS));
        format!("> {n}. {prompt}")
    }));
    if count > LISTED {
        lines.push(format!("> {}", language.several_more(count - LISTED)));
    }
    let button = |action, style: u8, label: String| {
        let id = CustomId {
            action,
            job: JobId(jobs.id.0),
            index: 0,
        };
        json!({"type": 2, "style": style, "custom_id": id.to_string(), "label": label})
    };
    let run = button(
        ButtonAction::RunSeveral,
        SUCCESS,
        language.button_run_several(count),
    );
    let drop = button(
        ButtonAction::DropSeveral,
        SECONDARY,
        language.button_drop_several().to_owned(),
    );
    MessagePayload {
        components: vec![json!({"type": 1, "components": [run, drop]})],
        ..MessagePayload::text(lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    #[test]
    fn forty_prompts_of_nothing_but_marks_fit_a_message_in_every_language() {
        let prompts = vec!["*".repeat(5_000); 40];
        let jobs = SeveralJobs {
            id: BatchId(Uuid::max()),
            prompts: &prompts,
            begun_from: 10,
            pictures: 160,
            price: Credits(1_000_000),
            time: Some(Duration::from_secs(7_000)),
            quoted: Some(Duration::from_secs(7_000)),
            expires_at: datetime!(2026-01-01 12:00 UTC),
        };
        for language in Language::ALL {
            let payload = several(&jobs, language);
            assert!(payload.content.chars().count() <= 2_000);
            assert!(payload.content.contains("40") && payload.content.contains("30"));
            let quote = language.several_quoted(language.about(Duration::from_secs(7_000)));
            assert!(payload.content.contains(&quote));
            let row = payload.components[0]["components"].as_array().unwrap();
            assert_eq!(row.len(), 2);
        }
    }
}
