//! HTTP around the world: Discord's API, attachments, the gateway, the chat page and the control switches.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, RawQuery, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json};
use serde_json::Value;

use crate::error::ApiError;
use crate::rest::body::{self, REQUEST_LIMIT};
use crate::rest::{ApiRequest, Outcome, Reply};
use crate::server::{Cut, Shared};
use crate::world::LinkProof;
use crate::{gateway, page};

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v10/{*path}", any(api))
        .route("/gateway", get(gateway::upgrade))
        .route("/gateway/", get(gateway::upgrade))
        .route("/attachments/{*path}", get(attachment))
        .merge(page::router())
        .with_state(shared)
}

async fn api(
    State(shared): State<Arc<Shared>>,
    Extension(cut): Extension<Cut>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let text = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned)
    };
    let content_type = text(header::CONTENT_TYPE);
    let payload = match body::read(content_type.as_deref(), body, REQUEST_LIMIT).await {
        Ok(payload) => payload,
        Err(refusal) => return refusal.into_response(),
    };
    let query = query.unwrap_or_default();
    let request = ApiRequest {
        method: parts.method.to_string(),
        segments: path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        authorization: text(header::AUTHORIZATION),
        user_agent: text(header::USER_AGENT),
        payload,
    };
    match shared.with(|world| world.serve(&request)) {
        Outcome::Answer(reply) => reply.into_response(),
        Outcome::AnswerLate(reply, delay) => {
            tokio::time::sleep(delay).await;
            reply.into_response()
        }
        Outcome::AnswerSlowly(reply, over) => trickle(reply.into_response(), over).await,
        Outcome::Foreign(status, text) => (
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
            text,
        )
            .into_response(),
        Outcome::Hang => std::future::pending().await,
        Outcome::Close => {
            cut.0.cancel();
            std::future::pending().await
        }
    }
}

/// Sends the head at once and the body in pieces.
async fn trickle(response: Response, over: Duration) -> Response {
    const PIECES: u32 = 8;
    let (head, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, REQUEST_LIMIT)
        .await
        .unwrap_or_default();
    let length = bytes.len().div_ceil(PIECES as usize).max(1);
    let body = futures::stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(over / PIECES).await;
        let piece = rest.split_to(length.min(rest.len()));
        Some((Ok::<_, std::convert::Infallible>(piece), rest))
    });
    Response::from_parts(head, Body::from_stream(body))
}

/// `GET /attachments/{channel}/{id}/{name}?ex&is&hm`.
async fn attachment(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<String>,
    proof: Result<Query<LinkProof>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let found = proof
        .ok()
        .and_then(|Query(proof)| shared.read(|world| world.open_link(&path, &proof)));
    let Some(file) = found else {
        return (
            StatusCode::NOT_FOUND,
            "This content is no longer available.",
        )
            .into_response();
    };
    let kind = file
        .content_type
        .as_deref()
        .and_then(|kind| HeaderValue::from_str(kind).ok());
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=3600"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, Body::from(file.bytes)).into_response()
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = if self.body == Value::Null {
            status.into_response()
        } else {
            (status, Json(self.body)).into_response()
        };
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        Reply::from(self).into_response()
    }
}
