//! Asking for a job to be cancelled. The dispatcher acts on it; the bot only asks.

use easel_domain::job::JobState;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, JobId, UserId};

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::outbox;
use crate::pool::Store;
use crate::user::resolve_user;

/// Who wants a job cancelled.
#[derive(Debug, Clone, Copy)]
pub struct CancelRequest {
    /// The job.
    pub job: JobId,
    /// Who asks.
    pub member: DiscordId,
    /// Key of the member, if he is new.
    pub fresh_user: UserId,
    /// The guild he moderates, if he asks there: jobs of others that were asked for in it are his to stop.
    pub moderates: Option<GuildKey>,
}

/// What became of the wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It is asked for; the hint is to be sent now.
    Requested {
        /// Region of the job's lane.
        region: String,
        /// Pool of the job's lane.
        pool: String,
        /// Class of the job's lane.
        class: ServiceClass,
        /// Its outbox row.
        outbox_id: i64,
    },
    /// It was asked for before.
    AlreadyRequested,
    /// The job has ended, so.
    AlreadyEnded(JobState),
    /// The job is somebody else's.
    NotYours,
    /// There is no such job.
    Unknown,
}

impl Store {
    /// Asks for a job to be cancelled. `queue` names the job queue of a region, pool and class.
    pub async fn request_cancel<F>(
        &self,
        request: CancelRequest,
        queue: F,
    ) -> Result<CancelOutcome, StoreError>
    where
        F: Fn(&str, &str, ServiceClass) -> Option<String> + Clone + Send + Sync + 'static,
    {
        self.run("request_cancel", move |tx| {
            let queue = queue.clone();
            Box::pin(async move { request_cancel(tx, request, &queue).await })
        })
        .await
    }
}

async fn request_cancel(
    tx: &Transaction<'_>,
    request: CancelRequest,
    queue: &(impl Fn(&str, &str, ServiceClass) -> Option<String> + Sync),
) -> Result<CancelOutcome, StoreError> {
    let row = tx
        .query_opt(
            "-- cancel::request_cancel (job)\n\
             SELECT j.state, j.region, j.pool, j.service_class, d.discord_id, j.guild_id
             FROM jobs j LEFT JOIN discord_users d ON d.user_id = j.user_id WHERE j.id = $1 FOR SHARE OF j",
            &[/* job */ &request.job],
        )
        .await?;
    let Some(row) = row else {
        return Ok(CancelOutcome::Unknown);
    };
    let is_own = row.get::<_, Option<DiscordId>>(4) == Some(request.member);
    let moderates = request.moderates.is_some() && request.moderates == row.get(5);
    if !is_own && !moderates {
        return Ok(CancelOutcome::NotYours);
    }
    let (state, class): (&str, &str) = (row.get(0), row.get(3));
    let corrupt = |what, value: &str| StoreError::Corrupt {
        what,
        value: value.to_owned(),
    };
    let state = JobState::from_name(state).ok_or_else(|| corrupt("job state", state))?;
    let class = ServiceClass::from_name(class).ok_or_else(|| corrupt("service class", class))?;
    if state.is_end() {
        return Ok(CancelOutcome::AlreadyEnded(state));
    }
    let user = resolve_user(tx, request.member, request.fresh_user).await?;
    let inserted = tx
        .execute(
            "-- cancel::request_cancel\n\
             INSERT INTO cancel_requests (job_id, requested_by) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[/* job */ &request.job, /* by */ &user],
        )
        .await?;
    if inserted == 0 {
        return Ok(CancelOutcome::AlreadyRequested);
    }
    tx.execute(
        "-- cancel::request_cancel (message)\n\
         UPDATE deliveries SET desired_rev = desired_rev + 1 WHERE job_id = $1",
        &[/* job */ &request.job],
    )
    .await?;
    let (region, pool): (&str, &str) = (row.get(1), row.get(2));
    let queue = queue(region, pool, class).ok_or_else(|| corrupt("lane", region))?;
    let hint = JobHint {
        job_id: request.job,
        what: JobHintKind::CancelRequested,
    };
    let outbox_id = outbox::enqueue(tx, &queue, &hint).await?;
    Ok(CancelOutcome::Requested {
        region: region.to_owned(),
        pool: pool.to_owned(),
        class,
        outbox_id,
    })
}
