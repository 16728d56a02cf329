//! One request before it is sent.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::body::FilePart;
use super::bucket::{Ask, Urgency};
use super::permit::Permit;

/// How long a call may take in all, and how often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) total: Duration,
    pub(super) tries: u32,
}

/// Whose limit a call falls under.
#[derive(Clone)]
pub(super) enum Major {
    /// The whole bot: nothing in the path narrows it.
    Bot,
    /// An interaction's token.
    Token(String),
    /// A channel.
    Channel(String),
}

impl Major {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Bot => "",
            Self::Token(key) | Self::Channel(key) => key,
        }
    }
}

/// What goes in the body.
pub(super) enum Body {
    Nothing,
    Json(Value),
    Message { json: Value, files: Vec<FilePart> },
}

/// One request.
pub(super) struct Call {
    /// Name for limits, metrics and errors.
    pub(super) route: &'static str,
    /// The turn of its first try, if it was taken before.
    pub(super) permit: Option<Permit>,
    pub(super) method: Method,
    /// After `/api/v10`.
    pub(super) path: String,
    pub(super) major: Major,
    /// Whether the bot's own credential goes with it, and with it the bot's global limit.
    pub(super) as_bot: bool,
    /// Whether it may take the last turn of a limit, where none was taken before.
    pub(super) urgency: Urgency,
    pub(super) body: Body,
    pub(super) patience: Patience,
}

impl Call {
    /// The same, leaving the reserve of every limit to others.
    pub(super) fn when_there_is_room(self) -> Self {
        Self {
            urgency: Urgency::May,
            ..self
        }
    }

    /// Who asks for its turn, where none was taken before.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            route: self.route,
            major: self.major.key(),
            counts_globally: self.as_bot,
            urgency: self.urgency,
        }
    }
}

/// The multipart form of a message with files.
pub(super) fn form(json: &Value, files: &[FilePart]) -> Result<Form, reqwest::Error> {
    let payload = Part::text(json.to_string()).mime_str("application/json")?;
    let mut form = Form::new().part("payload_json", payload);
    for (n, file) in files.iter().enumerate() {
        let part = Part::stream_with_length(file.bytes.clone(), file.bytes.len() as u64)
            .file_name(file.name.clone())
            .mime_str(&file.content_type)?;
        form = form.part(format!("files[{n}]"), part);
    }
    Ok(form)
}
