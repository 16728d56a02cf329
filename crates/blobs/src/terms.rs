//! What is promised about an upload, and what became of it.

use easel_domain::message::FileClaim;
use easel_domain::picture::StorageClass;

/// What an upload must look like. Every field is signed.
#[derive(Debug, Clone)]
pub struct UploadTerms {
    /// SHA-256 of the body, in hex.
    pub sha256: String,
    /// MD5 of the body, in hex; not sent, but what [`crate::BlobStore::check_upload`] compares.
    pub md5: String,
    /// Length of the body.
    pub size_bytes: u64,
    /// Media type.
    pub content_type: String,
}

impl From<&FileClaim> for UploadTerms {
    fn from(claim: &FileClaim) -> Self {
        Self {
            sha256: claim.sha256.clone(),
            md5: claim.md5.clone(),
            size_bytes: claim.size_bytes,
            content_type: claim.content_type.clone(),
        }
    }
}

/// What the store says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Length in bytes.
    pub size_bytes: u64,
    /// `ETag` without its quotes.
    pub etag: String,
    /// Media type.
    pub content_type: String,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadCheck {
    /// The object has the promised length and digest.
    Good,
    /// There is no object.
    Missing,
    /// The object was another one; it has been deleted, so a new grant can be redeemed.
    Mismatch,
}

/// How long others may keep a copy. Public objects never change, because their key follows from their content.
pub(crate) fn cache_control(class: StorageClass) -> &'static str {
    match class {
        StorageClass::Public => "public, max-age=31536000, immutable",
        StorageClass::Private
        | StorageClass::Quarantine
        | StorageClass::Input
        | StorageClass::Scratch => "private, no-store",
    }
}
