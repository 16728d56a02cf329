//! What the database knows about a job.

use anyhow::{Context as _, Result};
use easel_domain::JobId;
use easel_store::{Store, StoreConfig};
use secrecy::SecretString;
use time::OffsetDateTime;

/// The platform's database.
pub(super) struct Records {
    store: Store,
}

/// When what happened to a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobTimes {
    pub queued: OffsetDateTime,
    /// The broker had confirmed its hint.
    pub confirmed: Option<OffsetDateTime>,
    pub leased: Option<OffsetDateTime>,
    pub ended: Option<OffsetDateTime>,
}

impl Records {
    pub fn open(url: SecretString) -> Result<Self> {
        let mut config = StoreConfig::new(url);
        config.pool_size = 1;
        Ok(Self {
            store: Store::new(&config).context("read the database's address")?,
        })
    }

    /// The job that came of an interaction.
    pub async fn job_of(&self, interaction: &str) -> Result<Option<JobId>> {
        let interaction: i64 = interaction.parse().context("read an interaction's id")?;
        let connection = self.store.connection().await?;
        let sql = "SELECT id FROM jobs WHERE interaction_id = $1 ORDER BY ordinal LIMIT 1";
        Ok(connection
            .query_opt(sql, &[&interaction])
            .await?
            .map(|row| row.get(0)))
    }

    pub async fn times(&self, job: JobId) -> Result<JobTimes> {
        let sql = "SELECT min(e.at) FILTER (WHERE e.state = 'queued'), min(e.at) FILTER (WHERE e.state = 'leased'),
                          max(e.at) FILTER (WHERE j.ended_at IS NOT NULL AND e.state = j.state),
                          (SELECT min(o.sent_at) FROM outbox o
                           WHERE o.body ->> 'job_id' = $2 AND o.body ->> 'what' = 'submitted')
                   FROM job_events e JOIN jobs j ON j.id = e.job_id WHERE e.job_id = $1";
        let connection = self.store.connection().await?;
        let row = connection.query_one(sql, &[&job, &job.to_string()]).await?;
        Ok(JobTimes {
            queued: row
                .get::<_, Option<OffsetDateTime>>(0)
                .context("the job was queued")?,
            leased: row.get(1),
            ended: row.get(2),
            confirmed: row.get(3),
        })
    }

    /// The keys of a finished job's files: the grid and the full pictures, in order.
    pub async fn keys(&self, job: JobId) -> Result<(String, Vec<String>)> {
        let snapshot = self
            .store
            .job_snapshot(job)
            .await?
            .context("the job is there")?;
        let key = |role, index| snapshot.file(role, index).map(|file| file.key.clone());
        let grid = key(easel_domain::picture::FileRole::Grid, 0).context("the job has a grid")?;
        let full = (0..4)
            .filter_map(|index| key(easel_domain::picture::FileRole::Full, index))
            .collect();
        Ok((grid, full))
    }

    /// Lets one member have as many jobs as a measurement needs.
    pub async fn lift_limits(&self) -> Result<()> {
        let sql = "UPDATE tiers SET waiting_limit = 1000000, running_limit = 1000000,
                                    request_burst = 1000000, requests_per_minute = 1000000;
                   UPDATE guild_limits SET request_burst = 1000000, requests_per_minute = 1000000";
        Ok(self.store.connection().await?.batch_execute(sql).await?)
    }
}
