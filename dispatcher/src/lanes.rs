//! What the tasks of one term share.

use std::sync::Arc;

use easel_blobs::BlobStore;
use easel_broker::{Broker, Message, PublishError, Target};
use easel_domain::message::{DeliveryHint, NodeBoot, NodeCommand};
use easel_domain::{Clock, Entropy, JobId};
use easel_service::chain;
use easel_store::Store;
use easel_store::leadership::Leadership;
use easel_store::lower::Lowered;
use easel_store::marks::Marks;
use easel_store::settle::Ended;
use serde::Serialize;

use crate::config::LaneConfig;
use crate::mentions::Mentions;
use crate::metric;

/// The hands of a leader.
#[derive(Clone)]
pub(crate) struct Office {
    pub store: Store,
    pub broker: Broker,
    pub blobs: Arc<BlobStore>,
    pub leadership: Leadership,
    pub settings: LaneConfig,
    pub marks: Marks,
    /// What members are told while they wait and watch.
    pub mentions: Mentions,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Office {
    /// Tells a node something. A node without an inbox is gone.
    pub async fn tell(&self, node: &NodeBoot, command: &NodeCommand) -> Result<(), PublishError> {
        self.publish(
            self.broker
                .names()
                .node_inbox(&node.node, node.boot)
                .target(),
            command,
        )
        .await
    }

    /// Sends the hint of an end at once; what fails here the relay sends later.
    pub async fn announce_end(&self, ended: &Ended) {
        metrics::counter!(metric::JOBS_ENDED, "state" => ended.state.as_str()).increment(1);
        self.show(ended.job_id, ended.shard, ended.outbox_id).await;
    }

    /// The same for a job that goes on, and is drawn smaller.
    pub async fn announce_lowered(&self, lowered: &Lowered) {
        let Lowered { job_id, size, .. } = lowered;
        metrics::counter!(metric::LOWERED_JOBS).increment(1);
        tracing::warn!(job.id = %job_id, "memory is short: job {job_id} is drawn at {} by {}", size.0, size.1);
        self.show(lowered.job_id, lowered.shard, lowered.outbox_id)
            .await;
    }

    async fn show(&self, job_id: JobId, shard: u32, outbox_id: i64) {
        let target = self.broker.names().shard(shard).target();
        match self.publish(target, &DeliveryHint { job_id }).await {
            Ok(()) => self.marks.sent(outbox_id),
            Err(error) => tracing::warn!(
                "the relay will send a delivery hint: {error}",
                error = chain(&error)
            ),
        }
    }

    async fn publish<T: Serialize>(&self, target: Target, body: &T) -> Result<(), PublishError> {
        let message = Message::new(target, body).map_err(|error| PublishError::Broken {
            reason: error.to_string(),
        })?;
        self.broker.publish(message).await
    }
}
