//! What a lease may write to the object store.

use std::collections::HashSet;

use easel_domain::message::{FileClaim, LeaseRef};
use easel_domain::{JobId, LeaseToken};
use tokio_postgres::types::Json;

use crate::error::{StoreError, expect_one_row};
use crate::leadership::Leadership;
use crate::pool::Store;
use crate::row::json;

/// What a lease has been granted to write.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantedFile {
    /// Object key.
    pub key: String,
    /// What was claimed for it.
    pub claim: FileClaim,
}

impl Store {
    /// Begins finishing and notes what a lease may write; see [`Store::grant_all`].
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
        let fenced = self.grant_all(leadership, &[(lease, files)]).await?;
        expect_one_row("grant_uploads", fenced.len() as u64)
    }

    /// Begins finishing and notes what leases may write, each of another job, in one statement. Returns those that still
    /// count. Asking twice grants the same again. No two files of one lease have the same role and index.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process leads.
    pub async fn grant_all(
        &self,
        leadership: &Leadership,
        leases: &[(LeaseRef, &[GrantedFile])],
    ) -> Result<HashSet<JobId>, StoreError> {
        let columns = GrantColumns::of(leases);
        let rows = self
            .connection()
            .await?
            .query(
                GRANT_UPLOADS,
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                    /* epoch */ &leadership.epoch,
                    /* jobs */ &columns.jobs,
                    /* tokens */ &columns.tokens,
                    /* attempts */ &columns.attempts,
                    /* jobs of the files */ &columns.owners,
                    /* keys */ &columns.keys,
                    /* roles */ &columns.roles,
                    /* indices */ &columns.indices,
                    /* claims */ &columns.claims,
                ],
            )
            .await?;
        if rows
            .first()
            .is_none_or(|row| row.get::<_, i64>("leading") == 0)
        {
            return Err(StoreError::LeadershipLost);
        }
        let fenced = rows.iter().filter_map(|row| row.get("job_id"));
        Ok(fenced.collect())
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

/// One statement and one round trip: the epoch is held, jobs and their leases are locked in this order, and all files are
/// noted, or nothing is.
const GRANT_UPLOADS: &str = "-- grant::grant_uploads
    WITH held AS (
        SELECT 1 FROM leadership WHERE region = $1 AND pool = $2 AND epoch = $3 FOR SHARE
    ), wish AS (
        SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::int4[]) AS w (job_id, token, attempt)
    ), job AS (
        SELECT j.id FROM jobs j, held WHERE j.id = ANY ($4) AND j.state IN ('leased', 'finishing')
        ORDER BY j.id FOR UPDATE OF j
    ), fence AS (
        SELECT l.job_id, l.token, l.attempt
        FROM job j JOIN leases l ON l.job_id = j.id
        JOIN wish w ON w.job_id = l.job_id AND w.token = l.token AND w.attempt = l.attempt
        ORDER BY l.job_id FOR UPDATE OF l
    ), moved AS (
        UPDATE jobs j SET state = 'finishing' FROM fence f WHERE j.id = f.job_id AND j.state = 'leased'
        RETURNING j.id, f.attempt
    ), told AS (
        INSERT INTO job_events (job_id, state, attempt, detail) SELECT id, 'finishing', attempt, '{}' FROM moved
    ), granted AS (
        INSERT INTO upload_grants (key, job_id, token, role, index, claim)
        SELECT g.key, f.job_id, f.token, g.role, g.index, g.claim
        FROM unnest($7::uuid[], $8::text[], $9::text[], $10::int2[], $11::jsonb[]) AS g (job_id, key, role, index, claim)
        JOIN fence f ON f.job_id = g.job_id
        ON CONFLICT (job_id, token, role, index) DO UPDATE
        SET key = excluded.key, claim = excluded.claim, granted_at = now()
    )
    SELECT h.leading, f.job_id FROM (SELECT count(*) AS leading FROM held) h LEFT JOIN fence f ON true";

/// The columns of [`GRANT_UPLOADS`], one entry for each lease and one for each file.
#[derive(Default)]
struct GrantColumns<'f> {
    jobs: Vec<JobId>,
    tokens: Vec<LeaseToken>,
    attempts: Vec<i32>,
    owners: Vec<JobId>,
    keys: Vec<&'f str>,
    roles: Vec<&'static str>,
    indices: Vec<i16>,
    claims: Vec<Json<&'f FileClaim>>,
}

impl<'f> GrantColumns<'f> {
    fn of(leases: &[(LeaseRef, &'f [GrantedFile])]) -> Self {
        let mut columns = Self::default();
        for (lease, files) in leases {
            columns.jobs.push(lease.job_id);
            columns.tokens.push(lease.token);
            let attempt = i32::try_from(lease.attempt).unwrap_or(i32::MAX);
            columns.attempts.push(attempt);
            for file in *files {
                columns.owners.push(lease.job_id);
                columns.keys.push(&file.key);
                columns.roles.push(file.claim.role.as_str());
                let index = i16::try_from(file.claim.index).unwrap_or(i16::MAX);
                columns.indices.push(index);
                columns.claims.push(Json(&file.claim));
            }
        }
        columns
    }
}
