//! Speaking as somebody else: what a broken or dishonest node could say.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use easel_broker::{Message, Queue, Subscription, Target};
use easel_domain::clock::EntropyExt;
use easel_domain::message::{
    FileClaim, LeaseRef, NodeBoot, NodeEvent, NodeReport, StoredFile, Timings,
};
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict};
use easel_domain::tier::ServiceClass;
use easel_domain::{JobId, NodeId, RequestId};
use serde_json::Value;

use super::watch::PATIENCE;
use super::{PREFETCH, World, inbox};

/// Who reports, and through which account.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The account that the broker vouches for.
    pub account: NodeId,
    /// The sender that the report names.
    pub from: NodeBoot,
    /// The lease that it speaks of.
    pub lease: LeaseRef,
}

impl World {
    /// The voice of the node that has a job.
    pub async fn voice_of_holder(&self, job: JobId) -> Result<Voice> {
        let connection = self.database.store.connection().await?;
        let sql = "SELECT node_id, boot_id, attempt, token FROM leases WHERE job_id = $1";
        let row = connection
            .query_one(sql, &[&job])
            .await
            .context("find the job's lease")?;
        let node: NodeId = row.get::<_, String>(0).parse()?;
        let attempt = u32::try_from(row.get::<_, i32>(2))?;
        Ok(Voice {
            account: node.clone(),
            from: NodeBoot {
                node,
                boot: row.get(1),
            },
            lease: LeaseRef {
                job_id: job,
                attempt,
                token: row.get(3),
            },
        })
    }

    /// Reports something in that voice.
    pub async fn say(&self, voice: &Voice, event: NodeEvent) -> Result<()> {
        let report = NodeReport {
            from: voice.from.clone(),
            lease: voice.lease,
            event,
        };
        let target = self.names().done_target(&self.lane, &voice.account);
        Ok(self.broker.publish(Message::new(target, &report)?).await?)
    }

    /// Claims for pictures that nobody has made.
    pub fn claims(&self, count: u32) -> Vec<FileClaim> {
        let digest =
            |length| self.entropy.random_uuid().simple().to_string().repeat(2)[..length].to_owned();
        (0..count)
            .map(|index| FileClaim {
                role: FileRole::Full,
                index,
                sha256: digest(64),
                md5: digest(32),
                size_bytes: 10,
                content_type: "image/png".into(),
                width: 64,
                height: 64,
            })
            .collect()
    }

    /// The question for leave to store them.
    pub fn grant_request(&self, claims: &[FileClaim]) -> NodeEvent {
        NodeEvent::GrantRequest {
            request: RequestId(self.entropy.random_uuid()),
            files: claims.to_vec(),
        }
    }

    /// The lie that they are stored.
    pub async fn done_unstored(&self, job: JobId, claims: &[FileClaim]) -> Result<NodeEvent> {
        let connection = self.database.store.connection().await?;
        let rows = connection
            .query(
                "SELECT key FROM upload_grants WHERE job_id = $1 ORDER BY index",
                &[&job],
            )
            .await?;
        let files = rows
            .iter()
            .zip(claims)
            .map(|(row, claim)| StoredFile {
                key: row.get(0),
                claim: claim.clone(),
            })
            .collect();
        let verdict = PictureVerdict {
            outcome: PictureOutcome::Pass,
            checker: "forged".into(),
            scores: BTreeMap::new(),
        };
        Ok(NodeEvent::Done {
            files,
            verdicts: vec![verdict; claims.len()],
            timings: Timings::default(),
            answer: None,
        })
    }

    /// Sends a body that need not mean anything.
    pub async fn send_raw(&self, target: Target, body: &Value) -> Result<()> {
        Ok(self.broker.publish(Message::encoded(target, body)).await?)
    }

    /// The queues of the lane from which nothing may be lost.
    pub fn durable_queues(&self) -> Vec<Queue> {
        let mut queues: Vec<_> = ServiceClass::ALL
            .iter()
            .map(|class| self.names().jobs(&self.lane, *class))
            .collect();
        queues.push(self.names().node_done(&self.lane));
        queues
    }

    /// The next message that was put aside.
    pub async fn next_dead(&self) -> Result<Value> {
        let mut dead = self.dead.lock().await;
        let dead = dead.get_or_insert_with(|| {
            inbox(
                &self.broker,
                Subscription::new(self.names().dead(), PREFETCH),
            )
        });
        let next = tokio::time::timeout(PATIENCE, dead.recv()).await;
        next.context("wait for a dead letter")?
            .context("the queue of dead letters is closed")
    }
}
