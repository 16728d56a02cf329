//! The append-only feed of transitions.

use easel_domain::JobId;

use crate::cached::Transaction;
use crate::error::StoreError;

/// Appends one transition. `detail` names no prompt.
pub(crate) async fn job_event(
    tx: &Transaction<'_>,
    job_id: JobId,
    state: &str,
    attempt: u32,
    detail: &serde_json::Value,
) -> Result<(), StoreError> {
    tx.execute(
        "-- event::job_event\n\
         INSERT INTO job_events (job_id, state, attempt, detail) VALUES ($1, $2, $3, $4)",
        &[
            /* job */ &job_id,
            /* state */ &state,
            /* attempt */ &i32::try_from(attempt).unwrap_or(i32::MAX),
            /* detail */ &detail,
        ],
    )
    .await?;
    Ok(())
}
