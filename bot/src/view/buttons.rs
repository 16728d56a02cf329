//! The buttons under a message. They carry everything a click needs, so they work for the life of the message.

use easel_domain::job::JobState;
use easel_domain::picture::{FileRole, PictureOutcome};
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
    let language = language(job);
    let (width, height) = job.spec.finished_size();
    let usable = job.file(FileRole::Full, 0).is_some();
    let with = |action, index, label: &str, emoji: &str, enabled: bool| {
        let disabled = !(enabled && usable);
        button(
            job,
            action,
            index,
            Some(label),
            Some(emoji),
            SECONDARY,
            disabled,
        )
    };
    let zoom = |percent: u32| {
        let label = language.button_zoom_out(language.factor(percent));
        with(ButtonAction::Zoom, percent, &label, "🔍", true)
    };
    let pan = |(index, emoji): (u32, &&str)| {
        button(
            job,
            ButtonAction::Pan,
            index,
            None,
            Some(emoji),
            SECONDARY,
            !usable,
        )
    };
    let (subtle, creative) = (
        language.button_upscale_subtle(),
        language.button_upscale_creative(),
    );
    let mut rows = vec![
        vec![
            with(
                ButtonAction::Upscale,
                0,
                subtle,
                "⏫",
                width.max(height) < LARGEST,
            ),
            with(ButtonAction::UpscaleCreative, 0, creative, "⏫", true),
        ],
        vec![
            with(
                ButtonAction::VarySubtle,
                0,
                language.button_vary_subtle(),
                "🪄",
                true,
            ),
            with(
                ButtonAction::VaryStrong,
                0,
                language.button_vary_strong(),
                "🪄",
                true,
            ),
            with(
                ButtonAction::Region,
                OPENS,
                language.button_vary_region(),
                "🖌️",
                true,
            ),
        ],
        vec![
            zoom(200),
            zoom(150),
            with(
                ButtonAction::ZoomForm,
                0,
                language.button_custom_zoom(),
                "🔍",
                true,
            ),
            with(
                ButtonAction::Square,
                0,
                language.button_square(),
                "◼️",
                width != height,
            ),
        ],
        (0..).zip(&["⬅️", "➡️", "⬆️", "⬇️"]).map(pan).collect(),
        vec![with(
            ButtonAction::Remix,
            0,
            language.button_remix(),
            "✏️",
            true,
        )],
    ];
    if let (Picture::Link(url), Some(last)) = (picture, rows.last_mut()) {
        last.push(json!({"type": 2, "style": LINK, "url": url, "label": language.button_open()}));
    }
    rows.iter().map(|buttons| row(buttons)).collect()
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
