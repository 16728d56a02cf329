//! Redeeming grants, without any credentials.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use easel_domain::Entropy;
use easel_domain::message::{DownloadGrant, UploadGrant};
use easel_service::Backoff;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::error::{GrantError, code_of};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A grant lives a minute: no attempt outlives it.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 2;
const BACKOFF_BASE: Duration = Duration::from_millis(250);
const BACKOFF_CAP: Duration = Duration::from_secs(2);

/// What became of a granted upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It was stored now.
    Now,
    /// An object with this key was already there, which is as good: the key follows from the content.
    Before,
}

/// A client that knows nothing but grants. Cheap to clone.
#[derive(Clone)]
pub struct GrantClient {
    http: reqwest::Client,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for GrantClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GrantClient")
    }
}

impl GrantClient {
    /// A client; `entropy` only spreads retries.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(entropy: Arc<dyn Entropy>) -> Result<Self, GrantError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(REQUEST_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Ok(Self {
            http: http.map_err(unreachable)?,
            entropy,
        })
    }

    /// Uploads `body` under a grant. Server failures are retried; repeating is safe, because the grant stores only once.
    ///
    /// # Errors
    /// See [`GrantError`].
    pub async fn put(&self, grant: &UploadGrant, body: Bytes) -> Result<Stored, GrantError> {
        let headers = upload_headers(grant, &body)?;
        let mut delays = self.delays();
        loop {
            let sent = self
                .http
                .put(&grant.url)
                .headers(headers.clone())
                .body(body.clone())
                .send()
                .await;
            let failure = match sent {
                Ok(answer) => match uploaded(answer).await {
                    Err(failure @ GrantError::Failed { .. }) => failure,
                    other => return other,
                },
                Err(error) => unreachable(error),
            };
            match delays.next() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(failure),
            }
        }
    }

    /// Reads a granted object of at most `limit_bytes`, and checks its SHA-256.
    ///
    /// # Errors
    /// See [`GrantError`].
    pub async fn get(&self, grant: &DownloadGrant, limit_bytes: u64) -> Result<Bytes, GrantError> {
        let mut delays = self.delays();
        loop {
            let failure = match self.download(grant, limit_bytes).await {
                Err(failure @ (GrantError::Failed { .. } | GrantError::Unreachable(_))) => failure,
                other => return other,
            };
            match delays.next() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(failure),
            }
        }
    }

    async fn download(&self, grant: &DownloadGrant, limit_bytes: u64) -> Result<Bytes, GrantError> {
        let mut answer = self
            .http
            .get(&grant.url)
            .send()
            .await
            .map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(refusal(answer).await);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() as u64 + chunk.len() as u64 > limit_bytes {
                return Err(GrantError::TooLarge { limit_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        if !hex::encode(Sha256::digest(&body)).eq_ignore_ascii_case(&grant.sha256) {
            return Err(GrantError::WrongBody("its SHA-256 differs"));
        }
        Ok(body.freeze())
    }

    fn delays(&self) -> Backoff {
        Backoff::new(BACKOFF_BASE, BACKOFF_CAP, Arc::clone(&self.entropy)).limit(RETRIES)
    }
}

/// The signed headers but for the length, which follows from the body and must agree.
fn upload_headers(grant: &UploadGrant, body: &[u8]) -> Result<HeaderMap, GrantError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &grant.headers {
        if name.eq_ignore_ascii_case("content-length") {
            if value.parse() != Ok(body.len()) {
                return Err(GrantError::WrongBody("its length differs"));
            }
            continue;
        }
        let name: HeaderName = name
            .parse()
            .map_err(|_| GrantError::Malformed("a header has no valid name"))?;
        let value: HeaderValue = value
            .parse()
            .map_err(|_| GrantError::Malformed("a header has no valid value"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

async fn uploaded(answer: reqwest::Response) -> Result<Stored, GrantError> {
    match answer.status() {
        status if status.is_success() => Ok(Stored::Now),
        StatusCode::PRECONDITION_FAILED => Ok(Stored::Before),
        _ => Err(refusal(answer).await),
    }
}

async fn refusal(answer: reqwest::Response) -> GrantError {
    let status = answer.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return GrantError::Failed {
            status: status.as_u16(),
        };
    }
    let code = code_of(&answer.text().await.unwrap_or_default());
    if status == StatusCode::NOT_FOUND {
        return GrantError::NotFound;
    }
    GrantError::Refused {
        status: status.as_u16(),
        code,
    }
}

/// Without the link, which is a credential.
fn unreachable(error: reqwest::Error) -> GrantError {
    GrantError::Unreachable(error.without_url())
}
