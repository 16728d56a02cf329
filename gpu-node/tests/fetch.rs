//! `fetch` against a small hub on this machine, which drops the connection in the middle of the largest file.

#![cfg(feature = "torch")]
#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const LARGEST: &str = "unet/diffusion_pytorch_model.safetensors";

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/diffusion/tests/fixtures/classic")
}

/// Counts the answers that were cut off; the first few are.
#[derive(Clone)]
struct Hub {
    cuts_left: Arc<AtomicUsize>,
}

fn files(directory: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found
}

async fn info(UrlPath((owner, name, _)): UrlPath<(String, String, String)>) -> Response<Body> {
    if (owner.as_str(), name.as_str()) != ("easel", "classic") {
        let missing = Response::builder().status(StatusCode::NOT_FOUND);
        return missing.body(Body::empty()).unwrap();
    }
    let mut names = files(&checkpoint(), "");
    names.push("unet/diffusion_pytorch_model.bin".to_owned());
    let siblings: Vec<Value> = names
        .iter()
        .map(|name| json!({"rfilename": name}))
        .collect();
    let body = json!({"siblings": siblings, "sha": COMMIT}).to_string();
    Response::new(Body::from(body))
}

async fn file(
    State(hub): State<Hub>,
    UrlPath((_, _, _, path)): UrlPath<(String, String, String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let Ok(bytes) = std::fs::read(checkpoint().join(&path)) else {
        let missing = Response::builder().status(StatusCode::NOT_FOUND);
        return missing.body(Body::empty()).unwrap();
    };
    let range = headers.get("range").unwrap().to_str().unwrap();
    let (start, end) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .unwrap();
    let start: usize = start.parse().unwrap();
    let end = end.parse().map_or(bytes.len(), |end: usize| end + 1);
    let part = bytes[start.min(bytes.len())..end.min(bytes.len())].to_vec();
    let cut = path == LARGEST
        && part.len() > 1
        && hub
            .cuts_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
    let answer = Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header("etag", format!("\"{}\"", path.replace('/', "-")))
        .header("x-repo-commit", COMMIT)
        .header("content-length", part.len())
        .header(
            "content-range",
            format!("bytes {start}-{}/{}", end - 1, bytes.len()),
        );
    if !cut {
        return answer.body(Body::from(part)).unwrap();
    }
    let half = Bytes::from(part[..part.len() / 2].to_vec());
    let broken = std::io::Error::other("the connection drops here");
    let stream = futures::stream::iter([Ok(half), Err(broken)]);
    answer.body(Body::from_stream(stream)).unwrap()
}

/// Serves until the set is dropped; the endpoint for the command.
async fn serve(cuts: usize) -> (String, JoinSet<std::io::Result<()>>) {
    let hub = Hub {
        cuts_left: Arc::new(AtomicUsize::new(cuts)),
    };
    let router = Router::new()
        .route("/api/models/{owner}/{name}/revision/{revision}", get(info))
        .route("/{owner}/{name}/resolve/{revision}/{*path}", get(file))
        .with_state(hub);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), tasks)
}

async fn fetch(endpoint: &str, repo: &str, out: &Path) -> Output {
    fetch_with(endpoint, repo, out, &[]).await
}

async fn fetch_with(
    endpoint: &str,
    repo: &str,
    out: &Path,
    options: &'static [&'static str],
) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_easel-gpu-node"));
    command
        .args(["fetch", repo, "--json", "--out"])
        .arg(out)
        .args(options)
        .env("HF_ENDPOINT", endpoint);
    let run = move || command.output().unwrap();
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_loaded_through_dropped_connections() {
    let (endpoint, _tasks) = serve(2).await;
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("classic");
    let output = fetch(&endpoint, "easel/classic", &out).await;
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = report["files"].as_array().unwrap();
    assert!(
        !listed
            .iter()
            .any(|name| name.as_str().unwrap().contains(".bin"))
    );
    let mut bytes = 0;
    for name in files(&checkpoint(), "") {
        let wanted = std::fs::read(checkpoint().join(&name)).unwrap();
        assert_eq!(std::fs::read(out.join(&name)).unwrap(), wanted, "{name}");
        bytes += wanted.len() as u64;
    }
    assert_eq!(report["bytes"].as_u64(), Some(bytes));
    // A second run finds everything there and asks for no file again.
    std::fs::write(out.join("model_index.json"), "mine").unwrap();
    let again = fetch(&endpoint, "easel/classic", &out).await;
    assert!(again.status.success());
    assert_eq!(
        std::fs::read(out.join("model_index.json")).unwrap(),
        b"mine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_stay_where_they_are_if_they_are_not_wanted() {
    let (endpoint, _tasks) = serve(0).await;
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("classic");
    let output = fetch_with(&endpoint, "easel/classic", &out, &["--without-weights"]).await;
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    let all: BTreeSet<String> = files(&checkpoint(), "").into_iter().collect();
    let visible = |name: &String| !name.starts_with('.');
    let found = files(&out, "").into_iter().filter(visible);
    let found: BTreeSet<String> = found.collect();
    assert!(found.is_subset(&all) && found.contains("tokenizer/vocab.json"));
    let left: Vec<&String> = all.difference(&found).collect();
    assert!(!left.is_empty());
    assert!(
        left.iter().all(|name| name.contains(".safetensors")),
        "{left:?}"
    );
    // Another commit replaces what was loaded, and nobody's own weights.
    let own = ["own.safetensors", "vae/own.safetensors"].map(|name| out.join(name));
    for path in &own {
        std::fs::write(path, "mine").unwrap();
    }
    std::fs::write(out.join(".commit"), "another").unwrap();
    std::fs::write(out.join("model_index.json"), "of another commit").unwrap();
    let output = fetch_with(&endpoint, "easel/classic", &out, &["--without-weights"]).await;
    assert!(output.status.success());
    let index = std::fs::read(out.join("model_index.json")).unwrap();
    assert_ne!(index, b"of another commit");
    for path in &own {
        assert_eq!(std::fs::read(path).unwrap(), b"mine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_does_not_have_is_bad_input() {
    let (endpoint, _tasks) = serve(0).await;
    let scratch = tempfile::tempdir().unwrap();
    for repo in ["easel/unknown", "../x", "a/b/c", ""] {
        let output = fetch(&endpoint, repo, scratch.path()).await;
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{repo:?}: {message}");
        assert!(output.stdout.is_empty());
    }
    let nobody = fetch("http://127.0.0.1:9", "easel/classic", scratch.path()).await;
    assert_eq!(nobody.status.code(), Some(1));
}
