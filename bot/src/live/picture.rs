//! Bringing a finished picture into its message: by link, or as a file where Discord cannot reach the CDN.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use easel_domain::JobId;
use easel_domain::job::JobState;
use easel_domain::picture::{FileRole, MAX_FILE_BYTES, PictureOutcome};
use easel_service::config::CdnConfig;
use easel_store::show::{JobSnapshot, SnapshotFile, SnapshotPicture};
use tokio::sync::Semaphore;
use url::Url;

use super::lighter::lighter;
use crate::view::history::Thumbnail;
use crate::view::mail::SinglePicture;
use crate::view::{Picture, hides, shown_file};

/// Below what a file may have in every place, 10 MiB.
pub(crate) const EVERYWHERE: u64 = 9 * 1024 * 1024;
/// Below the limit of 25 MiB for one request.
const MAX_REQUEST_BYTES: u64 = 24 * 1024 * 1024;
/// Discord's limit for the files of a message, and for its embeds.
const MAX_PICTURES: usize = 10;
/// A thumbnail has 128 pixels at most.
const MAX_THUMBNAIL_BYTES: u64 = 256 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);

/// A picture that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The CDN did not hand it out.
    #[error("fetch the picture of job {job} from the CDN: {reason}")]
    Fetch {
        /// Whose.
        job: JobId,
        /// Why, without the address.
        reason: String,
    },
    /// Not even its smallest format fits a message.
    #[error("the picture of job {job} is larger than a message may carry")]
    TooLarge {
        /// Whose.
        job: JobId,
    },
}

/// Where finished pictures come from.
#[derive(Debug, Clone)]
pub struct PictureSource {
    /// For links.
    base: Url,
    /// For what is fetched here.
    fetch_base: Url,
    attach: bool,
    http: reqwest::Client,
    encoding: Arc<Semaphore>,
}

/// An address to which keys can be joined.
fn directory(address: &Url) -> Url {
    let mut address = address.clone();
    if !address.path().ends_with('/') {
        address.set_path(&format!("{}/", address.path()));
    }
    address
}

impl PictureSource {
    /// Pictures behind the CDN; `attach` sends them as files.
    ///
    /// # Errors
    ///
    /// The TLS backend cannot be set up.
    pub fn new(cdn: &CdnConfig, attach: bool) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build()?;
        Ok(Self {
            base: directory(&cdn.base_url),
            fetch_base: directory(cdn.fetch_url.as_ref().unwrap_or(&cdn.base_url)),
            attach,
            http,
            encoding: Arc::new(Semaphore::new(1)),
        })
    }

    /// The picture that the message of this job shows, as a file of at most `limit` bytes where it is none by link: the whole
    /// one if it can be had, else a smaller format.
    ///
    /// # Errors
    ///
    /// The CDN hands none of them out.
    pub async fn of(&self, job: &JobSnapshot, limit: u64) -> Result<Picture, PictureError> {
        let limit = limit.min(MAX_REQUEST_BYTES);
        let Some(file) = shown_file(job).filter(|_| job.state == JobState::Completed) else {
            return Ok(Picture::None);
        };
        if !self.attach && !hides(job) {
            return Ok(self
                .address(file)
                .map_or(Picture::None, |url| Picture::Link(url.into())));
        }
        let whole = if file.size_bytes > limit {
            self.lighter(job, limit).await
        } else {
            match self.fetch_up_to(job.job, &file.key, limit).await {
                Err(PictureError::TooLarge { .. }) => self.lighter(job, limit).await,
                found => found.map(Picture::File),
            }
        };
        match whole {
            Ok(picture) => Ok(picture),
            Err(error) => self.small(job).await.map_err(|_| error),
        }
    }

    /// The same in at most so many bytes, as a JPEG: for a channel that takes no larger files.
    ///
    /// # Errors
    ///
    /// The CDN does not hand the picture out, or it cannot be made so small.
    pub async fn lighter(&self, job: &JobSnapshot, at_most: u64) -> Result<Picture, PictureError> {
        let too_large = || PictureError::TooLarge { job: job.job };
        let file = shown_file(job).ok_or_else(too_large)?;
        let whole = self.fetch_up_to(job.job, &file.key, MAX_FILE_BYTES).await?;
        // One at a time: a decoded picture is many times as large as its file. The semaphore is never closed.
        let _turn = self.encoding.acquire().await.map_err(|_| too_large())?;
        let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
        let made = tokio::task::spawn_blocking(move || lighter(&whole, at_most)).await;
        made.ok()
            .flatten()
            .map(Picture::Lighter)
            .ok_or_else(too_large)
    }

    /// The same in a smaller format, as a file.
    ///
    /// # Errors
    ///
    /// There is none, or the CDN does not hand it out.
    pub async fn small(&self, job: &JobSnapshot) -> Result<Picture, PictureError> {
        let too_large = PictureError::TooLarge { job: job.job };
        let file = job.file(FileRole::Thumb512, 0).ok_or(too_large)?;
        self.fetch(job.job, &file.key).await.map(Picture::File)
    }

    /// Each picture of a finished job by itself, as far as it may be seen and can be had: by link, or as a file where Discord
    /// cannot reach the CDN and where it stands behind a spoiler. Large files come in a smaller format once a request is
    /// full.
    ///
    /// # Errors
    ///
    /// One of them cannot be fetched now.
    pub async fn each(&self, job: &JobSnapshot) -> Result<Vec<SinglePicture>, PictureError> {
        let mut pictures = Vec::new();
        let mut room = MAX_REQUEST_BYTES;
        let seen = |picture: &&SnapshotPicture| {
            matches!(
                picture.outcome,
                PictureOutcome::Pass | PictureOutcome::Spoiler
            )
        };
        for picture in job.pictures.iter().filter(seen).take(MAX_PICTURES) {
            let is_hidden = picture.outcome == PictureOutcome::Spoiler;
            let Some((found, content_type)) = self.single(job, picture, is_hidden, room).await?
            else {
                continue;
            };
            if let Picture::File(bytes) = &found {
                room = room.saturating_sub(bytes.len() as u64);
            }
            pictures.push(SinglePicture {
                index: picture.index,
                seed: picture.seed,
                is_hidden,
                picture: found,
                content_type,
            });
        }
        Ok(pictures)
    }

    async fn single(
        &self,
        job: &JobSnapshot,
        picture: &SnapshotPicture,
        is_hidden: bool,
        room: u64,
    ) -> Result<Option<(Picture, String)>, PictureError> {
        let Some(whole) = job.file(FileRole::Full, picture.index) else {
            return Ok(None);
        };
        if !self.attach && !is_hidden {
            let link = |url: Url| (Picture::Link(url.into()), whole.content_type.clone());
            return Ok(self.address(whole).map(link));
        }
        let limit = EVERYWHERE.min(room);
        let small = job.file(FileRole::Thumb512, picture.index);
        for file in [Some(whole), small].into_iter().flatten() {
            if file.size_bytes > limit {
                continue;
            }
            let bytes = self.fetch(job.job, &file.key).await?;
            return Ok(Some((Picture::File(bytes), file.content_type.clone())));
        }
        Ok(None)
    }

    /// A small picture by its key, with `None` where it cannot be had: a list is worth showing without it.
    pub async fn thumbnail(&self, job: JobId, key: &str, size_bytes: u64) -> Option<Thumbnail> {
        if !self.attach {
            let address = self.base.join(key).ok()?;
            return Some(Thumbnail::Link(address.into()));
        }
        if size_bytes > MAX_THUMBNAIL_BYTES {
            return None;
        }
        match self.fetch(job, key).await {
            Ok(bytes) => Some(Thumbnail::File(bytes)),
            Err(error) => {
                tracing::debug!(job.id = %job, "{error}");
                None
            }
        }
    }

    /// Whether the address is that of one of our pictures.
    pub fn is_ours(&self, address: &Url) -> bool {
        address.as_str().starts_with(self.base.as_str())
    }

    fn address(&self, file: &SnapshotFile) -> Option<Url> {
        self.base.join(&file.key).ok()
    }

    async fn fetch(&self, job: JobId, key: &str) -> Result<Bytes, PictureError> {
        self.fetch_up_to(job, key, EVERYWHERE).await
    }

    async fn fetch_up_to(
        &self,
        job: JobId,
        key: &str,
        max_bytes: u64,
    ) -> Result<Bytes, PictureError> {
        let failed = |reason: String| PictureError::Fetch { job, reason };
        let url = self
            .fetch_base
            .join(key)
            .map_err(|_| failed("its key is no path".into()))?;
        let said = |error: reqwest::Error| failed(error.without_url().to_string());
        let mut response = self
            .http
            .get(url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(said)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(said)? {
            if (body.len() + chunk.len()) as u64 > max_bytes {
                return Err(PictureError::TooLarge { job });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}
