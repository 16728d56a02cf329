//! What every end of a job has in common: the state, the one settlement, the message that must show it.

use std::collections::HashMap;

use easel_domain::JobId;
use easel_domain::job::{EndReason, JobState};
use easel_domain::ledger::{Credits, settle};
use easel_domain::message::DeliveryHint;
use easel_domain::spec::Question;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::outbox::body;
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
    pub state: JobState,
    pub attempt: u32,
    /// Credits reserved.
    pub quote: Credits,
    /// Credits that it costs at most: never more than was reserved.
    pub price: Credits,
    /// A question counts as one.
    pub pictures_wanted: usize,
    /// What is asked, where it results in an answer and no picture.
    pub question: Option<Question>,
    /// As it is stored: a job can end although nothing can read it.
    pub spec: serde_json::Value,
    /// Where its files lie, as it is stored.
    pub storage_class: String,
}

/// How a job ends.
#[derive(Debug, Clone)]
pub(crate) struct End<'a> {
    pub state: JobState,
    pub reason: Option<EndReason>,
    pub detail: &'a str,
    pub delivered: usize,
}

/// Locks one job; see [`lock_jobs`].
///
/// # Errors
///
/// [`StoreError::Guard`] when there is none.
pub(crate) async fn lock_job(tx: &Transaction<'_>, job_id: JobId) -> Result<LockedJob, StoreError> {
    let mut found = lock_jobs(tx, &[job_id]).await?;
    found.remove(&job_id).ok_or(StoreError::Guard {
        statement: "lock_job",
        expected: 1,
        actual: 0,
    })
}

/// Locks jobs, in the order of their ids, for the length of the transaction. Ids of no job are left out.
pub(crate) async fn lock_jobs(
    tx: &Transaction<'_>,
    job_ids: &[JobId],
) -> Result<HashMap<JobId, LockedJob>, StoreError> {
    let rows = tx.query(LOCK_JOBS, &[/* jobs */ &job_ids]).await?;
    locked(&rows)
}

/// The statement of [`lock_jobs`], for those who send it together with others.
pub(crate) const LOCK_JOBS: &str = "-- settle::lock_jobs\n\
     SELECT id, state, attempt, quote, coalesce(price, quote) AS price, spec, storage_class,
            CASE spec ->> 'kind' WHEN 'generate' THEN jsonb_array_length(spec -> 'pictures')
                                 WHEN 'repaint' THEN jsonb_array_length(spec -> 'generate' -> 'pictures')
                                 ELSE 1 END AS wanted,
            spec ->> 'kind' AS kind
     FROM jobs WHERE id = ANY ($1) ORDER BY id FOR UPDATE";

/// What [`LOCK_JOBS`] found.
pub(crate) fn locked(rows: &[Row]) -> Result<HashMap<JobId, LockedJob>, StoreError> {
    let read = |row: &Row| {
        let (job_id, state): (JobId, String) = (row.get("id"), row.get("state"));
        let job = LockedJob {
            job_id,
            state: JobState::from_name(&state).ok_or_else(|| corrupt("job state", &state))?,
            attempt: u32::try_from(row.get::<_, i32>("attempt")).unwrap_or(1),
            quote: Credits(row.get("quote")),
            price: Credits(row.get("price")),
            pictures_wanted: usize::try_from(row.get::<_, i32>("wanted")).unwrap_or(1),
            question: row
                .get::<_, Option<&str>>("kind")
                .and_then(Question::of_kind),
            spec: row.get("spec"),
            storage_class: row.get("storage_class"),
        };
        Ok((job_id, job))
    };
    rows.iter().map(read).collect()
}

/// Ends a locked job; see [`end_jobs`].
///
/// # Errors
///
/// [`StoreError::Guard`] when the table of transitions does not allow it.
pub(crate) async fn end_job(
    tx: &Transaction<'_>,
    job: &LockedJob,
    end: End<'_>,
) -> Result<Ended, StoreError> {
    let ended = end_jobs(tx, &[(job, end)]).await?;
    ended.into_iter().next().ok_or(StoreError::Guard {
        statement: "end_job",
        expected: 1,
        actual: 0,
    })
}

/// Whether the table of transitions allows this end.
///
/// # Errors
///
/// [`StoreError::Guard`] when it does not.
pub(crate) fn may_end(job: &LockedJob, end: &End<'_>) -> Result<(), StoreError> {
    match job.state.advance(end.state) {
        Ok(_) => Ok(()),
        Err(_) => Err(StoreError::Guard {
            statement: "end_job",
            expected: 1,
            actual: 0,
        }),
    }
}

/// Ends locked jobs: state, settlement, lease, event, delivery revision and hint, in one statement of this transaction.
///
/// # Errors
///
/// [`StoreError::Guard`] when the table of transitions does not allow one of them: then none may be committed.
pub(crate) async fn end_jobs(
    tx: &Transaction<'_>,
    ends: &[(&LockedJob, End<'_>)],
) -> Result<Vec<Ended>, StoreError> {
    let columns = EndColumns::of(ends)?;
    let rows = tx.query(END_JOBS, &columns.values()).await?;
    ended(ends, &rows)
}

/// What [`END_JOBS`] says of `ends`.
///
/// # Errors
///
/// [`StoreError::Guard`] when one is missing: then none may be committed.
pub(crate) fn ended(
    ends: &[(&LockedJob, End<'_>)],
    rows: &[Row],
) -> Result<Vec<Ended>, StoreError> {
    let states: HashMap<JobId, JobState> = ends
        .iter()
        .map(|(job, end)| (job.job_id, end.state))
        .collect();
    let ended: Vec<Ended> = rows
        .iter()
        .filter_map(|row| {
            let job_id = row.get("job_id");
            Some(Ended {
                job_id,
                state: *states.get(&job_id)?,
                shard: u32::try_from(row.get::<_, i32>("shard")).unwrap_or(0),
                outbox_id: row.get("outbox_id"),
            })
        })
        .collect();
    if ended.len() == ends.len() {
        return Ok(ended);
    }
    Err(StoreError::Guard {
        statement: "end_jobs",
        expected: ends.len() as u64,
        actual: ended.len() as u64,
    })
}

/// The columns of [`END_JOBS`], one entry for each job.
#[derive(Default)]
pub(crate) struct EndColumns<'e> {
    jobs: Vec<JobId>,
    from: Vec<&'static str>,
    to: Vec<&'static str>,
    reasons: Vec<Option<&'static str>>,
    details: Vec<&'e str>,
    attempts: Vec<i32>,
    kinds: Vec<&'static str>,
    back: Vec<i64>,
    events: Vec<serde_json::Value>,
    hints: Vec<serde_json::Value>,
}

impl<'e> EndColumns<'e> {
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the table of transitions does not allow one of them.
    pub(crate) fn of(ends: &[(&LockedJob, End<'e>)]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (job, end) in ends {
            may_end(job, end)?;
            columns.push(job, end)?;
        }
        Ok(columns)
    }

    pub(crate) fn values(&self) -> [&(dyn ToSql + Sync); 10] {
        [
            /* jobs */ &self.jobs,
            /* from */ &self.from,
            /* to */ &self.to,
            /* reasons */ &self.reasons,
            /* details */ &self.details,
            /* attempts */ &self.attempts,
            /* kinds of settlement */ &self.kinds,
            /* given back */ &self.back,
            /* events */ &self.events,
            /* hints */ &self.hints,
        ]
    }

    fn push(&mut self, job: &LockedJob, end: &End<'e>) -> Result<(), StoreError> {
        let settlement = settle(job.price, job.pictures_wanted, end.delivered);
        let job_id = job.job_id;
        self.jobs.push(job_id);
        self.from.push(job.state.as_str());
        self.to.push(end.state.as_str());
        self.reasons.push(end.reason.map(EndReason::as_str));
        self.details.push(end.detail);
        self.attempts
            .push(i32::try_from(job.attempt).unwrap_or(i32::MAX));
        self.kinds.push(settlement.kind.as_str());
        self.back.push(job.quote.0 - settlement.charged.0);
        self.events
            .push(serde_json::json!({ "reason": end.reason, "detail": end.detail }));
        self.hints.push(body(&DeliveryHint { job_id })?);
        Ok(())
    }
}

/// A job that did not change, or has no account, ledger entry or message, is missing from the result.
pub(crate) const END_JOBS: &str = "-- settle::end_jobs
    WITH ending AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int4[], $7::text[], $8::int8[],
                             $9::jsonb[], $10::jsonb[])
            AS e (job_id, from_state, to_state, reason, detail, attempt, kind, back, event, hint)
    ), changed AS (
        UPDATE jobs j SET state = e.to_state, ended_at = now(), end_reason = e.reason, end_detail = nullif(e.detail, '')
        FROM ending e WHERE j.id = e.job_id AND j.state = e.from_state
        RETURNING j.id, j.user_id
    ), unleased AS (
        DELETE FROM leases l USING changed c WHERE l.job_id = c.id
    ), settled AS (
        INSERT INTO ledger (user_id, job_id, kind, settles, amount)
        SELECT c.user_id, c.id, e.kind, true, e.back FROM changed c JOIN ending e ON e.job_id = c.id
        RETURNING job_id
    ), refunded AS (
        UPDATE accounts a SET balance = a.balance + r.back
        FROM (SELECT c.user_id, sum(e.back)::int8 AS back FROM changed c JOIN ending e ON e.job_id = c.id
              WHERE e.back <> 0 GROUP BY c.user_id) r
        WHERE a.user_id = r.user_id
    ), told AS (
        INSERT INTO job_events (job_id, state, attempt, detail)
        SELECT c.id, e.to_state, e.attempt, e.event FROM changed c JOIN ending e ON e.job_id = c.id
    ), shown AS (
        UPDATE deliveries d SET desired_rev = d.desired_rev + 1, failures = 0, next_try_at = '-infinity'
        FROM settled s WHERE d.job_id = s.job_id
        RETURNING d.job_id, d.shard
    ), hinted AS (
        INSERT INTO outbox (queue, body)
        SELECT 'shard.' || s.shard, e.hint FROM shown s JOIN ending e ON e.job_id = s.job_id
        RETURNING id, body
    )
    SELECT s.job_id, s.shard, h.id AS outbox_id
    FROM shown s JOIN ending e ON e.job_id = s.job_id JOIN hinted h ON h.body = e.hint";
