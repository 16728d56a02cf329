//! From the scheduler's decisions to leases and offers.

use std::collections::HashMap;
use std::time::Duration;

use easel_blobs::ObjectKey;
use easel_broker::PublishError;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::AfterFailure;
use easel_domain::message::{DownloadGrant, NodeBoot, NodeCommand, Offer};
use easel_domain::spec::RenderSpec;
use easel_domain::{JobId, LeaseToken};
use easel_scheduler::event::Outcome;
use easel_store::StoreError;
use easel_store::lease::{HeldLease, TakenLease, Wish};
use easel_store::waiting::WaitingJob;
use futures::future::join_all;

use super::{Coordinator, Leased};
use crate::metric;
use crate::scheduler::{Decision, Placement};

/// Leases written in one statement.
const AT_ONCE: usize = 64;
const GRANT_LIFETIME: Duration = Duration::from_mins(1);

impl Coordinator {
    /// Does what the scheduler decides: leases above all.
    pub(super) async fn place(&mut self) -> Result<(), StoreError> {
        let now = self.office.clock.now();
        let mut placements = Vec::new();
        let mut first_error = None;
        for decision in self.scheduler.decide(now) {
            match decision {
                Decision::Lease(placement) => placements.push(*placement),
                Decision::Shed(job_id) => {
                    if let Err(error) = self.shed(job_id).await {
                        first_error.get_or_insert(error);
                    }
                }
                Decision::Load { node, hash } => self.order_load(&node, &hash, &[]).await,
                Decision::Pause { node, jobs } => self.hold_up(&node, &jobs).await,
                Decision::Resume(node) => self.go_on(&node).await,
                Decision::Broken(node) => {
                    metrics::counter!(metric::NODE_BREAKS, "kind" => "broken").increment(1);
                    tracing::warn!(node.id = %node, "node {node} has failed too often and gets nothing for a while");
                }
                Decision::Quarantine(node) => {
                    metrics::counter!(metric::NODE_BREAKS, "kind" => "quarantined").increment(1);
                    tracing::error!(node.id = %node, "node {node} breaks again and again; `easel-dispatcher release-node {node}` lets it back");
                    let (store, leadership) = (&self.office.store, &self.office.leadership);
                    let reason = "it broke three times within an hour";
                    if let Err(error) = store.quarantine_node(leadership, &node, reason).await {
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        let mut placements = placements.into_iter().peekable();
        while placements.peek().is_some() {
            let batch: Vec<Placement> = placements.by_ref().take(AT_ONCE).collect();
            // The scheduler counts each as running already: none may be forgotten there.
            if first_error.is_some() {
                self.not_leased(batch.iter().map(|placement| placement.job.job_id), now);
            } else if let Err(error) = self.lease(batch).await {
                first_error = Some(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn not_leased(&mut self, jobs: impl Iterator<Item = JobId>, now: time::OffsetDateTime) {
        for job_id in jobs {
            self.scheduler.lease_ended(job_id, Outcome::Lost, now);
            metrics::counter!(metric::LEASES, "outcome" => "not_written").increment(1);
        }
    }

    async fn shed(&mut self, job_id: JobId) -> Result<(), StoreError> {
        match self
            .office
            .store
            .shed(&self.office.leadership, job_id)
            .await
        {
            Ok(ended) => {
                metrics::counter!(metric::SHED_JOBS, "reason" => "stale").increment(1);
                self.office.announce_end(&ended).await;
                Ok(())
            }
            Err(error) if error.is_lost_race() => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn lease(&mut self, batch: Vec<Placement>) -> Result<(), StoreError> {
        let now = self.office.clock.now();
        let wishes: Vec<Wish> = batch
            .iter()
            .map(|placement| Wish {
                job_id: placement.job.job_id,
                token: LeaseToken(self.office.entropy.random_uuid()),
                holder: placement.node.clone(),
            })
            .collect();
        let (store, leadership) = (&self.office.store, &self.office.leadership);
        let term = self.office.settings.lease_term;
        let taken = match store.take_leases(leadership, &wishes, term).await {
            Ok(taken) => taken,
            Err(error) => {
                // Found again by the sweep.
                self.not_leased(wishes.iter().map(|wish| wish.job_id), now);
                return Err(error);
            }
        };
        for placement in &batch {
            if let Some(evict) = &placement.load {
                // Before the offer, through the same inbox: the node finds the job's weights on their way.
                let hash = &placement.job.model_hash;
                self.order_load(&placement.node, hash, evict).await;
            }
        }
        let mut wanted: HashMap<JobId, (WaitingJob, NodeBoot)> = batch
            .into_iter()
            .map(|placement| (placement.job.job_id, (placement.job, placement.node)))
            .collect();
        let mut offers = Vec::new();
        for taken in taken {
            let taken = match taken {
                Ok(taken) => taken,
                Err(error) => {
                    tracing::error!("a leased job cannot be read: {error}; its lease runs out");
                    continue;
                }
            };
            if let Some((row, node)) = wanted.remove(&taken.lease.job_id) {
                let held = self.leased_now(row, node, &taken);
                offers.push((held, taken));
            }
        }
        // What could not be leased does not wait any more.
        self.not_leased(wanted.into_keys().collect::<Vec<_>>().into_iter(), now);
        self.offer(offers).await
    }

    fn leased_now(&mut self, row: WaitingJob, node: NodeBoot, taken: &TakenLease) -> HeldLease {
        metrics::counter!(metric::LEASES, "outcome" => "written").increment(1);
        let waited = self.office.clock.now() - row.submitted_at;
        metrics::histogram!(metric::QUEUE_WAIT_SECONDS).record(waited.as_seconds_f64());
        let held = HeldLease {
            lease: taken.lease,
            holder: node,
            user_id: row.user_id,
            shard: row.shard,
            channel_id: row.channel_id,
            finishing: false,
        };
        let mut leased = Leased::from(&held);
        let job_id = row.job_id;
        leased.row = Some(Box::new(row));
        self.leased.insert(job_id, leased);
        self.queue_view.job_left(job_id);
        held
    }

    /// Sends all offers at once: the broker confirms them together.
    async fn offer(&mut self, offers: Vec<(HeldLease, TakenLease)>) -> Result<(), StoreError> {
        let mut sent = Vec::new();
        for (held, taken) in offers {
            match self.inputs(&taken.spec).await {
                Ok(inputs) => sent.push((held, self.as_offer(taken, inputs))),
                Err(reason) => {
                    let give_up = AfterFailure::GiveUp;
                    self.end_lease(&held, give_up, None, &reason, Outcome::Lost)
                        .await?;
                }
            }
        }
        let office = &self.office;
        let answers = join_all(
            sent.iter()
                .map(|(held, offer)| office.tell(&held.holder, offer)),
        )
        .await;
        // The members learn that it has begun; a node's first word may be seconds away.
        let begun = sent
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_ok());
        for ((held, _), _) in begun {
            self.pass_on(held.lease, 0, None);
        }
        for ((held, _), answer) in sent.iter().zip(answers) {
            match answer {
                Ok(()) => {}
                Err(PublishError::Returned { .. } | PublishError::Nacked { .. }) => {
                    let now = self.office.clock.now();
                    self.scheduler.node_gone(held.holder.boot, now);
                    self.take_back(held, "the node has no inbox").await?;
                }
                // It may have arrived: the node's heartbeats tell, or the lease runs out.
                Err(error) => {
                    let job_id = held.lease.job_id;
                    tracing::warn!(job.id = %job_id, "offer of job {job_id} may be lost: {error}");
                }
            }
        }
        Ok(())
    }

    fn as_offer(&self, taken: TakenLease, inputs: Vec<DownloadGrant>) -> NodeCommand {
        let term = self.office.settings.lease_term;
        NodeCommand::Offer(Box::new(Offer {
            lease: taken.lease,
            lease_ms: u64::try_from(term.as_millis()).unwrap_or(u64::MAX),
            spec: taken.spec,
            text: taken.text,
            class: taken.class,
            inputs,
        }))
    }

    async fn inputs(&self, spec: &RenderSpec) -> Result<Vec<DownloadGrant>, String> {
        let mut grants = Vec::new();
        for input in spec.inputs() {
            let key: ObjectKey = input
                .key
                .parse()
                .map_err(|_| "an input has no valid key".to_owned())?;
            let grant = self
                .office
                .blobs
                .grant_download(&key, &input.sha256, GRANT_LIFETIME)
                .await;
            grants.push(grant.map_err(|error| format!("an input cannot be granted: {error}"))?);
        }
        Ok(grants)
    }
}
