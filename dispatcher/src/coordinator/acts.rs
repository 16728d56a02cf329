//! What the coordinator does to rows and tells nodes.

use std::collections::HashMap;

use easel_domain::JobId;
use easel_domain::failure::{AfterFailure, FailureKind, after_failure};
use easel_domain::job::EndReason;
use easel_domain::message::NodeCommand;
use easel_scheduler::event::Outcome;
use easel_store::StoreError;
use easel_store::finish::AfterTry;
use easel_store::lease::HeldLease;
use easel_store::waiting::WaitingJob;
use tokio::time::Instant;

use super::{Coordinator, Leased};
use crate::metric;

/// Rows read at once by the sweep.
const PAGE: u32 = 500;
/// Cancel requests acted on in one sweep.
const CANCEL_BATCH: u32 = 200;

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
        let now = self.office.clock.now();
        for (job_id, _) in ended {
            self.scheduler.lease_ended(job_id, Outcome::Lost, now);
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
                    self.scheduler.job_waits(job, self.office.clock.now());
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
        let now = self.office.clock.now();
        match job {
            Some(job) => self.scheduler.job_waits(job, now),
            None => self.scheduler.job_gone(job_id, now),
        }
        Ok(())
    }

    /// Takes the leases that stand in the table, after a takeover or a time of deafness, and gives each a full term.
    pub(super) async fn adopt_leases(&mut self) -> Result<(), StoreError> {
        let (store, leadership) = (&self.office.store, &self.office.leadership);
        let term = self.office.settings.lease_term;
        let all = store.extend_all_leases(leadership, term).await?;
        let rows = store
            .leased_jobs(&leadership.region, &leadership.pool)
            .await?;
        let rows: HashMap<JobId, WaitingJob> =
            rows.into_iter().map(|row| (row.job_id, row)).collect();
        let now = self.office.clock.now();
        for held in all {
            if let Some(row) = rows.get(&held.lease.job_id) {
                self.scheduler.lease_found(row, held.holder.boot, now);
            }
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
            self.after_try(&held, ended, Outcome::Lost).await?;
        }
        Ok(())
    }

    /// Ends a lease without its node: the job waits again and no attempt is used up.
    pub(super) async fn take_back(
        &mut self,
        held: &HeldLease,
        detail: &str,
    ) -> Result<(), StoreError> {
        let after = after_failure(FailureKind::Infrastructure, held.lease.attempt, 0.0);
        let avoid = Some(held.holder.boot);
        self.end_lease(held, after, avoid, detail, Outcome::Lost)
            .await
    }

    pub(super) async fn end_lease(
        &mut self,
        held: &HeldLease,
        after: AfterFailure,
        avoid: Option<easel_domain::BootId>,
        detail: &str,
        outcome: Outcome,
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
        self.after_try(held, ended, outcome).await
    }

    async fn after_try(
        &mut self,
        held: &HeldLease,
        ended: Result<AfterTry, StoreError>,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let job_id = held.lease.job_id;
        match ended {
            // Nothing but a node's report lowers a job.
            Ok(AfterTry::Requeued(_) | AfterTry::Lowered(_)) => {
                metrics::counter!(metric::REQUEUES, "kind" => "infrastructure").increment(1);
                let now = self.office.clock.now();
                self.scheduler.lease_ended(job_id, outcome, now);
                self.leased.remove(&job_id);
                self.reload(job_id).await
            }
            Ok(AfterTry::Ended(ended)) => {
                self.office.announce_end(&ended).await;
                self.lease_ended(held.lease, false, outcome).await
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
        let now = self.office.clock.now();
        self.scheduler.job_gone(job_id, now);
        self.scheduler.lease_ended(job_id, Outcome::Cancelled, now);
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
}
