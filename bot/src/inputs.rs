//! Pictures that members give: fetched through the one guarded fetcher, stored where nodes may read them by grant.
//!
//! There is no check of pictures in this process, and a model that is marked safe is safe only while it draws from words.
//! So members' pictures are taken only where the operator has said that they may go unchecked; else nothing is fetched. Of
//! each the pixels are kept and nothing else. Masks are taken wherever there is a place to keep them: see [`crate::mask`].

mod kept;

use std::sync::Arc;
use std::time::Duration;

use easel_blobs::{BlobStore, FileDigests, GrantClient, Scope, UploadTerms};
use easel_domain::picture::StorageClass;
use easel_domain::spec::InputPicture;
use easel_domain::{Clock, Entropy};
use easel_service::chain;
use easel_store::Store;
use futures::future::try_join_all;
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::Url;

use crate::config::BotConfig;
use crate::fetch::{FetchError, FetchedPicture, Fetcher, PictureFormat};
use crate::mask::{self, MaskError};

/// All pictures of a job together: shorter than what an answered interaction may be left alone.
const LIMIT: Duration = Duration::from_secs(8);

/// `inputs`: pictures that members give.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct InputsConfig {
    /// Takes members' pictures without any check of them. Needs the section `s3`.
    pub unchecked: bool,
}

/// Why a picture was not taken.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It could not be had: the member is told why.
    #[error("fetch a picture")]
    Fetch(#[from] FetchError),
    /// It is no mask: the member is told why.
    #[error("read a mask")]
    Mask(#[from] MaskError),
    /// It could not be kept: nobody's fault but ours.
    #[error("keep a picture: {0}")]
    Keep(String),
}

/// Takes pictures. Clones share everything.
#[derive(Clone)]
pub struct Inputs {
    /// For addresses that Discord gave: its stand-in on this machine counts as public.
    uploads: Fetcher,
    /// For addresses that a member typed.
    typed: Fetcher,
    blobs: BlobStore,
    grants: GrantClient,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Pictures are decoded one at a time: each may take much memory for a moment.
    decoding: Arc<Semaphore>,
}

impl std::fmt::Debug for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs").finish_non_exhaustive()
    }
}

impl Inputs {
    /// The way for members' pictures, or `None` where they are not taken.
    ///
    /// # Errors
    ///
    /// Settings that cannot work.
    pub fn new(
        config: &BotConfig,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> anyhow::Result<Option<Self>> {
        if config.inputs.unchecked {
            Self::for_masks(config, store, clock, entropy)
        } else {
            Ok(None)
        }
    }

    /// The way for masks, of which only a shape is kept: wherever there is a place to keep them.
    ///
    /// # Errors
    ///
    /// Settings that cannot work.
    pub fn for_masks(
        config: &BotConfig,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(s3) = config.s3.as_ref() else {
            return Ok(None);
        };
        let typed = Fetcher::new(config.fetch.clone())?;
        let mut fetch = config.fetch.clone();
        if config.serves_local_discord() {
            // Attachments lie with the stand-in itself.
            fetch.trusted_origins.push(config.discord_api.clone());
            // And our own pictures with a CDN that only this machine reaches.
            fetch.trusted_origins.push(config.cdn.base_url.clone());
        }
        Ok(Some(Self {
            uploads: Fetcher::new(fetch)?,
            typed,
            blobs: BlobStore::new(s3, &config.cdn)?,
            grants: GrantClient::new(entropy)?,
            store,
            clock,
            decoding: Arc::new(Semaphore::new(1)),
        }))
    }

    /// Fetches and keeps all pictures, in order: those that Discord holds, then those at addresses that a member typed.
    pub async fn take(
        &self,
        uploads: &[Url],
        typed: &[Url],
    ) -> Result<Vec<InputPicture>, InputError> {
        let uploads = uploads.iter().map(|address| (&self.uploads, address));
        let typed = typed.iter().map(|address| (&self.typed, address));
        // What is stored when the time runs out is noted before, and repeating is safe.
        let all = uploads
            .chain(typed)
            .map(|(fetcher, address)| self.take_one(fetcher, address));
        let all = try_join_all(all);
        tokio::time::timeout(LIMIT, all)
            .await
            .map_err(|_| InputError::Fetch(FetchError::Slow))?
    }

    /// Fetches a mask that was uploaded and keeps its shape, in the size of the picture that it is for.
    pub async fn take_mask(
        &self,
        address: &Url,
        size: (u32, u32),
    ) -> Result<InputPicture, InputError> {
        let fetched = self.uploads.picture(address).await?;
        // Off the event loop; the fetcher has bounded the pixels.
        let prepared = tokio::task::spawn_blocking(move || mask::prepare(&fetched.bytes, size));
        let prepared = prepared.await.map_err(|_| MaskError::Damaged)??;
        let mask = FetchedPicture {
            bytes: prepared.into(),
            format: PictureFormat::Png,
            width: size.0,
            height: size.1,
        };
        self.keep(mask).await.map_err(|error| {
            tracing::warn!("keep a mask: {error:#}");
            InputError::Keep(error.to_string())
        })
    }

    async fn take_one(&self, fetcher: &Fetcher, address: &Url) -> Result<InputPicture, InputError> {
        let picture = self.plain(fetcher.picture(address).await?).await?;
        self.keep(picture).await.map_err(|error| {
            tracing::warn!("keep a member's picture: {error:#}");
            InputError::Keep(error.to_string())
        })
    }

    /// What is kept of a picture, made off the event loop.
    async fn plain(&self, fetched: FetchedPicture) -> Result<FetchedPicture, FetchError> {
        // The semaphore is never closed; were it, nothing would be taken.
        let permit = Arc::clone(&self.decoding).acquire_owned().await;
        let permit = permit.map_err(|_| FetchError::Slow)?;
        let decoding = tokio::task::spawn_blocking(move || {
            let kept = kept::kept(&fetched);
            // Given back by the thread itself: whoever waits for it may have run out of time.
            drop(permit);
            kept
        });
        decoding.await.map_err(|_| FetchError::Damaged)?
    }

    async fn keep(&self, fetched: FetchedPicture) -> anyhow::Result<InputPicture> {
        let content_type = fetched.format.media_type();
        let digests = FileDigests::of(&fetched.bytes);
        // Within this class equal pictures are one object, whoever gave them; nobody can tell from outside.
        let scope = Scope::Retention(StorageClass::Input);
        let key = self
            .blobs
            .key(StorageClass::Input, scope, &digests.sha256, content_type)?;
        let picture = InputPicture {
            key: key.to_string(),
            sha256: digests.sha256.clone(),
            width: fetched.width,
            height: fetched.height,
        };
        let (size, now) = (digests.size_bytes, self.clock.now());
        self.store
            .note_input(&picture, size, content_type, now)
            .await?;
        let terms = UploadTerms {
            sha256: digests.sha256,
            md5: digests.md5,
            size_bytes: size,
            content_type: content_type.to_owned(),
        };
        let grant = self.blobs.grant_upload(&key, &terms).await?;
        self.grants.put(&grant, fetched.bytes).await?;
        Ok(picture)
    }
}

/// The sentence and the word for metrics of a picture that was not taken.
pub(crate) fn refusal(
    language: crate::text::Language,
    error: &InputError,
) -> (String, &'static str) {
    match error {
        InputError::Fetch(error) => {
            tracing::info!("fetch a member's picture: {error}", error = chain(error));
            (language.fetch_error(error), "picture")
        }
        InputError::Mask(MaskError::Damaged) => (language.mask_damaged().to_owned(), "mask"),
        InputError::Mask(MaskError::Empty) => (language.mask_empty().to_owned(), "mask"),
        InputError::Mask(MaskError::Full) => (language.mask_full().to_owned(), "mask"),
        InputError::Keep(_) => (language.not_accepted().to_owned(), "not_accepted"),
    }
}
