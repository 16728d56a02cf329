//! What the scheduler goes by and what it knows: tiers, quarantine, snapshots of the lanes.

use std::collections::{BTreeMap, BTreeSet};

use easel_domain::admission::{ClassOutlook, GuildOutlook, Promise};
use easel_domain::tier::Tier;
use easel_domain::{GuildKey, NodeId};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Json;

use crate::account::{promise, tier};
use crate::error::{StoreError, expect_one_row};
use crate::leadership::{Leadership, hold};
use crate::pool::Store;
use crate::row::corrupt;

/// A tier with what it is promised.
#[derive(Debug, Clone, PartialEq)]
pub struct SchedulingTier {
    /// What it allows.
    pub tier: Tier,
    /// When its jobs should be done.
    pub promise: Promise,
    /// Share of the nodes that is kept for it.
    pub reserved: f64,
}

/// What the leader of a lane knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LaneSnapshot {
    /// Predicted GPU-seconds of the jobs that wait.
    pub backlog_gpu_s: f64,
    /// Seconds that the oldest of them has waited.
    pub oldest_s: f64,
    /// Nodes that the lane should have.
    pub desired_nodes: u32,
    /// Jobs that wait.
    pub waiting: u32,
    /// Jobs that nodes have.
    pub running: u32,
    /// Nodes that are heard.
    pub nodes: u32,
    /// Seconds until a job that comes now should start, by the name of its service class; absent where nobody knows.
    pub waits: BTreeMap<String, f64>,
    /// By the name of a service class: what a submit decides by; absent where nobody knows.
    pub classes: BTreeMap<String, SharedClass>,
    /// How long steps take.
    pub steps: Vec<StepTime>,
    /// Hashes of the weights that nodes have or can load.
    pub models: Vec<String>,
}

/// What waits in a service class, and who shares it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SharedClass {
    /// What waits.
    #[serde(flatten)]
    pub outlook: ClassOutlook,
    /// Guilds of which several members have asked lately, by their numbers.
    #[serde(default)]
    pub shared_by: BTreeMap<String, GuildOutlook>,
}

impl SharedClass {
    /// What is known of a guild; direct messages are a guild of the member's own.
    pub(crate) fn guild(&self, guild: Option<GuildKey>) -> GuildOutlook {
        let known = guild.and_then(|guild| self.shared_by.get(&guild.to_string()));
        known.copied().unwrap_or_default()
    }
}

/// How long a step of a kind of job takes by itself, on an average node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// Hash of the model.
    pub model: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures of one job, which share the step.
    pub pictures: u32,
    /// GPU-seconds of one step.
    pub step_s: f64,
}

/// A snapshot with its lane and its age.
#[derive(Debug, Clone, PartialEq)]
pub struct AgedSnapshot {
    /// Region.
    pub region: String,
    /// Pool.
    pub pool: String,
    /// Seconds since it was taken.
    pub age_s: f64,
    /// What was known then.
    pub snapshot: LaneSnapshot,
}

impl Store {
    /// All tiers, by name.
    pub async fn scheduling_tiers(&self) -> Result<Vec<SchedulingTier>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- fleet::scheduling_tiers\n\
                 SELECT name, service_class, weight, running_limit, waiting_limit, permutation_limit, aging_s,
                        shed_after_s, retention_s, promise_s, promise_factor, reserved
                 FROM tiers ORDER BY name",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(SchedulingTier {
                    tier: tier(row)?,
                    promise: promise(row),
                    reserved: f64::from(row.get::<_, f32>("reserved")),
                })
            })
            .collect()
    }

    /// Nodes that get no work until an operator says so.
    pub async fn quarantined_nodes(&self) -> Result<BTreeSet<NodeId>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- fleet::quarantined_nodes\nSELECT node_id FROM quarantined_nodes",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let node: &str = row.get(0);
                node.parse().map_err(|_| corrupt("node id", node))
            })
            .collect()
    }

    /// Sets a node aside.
    pub async fn quarantine_node(
        &self,
        leadership: &Leadership,
        node: &NodeId,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.run("quarantine_node", |tx| {
            let (leadership, node, reason) = (leadership.clone(), node.clone(), reason.to_owned());
            Box::pin(async move {
                hold(tx, &leadership).await?;
                tx.execute(
                    "-- fleet::quarantine_node\n\
                     WITH news AS (
                         INSERT INTO quarantined_nodes (node_id, reason) VALUES ($1, $2)
                         ON CONFLICT DO NOTHING RETURNING node_id
                     )
                     INSERT INTO node_decisions (node_id, what, detail) SELECT node_id, 'quarantined', $2 FROM news",
                    &[/* node */ &node, /* reason */ &reason],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Lets a node work again, on an operator's word.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when it is not quarantined.
    pub async fn release_node(&self, node: &NodeId, by: &str) -> Result<(), StoreError> {
        self.run("release_node", |tx| {
            let (node, by) = (node.clone(), by.to_owned());
            Box::pin(async move {
                let gone = tx
                    .execute(
                        "-- fleet::release_node\nDELETE FROM quarantined_nodes WHERE node_id = $1",
                        &[/* node */ &node],
                    )
                    .await?;
                expect_one_row("release_node", gone)?;
                tx.execute(
                    "-- fleet::release_node (decision)\n\
                     INSERT INTO node_decisions (node_id, what, detail) VALUES ($1, 'released', $2)",
                    &[/* node */ &node, /* by */ &by],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Writes down what the leader of a lane knows.
    pub async fn write_snapshot(
        &self,
        leadership: &Leadership,
        snapshot: &LaneSnapshot,
    ) -> Result<(), StoreError> {
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let written = self
            .connection()
            .await?
            .execute(
                "-- fleet::write_snapshot\n\
                 INSERT INTO lane_snapshots (region, pool, taken_at, backlog_gpu_s, oldest_s, desired_nodes, waiting,
                                             running, nodes, waits, steps, models, classes)
                 SELECT l.region, l.pool, now(), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
                 FROM leadership l WHERE l.region = $1 AND l.pool = $2 AND l.epoch = $3
                 ON CONFLICT (region, pool) DO UPDATE
                 SET taken_at = excluded.taken_at, backlog_gpu_s = excluded.backlog_gpu_s,
                     oldest_s = excluded.oldest_s, desired_nodes = excluded.desired_nodes,
                     waiting = excluded.waiting, running = excluded.running, nodes = excluded.nodes,
                     waits = excluded.waits, steps = excluded.steps, models = excluded.models,
                     classes = excluded.classes",
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                    /* epoch */ &leadership.epoch,
                    /* backlog */ &snapshot.backlog_gpu_s,
                    /* oldest */ &snapshot.oldest_s,
                    /* desired */ &whole(snapshot.desired_nodes),
                    /* waiting */ &whole(snapshot.waiting),
                    /* running */ &whole(snapshot.running),
                    /* nodes */ &whole(snapshot.nodes),
                    /* waits */ &Json(&snapshot.waits),
                    /* steps */ &Json(&snapshot.steps),
                    /* models */ &Json(&snapshot.models),
                    /* classes */ &Json(&snapshot.classes),
                ],
            )
            .await?;
        expect_one_row("write_snapshot", written).map_err(|_| StoreError::LeadershipLost)
    }

    /// What the leaders of all lanes last knew.
    pub async fn snapshots(&self) -> Result<Vec<AgedSnapshot>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- fleet::snapshots\n\
                 SELECT region, pool, extract(epoch FROM now() - taken_at)::float8 AS age_s, backlog_gpu_s, oldest_s,
                        desired_nodes, waiting, running, nodes, waits, steps, models, classes
                 FROM lane_snapshots ORDER BY region, pool",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let whole = |name: &str| u32::try_from(row.get::<_, i32>(name)).unwrap_or(0);
                let unreadable = |_| corrupt("lane snapshot", row.get::<_, &str>("pool"));
                let Json(waits) = row.try_get("waits").map_err(unreadable)?;
                let Json(steps) = row.try_get("steps").map_err(unreadable)?;
                let Json(models) = row.try_get("models").map_err(unreadable)?;
                let Json(classes) = row.try_get("classes").map_err(unreadable)?;
                Ok(AgedSnapshot {
                    region: row.get("region"),
                    pool: row.get("pool"),
                    age_s: row.get("age_s"),
                    snapshot: LaneSnapshot {
                        backlog_gpu_s: row.get("backlog_gpu_s"),
                        oldest_s: row.get("oldest_s"),
                        desired_nodes: whole("desired_nodes"),
                        waiting: whole("waiting"),
                        running: whole("running"),
                        nodes: whole("nodes"),
                        waits,
                        classes,
                        steps,
                        models,
                    },
                })
            })
            .collect()
    }
}
