//! Pictures that members gave: kept as long as jobs begin from them, and some time longer.
//!
//! Each use counts as giving it once more. What nobody has used for long becomes garbage, and is deleted as that is.

use std::time::Duration;

use easel_domain::picture::StorageClass;
use easel_domain::spec::{InputPicture, RenderSpec};
use time::OffsetDateTime;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;

impl Store {
    /// Notes an object before it is written. Safe to repeat: the same picture is one object, given once more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Contention`] while the object is being deleted: what the object store says of it is good for nothing.
    pub async fn note_input(
        &self,
        picture: &InputPicture,
        size_bytes: u64,
        content_type: &str,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let pixels = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        let noted = self
            .connection()
            .await?
            .execute(
                "-- input::note_input\n\
                 WITH noticed AS MATERIALIZED (
                     SELECT collected_at FROM garbage WHERE key = $1 FOR SHARE
                 )
                 INSERT INTO inputs (key, sha256, size_bytes, content_type, width, height, given_at)
                 SELECT $1, $2, $3, $4, $5, $6, $7
                 WHERE NOT EXISTS (SELECT 1 FROM noticed WHERE collected_at IS NOT NULL)
                 ON CONFLICT (key) DO UPDATE SET given_at = greatest(inputs.given_at, excluded.given_at)",
                &[
                    /* key */ &picture.key,
                    /* digest */ &picture.sha256,
                    /* size */ &i64::try_from(size_bytes).unwrap_or(i64::MAX),
                    /* type */ &content_type,
                    /* width */ &pixels(picture.width),
                    /* height */ &pixels(picture.height),
                    /* now */ &now,
                ],
            )
            .await?;
        if noted == 1 {
            return Ok(());
        }
        let (name, attempts) = ("note_input", 1);
        Err(StoreError::Contention { name, attempts })
    }

    /// Lets go of pictures that nobody has given or begun from for `age`, at most `limit`: they are garbage from now on.
    /// What an unfinished job reads stays. Returns how many went.
    pub async fn settle_inputs(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- input::settle_inputs\n\
                 WITH old AS (
                     SELECT key FROM inputs WHERE given_at < now() - make_interval(secs => $1)
                     AND key <> ALL (ARRAY(
                         SELECT key #>> '{}' FROM jobs j, jsonb_path_query(j.spec, '$.**.key') AS key
                         WHERE j.ended_at IS NULL))
                     ORDER BY given_at LIMIT $2 FOR UPDATE SKIP LOCKED
                 ), gone AS (
                     DELETE FROM inputs i USING old o WHERE i.key = o.key RETURNING i.key
                 ), noticed AS (
                     INSERT INTO garbage (key) SELECT key FROM gone ORDER BY key ON CONFLICT (key) DO NOTHING
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
}

/// Whether everything that a job reads is there, and stays there until the job has ended: with the transaction, it has been
/// used just now, or it is seen by whoever would mark it.
pub(crate) async fn hold_inputs(
    tx: &Transaction<'_>,
    spec: &RenderSpec,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let keys: Vec<&str> = spec.inputs().iter().map(|input| &*input.key).collect();
    if keys.is_empty() {
        return Ok(true);
    }
    let given = format!("{}/%", StorageClass::Input.as_str());
    let row = tx
        .query_one(
            "-- input::hold_inputs\n\
             WITH held AS MATERIALIZED (
                 SELECT key FROM inputs WHERE key = ANY ($1) ORDER BY key FOR UPDATE
             ), used AS (
                 UPDATE inputs i SET given_at = greatest(i.given_at, $2) FROM held h WHERE i.key = h.key
             ), noticed AS MATERIALIZED (
                 SELECT key, collected_at FROM garbage WHERE key = ANY ($1) ORDER BY key FOR SHARE
             )
             SELECT NOT EXISTS (
                 SELECT 1 FROM unnest($1::text[]) AS wanted (key)
                 WHERE EXISTS (SELECT 1 FROM noticed n WHERE n.key = wanted.key AND n.collected_at IS NOT NULL)
                 OR NOT CASE WHEN wanted.key LIKE $3 THEN wanted.key IN (SELECT key FROM held)
                             ELSE EXISTS (SELECT 1 FROM blobs b WHERE b.key = wanted.key) END)",
            &[
                /* keys */ &keys,
                /* now */ &now,
                /* members' pictures */ &given,
            ],
        )
        .await?;
    Ok(row.get(0))
}
