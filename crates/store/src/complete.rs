//! The end transaction of a job that was rendered.

use deadpool_postgres::Transaction;
use easel_domain::job::{EndReason, JobState};
use easel_domain::message::{LeaseRef, StoredFile, Timings};
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict, StorageClass};
use easel_domain::spec::RenderSpec;
use easel_domain::{JobId, PictureId};

use crate::error::StoreError;
use crate::finish::check_fence;
use crate::leadership::{Leadership, hold};
use crate::pool::Store;
use crate::row::{corrupt, json};
use crate::settle::{End, Ended, end_job, lock_job};

/// A finished job, checked against its grants.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The lease that it was rendered under.
    pub lease: LeaseRef,
    /// A key for each picture, drawn by the caller.
    pub picture_ids: Vec<PictureId>,
    /// Stored files.
    pub files: Vec<StoredFile>,
    /// One for each picture.
    pub verdicts: Vec<PictureVerdict>,
    /// How long it took.
    pub timings: Timings,
}

impl Store {
    /// The end transaction: pictures with verdicts, charge, state, delivery revision and hint.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost or the job has ended, [`StoreError::Corrupt`] when there is not one
    /// verdict for each picture.
    pub async fn complete(
        &self,
        leadership: &Leadership,
        done: &Completion,
    ) -> Result<Ended, StoreError> {
        self.run("complete", |tx| {
            let (leadership, done) = (leadership.clone(), done.clone());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, done.lease.job_id).await?;
                check_fence(tx, &done.lease).await?;
                if done.verdicts.len() != job.pictures_wanted {
                    return Err(corrupt(
                        "number of verdicts",
                        &done.verdicts.len().to_string(),
                    ));
                }
                let shown = done.verdicts.iter().filter(|v| is_shown(v)).count();
                let end = if shown == 0 {
                    End {
                        state: JobState::Rejected,
                        reason: Some(EndReason::PicturesBlocked),
                        detail: "",
                        delivered: 0,
                    }
                } else {
                    insert_pictures(tx, &done).await?;
                    End {
                        state: JobState::Completed,
                        reason: None,
                        detail: "",
                        delivered: shown,
                    }
                };
                end_job(tx, &job, end).await
            })
        })
        .await
    }
}

/// A picture that waits for a moderator is as invisible as a blocked one.
fn is_shown(verdict: &PictureVerdict) -> bool {
    matches!(
        verdict.outcome,
        PictureOutcome::Pass | PictureOutcome::Spoiler
    )
}

async fn insert_pictures(tx: &Transaction<'_>, done: &Completion) -> Result<(), StoreError> {
    let row = tx
        .query_one(
            "-- complete::job_spec\nSELECT spec, storage_class FROM jobs WHERE id = $1",
            &[/* job */ &done.lease.job_id],
        )
        .await?;
    let spec: RenderSpec = json(&row, "spec")?;
    let class: String = row.get("storage_class");
    StorageClass::from_name(&class).ok_or_else(|| corrupt("storage class", &class))?;
    for (index, (id, verdict)) in done.picture_ids.iter().zip(&done.verdicts).enumerate() {
        let plan = spec
            .noise_plan(index)
            .ok_or_else(|| corrupt("picture index", &index.to_string()))?;
        insert_picture(
            tx,
            done.lease.job_id,
            *id,
            index,
            i64::from(plan.own_seed()),
            verdict,
        )
        .await?;
    }
    for file in &done.files {
        let shown = done
            .verdicts
            .get(file.claim.index as usize)
            .is_some_and(is_shown);
        if shown || file.claim.role == FileRole::Grid {
            insert_file(tx, done.lease.job_id, &class, file).await?;
        }
    }
    Ok(())
}

async fn insert_picture(
    tx: &Transaction<'_>,
    job_id: JobId,
    id: PictureId,
    index: usize,
    seed: i64,
    verdict: &PictureVerdict,
) -> Result<(), StoreError> {
    let outcome = serde_json::to_value(verdict.outcome)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned));
    let verdict =
        serde_json::to_value(verdict).map_err(|error| corrupt("verdict", &error.to_string()))?;
    tx.execute(
        "-- complete::insert_picture\n\
         INSERT INTO pictures (id, job_id, index, seed, outcome, verdict) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            /* id */ &id,
            /* job */ &job_id,
            /* index */ &i16::try_from(index).unwrap_or(i16::MAX),
            /* seed */ &seed,
            /* outcome */ &outcome,
            /* verdict */ &verdict,
        ],
    )
    .await?;
    Ok(())
}

async fn insert_file(
    tx: &Transaction<'_>,
    job_id: JobId,
    class: &str,
    file: &StoredFile,
) -> Result<(), StoreError> {
    let claim = &file.claim;
    tx.execute(
        "-- complete::insert_blob\n\
         INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO NOTHING",
        &[
            /* key */ &file.key,
            /* class */ &class,
            /* sha256 */ &claim.sha256,
            /* size */ &i64::try_from(claim.size_bytes).unwrap_or(i64::MAX),
            /* type */ &claim.content_type,
            /* width */ &i32::try_from(claim.width).unwrap_or(i32::MAX),
            /* height */ &i32::try_from(claim.height).unwrap_or(i32::MAX),
        ],
    )
    .await?;
    tx.execute(
        "-- complete::insert_job_file\n\
         INSERT INTO job_files (job_id, role, index, blob_key) VALUES ($1, $2, $3, $4)",
        &[
            /* job */ &job_id,
            /* role */ &claim.role.as_str(),
            /* index */ &i16::try_from(claim.index).unwrap_or(i16::MAX),
            /* blob */ &file.key,
        ],
    )
    .await?;
    Ok(())
}
