//! The jobs that wait for a node: rows are the truth, hints only wake the reader.

use std::collections::HashMap;
use std::time::Duration;

use easel_domain::picture::StorageClass;
use easel_domain::spec::{Question, RenderSpec};
use easel_domain::tier::ServiceClass;
use easel_domain::{BootId, DiscordId, GuildKey, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::error::StoreError;
use crate::lease::QUEUED;
use crate::pool::Store;
use crate::row::{corrupt, json};

/// What a scheduler needs to know about a waiting job. Well below 1 KB.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingJob {
    /// The job.
    pub job_id: JobId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where it was asked for.
    pub guild_id: Option<GuildKey>,
    /// Tier at submit.
    pub tier: String,
    /// Its lane.
    pub service_class: ServiceClass,
    /// Jobs of this member that may run at once.
    pub running_limit: u32,
    /// After this long it goes first within its class.
    pub aging: Duration,
    /// Its model.
    pub model_id: String,
    /// Hash of the weights it needs.
    pub model_hash: String,
    /// Pictures wanted.
    pub pictures: u32,
    /// What is asked instead of pictures.
    pub question: Option<Question>,
    /// Denoised width and height in pixels, and steps.
    pub shape: (u32, u32, u32),
    /// Number of the next try.
    pub attempt: u32,
    /// Node starts that died while they had it.
    pub deaths: u32,
    /// Not to be leased before.
    pub not_before: Option<OffsetDateTime>,
    /// The node start that failed the last try.
    pub avoid_boot: Option<BootId>,
    /// When the member asked.
    pub submitted_at: OffsetDateTime,
    /// The shard whose process shows it.
    pub shard: u32,
    /// The channel of its message.
    pub channel_id: DiscordId,
    /// Whether it waits where it was asked for: a job is handed over to another region once.
    pub at_home: bool,
}

const COLUMNS: &str = "j.id, j.user_id, j.guild_id, j.tier, j.service_class, t.running_limit, t.aging_s, j.model_id, j.model_hash, j.spec,
    j.attempt, j.deaths, nullif(j.not_before, '-infinity') AS not_before, j.avoid_boot, j.submitted_at, d.shard, d.channel_id,
    j.home_region IS NULL AS at_home";

const TABLES: &str = "jobs j JOIN tiers t ON t.name = j.tier JOIN deliveries d ON d.job_id = j.id";

impl WaitingJob {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let spec: RenderSpec = json(row, "spec")?;
        let class: String = row.get("service_class");
        Ok(Self {
            job_id: row.get("id"),
            user_id: row.get("user_id"),
            guild_id: row.get("guild_id"),
            tier: row.get("tier"),
            service_class: ServiceClass::from_name(&class)
                .ok_or_else(|| corrupt("service class", &class))?,
            running_limit: unsigned(row, "running_limit")?,
            aging: Duration::from_secs(u64::from(unsigned(row, "aging_s")?)),
            model_id: row.get("model_id"),
            model_hash: row.get("model_hash"),
            pictures: u32::try_from(spec.picture_count()).unwrap_or(u32::MAX),
            question: spec.question(),
            shape: spec.work_shape(),
            attempt: unsigned(row, "attempt")?,
            deaths: unsigned(row, "deaths")?,
            not_before: row.get("not_before"),
            avoid_boot: row.get("avoid_boot"),
            submitted_at: row.get("submitted_at"),
            shard: unsigned(row, "shard")?,
            channel_id: row.get("channel_id"),
            at_home: row.get("at_home"),
        })
    }
}

/// A stretch of the waiting rows of a lane, in the order of their ids.
#[derive(Debug, Default)]
pub struct WaitingPage {
    /// Those that can be read.
    pub jobs: Vec<WaitingJob>,
    /// Those that cannot: somebody edited them, or a newer process wrote them.
    pub unreadable: Vec<UnreadableJob>,
    /// The last row of a full page, readable or not: the next page begins after it. Nothing on the last page.
    pub next: Option<JobId>,
}

/// A waiting row that does not fit its type.
#[derive(Debug)]
pub struct UnreadableJob {
    /// The job.
    pub job_id: JobId,
    /// When the member asked.
    pub submitted_at: OffsetDateTime,
    /// What is wrong with it.
    pub error: StoreError,
}

impl WaitingPage {
    fn read(rows: &[Row], limit: u32) -> Self {
        let mut page = Self::default();
        for row in rows {
            match WaitingJob::read(row) {
                Ok(job) => page.jobs.push(job),
                Err(error) => page.unreadable.push(UnreadableJob {
                    job_id: row.get("id"),
                    submitted_at: row.get("submitted_at"),
                    error,
                }),
            }
        }
        if rows.len() >= limit as usize {
            page.next = rows.last().map(|row| row.get("id"));
        }
        page
    }
}

fn unsigned(row: &Row, column: &'static str) -> Result<u32, StoreError> {
    let value: i32 = row.get(column);
    u32::try_from(value).map_err(|_| corrupt(column, &value.to_string()))
}

impl Store {
    /// One job, if it waits in this lane.
    pub async fn waiting_job(
        &self,
        region: &str,
        pool: &str,
        job_id: JobId,
    ) -> Result<Option<WaitingJob>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                &format!(
                    "-- waiting::waiting_job\n\
                     SELECT {COLUMNS} FROM {TABLES}
                     WHERE j.id = $1 AND j.region = $2 AND j.pool = $3 AND j.state = $4"
                ),
                &[
                    /* job */ &job_id, /* region */ &region, /* pool */ &pool,
                    /* state */ &QUEUED,
                ],
            )
            .await?;
        row.as_ref().map(WaitingJob::read).transpose()
    }

    /// Those of `jobs` that wait in this lane.
    pub async fn waiting_jobs_among(
        &self,
        region: &str,
        pool: &str,
        jobs: &[JobId],
    ) -> Result<WaitingPage, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                &format!(
                    "-- waiting::waiting_jobs_among\n\
                     SELECT {COLUMNS} FROM {TABLES}
                     WHERE j.id = ANY ($1) AND j.region = $2 AND j.pool = $3 AND j.state = $4"
                ),
                &[
                    /* jobs */ &jobs, /* region */ &region, /* pool */ &pool,
                    /* state */ &QUEUED,
                ],
            )
            .await?;
        Ok(WaitingPage::read(&rows, u32::MAX))
    }

    /// The next waiting jobs of this lane after `after` in the order of ids, at most `limit` of them. A row that cannot
    /// be read is told of and hides no other.
    pub async fn waiting_jobs(
        &self,
        region: &str,
        pool: &str,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<WaitingPage, StoreError> {
        let after = after.unwrap_or(JobId(uuid::Uuid::nil()));
        let rows = self
            .connection()
            .await?
            .query(
                &format!(
                    "-- waiting::waiting_jobs\n\
                     SELECT {COLUMNS} FROM {TABLES}
                     WHERE j.region = $1 AND j.pool = $2 AND j.state = 'queued' AND j.id > $3
                     ORDER BY j.id LIMIT $4"
                ),
                &[
                    /* region */ &region,
                    /* pool */ &pool,
                    /* after */ &after,
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(WaitingPage::read(&rows, limit))
    }

    /// The jobs of this lane that nodes have, in the same terms. Rows that cannot be read are left out: their leases
    /// end like any other.
    pub async fn leased_jobs(
        &self,
        region: &str,
        pool: &str,
    ) -> Result<Vec<WaitingJob>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                &format!(
                    "-- waiting::leased_jobs\n\
                     SELECT {COLUMNS} FROM leases l JOIN jobs j ON j.id = l.job_id JOIN tiers t ON t.name = j.tier
                     JOIN deliveries d ON d.job_id = j.id
                     WHERE j.region = $1 AND j.pool = $2"
                ),
                &[/* region */ &region, /* pool */ &pool],
            )
            .await?;
        Ok(rows
            .iter()
            .filter_map(|row| WaitingJob::read(row).ok())
            .collect())
    }

    /// Cancel requests of this lane that nobody has acted on, oldest first, at most `limit` of them.
    pub async fn open_cancel_requests(
        &self,
        region: &str,
        pool: &str,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- waiting::open_cancel_requests\n\
                 SELECT c.job_id FROM cancel_requests c JOIN jobs j ON j.id = c.job_id
                 WHERE c.handled_at IS NULL AND j.region = $1 AND j.pool = $2
                 ORDER BY c.requested_at LIMIT $3",
                &[
                    /* region */ &region,
                    /* pool */ &pool,
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// Where the files of a job are to lie, and whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// Storage class.
    pub class: StorageClass,
    /// Owner.
    pub user_id: UserId,
}

impl Store {
    /// Where the files of jobs are to lie. A job that there is not is left out, and so is one whose row cannot be read.
    pub async fn destinations(
        &self,
        jobs: &[JobId],
    ) -> Result<HashMap<JobId, Destination>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- waiting::destinations\n\
                 SELECT id, storage_class, user_id FROM jobs WHERE id = ANY ($1)",
                &[/* jobs */ &jobs],
            )
            .await?;
        let destination = |row: &Row| {
            let class = StorageClass::from_name(row.get("storage_class"))?;
            let user_id = row.get("user_id");
            Some((row.get("id"), Destination { class, user_id }))
        };
        Ok(rows.iter().filter_map(destination).collect())
    }
}

impl Store {
    /// Jobs of a lane that were accepted, those that ended and were settled once, and those that did so more than once.
    pub async fn count_jobs(
        &self,
        region: &str,
        pool: &str,
    ) -> Result<(i64, i64, i64), StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- waiting::count_jobs\n\
                 SELECT count(*), count(*) FILTER (WHERE j.ended_at IS NOT NULL AND e.ends = 1 AND s.settled = 1),
                        count(*) FILTER (WHERE e.ends > 1 OR s.settled > 1)
                 FROM jobs j
                 CROSS JOIN LATERAL (SELECT count(*) AS ends FROM job_events WHERE job_id = j.id AND state IN
                     ('completed', 'failed', 'cancelled', 'rejected', 'shed')) e
                 CROSS JOIN LATERAL (SELECT count(*) AS settled FROM ledger WHERE settles AND job_id = j.id) s
                 WHERE j.region = $1 AND j.pool = $2",
                &[/* region */ &region, /* pool */ &pool],
            )
            .await?;
        Ok((row.get(0), row.get(1), row.get(2)))
    }
}
