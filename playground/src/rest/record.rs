//! The log of requests, for tests to look into.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::ApiRequest;
use super::route::Route;

/// A file in a request.
#[derive(Clone, Debug, Serialize)]
pub struct FileRecord {
    /// Its name.
    pub filename: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// Its type as sent.
    pub content_type: Option<String>,
}

/// One request of the bot and how it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Its method.
    pub method: String,
    /// Its path after `/api/v10`.
    pub path: String,
    /// Method and path with names in place of ids.
    pub template: String,
    /// The JSON of its body (of the `payload_json` part in multipart bodies); null without one.
    pub body: Value,
    /// The files of its body.
    pub files: Vec<FileRecord>,
    /// Whether its body was multipart.
    pub is_multipart: bool,
    /// The status answered; 0 where the connection was cut or left hanging.
    pub status: u16,
    /// Discord's error code, if it was refused with one.
    pub code: Option<u64>,
}

impl RequestRecord {
    pub(super) fn new(request: &ApiRequest, route: &Route, at: OffsetDateTime) -> Self {
        let files = request.payload.files.values().map(|file| FileRecord {
            filename: file.filename.clone(),
            bytes: file.bytes.len(),
            content_type: file.content_type.clone(),
        });
        Self {
            at,
            method: request.method.clone(),
            path: request.path(),
            template: route.template.clone(),
            body: request.payload.json.clone(),
            files: files.collect(),
            is_multipart: request.payload.is_multipart,
            status: 0,
            code: None,
        }
    }
}
