//! Jobs that go from one region to another: handed over by their leader, or taken from a lane that nobody leads.

use std::time::Duration;

use easel_domain::JobId;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::spec::Question;
use easel_domain::tier::ServiceClass;

use crate::error::StoreError;
use crate::leadership::{Leadership, hold};
use crate::outbox::body;
use crate::pool::Store;

/// A job that the leader of its lane gives away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAway {
    /// The job.
    pub job_id: JobId,
    /// Its class.
    pub class: ServiceClass,
}

impl Store {
    /// Gives waiting jobs to the leader of another region of the same pool, with a hint for each. `queues` are the names
    /// of that lane's queues by class. Returns those that went: a job that was leased meanwhile stays, and all stay where
    /// nobody leads there.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process leads the lane that the jobs are in.
    pub async fn hand_over(
        &self,
        leadership: &Leadership,
        jobs: &[GivenAway],
        to: &str,
        queues: &[String; 4],
    ) -> Result<Vec<JobId>, StoreError> {
        let ids: Vec<JobId> = jobs.iter().map(|job| job.job_id).collect();
        let names: Vec<String> = jobs
            .iter()
            .map(|job| queues[job.class as usize].clone())
            .collect();
        let hints = ids
            .iter()
            .map(|job_id| {
                body(&JobHint {
                    job_id: *job_id,
                    what: JobHintKind::Submitted,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.run("hand_over", |tx| {
            let (leadership, to) = (leadership.clone(), to.to_owned());
            let (ids, names, hints) = (ids.clone(), names.clone(), hints.clone());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let rows = tx
                    .query(
                        "-- region::hand_over\n\
                         WITH there AS (
                             SELECT 1 FROM leadership WHERE region = $3 AND pool = $2 AND expires_at > now() FOR SHARE
                         ), moved AS (
                             UPDATE jobs SET region = $3, home_region = region
                             WHERE id = ANY ($4) AND region = $1 AND pool = $2 AND state = 'queued'
                               AND home_region IS NULL AND EXISTS (SELECT 1 FROM there)
                             RETURNING id, attempt
                         ), told AS (
                             INSERT INTO job_events (job_id, state, attempt, detail)
                             SELECT id, 'queued', attempt, jsonb_build_object('region', $3::text) FROM moved
                         ), hinted AS (
                             INSERT INTO outbox (queue, body)
                             SELECT h.queue, h.body FROM unnest($4::uuid[], $5::text[], $6::jsonb[]) AS h (id, queue, body)
                             JOIN moved m ON m.id = h.id
                         )
                         SELECT id FROM moved",
                        &[
                            /* from */ &leadership.region,
                            /* pool */ &leadership.pool,
                            /* to */ &to,
                            /* jobs */ &ids,
                            /* queues */ &names,
                            /* hints */ &hints,
                        ],
                    )
                    .await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            })
        })
        .await
    }

    /// Takes jobs from lanes of the same pool that nobody has led for `silent`: those that wait, and those whose leases
    /// have run out, which then expire here. Only jobs whose weights (for a question: [`Question::skill`] of them) are among
    /// `models`, at most `limit` of them. The
    /// epoch of such a lane grows, so that a leader that wakes up there has lost its lead.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process leads this lane.
    pub async fn adopt_orphans(
        &self,
        leadership: &Leadership,
        models: &[String],
        silent: Duration,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        self.run("adopt_orphans", |tx| {
            let (leadership, models) = (leadership.clone(), models.to_vec());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let rows = tx
                    .query(
                        "-- region::adopt_orphans\n\
                         WITH orphan AS (
                             SELECT j.id, j.region FROM jobs j
                             JOIN leadership l ON l.region = j.region AND l.pool = j.pool
                             LEFT JOIN leases x ON x.job_id = j.id
                             WHERE j.pool = $2 AND j.region <> $1
                               AND j.model_hash || coalesce((
                                   SELECT q.skill FROM unnest($6::text[], $7::text[]) AS q (kind, skill)
                                   WHERE q.kind = j.spec ->> 'kind'), '') = ANY ($3)
                               AND l.expires_at <= now() - make_interval(secs => $4)
                               AND (j.state = 'queued' OR (j.state IN ('leased', 'finishing') AND x.expires_at <= now()))
                             ORDER BY j.id LIMIT $5
                             FOR UPDATE OF j SKIP LOCKED
                         ), lost AS (
                             UPDATE leadership l SET epoch = l.epoch + 1
                             WHERE l.pool = $2 AND l.region IN (SELECT region FROM orphan)
                               AND l.expires_at <= now() - make_interval(secs => $4)
                             RETURNING l.region
                         ), moved AS (
                             UPDATE jobs j SET region = $1, home_region = coalesce(j.home_region, j.region)
                             FROM orphan o, lost l WHERE j.id = o.id AND l.region = o.region
                             RETURNING j.id, j.attempt, j.state
                         ), told AS (
                             INSERT INTO job_events (job_id, state, attempt, detail)
                             SELECT id, 'queued', attempt, jsonb_build_object('region', $1::text) FROM moved
                             WHERE state = 'queued'
                         )
                         SELECT id FROM moved",
                        &[
                            /* region */ &leadership.region,
                            /* pool */ &leadership.pool,
                            /* models */ &models,
                            /* silent for, in seconds */ &silent.as_secs_f64(),
                            /* limit */ &i64::from(limit),
                            /* kinds of questions */ &Question::ALL.map(Question::kind).to_vec(),
                            /* their skills */ &Question::ALL.map(Question::skill).to_vec(),
                        ],
                    )
                    .await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            })
        })
        .await
    }
}
