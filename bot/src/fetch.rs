//! Fetching pictures from addresses that members type: the one way in which this process follows somebody else's link.
//!
//! An address is followed only by http or https, on its usual port, to a host whose every resolved address is a public
//! one, and the connection goes to exactly the addresses that were checked. Redirects are followed by hand: each hop
//! passes the same checks, and there are few. Time, bytes and pixels are bounded, and what comes is recognised by its
//! content, its dimensions read from the header before anybody decodes it. Nothing of ours is sent along: no cookie, no
//! referrer, no credential.
//!
//! Origins that the operator names (the playground's, a CDN of his own) are followed wherever they lead.

mod address;
mod content;
mod resolve;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use easel_service::config::duration;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, LOCATION};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Semaphore;
use url::{Host, Url};

pub use address::is_public;
pub use content::{FetchedPicture, PictureFormat};
pub use resolve::{HostResolver, SystemResolver};

use resolve::{Forbidden, GuardedResolver};

/// `fetch`: how pictures at members' addresses are fetched.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct FetchConfig {
    /// Origins that are followed even on unusual ports and to private addresses, such as `http://127.0.0.1:8080`.
    pub trusted_origins: Vec<Url>,
    /// Limit for one picture, redirects included.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Largest file in bytes.
    pub max_bytes: usize,
    /// Longest side in pixels.
    pub max_side: u32,
    /// Largest width × height.
    pub max_pixels: u64,
    /// Redirects that are followed.
    pub max_redirects: usize,
    /// Pictures fetched at once; more wait within their time.
    pub concurrency: usize,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            trusted_origins: Vec::new(),
            timeout: Duration::from_secs(15),
            max_bytes: 16 << 20,
            max_side: 8192,
            max_pixels: 32_000_000,
            max_redirects: 3,
            concurrency: 4,
        }
    }
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Neither http nor https, credentials in the address, or an unusual port.
    #[error("the address is of a kind that is not followed")]
    Kind,
    /// The host leads to an address that is not public.
    #[error("the address does not lead to the public internet")]
    Private,
    /// The host, or the way to it.
    #[error("the host cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The host answered something else than a picture.
    #[error("the host answered with status {0}")]
    Status(u16),
    /// Too many redirects, or one that leads nowhere.
    #[error("the address redirects too often")]
    Redirects,
    /// Too slow.
    #[error("the picture did not arrive in time")]
    Slow,
    /// More bytes than allowed.
    #[error("the file is larger than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// Not a PNG, JPEG, WebP or GIF.
    #[error("the file is not a picture")]
    NotAPicture,
    /// Recognised, and broken.
    #[error("the picture is damaged")]
    Damaged,
    /// More pixels than allowed.
    #[error("the picture has {width}×{height} pixels")]
    TooManyPixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Longest side allowed.
        max_side: u32,
    },
}

/// Fetches pictures. Clones share everything.
#[derive(Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    settings: Arc<FetchConfig>,
    permits: Arc<Semaphore>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl Fetcher {
    /// A fetcher that asks the system's resolver.
    pub fn new(settings: FetchConfig) -> Result<Self, reqwest::Error> {
        Self::with_resolver(settings, Arc::new(SystemResolver))
    }

    /// The same with another resolver.
    pub fn with_resolver(
        settings: FetchConfig,
        resolver: Arc<dyn HostResolver>,
    ) -> Result<Self, reqwest::Error> {
        let trusted = settings.trusted_origins.iter().filter_map(Url::host_str);
        let guarded = GuardedResolver::new(resolver, trusted.map(str::to_owned).collect());
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A compressed body would get round the limit of bytes.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(settings.timeout)
            .dns_resolver(Arc::new(guarded))
            .user_agent(concat!("Easel/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            permits: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            settings: Arc::new(settings),
        })
    }

    /// The picture at an address.
    pub async fn picture(&self, url: &Url) -> Result<FetchedPicture, FetchError> {
        // Only reads of a socket are dropped at the deadline; nothing is left half done.
        let file = tokio::time::timeout(self.settings.timeout, self.file(url.clone()));
        content::read(file.await.map_err(|_| FetchError::Slow)??, &self.settings)
    }

    async fn file(&self, mut url: Url) -> Result<Bytes, FetchError> {
        // The semaphore is never closed; were it, nothing would be fetched.
        let _permit = self.permits.acquire().await.map_err(|_| FetchError::Slow)?;
        for _ in 0..=self.settings.max_redirects {
            self.check(&url)?;
            let request = self
                .client
                .get(url.clone())
                .header(ACCEPT, "image/png, image/jpeg, image/webp, image/gif")
                .header(ACCEPT_ENCODING, "identity");
            let response = request.send().await.map_err(unreachable)?;
            let status = response.status();
            if status.is_redirection() {
                let target = response.headers().get(LOCATION);
                let target = target.and_then(|target| target.to_str().ok());
                url = target
                    .and_then(|target| url.join(target).ok())
                    .ok_or(FetchError::Redirects)?;
            } else if status.is_success() {
                return self.body(response).await;
            } else {
                return Err(FetchError::Status(status.as_u16()));
            }
        }
        Err(FetchError::Redirects)
    }

    /// Everything about an address that needs no look-up; hosts with names are checked where they are resolved.
    fn check(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https")
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(FetchError::Kind);
        }
        let trusted = &self.settings.trusted_origins;
        if trusted.iter().any(|origin| origin.origin() == url.origin()) {
            return Ok(());
        }
        // A usual port is not written out.
        if url.port().is_some_and(|port| port != 80 && port != 443) {
            return Err(FetchError::Kind);
        }
        let public = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            // Its addresses are not checked, so only its named origins may be followed.
            Some(Host::Domain(name)) => {
                !trusted.iter().any(|origin| origin.host_str() == Some(name))
            }
            None => return Err(FetchError::Kind),
        };
        public.then_some(()).ok_or(FetchError::Private)
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Bytes, FetchError> {
        let max_bytes = self.settings.max_bytes;
        let announced = response.content_length().unwrap_or(0);
        if announced > max_bytes as u64 {
            return Err(FetchError::TooLarge { max_bytes });
        }
        let mut body = BytesMut::with_capacity(announced as usize);
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| FetchError::Unreachable(error.without_url()))?
        {
            if body.len() + chunk.len() > max_bytes {
                return Err(FetchError::TooLarge { max_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// Our own refusal comes wrapped in the connector's errors.
fn unreachable(error: reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner.is::<Forbidden>() {
            return FetchError::Private;
        }
        cause = inner.source();
    }
    // The address is a part of somebody's prompt, and must not reach a log.
    FetchError::Unreachable(error.without_url())
}

#[cfg(test)]
mod tests;
