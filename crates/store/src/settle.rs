//! What every end of a job has in common: the state, the one settlement, the message that must show it.

use deadpool_postgres::Transaction;
use easel_domain::job::{EndReason, JobState};
use easel_domain::ledger::{Credits, settle};
use easel_domain::message::DeliveryHint;
use easel_domain::{JobId, UserId};

use crate::error::{StoreError, expect_one_row};
use crate::event::job_event;
use crate::outbox::enqueue;
use crate::row::corrupt;

/// What a caller does after a commit that ended a job: send the hint now, instead of waiting for the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The job.
    pub job_id: JobId,
    /// Where it ended.
    pub state: JobState,
    /// The shard whose process shows it.
    pub shard: u32,
    /// The outbox row of the hint.
    pub outbox_id: i64,
}

/// A job row that is locked for the length of a transaction.
#[derive(Debug, Clone)]
pub(crate) struct LockedJob {
    pub job_id: JobId,
    pub user_id: UserId,
    pub state: JobState,
    pub attempt: u32,
    pub quote: Credits,
    pub pictures_wanted: usize,
}

/// How a job ends.
#[derive(Debug, Clone)]
pub(crate) struct End<'a> {
    pub state: JobState,
    pub reason: Option<EndReason>,
    pub detail: &'a str,
    pub delivered: usize,
}

pub(crate) async fn lock_job(tx: &Transaction<'_>, job_id: JobId) -> Result<LockedJob, StoreError> {
    let row = tx
        .query_opt(
            "-- settle::lock_job\n\
             SELECT user_id, state, attempt, quote,
                    CASE spec ->> 'kind' WHEN 'generate' THEN jsonb_array_length(spec -> 'pictures')
                                         WHEN 'repaint' THEN jsonb_array_length(spec -> 'generate' -> 'pictures')
                                         ELSE 1 END AS wanted
             FROM jobs WHERE id = $1 FOR UPDATE",
            &[/* job */ &job_id],
        )
        .await?
        .ok_or(StoreError::Guard { statement: "lock_job", expected: 1, actual: 0 })?;
    let state: String = row.get("state");
    Ok(LockedJob {
        job_id,
        user_id: row.get("user_id"),
        state: JobState::from_name(&state).ok_or_else(|| corrupt("job state", &state))?,
        attempt: u32::try_from(row.get::<_, i32>("attempt")).unwrap_or(1),
        quote: Credits(row.get("quote")),
        pictures_wanted: usize::try_from(row.get::<_, i32>("wanted")).unwrap_or(1),
    })
}

/// Ends a locked job: state, settlement, lease, event, delivery revision and hint, all in this transaction.
///
/// # Errors
///
/// [`StoreError::Guard`] when the table of transitions does not allow it.
pub(crate) async fn end_job(
    tx: &Transaction<'_>,
    job: &LockedJob,
    end: End<'_>,
) -> Result<Ended, StoreError> {
    job.state
        .advance(end.state)
        .map_err(|_| StoreError::Guard {
            statement: "end_job",
            expected: 1,
            actual: 0,
        })?;
    let changed = tx
        .execute(
            "-- settle::end_job\n\
             UPDATE jobs SET state = $2, ended_at = now(), end_reason = $3, end_detail = nullif($4, '')
             WHERE id = $1 AND state = $5",
            &[
                /* job */ &job.job_id,
                /* state */ &end.state.as_str(),
                /* reason */ &end.reason.map(EndReason::as_str),
                /* detail */ &end.detail,
                /* from */ &job.state.as_str(),
            ],
        )
        .await?;
    expect_one_row("end_job", changed)?;
    tx.execute(
        "-- settle::end_job_lease\nDELETE FROM leases WHERE job_id = $1",
        &[/* job */ &job.job_id],
    )
    .await?;
    settle_account(tx, job, end.delivered).await?;
    let detail = serde_json::json!({ "reason": end.reason, "detail": end.detail });
    job_event(tx, job.job_id, end.state.as_str(), job.attempt, &detail).await?;
    let (shard, outbox_id) = show_again(tx, job.job_id).await?;
    Ok(Ended {
        job_id: job.job_id,
        state: end.state,
        shard,
        outbox_id,
    })
}

async fn settle_account(
    tx: &Transaction<'_>,
    job: &LockedJob,
    delivered: usize,
) -> Result<(), StoreError> {
    let settlement = settle(job.quote, job.pictures_wanted, delivered);
    let back = job.quote.0 - settlement.charged.0;
    let changed = tx
        .execute(
            "-- settle::settle_account\n\
             INSERT INTO ledger (user_id, job_id, kind, settles, amount) VALUES ($1, $2, $3, true, $4)",
            &[
                /* user */ &job.user_id,
                /* job */ &job.job_id,
                /* kind */ &settlement.kind.as_str(),
                /* given back */ &back,
            ],
        )
        .await?;
    expect_one_row("settle_account", changed)?;
    if back != 0 {
        tx.execute(
            "-- settle::settle_account_balance\nUPDATE accounts SET balance = balance + $2 WHERE user_id = $1",
            &[/* user */ &job.user_id, /* given back */ &back],
        )
        .await?;
    }
    Ok(())
}

/// Asks the job's message to show a newer state. Returns its shard and the outbox row of the hint.
pub(crate) async fn show_again(
    tx: &Transaction<'_>,
    job_id: JobId,
) -> Result<(u32, i64), StoreError> {
    let row = tx
        .query_one(
            "-- settle::show_again\n\
             UPDATE deliveries SET desired_rev = desired_rev + 1, failures = 0, next_try_at = '-infinity'
             WHERE job_id = $1 RETURNING shard",
            &[/* job */ &job_id],
        )
        .await?;
    let shard: i32 = row.get(0);
    let outbox_id = enqueue(tx, &format!("shard.{shard}"), &DeliveryHint { job_id }).await?;
    Ok((u32::try_from(shard).unwrap_or(0), outbox_id))
}
