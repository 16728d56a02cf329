//! A try that ended for want of memory: the job is drawn smaller and for less, where its tier allows that and its member
//! has not asked for the size.

use easel_domain::failure::{AfterFailure, TRIES_AT_FULL_SIZE};
use easel_domain::job::EndReason;
use easel_domain::ledger::{Credits, in_proportion};
use easel_domain::message::{DeliveryHint, LeaseRef};
use easel_domain::model::ModelProfile;
use easel_domain::spec::{Leeway, RenderSpec, lowered};
use easel_domain::{BootId, JobId};
use tokio_postgres::types::Json;

use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::finish::{AfterTry, Again, as_decided, check_fence, wait_again};
use crate::leadership::{Leadership, hold};
use crate::outbox::enqueue;
use crate::pool::Store;
use crate::row::corrupt;
use crate::settle::{LockedJob, lock_job};

/// What a caller does after a commit that lowered a job: send the hint now, instead of waiting for the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowered {
    /// The job.
    pub job_id: JobId,
    /// Width and height in pixels that it is drawn at from now on, before finishing.
    pub size: (u32, u32),
    /// The shard whose process shows it.
    pub shard: u32,
    /// The outbox row of the hint.
    pub outbox_id: i64,
}

impl Store {
    /// Ends a try under its lease for want of memory. From try number [`TRIES_AT_FULL_SIZE`] on the job waits again one notch
    /// smaller, for a price in proportion, and uses up no attempt: notches are few. Where it cannot be lowered it waits
    /// again or fails, as `after` says.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost or the job has ended.
    pub async fn end_try_by_memory(
        &self,
        leadership: &Leadership,
        lease: LeaseRef,
        after: AfterFailure,
        avoid: Option<BootId>,
        detail: &str,
    ) -> Result<AfterTry, StoreError> {
        self.run("end_try_by_memory", |tx| {
            let (leadership, detail) = (leadership.clone(), detail.to_owned());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let job = lock_job(tx, lease.job_id).await?;
                check_fence(tx, &lease).await?;
                let less = if lease.attempt < TRIES_AT_FULL_SIZE {
                    None
                } else {
                    less(tx, &job).await?
                };
                let Some(less) = less else {
                    let reason = EndReason::OutOfMemory;
                    return as_decided(tx, &job, &lease, after, avoid, reason, &detail).await;
                };
                lower(tx, &job, &lease, less, &detail).await
            })
        })
        .await
    }
}

/// What is drawn instead.
struct Less {
    spec: RenderSpec,
    price: Credits,
    /// Width and height so far, and from now on.
    sizes: [(u32, u32); 2],
}

/// What may be drawn instead of what a locked job asks for, if anything may.
async fn less(tx: &Transaction<'_>, job: &LockedJob) -> Result<Option<Less>, StoreError> {
    let row = tx
        .query_opt(
            "-- lower::less\n\
             SELECT j.size_is_open, m.profile
             FROM jobs j JOIN tiers t ON t.name = j.tier JOIN models m ON m.id = j.model_id AND m.hash = j.model_hash
             WHERE j.id = $1 AND t.lowers_size",
            &[/* job */ &job.job_id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let leeway = Leeway { size: row.get(0) };
    let Json(profile) = row
        .try_get::<_, Json<ModelProfile>>(1)
        .map_err(|_| corrupt("model profile", &job.job_id.to_string()))?;
    let spec: RenderSpec = serde_json::from_value(job.spec.clone())
        .map_err(|error| corrupt("spec", &error.to_string()))?;
    let Some(smaller) = lowered(&spec, leeway, &profile) else {
        return Ok(None);
    };
    let [(before, size), (after, new_size)] = [&spec, &smaller].map(|spec| {
        let (width, height, steps) = spec.work_shape();
        let work = u64::from(width) * u64::from(height) * u64::from(steps);
        (work, (width, height))
    });
    Ok(Some(Less {
        price: in_proportion(job.price, after, before),
        spec: smaller,
        sizes: [size, new_size],
    }))
}

async fn lower(
    tx: &Transaction<'_>,
    job: &LockedJob,
    lease: &LeaseRef,
    less: Less,
    detail: &str,
) -> Result<AfterTry, StoreError> {
    let [from, to] = less.sizes;
    let again = Again {
        attempt: lease.attempt,
        pause_s: 0.0,
        avoid: None,
        event: serde_json::json!({ "detail": detail, "size": to, "instead_of": from }),
    };
    let job_id = match wait_again(tx, lease, job.state, again).await? {
        AfterTry::Requeued(job_id) => job_id,
        // Somebody has asked to cancel it.
        after @ (AfterTry::Ended(_) | AfterTry::Lowered(_)) => return Ok(after),
    };
    let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
    let changed = tx
        .execute(
            "-- lower::lower\n\
             UPDATE jobs SET spec = $2, price = $3, asked_width = coalesce(asked_width, $4),
                             asked_height = coalesce(asked_height, $5)
             WHERE id = $1",
            &[
                /* job */ &job_id,
                /* spec */ &Json(&less.spec),
                /* price */ &less.price.0,
                /* width so far */ &side(from.0),
                /* height so far */ &side(from.1),
            ],
        )
        .await?;
    expect_one_row("lower", changed)?;
    let row = tx
        .query_one(
            "-- lower::lower (message)\n\
             UPDATE deliveries SET desired_rev = desired_rev + 1, failures = 0, next_try_at = '-infinity'
             WHERE job_id = $1 RETURNING shard",
            &[/* job */ &job_id],
        )
        .await?;
    let shard: i32 = row.get(0);
    let outbox_id = enqueue(tx, &format!("shard.{shard}"), &DeliveryHint { job_id }).await?;
    Ok(AfterTry::Lowered(Lowered {
        job_id,
        size: to,
        shard: u32::try_from(shard).unwrap_or(0),
        outbox_id,
    }))
}
