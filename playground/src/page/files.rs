//! The chat page's own files: built into the binary, or read from a directory while the page is being worked on.

use std::path::{Component, Path as FilePath};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::Shared;

include!(concat!(env!("OUT_DIR"), "/web.rs"));

pub(super) async fn index(State(shared): State<Arc<Shared>>) -> Response {
    serve(&shared, "index.html").await
}

pub(super) async fn file(State(shared): State<Arc<Shared>>, Path(path): Path<String>) -> Response {
    serve(&shared, &path).await
}

async fn serve(shared: &Shared, path: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type(path)),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    if let Some(dir) = &shared.web_dir {
        let is_inside = FilePath::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return StatusCode::NOT_FOUND.into_response();
        }
        return match tokio::fs::read(dir.join(path)).await {
            Ok(bytes) => (headers, bytes).into_response(),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    match embedded(path) {
        Some(bytes) => (headers, bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
