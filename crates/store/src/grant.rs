//! What a lease may write to the object store.

use easel_domain::message::{FileClaim, LeaseRef};

use crate::error::{StoreError, expect_one_row};
use crate::leadership::Leadership;
use crate::pool::Store;
use crate::row::{corrupt, json};

/// What a lease has been granted to write.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantedFile {
    /// Object key.
    pub key: String,
    /// What was claimed for it.
    pub claim: FileClaim,
}

impl Store {
    /// Begins finishing and notes what the lease may write. Asking twice grants the same again. No two of `files` have
    /// the same role and index.
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
        let columns = GrantColumns::of(files)?;
        let row = self
            .connection()
            .await?
            .query_one(
                GRANT_UPLOADS,
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                    /* epoch */ &leadership.epoch,
                    /* job */ &lease.job_id,
                    /* token */ &lease.token,
                    /* attempt */ &i32::try_from(lease.attempt).unwrap_or(i32::MAX),
                    /* keys */ &columns.keys,
                    /* roles */ &columns.roles,
                    /* indices */ &columns.indices,
                    /* claims */ &columns.claims,
                ],
            )
            .await?;
        if row.get::<_, i64>("leading") == 0 {
            return Err(StoreError::LeadershipLost);
        }
        let fenced: i64 = row.get("fenced");
        expect_one_row("grant_uploads", fenced.unsigned_abs())
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

/// One statement and one round trip: the epoch is held, the job and its lease are locked in this order, and all files are
/// noted, or nothing is.
const GRANT_UPLOADS: &str = "-- grant::grant_uploads
    WITH held AS (
        SELECT 1 FROM leadership WHERE region = $1 AND pool = $2 AND epoch = $3 FOR SHARE
    ), job AS (
        SELECT j.id FROM jobs j, held WHERE j.id = $4 AND j.state IN ('leased', 'finishing') FOR UPDATE OF j
    ), fence AS (
        SELECT l.job_id, l.token, l.attempt FROM leases l JOIN job j ON j.id = l.job_id
        WHERE l.token = $5 AND l.attempt = $6 FOR UPDATE OF l
    ), moved AS (
        UPDATE jobs j SET state = 'finishing' FROM fence f WHERE j.id = f.job_id AND j.state = 'leased' RETURNING j.id
    ), told AS (
        INSERT INTO job_events (job_id, state, attempt, detail) SELECT id, 'finishing', $6, '{}' FROM moved
    ), granted AS (
        INSERT INTO upload_grants (key, job_id, token, role, index, claim)
        SELECT g.key, f.job_id, f.token, g.role, g.index, g.claim
        FROM fence f, unnest($7::text[], $8::text[], $9::int2[], $10::jsonb[]) AS g (key, role, index, claim)
        ON CONFLICT (job_id, token, role, index) DO UPDATE
        SET key = excluded.key, claim = excluded.claim, granted_at = now()
    )
    SELECT (SELECT count(*) FROM held) AS leading, (SELECT count(*) FROM fence) AS fenced";

/// The columns of [`GRANT_UPLOADS`], one entry for each file.
#[derive(Default)]
struct GrantColumns<'f> {
    keys: Vec<&'f str>,
    roles: Vec<&'static str>,
    indices: Vec<i16>,
    claims: Vec<serde_json::Value>,
}

impl<'f> GrantColumns<'f> {
    fn of(files: &'f [GrantedFile]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for file in files {
            columns.keys.push(&file.key);
            columns.roles.push(file.claim.role.as_str());
            columns
                .indices
                .push(i16::try_from(file.claim.index).unwrap_or(i16::MAX));
            columns.claims.push(
                serde_json::to_value(&file.claim)
                    .map_err(|error| corrupt("file claim", &error.to_string()))?,
            );
        }
        Ok(columns)
    }
}
