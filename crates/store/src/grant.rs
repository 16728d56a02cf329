//! What a lease may write to the object store.

use std::collections::HashMap;

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

/// Whether a lease may store its files now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayStore {
    /// It may.
    Now,
    /// An object with one of the keys is being deleted: ask again. Nothing was noted.
    OnceDeleted,
}

/// What stands of a lease's files.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseFiles {
    /// What it was granted.
    pub granted: Vec<GrantedFile>,
    /// Whether one of the objects is being deleted: then what the object store says of it is good for nothing. If none is,
    /// none will be, as long as the job has not ended.
    pub being_deleted: bool,
}

impl Store {
    /// Begins finishing and notes what a lease may write; see [`Store::grant_all`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost, [`StoreError::Contention`] while one of the objects is being deleted.
    pub async fn grant_uploads(
        &self,
        leadership: &Leadership,
        lease: LeaseRef,
        files: &[GrantedFile],
    ) -> Result<(), StoreError> {
        let fenced = self.grant_all(leadership, &[(lease, files)]).await?;
        match fenced.get(&lease.job_id) {
            Some(MayStore::Now) => Ok(()),
            Some(MayStore::OnceDeleted) => Err(StoreError::Contention {
                name: "grant_uploads",
                attempts: 1,
            }),
            None => expect_one_row("grant_uploads", 0),
        }
    }

    /// Begins finishing and notes what leases may write, each of another job, in one statement. Answers those that still
    /// count. Asking twice grants the same again. No two files of one lease have the same role and index.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process leads.
    pub async fn grant_all(
        &self,
        leadership: &Leadership,
        leases: &[(LeaseRef, &[GrantedFile])],
    ) -> Result<HashMap<JobId, MayStore>, StoreError> {
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
        let fenced = rows.iter().filter_map(|row| {
            let may = if row.get::<_, Option<bool>>("going") == Some(true) {
                MayStore::OnceDeleted
            } else {
                MayStore::Now
            };
            Some((row.get::<_, Option<JobId>>("job_id")?, may))
        });
        Ok(fenced.collect())
    }

    /// The files that a lease has been granted. Whoever marks one of them for deletion at the moment is waited for.
    pub async fn lease_files(&self, lease: LeaseRef) -> Result<LeaseFiles, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- grant::lease_files\n\
                 WITH granted AS MATERIALIZED (
                     SELECT key, claim, role, index FROM upload_grants WHERE job_id = $1 AND token = $2
                 ), noticed AS MATERIALIZED (
                     SELECT key, collected_at FROM garbage WHERE key = ANY (ARRAY(SELECT key FROM granted)) FOR SHARE
                 )
                 SELECT g.key, g.claim, n.collected_at IS NOT NULL AS going FROM granted g LEFT JOIN noticed n USING (key)
                 ORDER BY g.role, g.index",
                &[/* job */ &lease.job_id, /* token */ &lease.token],
            )
            .await?;
        let granted = rows.iter().map(|row| {
            Ok(GrantedFile {
                key: row.get("key"),
                claim: json(row, "claim")?,
            })
        });
        Ok(LeaseFiles {
            granted: granted.collect::<Result<_, StoreError>>()?,
            being_deleted: rows.iter().any(|row| row.get("going")),
        })
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
/// noted, or nothing is. Files of a lease are not noted while an object with one of their keys is being deleted: the node
/// would be told that it is there already.
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
    ), going AS (
        SELECT DISTINCT g.job_id FROM unnest($7::uuid[], $8::text[]) AS g (job_id, key)
        WHERE g.key = ANY (ARRAY(SELECT key FROM garbage WHERE key = ANY ($8) AND collected_at IS NOT NULL))
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
        WHERE f.job_id NOT IN (SELECT job_id FROM going)
        ON CONFLICT (job_id, token, role, index) DO UPDATE
        SET key = excluded.key, claim = excluded.claim, granted_at = now()
    )
    SELECT h.leading, f.job_id, f.job_id IN (SELECT job_id FROM going) AS going
    FROM (SELECT count(*) AS leading FROM held) h LEFT JOIN fence f ON true";

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
