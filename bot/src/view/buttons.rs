//! The buttons under a message. They carry everything a click needs, so they work for the life of the message.

use easel_domain::job::JobState;
use easel_domain::picture::{FileRole, PictureOutcome};
use easel_domain::spec::RenderSpec;
use easel_store::show::JobSnapshot;
use serde_json::{Value, json};

use super::{Picture, language};
use crate::custom_id::{ButtonAction, CustomId};
use crate::text::Language;

const SECONDARY: u8 = 2;
const DANGER: u8 = 4;
const LINK: u8 = 5;
/// Buttons in one row.
const ROW: usize = 5;

/// The rows that fit the job's state.
pub(super) fn rows(job: &JobSnapshot, picture: &Picture) -> Vec<Value> {
    match job.state {
        JobState::Queued | JobState::Leased => vec![row(&[cancel(job)])],
        JobState::Finishing | JobState::Held => Vec::new(),
        JobState::Completed => {
            let rows = match &job.spec {
                RenderSpec::Generate(_) | RenderSpec::Repaint(_) => grid(job),
                RenderSpec::Upscale(_) => large(job, picture),
            };
            let missing = *picture == Picture::Missing;
            rows.into_iter()
                .chain(missing.then(|| row(&[fetch(job)])))
                .collect()
        }
        JobState::Failed | JobState::Cancelled | JobState::Rejected | JobState::Shed => {
            vec![row(&[button(
                job,
                ButtonAction::Again,
                0,
                Some(language(job).button_try_again()),
                Some("🔄"),
                SECONDARY,
                false,
            )])]
        }
    }
}

/// "Run anyway" under the note that the same was asked for a moment ago.
pub fn run_anyway(job: easel_domain::JobId, language: Language) -> Value {
    let id = CustomId {
        action: ButtonAction::Again,
        job,
        index: 0,
    };
    row(&[
        json!({"type": 2, "style": SECONDARY, "custom_id": id.to_string(), "label": language.button_run_anyway()}),
    ])
}

fn cancel(job: &JobSnapshot) -> Value {
    button(
        job,
        ButtonAction::Cancel,
        0,
        Some(language(job).button_cancel()),
        Some("❌"),
        DANGER,
        job.cancel_requested,
    )
}

fn fetch(job: &JobSnapshot) -> Value {
    button(
        job,
        ButtonAction::Fetch,
        0,
        Some(language(job).button_fetch()),
        Some("📦"),
        SECONDARY,
        false,
    )
}

fn grid(job: &JobSnapshot) -> Vec<Value> {
    let enlarge = numbered(job, ButtonAction::Upscale, "U");
    let vary = numbered(job, ButtonAction::Vary, "V");
    let reroll = button(
        job,
        ButtonAction::Reroll,
        0,
        None,
        Some("🔄"),
        SECONDARY,
        false,
    );
    let mut first = enlarge;
    let mut rows = Vec::new();
    if first.len() < ROW {
        first.push(reroll);
        rows.extend([row(&first), row(&vary)]);
    } else {
        rows.extend(first.chunks(ROW).map(row));
        rows.extend(vary.chunks(ROW).map(row));
        rows.push(row(&[reroll]));
    }
    rows
}

fn numbered(job: &JobSnapshot, action: ButtonAction, letter: &str) -> Vec<Value> {
    job.pictures
        .iter()
        .map(|picture| {
            let usable = matches!(
                picture.outcome,
                PictureOutcome::Pass | PictureOutcome::Spoiler
            ) && job.file(FileRole::Full, picture.index).is_some();
            let label = format!("{letter}{}", picture.index + 1);
            button(
                job,
                action,
                picture.index,
                Some(&label),
                None,
                SECONDARY,
                !usable,
            )
        })
        .collect()
}

fn large(job: &JobSnapshot, picture: &Picture) -> Vec<Value> {
    let mut buttons = vec![button(
        job,
        ButtonAction::Vary,
        0,
        Some(language(job).button_vary()),
        Some("🎲"),
        SECONDARY,
        false,
    )];
    if let Picture::Link(url) = picture {
        buttons.push(
            json!({"type": 2, "style": LINK, "url": url, "label": language(job).button_open()}),
        );
    }
    vec![row(&buttons)]
}

fn row(buttons: &[Value]) -> Value {
    json!({"type": 1, "components": buttons})
}

fn button(
    job: &JobSnapshot,
    action: ButtonAction,
    index: u32,
    label: Option<&str>,
    emoji: Option<&str>,
    style: u8,
    disabled: bool,
) -> Value {
    let id = CustomId {
        action,
        job: job.job,
        index,
    };
    let mut button = json!({"type": 2, "style": style, "custom_id": id.to_string()});
    if let Some(label) = label {
        button["label"] = label.into();
    }
    if let Some(emoji) = emoji {
        button["emoji"] = json!({"name": emoji});
    }
    if disabled {
        button["disabled"] = true.into();
    }
    button
}
