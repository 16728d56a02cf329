//! Refuses a job that would be dropped later: the member had better know now.

use std::time::Duration;

use easel_domain::tier::{ServiceClass, Tier};

use super::{Submission, Submitted};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::fleet::expected_wait_s;

/// A job is taken in where it should start within this share of the time after which it would be dropped.
const SURE_TO_START: f64 = 0.8;

/// The refusal of a job that would hardly start in time. Where nobody knows how long it waits, it is taken in.
pub(super) async fn crowded(
    tx: &Transaction<'_>,
    new: &Submission,
    tier: &Tier,
    class: ServiceClass,
) -> Result<Option<Submitted>, StoreError> {
    let Some(shed_after) = tier.shed_after else {
        return Ok(None);
    };
    let bound = shed_after.mul_f64(SURE_TO_START);
    let wait_s = expected_wait_s(tx, &new.region, &new.pool, class).await?;
    Ok(wait_s
        .and_then(|wait_s| Duration::try_from_secs_f64(wait_s).ok())
        .filter(|wait| *wait > bound)
        .map(|wait| Submitted::Crowded {
            wait,
            again: wait.saturating_sub(bound),
            tier: tier.name.clone(),
        }))
}
