//! Objects that nothing refers to any more: found, looked at again, and let go of.
//!
//! An object is deleted in three steps, so that a process that dies between two of them leaves nothing wrong. Its row in
//! `garbage` is marked while nothing refers to it and nobody may be about to store it; the object is deleted; the row is.
//!
//! Who stores equal bytes is told by the object store that they are there already, and that is not to be believed while the
//! mark stands. So nobody is granted such a key until the row is gone; and before the store is asked what arrived, the row
//! is looked at under a lock. Once a lease has been granted a key that was not marked then, it is not marked before the job
//! has ended: who marks locks the row first, and looks at the grants after that.

use std::time::Duration;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::leadership::{Leadership, hold};
use crate::pool::Store;

/// What the collector has before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GarbageState {
    /// Objects that were noticed and are looked at some time after that.
    pub waiting: u64,
    /// Objects that are marked and not yet known to be deleted.
    pub marked: u64,
    /// Since the oldest of these was marked; zero if there is none.
    pub oldest: Duration,
}

impl Store {
    /// What the collector has before it, whichever process collects.
    pub async fn garbage_state(&self) -> Result<GarbageState, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- garbage::garbage_state\n\
                 SELECT count(*) FILTER (WHERE collected_at IS NULL), count(collected_at),
                        coalesce(extract(epoch FROM now() - min(collected_at)), 0)::float8
                 FROM garbage",
                &[],
            )
            .await?;
        Ok(GarbageState {
            waiting: row.get::<_, i64>(0).unsigned_abs(),
            marked: row.get::<_, i64>(1).unsigned_abs(),
            oldest: Duration::try_from_secs_f64(row.get(2)).unwrap_or_default(),
        })
    }

    /// Settles what leases were granted whose jobs ended at least `age` ago, at most `limit` files of them, oldest jobs
    /// first: the grants go, and what no result refers to is noticed as garbage. Returns how many grants went.
    pub async fn settle_grants(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- garbage::settle_grants\n\
                 WITH old AS (
                     SELECT g.job_id, g.token, g.role, g.index FROM upload_grants g JOIN jobs j ON j.id = g.job_id
                     WHERE j.ended_at < now() - make_interval(secs => $1)
                     ORDER BY g.job_id LIMIT $2
                 ), gone AS (
                     DELETE FROM upload_grants g USING old o
                     WHERE g.job_id = o.job_id AND g.token = o.token AND g.role = o.role AND g.index = o.index
                     RETURNING g.key
                 ), noticed AS (
                     INSERT INTO garbage (key)
                     SELECT DISTINCT key FROM gone
                     WHERE NOT EXISTS (SELECT 1 FROM job_files f WHERE f.blob_key = gone.key)
                     ORDER BY key ON CONFLICT (key) DO NOTHING
                 )
                 SELECT count(*) FROM gone",
                &[
                    /* age in seconds */ &age.as_secs_f64(),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    /// Marks what was noticed at least `age` ago and is still garbage, at most `limit` objects, and returns their keys:
    /// those may be deleted now. What a result refers to, or a member has given, again is forgotten; what a lease may yet
    /// store or read is looked at later. What was marked and is still there, because the store refused or the collector died, comes again after another
    /// `age`, behind what waits.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process leads the lane.
    pub async fn collect_garbage(
        &self,
        leadership: &Leadership,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.run("collect_garbage", |tx| {
            let leadership = leadership.clone();
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let keys = due(tx, age, limit).await?;
                mark(tx, &keys, age).await
            })
        })
        .await
    }

    /// Forgets objects that were deleted.
    pub async fn garbage_gone(&self, keys: &[String]) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- garbage::garbage_gone\n\
                 DELETE FROM garbage WHERE key IN (
                     SELECT key FROM garbage WHERE key = ANY ($1) AND collected_at IS NOT NULL ORDER BY key FOR UPDATE)",
                &[/* keys */ &keys],
            )
            .await?;
        Ok(())
    }
}

/// Locks what is due. Other leaders look at other rows.
async fn due(tx: &Transaction<'_>, age: Duration, limit: u32) -> Result<Vec<String>, StoreError> {
    let rows = tx
        .query(
            "-- garbage::due\n\
             SELECT key FROM garbage WHERE noticed_at < now() - make_interval(secs => $1)
             ORDER BY noticed_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            &[
                /* age in seconds */ &age.as_secs_f64(),
                /* limit */ &i64::from(limit),
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Under the locks of the rows, in a statement of its own: what was committed while they were waited for counts.
async fn mark(
    tx: &Transaction<'_>,
    keys: &[String],
    age: Duration,
) -> Result<Vec<String>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx
        .query(
            "-- garbage::mark\n\
             WITH read AS MATERIALIZED (
                 SELECT DISTINCT key #>> '{}' AS key
                 FROM jobs j, jsonb_path_query(j.spec, '$.**.key') AS key WHERE j.ended_at IS NULL
             ), asked AS (
                 SELECT k.key,
                        EXISTS (SELECT 1 FROM job_files f WHERE f.blob_key = k.key)
                        OR EXISTS (SELECT 1 FROM inputs i WHERE i.key = k.key) AS shown,
                        EXISTS (SELECT 1 FROM upload_grants g JOIN jobs j ON j.id = g.job_id
                                WHERE g.key = k.key AND (j.ended_at IS NULL OR
                                    g.granted_at > now() - make_interval(secs => $2)))
                        OR EXISTS (SELECT 1 FROM read r WHERE r.key = k.key) AS wanted
                 FROM unnest($1::text[]) AS k (key)
             ), back AS (
                 DELETE FROM garbage g USING asked a WHERE g.key = a.key AND a.shown
             ), later AS (
                 UPDATE garbage g SET noticed_at = now() FROM asked a
                 WHERE g.key = a.key AND a.wanted AND NOT a.shown AND g.collected_at IS NULL
             ), unlisted AS (
                 DELETE FROM blobs b USING asked a WHERE b.key = a.key AND NOT a.shown AND NOT a.wanted
             )
             UPDATE garbage g SET collected_at = coalesce(g.collected_at, now()), noticed_at = now() FROM asked a
             WHERE g.key = a.key AND NOT a.shown AND (g.collected_at IS NOT NULL OR NOT a.wanted)
             RETURNING g.key",
            &[
                /* keys */ &keys,
                /* age in seconds */ &age.as_secs_f64(),
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Which objects among `keys` were noticed as garbage, and whether they are being deleted: a result must not refer to
/// those. The rows are locked, so that a collector looks after the commit. Sent together with other statements.
pub(crate) const BEING_COLLECTED: &str = "-- garbage::being_collected\n\
     SELECT key, collected_at IS NOT NULL FROM garbage WHERE key = ANY ($1) ORDER BY key FOR SHARE";
