//! The object store, for those who hold its credentials.

use std::time::{Duration, Instant};

use bytes::Bytes;
use easel_domain::message::{DownloadGrant, UploadGrant};
use easel_domain::picture::{MAX_FILE_BYTES, StorageClass};
use easel_service::config::{CdnConfig, S3Config};
use s3::creds::Credentials;
use s3::error::S3Error;
use s3::{Bucket, Region};
use secrecy::ExposeSecret;
use url::Url;

use crate::error::{BlobError, code_of, status_and_code};
use crate::key::{KeySecret, ObjectKey, Scope};
use crate::metric;
use crate::terms::{ObjectInfo, UploadCheck, UploadTerms, cache_control};

/// No grant lives longer.
const LONGEST_GRANT: Duration = Duration::from_mins(1);
/// A key that is never written: asking for it shows whether account and bucket are right.
const PROBE: &str = "scratch/probe";

/// One bucket. Cheap to clone.
#[derive(Clone)]
pub struct BlobStore {
    bucket: Box<Bucket>,
    endpoint: String,
    name: String,
    cdn: Url,
    secret: std::sync::Arc<KeySecret>,
    request_timeout: Duration,
}

impl std::fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobStore")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.name)
            .finish_non_exhaustive()
    }
}

impl BlobStore {
    /// A store with these settings. Nothing is asked yet; see [`BlobStore::probe`].
    ///
    /// # Errors
    /// Settings that cannot work.
    pub fn new(s3: &S3Config, cdn: &CdnConfig) -> Result<Self, BlobError> {
        let settings = |error: &dyn std::fmt::Display| BlobError::Settings(error.to_string());
        let endpoint = s3.endpoint.as_str().trim_end_matches('/').to_string();
        let region = Region::Custom {
            region: s3.region.clone(),
            endpoint: endpoint.clone(),
        };
        let access = s3.access_key.expose_secret();
        let credentials = Credentials::new(
            Some(access),
            Some(s3.secret_key.expose_secret()),
            None,
            None,
            None,
        );
        let credentials = credentials.map_err(|error| settings(&error))?;
        let bucket =
            Bucket::new(&s3.bucket, region, credentials).map_err(|error| settings(&error))?;
        let bucket = bucket
            .with_path_style()
            .with_request_timeout(s3.request_timeout);
        let bucket = bucket.map_err(|error| settings(&error))?;
        if !matches!(cdn.base_url.scheme(), "http" | "https") {
            return Err(settings(
                &"`cdn.base_url` (EASEL_CDN__BASE_URL) is no http address",
            ));
        }
        let secret = s3
            .key_secret
            .as_ref()
            .map_or_else(|| KeySecret::derived(&s3.secret_key), KeySecret::new);
        let (name, cdn) = (s3.bucket.clone(), cdn.base_url.clone());
        Ok(Self {
            bucket,
            endpoint,
            name,
            cdn,
            secret: std::sync::Arc::new(secret),
            request_timeout: s3.request_timeout,
        })
    }

    /// Asks the store whether it is there, takes our account and has our bucket.
    ///
    /// # Errors
    /// Says which of the three fails.
    pub async fn probe(&self) -> Result<(), BlobError> {
        let answer = self
            .measured("probe", self.bucket.get_object(PROBE))
            .await?;
        let (status, code) = status_and_code(&answer);
        if status != 200 && (status != 404 || code == "NoSuchBucket") {
            return Err(self.refusal("probe", PROBE, status, code));
        }
        // Some servers call the object missing when it is the bucket.
        match self.listing_code().await?.as_str() {
            "NoSuchBucket" => Err(self.refusal("probe", "", 404, "NoSuchBucket".into())),
            _ => Ok(()),
        }
    }

    /// The error code of a listing of nothing, empty if it succeeds. The account need not have the right to list.
    async fn listing_code(&self) -> Result<String, BlobError> {
        let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", PROBE)]
            .map(|(name, value)| (name.to_string(), value.to_string()));
        let link = self
            .bucket
            .presign_get("/", seconds(LONGEST_GRANT), Some(query.into()));
        let link = link
            .await
            .map_err(|error| BlobError::Settings(error.to_string()))?;
        let request = self
            .bucket
            .http_client()
            .get(link)
            .timeout(self.request_timeout);
        // The link is a credential and stays out of errors.
        let listing = async {
            let answer = request.send().await.map_err(reqwest::Error::without_url)?;
            Ok(answer.text().await.map_err(reqwest::Error::without_url)?)
        };
        Ok(code_of(&self.measured("probe", listing).await?))
    }

    /// The key that a body of this digest has.
    ///
    /// # Errors
    /// A digest that is not 64 hex digits.
    pub fn key(
        &self,
        class: StorageClass,
        scope: Scope,
        sha256: &str,
        content_type: &str,
    ) -> Result<ObjectKey, BlobError> {
        Ok(ObjectKey::derive(
            &self.secret,
            class,
            scope,
            sha256,
            content_type,
        )?)
    }

    /// Leave to upload exactly this body once, within a minute. The link signs checksum, type, length, cache lifetime and
    /// `if-none-match: *`.
    ///
    /// # Errors
    /// Terms that are no digests, are too large, or cannot be headers.
    pub async fn grant_upload(
        &self,
        key: &ObjectKey,
        terms: &UploadTerms,
    ) -> Result<UploadGrant, BlobError> {
        let refuse = |what: &str| BlobError::Settings(format!("upload terms: {what}"));
        if terms.size_bytes > MAX_FILE_BYTES {
            return Err(refuse("the file is too large"));
        }
        let checksum = hex::decode(&terms.sha256)
            .ok()
            .filter(|digest| digest.len() == 32);
        let checksum = base64(&checksum.ok_or_else(|| refuse("sha256 is not 64 hex digits"))?);
        let headers = [
            ("x-amz-checksum-sha256", checksum),
            ("content-type", terms.content_type.clone()),
            ("content-length", terms.size_bytes.to_string()),
            ("cache-control", cache_control(key.class()).to_string()),
            ("if-none-match", "*".to_string()),
        ];
        let mut signed = reqwest::header::HeaderMap::new();
        for (name, value) in &headers {
            signed.insert(
                *name,
                value
                    .parse()
                    .map_err(|_| refuse("a value cannot be a header"))?,
            );
        }
        let url = self
            .bucket
            .presign_put(key.as_str(), seconds(LONGEST_GRANT), Some(signed), None)
            .await;
        let url = url.map_err(|error| BlobError::Settings(error.to_string()))?;
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        Ok(UploadGrant {
            key: key.to_string(),
            url,
            headers,
        })
    }

    /// Leave to read an object for `lifetime`, at most a minute. Does not ask whether it exists.
    ///
    /// # Errors
    /// The link cannot be made.
    pub async fn grant_download(
        &self,
        key: &ObjectKey,
        sha256: &str,
        lifetime: Duration,
    ) -> Result<DownloadGrant, BlobError> {
        Ok(DownloadGrant {
            sha256: sha256.to_string(),
            url: self.signed_link(key, lifetime).await?,
        })
    }

    /// A link under which anybody can read the object for `lifetime`, at most a minute.
    ///
    /// # Errors
    /// The link cannot be made.
    pub async fn signed_link(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
    ) -> Result<String, BlobError> {
        let link = self
            .bucket
            .presign_get(key.as_str(), seconds(lifetime), None)
            .await;
        link.map_err(|error| BlobError::Settings(error.to_string()))
    }

    /// The lasting address of a public object; other classes have none.
    pub fn public_url(&self, key: &ObjectKey) -> Option<Url> {
        if key.class() != StorageClass::Public {
            return None;
        }
        let mut url = self.cdn.clone();
        // A base without a path to extend was refused by `new`.
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(key.as_str().split('/'));
        Some(url)
    }

    /// What the store says about an object, or `None` where there is none.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, BlobError> {
        let (info, status) = self
            .measured("head", self.bucket.head_object(key.as_str()))
            .await?;
        match status {
            200 => Ok(Some(ObjectInfo {
                size_bytes: info
                    .content_length
                    .and_then(|length| u64::try_from(length).ok())
                    .unwrap_or(0),
                etag: info.e_tag.unwrap_or_default().trim_matches('"').to_string(),
                content_type: info.content_type.unwrap_or_default(),
            })),
            404 => Ok(None),
            // An answer to HEAD has no body that could say more.
            _ => Err(self.refusal("head", key.as_str(), status, String::new())),
        }
    }

    /// Compares an upload with its terms. What does not fit stays: only the rows know whether it is somebody's picture,
    /// which a false claim must not take away. Where they do not, [`Self::delete`] it, or no upload can ever succeed.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn check_upload(
        &self,
        key: &ObjectKey,
        terms: &UploadTerms,
    ) -> Result<UploadCheck, BlobError> {
        let check = match self.head(key).await? {
            None => UploadCheck::Missing,
            Some(info)
                if info.size_bytes == terms.size_bytes
                    && info.etag.eq_ignore_ascii_case(&terms.md5) =>
            {
                UploadCheck::Good
            }
            Some(_) => UploadCheck::Mismatch,
        };
        let outcome = match check {
            UploadCheck::Good => "good",
            UploadCheck::Missing => "missing",
            UploadCheck::Mismatch => "mismatch",
        };
        metrics::counter!(metric::UPLOADS, "outcome" => outcome).increment(1);
        Ok(check)
    }

    /// The body of an object.
    ///
    /// # Errors
    /// No such object, no answer, or a refusal.
    pub async fn get(&self, key: &ObjectKey) -> Result<Bytes, BlobError> {
        let answer = self
            .measured("get", self.bucket.get_object(key.as_str()))
            .await?;
        let (status, code) = status_and_code(&answer);
        match status {
            200 => Ok(answer.into_bytes()),
            404 if code != "NoSuchBucket" => Err(BlobError::NotFound {
                key: key.to_string(),
            }),
            _ => Err(self.refusal("get", key.as_str(), status, code)),
        }
    }

    /// Deletes an object. One that does not exist counts as deleted.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), BlobError> {
        let answer = self
            .measured("delete", self.bucket.delete_object(key.as_str()))
            .await?;
        let (status, code) = status_and_code(&answer);
        match status {
            200 | 204 => Ok(()),
            404 if code != "NoSuchBucket" => Ok(()),
            _ => Err(self.refusal("delete", key.as_str(), status, code)),
        }
    }

    async fn measured<T>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, S3Error>>,
    ) -> Result<T, BlobError> {
        let started = Instant::now();
        let outcome = request.await;
        metrics::histogram!(metric::SECONDS, "operation" => operation)
            .record(started.elapsed().as_secs_f64());
        let label = if outcome.is_ok() { "ok" } else { "failed" };
        metrics::counter!(metric::REQUESTS, "operation" => operation, "outcome" => label)
            .increment(1);
        outcome.map_err(|source| BlobError::Unreachable {
            endpoint: self.endpoint.clone(),
            bucket: self.name.clone(),
            source: Box::new(source),
        })
    }

    fn refusal(&self, operation: &'static str, key: &str, status: u16, code: String) -> BlobError {
        let (endpoint, bucket) = (self.endpoint.clone(), self.name.clone());
        match (status, code.as_str()) {
            (401 | 403, _) => {
                let code = if code.is_empty() {
                    status.to_string()
                } else {
                    code
                };
                BlobError::Credentials {
                    endpoint,
                    bucket,
                    code,
                }
            }
            (404, "NoSuchBucket") => BlobError::NoBucket { endpoint, bucket },
            _ => BlobError::Refused {
                operation,
                key: key.into(),
                endpoint,
                status,
                code,
            },
        }
    }
}

fn seconds(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.min(LONGEST_GRANT).as_secs().max(1)).unwrap_or(1)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
