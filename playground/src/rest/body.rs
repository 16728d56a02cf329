//! Request bodies: JSON, or a multipart form of `payload_json` and files.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart};
use axum::http::{Request, header};
use bytes::Bytes;
use serde_json::Value;

use crate::error::ApiError;

/// The largest request that Discord reads.
pub(crate) const REQUEST_LIMIT: usize = 25 * 1024 * 1024;

/// One uploaded file.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) filename: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

/// A body taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    /// The JSON part; null without a body.
    pub(crate) json: Value,
    /// Files by the number in their part's name.
    pub(crate) files: BTreeMap<u64, Upload>,
    /// Files by the whole name of their part.
    pub(crate) named: BTreeMap<String, Upload>,
    /// Whether the body was multipart.
    pub(crate) is_multipart: bool,
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(
    content_type: Option<&str>,
    body: Body,
    limit: usize,
) -> Result<Payload, ApiError> {
    let bytes = axum::body::to_bytes(body, limit)
        .await
        .map_err(|_| ApiError::too_large())?;
    match content_type {
        _ if bytes.is_empty() => Ok(Payload::default()),
        Some(kind) if kind.starts_with("application/json") => {
            let json = serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_json())?;
            Ok(Payload {
                json,
                ..Payload::default()
            })
        }
        Some(kind) if kind.starts_with("multipart/form-data") => multipart(kind, bytes).await,
        _ => Err(ApiError::wrong_content_type()),
    }
}

async fn multipart(content_type: &str, bytes: Bytes) -> Result<Payload, ApiError> {
    let broken = |_| ApiError::plain(400, "400: Bad Request");
    let mut request = Request::builder()
        .header(header::CONTENT_TYPE, content_type)
        .body(Body::from(bytes))
        .map_err(|_| ApiError::wrong_content_type())?;
    // The caller's limit has been applied to the bytes already.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| ApiError::wrong_content_type())?;
    let mut payload = Payload {
        is_multipart: true,
        ..Payload::default()
    };
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "payload_json" {
            let text = field.bytes().await.map_err(broken)?;
            payload.json = serde_json::from_slice(&text).map_err(|_| ApiError::invalid_json())?;
            continue;
        }
        let filename = field.file_name().unwrap_or("file").to_owned();
        let content_type = field.content_type().map(ToOwned::to_owned);
        let upload = Upload {
            filename,
            content_type,
            bytes: field.bytes().await.map_err(broken)?,
        };
        if let Some(number) = file_number(&name) {
            payload.files.insert(number, upload.clone());
        }
        payload.named.insert(name, upload);
    }
    Ok(payload)
}

/// `files[3]` is 3; `file` and `file3` are the older spellings.
fn file_number(name: &str) -> Option<u64> {
    if let Some(number) = name
        .strip_prefix("files[")
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return number.parse().ok();
    }
    match name.strip_prefix("file")? {
        "" => Some(0),
        digits => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_parts_are_numbered() {
        assert_eq!(file_number("files[3]"), Some(3));
        assert_eq!(file_number("file"), Some(0));
        assert_eq!(file_number("payload_json"), None);
    }
}
