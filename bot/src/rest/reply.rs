//! Reading what comes back.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bucket::{Limited, RateHeaders, Scope};
use super::error::RestError;

/// Replies are small; a longer one is not read to its end.
const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// The body of a refusal.
#[derive(Deserialize, Default)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub(super) code: u32,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
struct LimitBody {
    retry_after: Option<f64>,
    #[serde(default)]
    global: bool,
    #[serde(default)]
    code: u32,
}

pub(super) async fn read<T: DeserializeOwned>(
    route: &'static str,
    mut response: Response,
) -> Result<T, RestError> {
    let garbage = |reason: String| RestError::Garbage { route, reason };
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| garbage(describe(&error.without_url())))?
    {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            return Err(garbage("too long".into()));
        }
        body.extend_from_slice(&chunk);
    }
    // The parser's words can quote the body: only the kind and the place are told.
    serde_json::from_slice(&body).map_err(|error| {
        garbage(format!(
            "{:?} error at byte {}",
            error.classify(),
            error.column()
        ))
    })
}

/// The innermost reason: the outer ones only say that sending failed.
pub(super) fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

pub(super) fn rate_headers(headers: &HeaderMap) -> Option<RateHeaders> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    Some(RateHeaders {
        bucket: text("x-ratelimit-bucket")?.to_owned(),
        limit: text("x-ratelimit-limit")?.parse().ok()?,
        remaining: text("x-ratelimit-remaining")?.parse().ok()?,
        reset_after: seconds(text("x-ratelimit-reset-after")?.parse().ok()?),
    })
}

/// A 429's scope and pause, from body and headers, and its code; a second where no pause can be read.
pub(super) async fn limited(response: Response) -> (Limited, u32) {
    let headers = response.headers().clone();
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let body: Option<LimitBody> = read("limit", response).await.ok();
    let scope = match (text("x-ratelimit-scope").as_deref(), &body) {
        (Some("shared"), _) => Scope::Shared,
        (Some("global"), _) | (_, Some(LimitBody { global: true, .. })) => Scope::Global,
        _ => Scope::User,
    };
    let said = body
        .as_ref()
        .and_then(|body| body.retry_after)
        .or_else(|| text("retry-after")?.parse().ok());
    let limited = Limited {
        scope,
        retry_after: seconds(said.unwrap_or(1.0)).max(Duration::from_millis(20)),
    };
    (limited, body.map_or(0, |body| body.code))
}

/// A length that a reply names: never negative, never absurd.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value.clamp(0.0, 3_600.0)).unwrap_or(Duration::from_secs(1))
}

pub(super) fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "2xx",
        401 => "401",
        403 => "403",
        404 => "404",
        429 => "429",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}
