//! What nodes are told beside offers: to load and give up weights, to hold jobs up and go on with them.
//!
//! An order may be lost. Nothing is lost with it: a job whose weights are not there has its node load them, and heartbeats
//! say what is held up, so that leader and node agree again.

use std::time::Duration;

use easel_domain::JobId;
use easel_domain::message::{Heartbeat, LeaseRef, NodeBoot, NodeCommand};
use tokio::time::Instant;

use super::Coordinator;
use crate::metric;

/// A node that does not say that it holds a job up is told again after this.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(2);

impl Coordinator {
    async fn order(&self, node: &NodeBoot, command: NodeCommand, what: &'static str) {
        metrics::counter!(metric::NODE_ORDERS, "what" => what).increment(1);
        if let Err(error) = self.office.tell(node, &command).await {
            tracing::warn!(node.id = %node.node, "node {} was not told to {what}: {error}", node.node);
        }
    }

    /// Weights that go, and then those that come.
    pub(super) async fn order_load(&self, node: &NodeBoot, hash: &str, evict: &[String]) {
        for going in evict {
            let hash = going.clone();
            self.order(node, NodeCommand::Unload { hash }, "unload")
                .await;
        }
        let hash = hash.to_owned();
        self.order(node, NodeCommand::Load { hash }, "load").await;
    }

    /// Work that is less urgent waits on its node, at its next step, with all that it has come to.
    pub(super) async fn hold_up(&mut self, node: &NodeBoot, jobs: &[JobId]) {
        let mut leases = Vec::new();
        for job_id in jobs {
            if let Some(leased) = self.leased.get_mut(job_id)
                && leased.holder == *node
            {
                leased.paused = Some(Instant::now());
                leases.push(leased.lease);
            }
        }
        for lease in leases {
            self.order(node, NodeCommand::Pause { lease }, "pause")
                .await;
        }
    }

    /// What made the others wait has ended.
    pub(super) async fn go_on(&mut self, node: &NodeBoot) {
        let mut leases = Vec::new();
        for leased in self.leased.values_mut() {
            if leased.holder == *node && leased.paused.take().is_some() {
                // Standing still was no fault of its own.
                leased.moved_at = Instant::now();
                leases.push(leased.lease);
            }
        }
        for lease in leases {
            self.order(node, NodeCommand::Resume { lease }, "resume")
                .await;
        }
    }

    /// A node holds up what it was told to, and nothing else: an order may have been lost, and so may a leader.
    pub(super) async fn agree_on_pauses(&mut self, beat: &Heartbeat) {
        if !beat.directed {
            return;
        }
        let mut orders = Vec::new();
        for lease in &beat.leases {
            let held_up = beat.paused.contains(lease);
            let Some(leased) = self.leased.get_mut(&lease.job_id) else {
                continue;
            };
            if leased.lease != *lease {
                continue;
            }
            // The scheduler forgets a pause when it takes a silent node for gone and finds it again: then nobody would end it.
            let is_wanted = self.scheduler.is_paused(beat.from.boot, lease.job_id);
            if leased.paused.is_some() && !is_wanted {
                leased.paused = None;
                leased.moved_at = Instant::now();
            }
            match leased.paused {
                None if held_up => orders.push(resume(*lease)),
                Some(since) if !held_up && since.elapsed() >= TOLD_AGAIN_AFTER => {
                    leased.paused = Some(Instant::now());
                    orders.push((NodeCommand::Pause { lease: *lease }, "pause"));
                }
                None | Some(_) => {}
            }
        }
        for (command, what) in orders {
            self.order(&beat.from, command, what).await;
        }
    }
}

fn resume(lease: LeaseRef) -> (NodeCommand, &'static str) {
    (NodeCommand::Resume { lease }, "resume")
}
