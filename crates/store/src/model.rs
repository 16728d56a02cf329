//! Models that nodes have announced.

use std::time::Duration;

use easel_domain::message::NodeModel;
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::spec::Question;
use easel_domain::{BootId, JobId};
use tokio_postgres::types::Json;

use crate::error::StoreError;
use crate::leadership::{Leadership, hold};
use crate::pool::Store;

impl Store {
    /// The model of new jobs: the active one that was announced last.
    pub async fn newest_model(&self) -> Result<Option<(ModelRef, ModelProfile)>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- model::newest_model\n\
                 SELECT id, hash, profile FROM models WHERE state = 'active' ORDER BY announced_at DESC, id LIMIT 1",
                &[],
            )
            .await?;
        row.map(|row| {
            let (id, hash): (String, String) = (row.get(0), row.get(1));
            let Json(profile) =
                row.try_get::<_, Json<ModelProfile>>(2)
                    .map_err(|_| StoreError::Corrupt {
                        what: "model profile",
                        value: id.clone(),
                    })?;
            Ok((ModelRef { id, hash }, profile))
        })
        .transpose()
    }

    /// Notes a model that a start of a node has announced. Its profile follows the node's, and new jobs follow the
    /// model that was announced last. Telling the same again changes nothing.
    pub async fn announce_model(
        &self,
        boot: BootId,
        announced: &NodeModel,
    ) -> Result<(), StoreError> {
        self.run("announce_model", |tx| {
            let announced = announced.clone();
            Box::pin(async move {
                let news = tx
                    .execute(
                        "-- model::announce_model\n\
                         INSERT INTO model_announcements (boot_id, model_id, hash) VALUES ($1, $2, $3)
                         ON CONFLICT DO NOTHING",
                        &[
                            /* boot */ &boot,
                            /* id */ &announced.profile.id,
                            /* hash */ &announced.hash,
                        ],
                    )
                    .await?;
                if news == 0 {
                    return Ok(());
                }
                // Two starts at once: the clock decides, not the transaction's beginning.
                tx.execute(
                    "-- model::announce_model (model)\n\
                     INSERT INTO models (id, hash, profile, weighs, describes, announced_at)
                     VALUES ($1, $2, $3, $4, $5, clock_timestamp())
                     ON CONFLICT (id, hash) DO UPDATE
                     SET profile = excluded.profile, announced_at = excluded.announced_at,
                         weighs = models.weighs OR excluded.weighs,
                         describes = models.describes OR excluded.describes",
                    &[
                        /* id */ &announced.profile.id,
                        /* hash */ &announced.hash,
                        /* profile */ &Json(&announced.profile),
                        /* weighs */ &announced.weighs,
                        /* describes */ &announced.describes,
                    ],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Whether some node with these weights can answer such a question: by what leaders have heard in the last ten seconds,
    /// and where none has said anything, by what nodes have ever announced.
    pub async fn answers(&self, model: &ModelRef, question: Question) -> Result<bool, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- model::answers\n\
                 SELECT weighs, describes, coalesce((
                     SELECT bool_or(s.models ? ($2 || $3)) FROM lane_snapshots s
                     WHERE s.taken_at > now() - interval '10 s'), true)
                 FROM models WHERE id = $1 AND hash = $2",
                &[
                    /* id */ &model.id,
                    /* hash */ &model.hash,
                    /* skill */ &question.skill(),
                ],
            )
            .await?;
        let column = match question {
            Question::Words => 0,
            Question::Pictures => 1,
        };
        Ok(row.is_some_and(|row| row.get(column) && row.get(2)))
    }

    /// Forgets announcements that are older than `keep`: their nodes have long been replaced, or are heard again.
    pub async fn prune_announcements(&self, keep: Duration) -> Result<u64, StoreError> {
        let gone = self
            .connection()
            .await?
            .execute(
                "-- model::prune_announcements\n\
                 DELETE FROM model_announcements WHERE announced_at < now() - make_interval(secs => $1)",
                &[/* keep in seconds */ &keep.as_secs_f64()],
            )
            .await?;
        Ok(gone)
    }

    /// Gives waiting jobs the weights that have replaced theirs under the same id. Returns those that still waited.
    pub async fn retarget_waiting(
        &self,
        leadership: &Leadership,
        jobs: &[JobId],
        from: &str,
        to: &ModelRef,
    ) -> Result<Vec<JobId>, StoreError> {
        self.run("retarget_waiting", |tx| {
            let (leadership, jobs) = (leadership.clone(), jobs.to_vec());
            let (from, to) = (from.to_owned(), to.clone());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let rows = tx
                    .query(
                        "-- model::retarget_waiting\n\
                         WITH moved AS (
                             UPDATE jobs SET model_hash = $4, spec = jsonb_set(spec, '{model,hash}', to_jsonb($4::text))
                             WHERE id = ANY ($1) AND state = 'queued' AND model_id = $2 AND model_hash = $3
                             RETURNING id, attempt
                         ), told AS (
                             INSERT INTO job_events (job_id, state, attempt, detail)
                             SELECT id, 'queued', attempt, jsonb_build_object('weights', $4::text) FROM moved
                         )
                         SELECT id FROM moved",
                        &[
                            /* jobs */ &jobs,
                            /* model */ &to.id,
                            /* from */ &from,
                            /* to */ &to.hash,
                        ],
                    )
                    .await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            })
        })
        .await
    }
}
