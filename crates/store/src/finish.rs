//! Ends of a try and of a job that did not end with its pictures.

use std::collections::HashSet;

use easel_domain::failure::{AfterFailure, MAX_NODE_DEATHS};
use easel_domain::job::{EndReason, JobState};
use easel_domain::message::LeaseRef;
use easel_domain::{BootId, JobId, LeaseToken};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::event::job_event;
use crate::leadership::{Leadership, hold};
use crate::lower::Lowered;
use crate::pool::Store;
use crate::settle::{End, Ended, LockedJob, end_job, lock_job};

/// What became of a try that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterTry {
    /// The job waits again.
    Requeued(JobId),
    /// The job waits again and is drawn smaller, which its message must tell.
    Lowered(Lowered),
    /// The job has ended.
    Ended(Ended),
}

impl Store {
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
                as_decided(tx, &job, &lease, after, avoid, reason, &detail).await
            })
        })
        .await
    }

    /// Ends a try whose node died, or whose engine stopped: the job waits again and uses up no attempt, unless it has
    /// brought down [`MAX_NODE_DEATHS`] node starts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost or the job has ended.
    pub async fn end_try_by_death(
        &self,
        leadership: &Leadership,
        lease: LeaseRef,
        dead: BootId,
        detail: &str,
    ) -> Result<AfterTry, StoreError> {
        self.run("end_try_by_death", |tx| {
            let (leadership, detail) = (leadership.clone(), detail.to_owned());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, lease.job_id).await?;
                check_fence(tx, &lease).await?;
                if count_death(tx, lease.job_id).await? >= MAX_NODE_DEATHS {
                    let end = End {
                        state: JobState::Failed,
                        reason: Some(EndReason::NodesDied),
                        detail: &detail,
                        delivered: 0,
                    };
                    return Ok(AfterTry::Ended(end_job(tx, &job, end).await?));
                }
                let again = Again {
                    attempt: lease.attempt,
                    pause_s: 0.0,
                    avoid: Some(dead),
                    event: told(&detail, 0.0),
                };
                wait_again(tx, &lease, job.state, again).await
            })
        })
        .await
    }

    /// Ends a job that waits, because it cannot be rendered any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when it does not wait.
    pub async fn give_up_waiting(
        &self,
        leadership: &Leadership,
        job_id: JobId,
        reason: EndReason,
        detail: &str,
    ) -> Result<Ended, StoreError> {
        self.run("give_up_waiting", |tx| {
            let (leadership, detail) = (leadership.clone(), detail.to_owned());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, job_id).await?;
                if job.state != JobState::Queued {
                    return Err(StoreError::Guard {
                        statement: "give_up_waiting",
                        expected: 1,
                        actual: 0,
                    });
                }
                let end = End {
                    state: JobState::Failed,
                    reason: Some(reason),
                    detail: &detail,
                    delivered: 0,
                };
                end_job(tx, &job, end).await
            })
        })
        .await
    }

    /// Drops a job that has waited too long under load.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when it does not wait.
    pub async fn shed(&self, leadership: &Leadership, job_id: JobId) -> Result<Ended, StoreError> {
        self.run("shed", |tx| {
            let leadership = leadership.clone();
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, job_id).await?;
                let end = End {
                    state: JobState::Shed,
                    reason: Some(EndReason::Overload),
                    detail: "",
                    delivered: 0,
                };
                end_job(tx, &job, end).await
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
                end_job(tx, &job, cancelled()).await.map(Some)
            })
        })
        .await
    }
}

/// How a job waits again.
pub(crate) struct Again {
    pub(crate) attempt: u32,
    pub(crate) pause_s: f64,
    pub(crate) avoid: Option<BootId>,
    /// What its history says of it.
    pub(crate) event: serde_json::Value,
}

fn told(detail: &str, pause_s: f64) -> serde_json::Value {
    serde_json::json!({ "detail": detail, "pause_s": pause_s })
}

/// Ends a try of a locked job whose lease is checked: the job waits again or fails.
pub(crate) async fn as_decided(
    tx: &Transaction<'_>,
    job: &LockedJob,
    lease: &LeaseRef,
    after: AfterFailure,
    avoid: Option<BootId>,
    reason: EndReason,
    detail: &str,
) -> Result<AfterTry, StoreError> {
    match after {
        AfterFailure::GiveUp => {
            let end = End {
                state: JobState::Failed,
                reason: Some(reason),
                detail,
                delivered: 0,
            };
            Ok(AfterTry::Ended(end_job(tx, job, end).await?))
        }
        AfterFailure::Requeue { attempt, pause } => {
            let pause_s = pause.as_secs_f64();
            let again = Again {
                attempt,
                pause_s,
                avoid,
                event: told(detail, pause_s),
            };
            wait_again(tx, lease, job.state, again).await
        }
    }
}

/// Gives the lease up: the job waits, or ends where somebody has asked to cancel it meanwhile.
pub(crate) async fn wait_again(
    tx: &Transaction<'_>,
    lease: &LeaseRef,
    from: JobState,
    again: Again,
) -> Result<AfterTry, StoreError> {
    requeue(tx, lease, from, &again).await?;
    // Completion would have won against the cancel; a try that must be repeated does not.
    if wants_cancel(tx, lease.job_id).await? {
        let job = lock_job(tx, lease.job_id).await?;
        return Ok(AfterTry::Ended(end_job(tx, &job, cancelled()).await?));
    }
    job_event(tx, lease.job_id, "queued", again.attempt, &again.event).await?;
    Ok(AfterTry::Requeued(lease.job_id))
}

async fn count_death(tx: &Transaction<'_>, job_id: JobId) -> Result<u32, StoreError> {
    let row = tx
        .query_one(
            "-- finish::count_death\n\
             UPDATE jobs SET deaths = deaths + 1 WHERE id = $1 RETURNING deaths",
            &[/* job */ &job_id],
        )
        .await?;
    Ok(u32::try_from(row.get::<_, i32>(0)).unwrap_or(u32::MAX))
}

fn cancelled() -> End<'static> {
    End {
        state: JobState::Cancelled,
        reason: Some(EndReason::CancelledByUser),
        detail: "",
        delivered: 0,
    }
}

async fn wants_cancel(tx: &Transaction<'_>, job_id: JobId) -> Result<bool, StoreError> {
    let row = tx
        .query_one(
            "-- finish::wants_cancel\n\
             SELECT EXISTS (SELECT 1 FROM cancel_requests WHERE job_id = $1)",
            &[/* job */ &job_id],
        )
        .await?;
    Ok(row.get(0))
}

// Every transaction locks the job before its lease, so that none can wait for each other in a circle.

/// The fence: only the newest lease of a job may write. Its expiry does not matter until another one is written.
pub(crate) async fn check_fence(tx: &Transaction<'_>, lease: &LeaseRef) -> Result<(), StoreError> {
    let held = check_fences(tx, std::slice::from_ref(lease)).await?;
    expect_one_row("check_fence", held.len() as u64)
}

/// Those of `leases` that are the newest ones of their jobs, locked in the order of the jobs' ids.
pub(crate) async fn check_fences(
    tx: &Transaction<'_>,
    leases: &[LeaseRef],
) -> Result<HashSet<(JobId, LeaseToken)>, StoreError> {
    let fences = Fences::of(leases);
    let rows = tx.query(CHECK_FENCES, &fences.values()).await?;
    Ok(fenced(&rows))
}

/// The statement of [`check_fences`], for those who send it together with others.
pub(crate) const CHECK_FENCES: &str = "-- finish::check_fences\n\
     SELECT l.job_id, l.token FROM leases l
     JOIN unnest($1::uuid[], $2::uuid[], $3::int4[]) AS w (job_id, token, attempt)
     ON l.job_id = w.job_id AND l.token = w.token AND l.attempt = w.attempt
     ORDER BY l.job_id FOR UPDATE OF l";

/// The columns of [`CHECK_FENCES`], one entry for each lease.
pub(crate) struct Fences {
    jobs: Vec<JobId>,
    tokens: Vec<LeaseToken>,
    attempts: Vec<i32>,
}

impl Fences {
    pub(crate) fn of(leases: &[LeaseRef]) -> Self {
        let attempt = |lease: &LeaseRef| i32::try_from(lease.attempt).unwrap_or(i32::MAX);
        Self {
            jobs: leases.iter().map(|lease| lease.job_id).collect(),
            tokens: leases.iter().map(|lease| lease.token).collect(),
            attempts: leases.iter().map(attempt).collect(),
        }
    }

    pub(crate) fn values(&self) -> [&(dyn ToSql + Sync); 3] {
        [
            /* jobs */ &self.jobs,
            /* tokens */ &self.tokens,
            /* attempts */ &self.attempts,
        ]
    }
}

/// What [`CHECK_FENCES`] found.
pub(crate) fn fenced(rows: &[Row]) -> HashSet<(JobId, LeaseToken)> {
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn requeue(
    tx: &Transaction<'_>,
    lease: &LeaseRef,
    from: JobState,
    again: &Again,
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
                /* attempt */ &i32::try_from(again.attempt).unwrap_or(i32::MAX),
                /* pause in seconds */ &again.pause_s,
                /* avoid */ &again.avoid,
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
