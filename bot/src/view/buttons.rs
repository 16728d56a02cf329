//! The buttons under a message. They carry everything a click needs, so they work for the life of the message.

use easel_domain::job::JobState;
use easel_domain::picture::{FileRole, PictureOutcome};
use easel_domain::spec::Question;
use easel_store::show::JobSnapshot;
use serde_json::{Value, json};

use super::{Picture, language};
use crate::custom_id::{ButtonAction, CustomId};
use crate::intake::{ALL_PICTURES, OPENS};
use crate::text::Language;

const SECONDARY: u8 = 2;
const DANGER: u8 = 4;
const LINK: u8 = 5;
/// Buttons in one row.
const ROW: usize = 5;
/// Rows under one message.
const ROWS: usize = 5;

/// The rows that fit the job's state.
pub(super) fn rows(job: &JobSnapshot, picture: &Picture) -> Vec<Value> {
    match job.state {
        JobState::Queued | JobState::Leased => vec![row(&[cancel(job)])],
        JobState::Finishing | JobState::Held => Vec::new(),
        JobState::Completed if let Some(question) = job.spec.question() => match question {
            Question::Words => super::weighed::rows(job),
            Question::Pictures => super::described::rows(job),
        },
        JobState::Completed => {
            let mut rows = if job.spec.picture_count() > 1 {
                grid(job)
            } else {
                large(job, picture)
            };
            if *picture == Picture::Missing {
                rows.truncate(ROWS - 1);
                rows.push(row(&[fetch(job)]));
            }
            rows
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

/// What can be done with a result besides going on from it.
fn keeping(job: &JobSnapshot) -> [Value; 3] {
    let words = language(job);
    [
        (ButtonAction::Star, words.button_star(), "⭐"),
        (ButtonAction::Mail, words.button_mail(), "✉️"),
        (ButtonAction::Delete, words.button_delete(), "❌"),
    ]
    .map(|(action, label, emoji)| {
        button(job, action, 0, Some(label), Some(emoji), SECONDARY, false)
    })
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
    let remix = button(
        job,
        ButtonAction::Remix,
        ALL_PICTURES,
        None,
        Some("✏️"),
        SECONDARY,
        false,
    );
    let (mut first, mut vary) = (enlarge, vary);
    let mut rows = Vec::new();
    if first.len() < ROW {
        first.push(reroll);
        vary.push(remix);
        rows.extend([row(&first), row(&vary)]);
    } else {
        rows.extend(first.chunks(ROW).map(row));
        rows.extend(vary.chunks(ROW).map(row));
        rows.push(row(&[reroll, remix]));
    }
    if rows.len() < ROWS {
        rows.push(row(&keeping(job)));
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

/// Where an enlarged picture is large enough.
const LARGEST: u32 = 2_048;

fn large(job: &JobSnapshot, picture: &Picture) -> Vec<Value> {
    let words = language(job);
    let mut last = vec![under(
        job,
        ButtonAction::Remix,
        0,
        words.button_remix(),
        "✏️",
        true,
    )];
    last.extend(keeping(job));
    if let Picture::Link(url) = picture {
        last.push(json!({"type": 2, "style": LINK, "url": url, "label": words.button_open()}));
    }
    let rows = [larger(job), variations(job), outward(job), pans(job), last];
    rows.iter().map(|buttons| row(buttons)).collect()
}

fn larger(job: &JobSnapshot) -> Vec<Value> {
    let (words, (width, height)) = (language(job), job.spec.finished_size());
    let (subtle, creative) = (
        words.button_upscale_subtle(),
        words.button_upscale_creative(),
    );
    let may_grow = width.max(height) < LARGEST;
    vec![
        under(job, ButtonAction::Upscale, 0, subtle, "⏫", may_grow),
        under(job, ButtonAction::UpscaleCreative, 0, creative, "⏫", true),
    ]
}

fn variations(job: &JobSnapshot) -> Vec<Value> {
    let words = language(job);
    let (subtle, strong) = (words.button_vary_subtle(), words.button_vary_strong());
    vec![
        under(job, ButtonAction::VarySubtle, 0, subtle, "🪄", true),
        under(job, ButtonAction::VaryStrong, 0, strong, "🪄", true),
        under(
            job,
            ButtonAction::Region,
            OPENS,
            words.button_vary_region(),
            "🖌️",
            true,
        ),
    ]
}

fn outward(job: &JobSnapshot) -> Vec<Value> {
    let (words, (width, height)) = (language(job), job.spec.finished_size());
    // What goes on at its opposite edge has nothing around it.
    let ends = !job.spec.is_seamless();
    let zoom = |percent: u32| {
        let label = words.button_zoom_out(words.factor(percent));
        under(job, ButtonAction::Zoom, percent, &label, "🔍", ends)
    };
    vec![
        zoom(200),
        zoom(150),
        under(
            job,
            ButtonAction::ZoomForm,
            0,
            words.button_custom_zoom(),
            "🔍",
            ends,
        ),
        under(
            job,
            ButtonAction::Square,
            0,
            words.button_square(),
            "◼️",
            ends && width != height,
        ),
    ]
}

fn pans(job: &JobSnapshot) -> Vec<Value> {
    let disabled = job.file(FileRole::Full, 0).is_none() || job.spec.is_seamless();
    let pan = |(side, emoji): (u32, &&str)| {
        button(
            job,
            ButtonAction::Pan,
            side,
            None,
            Some(emoji),
            SECONDARY,
            disabled,
        )
    };
    (0..).zip(&["⬅️", "➡️", "⬆️", "⬇️"]).map(pan).collect()
}

/// A button that goes on from the one picture of a job.
fn under(
    job: &JobSnapshot,
    action: ButtonAction,
    index: u32,
    label: &str,
    emoji: &str,
    enabled: bool,
) -> Value {
    let disabled = !enabled || job.file(FileRole::Full, 0).is_none();
    button(
        job,
        action,
        index,
        Some(label),
        Some(emoji),
        SECONDARY,
        disabled,
    )
}

pub(super) fn row(buttons: &[Value]) -> Value {
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
