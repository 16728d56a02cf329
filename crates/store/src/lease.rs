//! Leases: one node may work on one job, and proves it with a token at each write.

use std::collections::HashSet;
use std::time::Duration;

use easel_domain::message::{LeaseRef, NodeBoot};
use easel_domain::picture::StorageClass;
use easel_domain::spec::{PromptText, RenderSpec};
use easel_domain::{BootId, DiscordId, JobId, LeaseToken, UserId};

use crate::error::StoreError;
use crate::leadership::{Leadership, hold};
use crate::pool::Store;
use crate::row::{corrupt, json};

/// A lease that is to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The job.
    pub job_id: JobId,
    /// The token that its node will prove itself with.
    pub token: LeaseToken,
    /// The node.
    pub holder: NodeBoot,
}

/// A fresh lease with everything that its node is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenLease {
    /// Proof.
    pub lease: LeaseRef,
    /// What to make.
    pub spec: RenderSpec,
    /// The words.
    pub text: PromptText,
    /// Where the files are to lie.
    pub class: StorageClass,
}

/// A lease that its node has not renewed in time, or one found at takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLease {
    /// Proof.
    pub lease: LeaseRef,
    /// Who holds it.
    pub holder: NodeBoot,
    /// Whose job it is.
    pub user_id: UserId,
    /// The shard whose process shows it.
    pub shard: u32,
    /// The channel of its message.
    pub channel_id: DiscordId,
    /// Whether its pictures are made and being uploaded.
    pub finishing: bool,
}

impl Store {
    /// Leases a queued job to a node.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the job does not wait any more, pauses, or is to be cancelled.
    pub async fn take_lease(
        &self,
        leadership: &Leadership,
        job_id: JobId,
        token: LeaseToken,
        holder: &NodeBoot,
        term: Duration,
    ) -> Result<TakenLease, StoreError> {
        let wish = Wish {
            job_id,
            token,
            holder: holder.clone(),
        };
        let leases = self.take_leases(leadership, &[wish], term).await?;
        leases.into_iter().next().ok_or(StoreError::Guard {
            statement: "take_lease",
            expected: 1,
            actual: 0,
        })?
    }

    /// Leases queued jobs to nodes, in one statement. Returns those that could be leased: the others do not wait any
    /// more, pause, or are to be cancelled. One whose row cannot be read is an error of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process leads.
    pub async fn take_leases(
        &self,
        leadership: &Leadership,
        wishes: &[Wish],
        term: Duration,
    ) -> Result<Vec<Result<TakenLease, StoreError>>, StoreError> {
        let jobs: Vec<JobId> = wishes.iter().map(|wish| wish.job_id).collect();
        let tokens: Vec<LeaseToken> = wishes.iter().map(|wish| wish.token).collect();
        let nodes: Vec<&str> = wishes.iter().map(|w| w.holder.node.as_str()).collect();
        let boots: Vec<BootId> = wishes.iter().map(|wish| wish.holder.boot).collect();
        let connection = self.connection().await?;
        let rows = connection
            .query(
                TAKE_LEASES,
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                    /* epoch */ &leadership.epoch,
                    /* jobs */ &jobs,
                    /* tokens */ &tokens,
                    /* nodes */ &nodes,
                    /* boots */ &boots,
                    /* term in seconds */ &term.as_secs_f64(),
                    /* state */ &QUEUED,
                ],
            )
            .await?;
        if rows
            .first()
            .is_none_or(|row| row.get::<_, i64>("leading") == 0)
        {
            return Err(StoreError::LeadershipLost);
        }
        Ok(rows
            .iter()
            .filter(|row| row.get::<_, Option<JobId>>("id").is_some())
            .map(taken)
            .collect())
    }

    /// Extends the leases of one node start, in one statement. Returns the tokens that still count: the node must stop
    /// what it does under any other.
    pub async fn renew_leases(
        &self,
        boot: BootId,
        leases: &[LeaseRef],
        term: Duration,
    ) -> Result<Vec<LeaseToken>, StoreError> {
        let jobs: Vec<JobId> = leases.iter().map(|lease| lease.job_id).collect();
        let tokens: Vec<LeaseToken> = leases.iter().map(|lease| lease.token).collect();
        let rows = self
            .connection()
            .await?
            .query(
                "-- lease::renew_leases\n\
                 UPDATE leases SET expires_at = now() + make_interval(secs => $3)
                 WHERE job_id = ANY ($4) AND boot_id = $1 AND token = ANY ($2) RETURNING token",
                &[
                    /* boot */ &boot,
                    /* tokens */ &tokens,
                    /* term in seconds */ &term.as_secs_f64(),
                    /* jobs */ &jobs,
                ],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Gives every lease of the lane a full term, because its silence may have been ours: after a takeover, or when the
    /// broker is back.
    pub async fn extend_all_leases(
        &self,
        leadership: &Leadership,
        term: Duration,
    ) -> Result<Vec<HeldLease>, StoreError> {
        self.run("extend_all_leases", |tx| {
            let leadership = leadership.clone();
            Box::pin(async move {
                hold(tx, &leadership).await?;
                let rows = tx
                    .query(
                        "-- lease::extend_all_leases\n\
                         UPDATE leases l SET expires_at = now() + make_interval(secs => $3)
                         FROM jobs j JOIN deliveries d ON d.job_id = j.id
                         WHERE j.id = l.job_id AND j.region = $1 AND j.pool = $2
                         RETURNING l.job_id, l.attempt, l.token, l.node_id, l.boot_id, j.user_id,
                                   d.shard, d.channel_id, j.state",
                        &[
                            /* region */ &leadership.region,
                            /* pool */ &leadership.pool,
                            /* term in seconds */ &term.as_secs_f64(),
                        ],
                    )
                    .await?;
                rows.iter().map(held).collect()
            })
        })
        .await
    }

    /// The tokens of all leases of the lane.
    pub async fn lease_tokens(
        &self,
        leadership: &Leadership,
    ) -> Result<HashSet<LeaseToken>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- lease::lease_tokens\n\
                 SELECT l.token FROM leases l JOIN jobs j ON j.id = l.job_id
                 WHERE j.region = $1 AND j.pool = $2",
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                ],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Leases of the lane that ran out.
    pub async fn expired_leases(
        &self,
        leadership: &Leadership,
    ) -> Result<Vec<HeldLease>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- lease::expired_leases\n\
                 SELECT l.job_id, l.attempt, l.token, l.node_id, l.boot_id, j.user_id, d.shard, d.channel_id,
                        j.state
                 FROM leases l JOIN jobs j ON j.id = l.job_id JOIN deliveries d ON d.job_id = j.id
                 WHERE l.expires_at <= now() AND j.region = $1 AND j.pool = $2
                 ORDER BY l.expires_at LIMIT 500",
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                ],
            )
            .await?;
        rows.iter().map(held).collect()
    }
}

/// As a parameter: spelled out, it would let the planner go through all that waits in the lane, because at some moment that
/// was little, instead of looking up the jobs.
pub(crate) const QUEUED: &str = "queued";

/// One statement and one round trip: the epoch is held, the jobs are marked, the leases and the events are written, or
/// nothing is.
const TAKE_LEASES: &str = "-- lease::take_leases
    WITH held AS (
        SELECT 1 FROM leadership WHERE region = $1 AND pool = $2 AND epoch = $3 FOR SHARE
    ), wish AS (
        SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::uuid[]) AS w (job_id, token, node_id, boot_id)
    ), marked AS (
        UPDATE jobs j SET state = 'leased', started_at = coalesce(j.started_at, now())
        FROM wish w, prompts p, held
        WHERE j.id = w.job_id AND p.job_id = j.id AND j.region = $1 AND j.pool = $2
          AND j.state = $9 AND j.not_before <= now()
          AND NOT EXISTS (SELECT 1 FROM cancel_requests c WHERE c.job_id = j.id)
        RETURNING j.id, j.attempt, j.spec, j.storage_class, p.positive, p.negative, w.token, w.node_id, w.boot_id
    ), written AS (
        INSERT INTO leases (job_id, attempt, token, node_id, boot_id, expires_at)
        SELECT id, attempt, token, node_id, boot_id, now() + make_interval(secs => $8) FROM marked
    ), told AS (
        INSERT INTO job_events (job_id, state, attempt, detail)
        SELECT id, 'leased', attempt, jsonb_build_object('node', node_id, 'boot', boot_id) FROM marked
    )
    SELECT h.leading, m.id, m.attempt, m.spec, m.storage_class, m.positive, m.negative, m.token
    FROM (SELECT count(*) AS leading FROM held) h LEFT JOIN marked m ON true";

fn taken(row: &tokio_postgres::Row) -> Result<TakenLease, StoreError> {
    let attempt: i32 = row.get("attempt");
    let class: String = row.get("storage_class");
    Ok(TakenLease {
        lease: LeaseRef {
            job_id: row.get("id"),
            attempt: u32::try_from(attempt)
                .map_err(|_| corrupt("attempt", &attempt.to_string()))?,
            token: row.get("token"),
        },
        spec: json(row, "spec")?,
        text: PromptText {
            positive: row.get("positive"),
            negative: row.get("negative"),
        },
        class: StorageClass::from_name(&class).ok_or_else(|| corrupt("storage class", &class))?,
    })
}

fn held(row: &tokio_postgres::Row) -> Result<HeldLease, StoreError> {
    let attempt: i32 = row.get("attempt");
    let node: String = row.get("node_id");
    Ok(HeldLease {
        lease: LeaseRef {
            job_id: row.get("job_id"),
            attempt: u32::try_from(attempt)
                .map_err(|_| corrupt("attempt", &attempt.to_string()))?,
            token: row.get("token"),
        },
        holder: NodeBoot {
            node: node.parse().map_err(|_| corrupt("node id", &node))?,
            boot: row.get("boot_id"),
        },
        user_id: row.get("user_id"),
        shard: u32::try_from(row.get::<_, i32>("shard")).unwrap_or(0),
        channel_id: row.get("channel_id"),
        finishing: row.get::<_, &str>("state") == "finishing",
    })
}
