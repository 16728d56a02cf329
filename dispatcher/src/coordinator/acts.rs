//! What the coordinator does to rows and tells nodes.

use std::time::Duration;

use easel_blobs::ObjectKey;
use easel_broker::PublishError;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::{AfterFailure, FailureKind, after_failure};
use easel_domain::job::EndReason;
use easel_domain::message::{DownloadGrant, NodeCommand, Offer};
use easel_domain::spec::RenderSpec;
use easel_domain::{JobId, LeaseToken};
use easel_store::StoreError;
use easel_store::finish::AfterTry;
use easel_store::lease::{HeldLease, TakenLease};
use tokio::time::Instant;

use super::{Coordinator, Leased};
use crate::metric;
use crate::scheduler::Placement;

/// Rows read at once by the sweep.
const PAGE: u32 = 500;
/// Cancel requests acted on in one sweep.
const CANCEL_BATCH: u32 = 200;
const GRANT_LIFETIME: Duration = Duration::from_mins(1);

impl Coordinator {
    /// Makes memory agree with the rows: losing every hint, or the answer to a commit, costs one interval.
    pub(super) async fn sweep(&mut self) -> Result<(), StoreError> {
        self.forget_ended_leases().await?;
        self.read_waiting_jobs().await?;
        self.swept_at = Some(Instant::now());
        Ok(())
    }

    /// Forgets leases that the table does not know: they ended in a commit whose answer was lost.
    async fn forget_ended_leases(&mut self) -> Result<(), StoreError> {
        let held = self
            .office
            .store
            .lease_tokens(&self.office.leadership)
            .await?;
        let ended = self
            .leased
            .extract_if(|_, leased| !held.contains(&leased.lease.token));
        for (job_id, _) in ended {
            self.scheduler.lease_ended(job_id);
        }
        Ok(())
    }

    async fn read_waiting_jobs(&mut self) -> Result<(), StoreError> {
        let (region, pool) = (
            self.office.leadership.region.clone(),
            self.office.leadership.pool.clone(),
        );
        let mut after = None;
        loop {
            let page = self
                .office
                .store
                .waiting_jobs(&region, &pool, after, PAGE)
                .await?;
            for job in page.jobs {
                if self.scheduler.waiting_job(job.job_id).is_none() {
                    self.scheduler.job_waits(job);
                }
            }
            for job in page.unreadable {
                self.cannot_read(job).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn open_cancel_requests(&self) -> Result<Vec<JobId>, StoreError> {
        let leadership = &self.office.leadership;
        self.office
            .store
            .open_cancel_requests(&leadership.region, &leadership.pool, CANCEL_BATCH)
            .await
    }

    pub(super) async fn reload(&mut self, job_id: JobId) -> Result<(), StoreError> {
        let leadership = &self.office.leadership;
        let job = self
            .office
            .store
            .waiting_job(&leadership.region, &leadership.pool, job_id)
            .await?;
        match job {
            Some(job) => self.scheduler.job_waits(job),
            None => self.scheduler.job_gone(job_id),
        }
        Ok(())
    }

    /// Takes the leases that stand in the table, after a takeover or a time of deafness, and gives each a full term.
    pub(super) async fn adopt_leases(&mut self) -> Result<(), StoreError> {
        let term = self.office.settings.lease_term;
        for held in self
            .office
            .store
            .extend_all_leases(&self.office.leadership, term)
            .await?
        {
            self.scheduler
                .lease_found(held.lease.job_id, held.user_id, held.holder.boot);
            self.leased
                .entry(held.lease.job_id)
                .or_insert_with(|| Leased::from(&held));
        }
        Ok(())
    }

    pub(super) async fn expire_leases(&mut self) -> Result<(), StoreError> {
        for held in self
            .office
            .store
            .expired_leases(&self.office.leadership)
            .await?
        {
            metrics::counter!(metric::LEASES_EXPIRED).increment(1);
            tracing::warn!(job.id = %held.lease.job_id, node.id = %held.holder.node,
                "node {} fell silent with job {}", held.holder.node, held.lease.job_id);
            let (store, leadership) = (&self.office.store, &self.office.leadership);
            let ended = store
                .end_try_by_death(
                    leadership,
                    held.lease,
                    held.holder.boot,
                    "the node fell silent",
                )
                .await;
            self.after_try(&held, ended).await?;
        }
        Ok(())
    }

    /// Ends a lease without its node: the job waits again and no attempt is used up.
    async fn take_back(&mut self, held: &HeldLease, detail: &str) -> Result<(), StoreError> {
        let after = after_failure(FailureKind::Infrastructure, held.lease.attempt, 0.0);
        let avoid = Some(held.holder.boot);
        self.end_lease(held, after, avoid, detail).await
    }

    pub(super) async fn end_lease(
        &mut self,
        held: &HeldLease,
        after: AfterFailure,
        avoid: Option<easel_domain::BootId>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let (store, leadership) = (&self.office.store, &self.office.leadership);
        let ended = store
            .end_try(
                leadership,
                held.lease,
                after,
                avoid,
                EndReason::AttemptsExhausted,
                detail,
            )
            .await;
        self.after_try(held, ended).await
    }

    async fn after_try(
        &mut self,
        held: &HeldLease,
        ended: Result<AfterTry, StoreError>,
    ) -> Result<(), StoreError> {
        let job_id = held.lease.job_id;
        match ended {
            Ok(AfterTry::Requeued(_)) => {
                metrics::counter!(metric::REQUEUES, "kind" => "infrastructure").increment(1);
                self.scheduler.lease_ended(job_id);
                self.leased.remove(&job_id);
                self.reload(job_id).await
            }
            Ok(AfterTry::Ended(ended)) => {
                self.office.announce_end(&ended).await;
                self.lease_ended(held.lease, false).await
            }
            // Its node was faster.
            Err(error) if error.is_lost_race() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Acts on a cancel request. A job that finishes, or has ended, stays as it is.
    pub(super) async fn cancel(&mut self, job_id: JobId) -> Result<(), StoreError> {
        let ended = match self
            .office
            .store
            .cancel(&self.office.leadership, job_id)
            .await
        {
            Ok(Some(ended)) => ended,
            Ok(None) => return Ok(()),
            Err(error) if error.is_lost_race() => return Ok(()),
            Err(error) => return Err(error),
        };
        self.scheduler.job_gone(job_id);
        self.scheduler.lease_ended(job_id);
        if let Some(leased) = self.leased.remove(&job_id) {
            let command = NodeCommand::Cancel {
                lease: leased.lease,
            };
            if let Err(error) = self.office.tell(&leased.holder, &command).await {
                tracing::debug!(
                    "node {} learns of the cancel by its next heartbeat: {error}",
                    leased.holder.node
                );
            }
        }
        self.office.announce_end(&ended).await;
        Ok(())
    }

    /// Leases jobs to nodes until no job fits.
    pub(super) async fn place(&mut self) -> Result<(), StoreError> {
        let now = self.office.clock.now();
        let mut first_error = None;
        for placement in self.scheduler.place(now) {
            let job_id = placement.job_id;
            if first_error.is_some() {
                // The scheduler counts it as running already: it must not be forgotten there.
                self.scheduler.lease_ended(job_id);
                continue;
            }
            let outcome = self.lease(placement).await;
            if let Err(error) = outcome {
                self.scheduler.lease_ended(job_id);
                metrics::counter!(metric::LEASES, "outcome" => "not_written").increment(1);
                // A job that does not wait any more is dropped; any other is found again by the sweep.
                if !error.is_lost_race() {
                    first_error = Some(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn lease(&mut self, placement: Placement) -> Result<(), StoreError> {
        let Placement { job_id, node } = placement;
        let token = LeaseToken(self.office.entropy.random_uuid());
        let term = self.office.settings.lease_term;
        let (store, leadership) = (&self.office.store, &self.office.leadership);
        let waiting = store
            .waiting_job(&leadership.region, &leadership.pool, job_id)
            .await?;
        let Some(job) = waiting else {
            return Err(StoreError::Guard {
                statement: "waiting_job",
                expected: 1,
                actual: 0,
            });
        };
        let offered = store
            .take_lease(leadership, job_id, token, &node, term)
            .await?;
        metrics::counter!(metric::LEASES, "outcome" => "written").increment(1);
        let waited = self.office.clock.now() - job.submitted_at;
        metrics::histogram!(metric::QUEUE_WAIT_SECONDS).record(waited.as_seconds_f64());
        let held = HeldLease {
            lease: offered.lease,
            holder: node,
            user_id: job.user_id,
            shard: job.shard,
            channel_id: job.channel_id,
            finishing: false,
        };
        self.leased.insert(job_id, Leased::from(&held));
        self.queue_view.job_left(job_id);
        self.offer(&held, offered).await
    }

    async fn offer(&mut self, held: &HeldLease, taken: TakenLease) -> Result<(), StoreError> {
        let inputs = match self.inputs(&taken.spec).await {
            Ok(inputs) => inputs,
            Err(reason) => {
                let give_up = AfterFailure::GiveUp;
                return self.end_lease(held, give_up, None, &reason).await;
            }
        };
        let offer = Offer {
            lease: taken.lease,
            lease_ms: u64::try_from(self.office.settings.lease_term.as_millis())
                .unwrap_or(u64::MAX),
            spec: taken.spec,
            text: taken.text,
            class: taken.class,
            inputs,
        };
        match self
            .office
            .tell(&held.holder, &NodeCommand::Offer(Box::new(offer)))
            .await
        {
            Ok(()) => {
                // The member learns that it has begun; the node's first word may be seconds away.
                self.pass_on(held.lease, 0, None).await;
                Ok(())
            }
            Err(PublishError::Returned { .. } | PublishError::Nacked { .. }) => {
                self.scheduler.node_gone(held.holder.boot);
                self.take_back(held, "the node has no inbox").await
            }
            // It may have arrived: the node's heartbeats tell, or the lease runs out.
            Err(error) => {
                let job_id = held.lease.job_id;
                tracing::warn!(job.id = %job_id, "offer of job {job_id} may be lost: {error}");
                Ok(())
            }
        }
    }

    async fn inputs(&self, spec: &RenderSpec) -> Result<Vec<DownloadGrant>, String> {
        let input = match spec {
            RenderSpec::Generate(_) => return Ok(Vec::new()),
            RenderSpec::Upscale(upscale) => &upscale.input,
        };
        let key: ObjectKey = input
            .key
            .parse()
            .map_err(|_| "an input has no valid key".to_owned())?;
        let grant = self
            .office
            .blobs
            .grant_download(&key, &input.sha256, GRANT_LIFETIME)
            .await;
        grant
            .map(|grant| vec![grant])
            .map_err(|error| format!("an input cannot be granted: {error}"))
    }
}
