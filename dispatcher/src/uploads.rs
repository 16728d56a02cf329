//! Whether the files that a node reports are in the store as they were granted.

use easel_blobs::{BlobError, ObjectKey, UploadCheck, UploadTerms};
use easel_domain::message::{LeaseRef, StoredFile};
use easel_store::StoreError;
use easel_store::grant::LeaseFiles;

use crate::lanes::Office;

/// What became of a lease's uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Every file is there as it was claimed.
    Complete,
    /// One is missing, or is another one.
    Incomplete,
    /// One was there already and is being deleted.
    BeingDeleted,
}

/// Why uploads could not be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("read what was granted")]
    Store(#[from] StoreError),
    #[error("look into the object store")]
    Blobs(#[from] BlobError),
    #[error("a file was never granted")]
    NotGranted,
}

fn lost(statement: &'static str) -> StoreError {
    StoreError::Guard {
        statement,
        expected: 1,
        actual: 0,
    }
}

/// Compares files with their grants and with the store. What does not fit is deleted, or the key could never be written
/// again; but not where a picture refers to it, because a false claim must not take away what others see.
pub(crate) async fn arrival(
    office: &Office,
    lease: LeaseRef,
    files: &[StoredFile],
) -> Result<Arrival, UploadError> {
    if files.is_empty() {
        return Ok(Arrival::Complete);
    }
    // Before the object store is asked: what is not marked for deletion now will not be.
    let LeaseFiles {
        granted,
        being_deleted,
    } = office.store.lease_files(lease).await?;
    if granted.is_empty() {
        // Not a false claim but a lease that nobody knows.
        return Err(lost("lease_files").into());
    }
    if being_deleted {
        return Ok(Arrival::BeingDeleted);
    }
    for file in files {
        let is_granted = granted
            .iter()
            .any(|grant| grant.key == file.key && grant.claim == file.claim);
        if !is_granted {
            return Err(UploadError::NotGranted);
        }
        let key: ObjectKey = file.key.parse().map_err(BlobError::Key)?;
        let check = office
            .blobs
            .check_upload(&key, &UploadTerms::from(&file.claim))
            .await?;
        match check {
            UploadCheck::Good => {}
            UploadCheck::Missing => return Ok(Arrival::Incomplete),
            UploadCheck::Mismatch => {
                if !office.store.is_published(key.as_str()).await? {
                    office.blobs.delete(&key).await?;
                }
                return Ok(Arrival::Incomplete);
            }
        }
    }
    Ok(Arrival::Complete)
}
