//! What a lease may write to the object store.

use easel_domain::job::JobState;
use easel_domain::message::{FileClaim, LeaseRef};

use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::event::job_event;
use crate::finish::check_fence;
use crate::leadership::{Leadership, hold};
use crate::pool::Store;
use crate::row::{corrupt, json};
use crate::settle::lock_job;

/// What a lease has been granted to write.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantedFile {
    /// Object key.
    pub key: String,
    /// What was claimed for it.
    pub claim: FileClaim,
}

impl Store {
    /// Begins finishing and notes what the lease may write. Asking twice grants the same again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost.
    pub async fn grant_uploads(
        &self,
        leadership: &Leadership,
        lease: LeaseRef,
        files: &[GrantedFile],
    ) -> Result<(), StoreError> {
        self.run("grant_uploads", |tx| {
            let (leadership, files) = (leadership.clone(), files.to_vec());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, lease.job_id).await?;
                check_fence(tx, &lease).await?;
                if job.state == JobState::Leased {
                    set_state(tx, &lease, JobState::Leased, JobState::Finishing).await?;
                } else if job.state != JobState::Finishing {
                    return Err(StoreError::Guard {
                        statement: "grant_uploads",
                        expected: 1,
                        actual: 0,
                    });
                }
                for file in &files {
                    insert_grant(tx, &lease, file).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The files that a lease has been granted.
    pub async fn granted_files(&self, lease: LeaseRef) -> Result<Vec<GrantedFile>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- grant::granted_files\n\
                 SELECT key, claim FROM upload_grants WHERE job_id = $1 AND token = $2",
                &[/* job */ &lease.job_id, /* token */ &lease.token],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(GrantedFile {
                    key: row.get("key"),
                    claim: json(row, "claim")?,
                })
            })
            .collect()
    }

    /// Whether a picture refers to the object with this key.
    pub async fn is_published(&self, key: &str) -> Result<bool, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- grant::is_published\nSELECT EXISTS (SELECT 1 FROM blobs WHERE key = $1)",
                &[/* key */ &key],
            )
            .await?;
        Ok(row.get(0))
    }
}

async fn set_state(
    tx: &Transaction<'_>,
    lease: &LeaseRef,
    from: JobState,
    to: JobState,
) -> Result<(), StoreError> {
    let changed = tx
        .execute(
            "-- grant::set_state\n\
             UPDATE jobs SET state = $3 WHERE id = $1 AND state = $2",
            &[
                /* job */ &lease.job_id,
                /* from */ &from.as_str(),
                /* to */ &to.as_str(),
            ],
        )
        .await?;
    expect_one_row("set_state", changed)?;
    job_event(
        tx,
        lease.job_id,
        to.as_str(),
        lease.attempt,
        &serde_json::json!({}),
    )
    .await
}

async fn insert_grant(
    tx: &Transaction<'_>,
    lease: &LeaseRef,
    file: &GrantedFile,
) -> Result<(), StoreError> {
    let claim = serde_json::to_value(&file.claim)
        .map_err(|error| corrupt("file claim", &error.to_string()))?;
    tx.execute(
        "-- grant::insert_grant\n\
         INSERT INTO upload_grants (key, job_id, token, role, index, claim) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (job_id, token, role, index) DO UPDATE
         SET key = excluded.key, claim = excluded.claim, granted_at = now()",
        &[
            /* key */ &file.key,
            /* job */ &lease.job_id,
            /* token */ &lease.token,
            /* role */ &file.claim.role.as_str(),
            /* index */ &i16::try_from(file.claim.index).unwrap_or(i16::MAX),
            /* claim */ &claim,
        ],
    )
    .await?;
    Ok(())
}
