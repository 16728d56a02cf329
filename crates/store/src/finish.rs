//! From the last step to the one end state.

use deadpool_postgres::Transaction;
use easel_domain::failure::AfterFailure;
use easel_domain::job::{EndReason, JobState};
use easel_domain::message::{FileClaim, LeaseRef, StoredFile, Timings};
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict, StorageClass};
use easel_domain::spec::RenderSpec;
use easel_domain::{BootId, JobId, PictureId};

use crate::error::{StoreError, expect_one_row};
use crate::event::job_event;
use crate::leadership::{Leadership, hold};
use crate::pool::Store;
use crate::row::{corrupt, json};
use crate::settle::{End, Ended, end_job, lock_job};

/// What became of a try that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterTry {
    /// The job waits again.
    Requeued(JobId),
    /// The job has ended.
    Ended(Ended),
}

/// What a lease has been granted to write.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantedFile {
    /// Object key.
    pub key: String,
    /// What was claimed for it.
    pub claim: FileClaim,
}

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
                "-- finish::granted_files\n\
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

    /// The end transaction: pictures with verdicts, charge, state, delivery revision and hint.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost or the job has ended.
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
                    return Err(StoreError::Guard {
                        statement: "verdicts",
                        expected: job.pictures_wanted as u64,
                        actual: done.verdicts.len() as u64,
                    });
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

    /// Ends a try under its lease: the job waits again or fails, as `after` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost or the job has ended.
    pub async fn end_try(
        &self,
        leadership: &Leadership,
        lease: LeaseRef,
        after: AfterFailure,
        avoid: Option<BootId>,
        reason: EndReason,
        detail: &str,
    ) -> Result<AfterTry, StoreError> {
        self.run("end_try", |tx| {
            let (leadership, detail) = (leadership.clone(), detail.to_owned());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, lease.job_id).await?;
                check_fence(tx, &lease).await?;
                match after {
                    AfterFailure::GiveUp => {
                        let end = End {
                            state: JobState::Failed,
                            reason: Some(reason),
                            detail: &detail,
                            delivered: 0,
                        };
                        Ok(AfterTry::Ended(end_job(tx, &job, end).await?))
                    }
                    AfterFailure::Requeue { attempt, pause } => {
                        requeue(tx, &lease, job.state, attempt, pause.as_secs_f64(), avoid).await?;
                        let event =
                            serde_json::json!({ "detail": detail, "pause_s": pause.as_secs_f64() });
                        job_event(tx, lease.job_id, "queued", attempt, &event).await?;
                        Ok(AfterTry::Requeued(lease.job_id))
                    }
                }
            })
        })
        .await
    }

    /// Acts on a cancel request: the job ends as cancelled unless it is finishing or has ended, in which case completion
    /// wins and nothing is returned.
    pub async fn cancel(
        &self,
        leadership: &Leadership,
        job_id: JobId,
    ) -> Result<Option<Ended>, StoreError> {
        self.run("cancel", |tx| {
            let leadership = leadership.clone();
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, job_id).await?;
                tx.execute(
                    "-- finish::cancel\n\
                     UPDATE cancel_requests SET handled_at = now() WHERE job_id = $1 AND handled_at IS NULL",
                    &[/* job */ &job_id],
                )
                .await?;
                if !job.state.successors().contains(&JobState::Cancelled) {
                    return Ok(None);
                }
                let end = End {
                    state: JobState::Cancelled,
                    reason: Some(EndReason::CancelledByUser),
                    detail: "",
                    delivered: 0,
                };
                end_job(tx, &job, end).await.map(Some)
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

// Every transaction locks the job before its lease, so that none can wait for each other in a circle.

/// The fence: only the newest lease of a job may write. Its expiry does not matter until another one is written.
async fn check_fence(tx: &Transaction<'_>, lease: &LeaseRef) -> Result<(), StoreError> {
    let rows = tx
        .query(
            "-- finish::check_fence\n\
             SELECT 1 FROM leases WHERE job_id = $1 AND token = $2 AND attempt = $3 FOR UPDATE",
            &[
                /* job */ &lease.job_id,
                /* token */ &lease.token,
                /* attempt */ &i32::try_from(lease.attempt).unwrap_or(i32::MAX),
            ],
        )
        .await?;
    expect_one_row("check_fence", rows.len() as u64)
}

async fn set_state(
    tx: &Transaction<'_>,
    lease: &LeaseRef,
    from: JobState,
    to: JobState,
) -> Result<(), StoreError> {
    let changed = tx
        .execute(
            "-- finish::set_state\n\
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
        "-- finish::insert_grant\n\
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

async fn requeue(
    tx: &Transaction<'_>,
    lease: &LeaseRef,
    from: JobState,
    attempt: u32,
    pause_s: f64,
    avoid: Option<BootId>,
) -> Result<(), StoreError> {
    from.advance(JobState::Queued)
        .map_err(|_| StoreError::Guard {
            statement: "requeue",
            expected: 1,
            actual: 0,
        })?;
    let changed = tx
        .execute(
            "-- finish::requeue\n\
             UPDATE jobs SET state = 'queued', attempt = $3, avoid_boot = $5,
                             not_before = now() + make_interval(secs => $4)
             WHERE id = $1 AND state = $2",
            &[
                /* job */ &lease.job_id,
                /* from */ &from.as_str(),
                /* attempt */ &i32::try_from(attempt).unwrap_or(i32::MAX),
                /* pause in seconds */ &pause_s,
                /* avoid */ &avoid,
            ],
        )
        .await?;
    expect_one_row("requeue", changed)?;
    let gone = tx
        .execute(
            "-- finish::requeue_lease\nDELETE FROM leases WHERE job_id = $1 AND token = $2",
            &[/* job */ &lease.job_id, /* token */ &lease.token],
        )
        .await?;
    expect_one_row("requeue_lease", gone)
}

async fn insert_pictures(tx: &Transaction<'_>, done: &Completion) -> Result<(), StoreError> {
    let row = tx
        .query_one(
            "-- finish::job_spec\nSELECT spec, storage_class FROM jobs WHERE id = $1",
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
        "-- finish::insert_picture\n\
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
        "-- finish::insert_blob\n\
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
        "-- finish::insert_job_file\n\
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
