//! Messages that can be changed only for a quarter of an hour: where the bot is somebody's guest, and what only one member
//! sees.

use easel_store::show::JobSnapshot;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{buttons, language};
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::MessagePayload;

/// The index of a Fetch button that brings the newest state into its own message.
pub const RENEWS: u32 = 1;

/// Adds until when an unfinished message is kept up to date, and a button that starts another quarter of an hour.
pub fn show(payload: &mut MessagePayload, job: &JobSnapshot, until: OffsetDateTime) {
    if job.state.is_end() {
        return;
    }
    let words = language(job);
    let until = format!("<t:{}:t>", until.unix_timestamp());
    payload.content = format!("{}\n-# {}", payload.content, words.updated_until(until));
    let fetch = fetch(job);
    let row = payload.components.first_mut();
    match row.and_then(|row| row["components"].as_array_mut()) {
        Some(first) => first.push(fetch),
        None => payload.components.push(buttons::row(&[fetch])),
    }
}

fn fetch(job: &JobSnapshot) -> Value {
    let id = CustomId {
        action: ButtonAction::Fetch,
        job: job.job,
        index: RENEWS,
    };
    json!({"type": 2, "style": 2, "custom_id": id.to_string(), "label": language(job).button_fetch(),
           "emoji": {"name": "📦"}})
}
