//! What a message looks like: a pure function from a job to a message.

pub mod buttons;
pub mod delete;
mod described;
pub mod details;
pub mod favourites;
pub mod fleeting;
pub mod history;
mod lines;
pub mod mail;
pub mod member;
pub mod prefer;
pub mod several;
mod weighed;

use std::time::Duration;

use bytes::Bytes;
use easel_domain::job::JobState;
use easel_domain::picture::{FileRole, PictureOutcome};
use easel_domain::spec::Question;
use easel_store::show::{JobSnapshot, SnapshotFile};
use serde_json::{Value, json};

use crate::rest::{FilePart, MessagePayload};
use crate::text::{self, Language};

pub(crate) use described::described_shape;

/// What is known of an unfinished job beside its row.
#[derive(Clone, Default, PartialEq)]
pub enum Live {
    /// Nothing.
    #[default]
    Unknown,
    /// It waits.
    Queued {
        /// Jobs before it, plus one.
        position: u32,
        /// Until it should start.
        eta: Option<Duration>,
    },
    /// A node draws it.
    Running {
        /// Steps done.
        percent: u8,
        /// A small blurred picture (PNG).
        preview: Option<Bytes>,
    },
}

/// How the finished picture comes into the message.
#[derive(Clone, PartialEq, Eq)]
pub enum Picture {
    /// There is none (yet).
    None,
    /// There is one, and it could not be brought here.
    Missing,
    /// By this address.
    Link(String),
    /// With the message.
    File(Bytes),
    /// With the message, as a JPEG: the stored file is larger than may be attached.
    Lighter(Bytes),
}

/// Colours of the bar beside the picture, as Discord counts them.
const FINISHED: u32 = 0x57_F2_87;
const RUNNING: u32 = 0x58_65_F2;

const PREVIEW: &str = "preview.png";

/// The whole message of a job.
pub fn view(job: &JobSnapshot, live: &Live, picture: &Picture) -> MessagePayload {
    let mut payload = MessagePayload {
        content: lines::content(job, live, picture),
        components: buttons::rows(job, picture),
        ..MessagePayload::default()
    };
    match (job.state, live) {
        (JobState::Completed, _) if let Some(question) = job.spec.question() => match question {
            Question::Words => weighed::show(&mut payload, job),
            Question::Pictures => described::show(&mut payload, job),
        },
        (JobState::Completed, _) => show_picture(&mut payload, job, picture),
        (
            JobState::Leased | JobState::Queued,
            Live::Running {
                preview: Some(preview),
                ..
            },
        ) => {
            payload
                .embeds
                .push(embed(&format!("attachment://{PREVIEW}"), RUNNING));
            payload.files.push(FilePart {
                name: PREVIEW.into(),
                content_type: "image/png".into(),
                alt: alt(job, Language::preview_of),
                bytes: preview.clone(),
            });
        }
        _ => {}
    }
    payload
}

/// The file that a finished job's message shows: the grid, or the one picture.
pub fn shown_file(job: &JobSnapshot) -> Option<&SnapshotFile> {
    job.file(FileRole::Grid, 0)
        .or_else(|| job.file(FileRole::Full, 0))
}

fn show_picture(payload: &mut MessagePayload, job: &JobSnapshot, picture: &Picture) {
    match picture {
        Picture::None | Picture::Missing => {}
        Picture::Link(url) => payload.embeds.push(embed(url, FINISHED)),
        Picture::File(bytes) | Picture::Lighter(bytes) => {
            let content_type = match picture {
                Picture::Lighter(_) => "image/jpeg".to_owned(),
                _ => shown_file(job)
                    .map_or_else(|| "image/png".to_owned(), |file| file.content_type.clone()),
            };
            let name = file_name(job, &content_type);
            if !hides(job) {
                payload
                    .embeds
                    .push(embed(&format!("attachment://{name}"), FINISHED));
            }
            payload.files.push(FilePart {
                name,
                content_type,
                alt: alt(job, Language::picture_of),
                bytes: bytes.clone(),
            });
        }
    }
}

/// Whether the picture is to stand behind a spoiler, which only an attachment can.
pub fn hides(job: &JobSnapshot) -> bool {
    job.pictures
        .iter()
        .any(|picture| picture.outcome == PictureOutcome::Spoiler)
}

fn file_name(job: &JobSnapshot, content_type: &str) -> String {
    let suffix = file_suffix(content_type);
    let spoiler = if hides(job) { "SPOILER_" } else { "" };
    format!("{spoiler}easel-{}.{suffix}", job.job)
}

fn file_suffix(content_type: &str) -> &'static str {
    match content_type {
        "image/webp" => "webp",
        "image/jpeg" => "jpg",
        _ => "png",
    }
}

/// Alt text: at most 1024 characters.
fn alt(job: &JobSnapshot, say: impl Fn(Language, String) -> String) -> String {
    let language = language(job);
    let erased = || language.an_erased_prompt().to_owned();
    let words = job.words.as_ref();
    let words = words.map_or_else(erased, |words| words.text.spoken().positive);
    text::shortened(&say(language, words), 1_000)
}

/// The language of a job's message.
fn language(job: &JobSnapshot) -> Language {
    Language::of_locale(&job.locale)
}

fn embed(url: &str, colour: u32) -> Value {
    json!({"image": {"url": url}, "color": colour})
}

#[cfg(test)]
pub(crate) mod tests;
