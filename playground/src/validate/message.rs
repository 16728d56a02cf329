//! The body of a message, checked and taken apart: the only way into the world for anything that is shown.

use std::collections::HashMap;

use serde_json::Value;

use super::form::Form;
use super::{components, embeds};
use crate::error::ApiError;
use crate::rest::body::{Payload, Upload};
use crate::snowflake::Snowflake;

/// `EPHEMERAL`: only the interaction's user sees the message.
pub(crate) const EPHEMERAL: u64 = 1 << 6;
/// `LOADING`: the application is thinking.
pub(crate) const LOADING: u64 = 1 << 7;
/// `IS_COMPONENTS_V2`: layout components instead of content and embeds.
pub(crate) const COMPONENTS_V2: u64 = 1 << 15;
/// Flags that a sender may set: suppress embeds, ephemeral, suppress notifications, layout components.
const SENDABLE: u64 = (1 << 2) | EPHEMERAL | (1 << 12) | COMPONENTS_V2;

/// A checked message body. `None` means the field was absent, which matters to an edit.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) content: Option<String>,
    pub(crate) embeds: Option<Vec<Value>>,
    pub(crate) components: Option<Vec<Value>>,
    pub(crate) flags: Option<u64>,
    /// Attachments to keep by id.
    pub(crate) kept: Option<Vec<Snowflake>>,
    /// New files in order, with descriptions.
    pub(crate) uploads: Vec<(Upload, Option<String>)>,
    pub(crate) allowed_mentions: Option<AllowedMentions>,
    pub(crate) nonce: Option<Value>,
    pub(crate) enforce_nonce: bool,
    pub(crate) reply_to: Option<(Snowflake, bool)>,
    pub(crate) tts: bool,
}

impl Draft {
    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.content
            .as_deref()
            .is_none_or(|text| text.trim().is_empty())
            && self.embeds.as_ref().is_none_or(Vec::is_empty)
            && self.components.as_ref().is_none_or(Vec::is_empty)
            && self.uploads.is_empty()
    }
}

/// Which mentions in the content ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedMentions {
    pub(crate) everyone: bool,
    pub(crate) all_users: bool,
    pub(crate) all_roles: bool,
    pub(crate) users: Vec<Snowflake>,
    pub(crate) roles: Vec<Snowflake>,
}

/// What the message already is, for an edit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Existing {
    pub(crate) v2: bool,
    pub(crate) is_edit: bool,
    /// Bytes allowed for one file.
    pub(crate) file_limit: u64,
}

/// Checks a message body and its files. `under` is the key under which the form lies (`data` in callbacks).
pub(crate) fn draft(
    body: &Value,
    payload: &Payload,
    existing: Existing,
    under: Option<&str>,
) -> Result<Draft, ApiError> {
    if payload
        .files
        .values()
        .any(|file| file.bytes.len() as u64 > existing.file_limit)
    {
        return Err(ApiError::too_large());
    }
    let mut form = Form::default();
    let mut draft = Draft::default();
    match under {
        Some(key) => form.at(key, |form| fill(form, &mut draft, body, payload, existing)),
        None => fill(&mut form, &mut draft, body, payload, existing),
    }
    form.finish()?;
    Ok(draft)
}

fn fill(form: &mut Form, draft: &mut Draft, body: &Value, payload: &Payload, existing: Existing) {
    form.optional_text(body, "content", 2000);
    let flags = body["flags"].as_u64();
    if flags.is_some_and(|flags| flags & !(SENDABLE | LOADING | 1) != 0) {
        form.at("flags", |form| {
            form.refuse(
                "FLAGS_INVALID",
                "The flags contain values that cannot be set",
            );
        });
    }
    let v2 = existing.v2 || flags.is_some_and(|flags| flags & COMPONENTS_V2 != 0);
    embeds::check(form, body);
    components::check(form, body, v2);
    if v2 {
        for key in ["content", "embeds"] {
            let filled = body[key].as_str().is_some_and(|text| !text.is_empty())
                || body[key].as_array().is_some_and(|list| !list.is_empty());
            if filled {
                form.at(key, |form| {
                    form.refuse(
                        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                        format!("The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"),
                    );
                });
            }
        }
    }
    draft.content = match &body["content"] {
        Value::String(text) => Some(text.clone()),
        Value::Null if body.get("content").is_some() => Some(String::new()),
        _ => None,
    };
    draft.embeds = list(body, "embeds");
    draft.components = list(body, "components");
    draft.flags = flags;
    draft.tts = body["tts"] == true;
    draft.allowed_mentions = allowed_mentions(form, &body["allowed_mentions"]);
    nonce(form, draft, body);
    attachments(form, draft, body, payload, existing);
    if let Some(id) = Snowflake::from_json(&body["message_reference"]["message_id"]) {
        draft.reply_to = Some((id, body["message_reference"]["fail_if_not_exists"] != false));
    }
}

fn list(body: &Value, key: &str) -> Option<Vec<Value>> {
    match body.get(key)? {
        Value::Array(items) => Some(items.clone()),
        _ => Some(Vec::new()),
    }
}

fn nonce(form: &mut Form, draft: &mut Draft, body: &Value) {
    let length = match &body["nonce"] {
        Value::String(text) => text.chars().count(),
        Value::Number(number) => number.to_string().len(),
        _ => return,
    };
    if length > 25 {
        form.at("nonce", |form| {
            form.refuse(
                "NONCE_TYPE_TOO_LONG",
                "Nonce must be 25 or fewer in length.",
            );
        });
    }
    draft.nonce = Some(body["nonce"].clone());
    draft.enforce_nonce = body["enforce_nonce"] == true;
}

fn allowed_mentions(form: &mut Form, value: &Value) -> Option<AllowedMentions> {
    if value.is_null() {
        return None;
    }
    let parse: Vec<&str> = value["parse"]
        .as_array()
        .map(|kinds| kinds.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let ids = |key: &str| -> Vec<Snowflake> {
        value[key]
            .as_array()
            .map(|ids| ids.iter().filter_map(Snowflake::from_json).collect())
            .unwrap_or_default()
    };
    let allowed = AllowedMentions {
        everyone: parse.contains(&"everyone"),
        all_users: parse.contains(&"users"),
        all_roles: parse.contains(&"roles"),
        users: ids("users"),
        roles: ids("roles"),
    };
    let doubled = (allowed.all_users && !allowed.users.is_empty())
        || (allowed.all_roles && !allowed.roles.is_empty());
    form.at("allowed_mentions", |form| {
        if doubled {
            form.refuse(
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                "parse and an explicit list are mutually exclusive.",
            );
        }
        if allowed.users.len() > 100 || allowed.roles.len() > 100 {
            form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.");
        }
    });
    Some(allowed)
}

/// New files are named by `files[n]` parts and described by entries with id n; ids of more digits are kept ones.
fn attachments(
    form: &mut Form,
    draft: &mut Draft,
    body: &Value,
    payload: &Payload,
    existing: Existing,
) {
    let listed = form.list(body, "attachments");
    let mut described: HashMap<u64, &Value> = HashMap::new();
    let mut kept = Vec::new();
    form.at("attachments", |form| {
        for (index, entry) in listed.iter().enumerate() {
            form.at(index, |form| {
                form.optional_text(entry, "description", 1024);
                match Snowflake::from_json(&entry["id"]) {
                    Some(id) if payload.files.contains_key(&id.0) => {
                        described.insert(id.0, entry);
                    }
                    Some(id) if existing.is_edit => kept.push(id),
                    Some(_) => form.at("id", |form| {
                        form.refuse(
                            "ATTACHMENT_NOT_FOUND",
                            "Referenced attachment not found in the form",
                        );
                    }),
                    None => form.at("id", Form::required),
                }
            });
        }
        if kept.len() + payload.files.len() > 10 {
            form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
        }
    });
    for (n, file) in &payload.files {
        let mut file = file.clone();
        let entry = described.get(n).copied().unwrap_or(&Value::Null);
        if let Some(name) = entry["filename"].as_str() {
            name.clone_into(&mut file.filename);
        }
        draft
            .uploads
            .push((file, entry["description"].as_str().map(ToOwned::to_owned)));
    }
    draft.kept = body
        .get("attachments")
        .filter(|value| value.is_array())
        .map(|_| kept);
}
