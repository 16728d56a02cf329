//! What stands still: hung tries, rows that cannot be read, weights that nobody has.

use std::collections::BTreeMap;

use easel_domain::JobId;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::{FailureKind, after_failure};
use easel_domain::job::EndReason;
use easel_domain::message::{LeaseRef, NodeCommand};
use easel_domain::model::ModelRef;
use easel_scheduler::event::Outcome;
use easel_store::StoreError;
use easel_store::lease::HeldLease;
use easel_store::waiting::UnreadableJob;
use tokio::time::Instant;

use super::weights::Prospect;
use super::{Coordinator, Leased};
use crate::metric;
use crate::scheduler::skill;

impl From<&HeldLease> for Leased {
    /// A lease that has just been written, or found.
    fn from(held: &HeldLease) -> Self {
        let now = Instant::now();
        Self {
            lease: held.lease,
            holder: held.holder.clone(),
            user_id: held.user_id,
            shard: held.shard,
            channel_id: held.channel_id,
            since: now,
            percent: 0,
            moved_at: now,
            row: None,
            finishing: held.finishing,
            paused: None,
        }
    }
}

impl Leased {
    fn held(&self) -> HeldLease {
        HeldLease {
            lease: self.lease,
            holder: self.holder.clone(),
            user_id: self.user_id,
            shard: self.shard,
            channel_id: self.channel_id,
            finishing: self.finishing,
        }
    }
}

impl Coordinator {
    fn current(&mut self, lease: LeaseRef) -> Option<&mut Leased> {
        self.leased
            .get_mut(&lease.job_id)
            .filter(|leased| leased.lease == lease)
    }

    /// A node tells how far it is. Saying the same again is no progress.
    pub(super) fn moved(&mut self, lease: LeaseRef, percent: u8) {
        if let Some(leased) = self.current(lease)
            && percent > leased.percent
        {
            leased.percent = percent;
            leased.moved_at = Instant::now();
        }
    }

    pub(super) fn finishes(&mut self, lease: LeaseRef) {
        if let Some(leased) = self.current(lease) {
            leased.finishing = true;
        }
    }

    /// Progress that nobody could hear is no standstill.
    pub(super) fn forgive_standstill(&mut self) {
        let now = Instant::now();
        for leased in self.leased.values_mut() {
            leased.moved_at = now;
        }
    }

    /// Takes jobs back from nodes that live and get nowhere with them.
    pub(super) async fn take_back_hung(&mut self) -> Result<(), StoreError> {
        let deadline = self.office.settings.progress_deadline;
        let hung: Vec<HeldLease> = self
            .leased
            .values()
            .filter(|leased| !leased.finishing && leased.paused.is_none())
            .filter(|leased| leased.moved_at.elapsed() >= deadline)
            .map(Leased::held)
            .collect();
        for held in hung {
            let (job_id, node) = (held.lease.job_id, &held.holder.node);
            metrics::counter!(metric::HUNG_TRIES).increment(1);
            tracing::warn!(job.id = %job_id, node.id = %node, attempt = held.lease.attempt,
                "job {job_id} has come no further on node {node} for {deadline:?}");
            let jitter = self.office.entropy.random_unit();
            let after = after_failure(FailureKind::Retryable, held.lease.attempt, jitter);
            let avoid = Some(held.holder.boot);
            self.end_lease(&held, after, avoid, "it came no further", Outcome::Hung)
                .await?;
            let cancel = NodeCommand::Cancel { lease: held.lease };
            if let Err(error) = self.office.tell(&held.holder, &cancel).await {
                tracing::debug!("node {node} learns by its next heartbeat: {error}");
            }
        }
        Ok(())
    }

    /// A row that cannot be read hides no other. It waits, because a newer dispatcher may be able to read it, and fails
    /// when nobody has been for long.
    pub(super) async fn cannot_read(&mut self, job: UnreadableJob) -> Result<(), StoreError> {
        let job_id = job.job_id;
        if self.unreadable.insert(job_id) {
            metrics::counter!(metric::UNREADABLE_JOBS).increment(1);
            tracing::error!(job.id = %job_id, "the row of job {job_id} cannot be read: {}; correct it, or let it fail", job.error);
        }
        let waited = self.office.clock.now() - job.submitted_at;
        if waited < self.office.settings.model_patience {
            return Ok(());
        }
        let detail = "its row cannot be read";
        self.give_up(job_id, EndReason::Unrenderable, detail).await
    }

    async fn give_up(
        &mut self,
        job_id: JobId,
        reason: EndReason,
        detail: &str,
    ) -> Result<(), StoreError> {
        let (store, leadership) = (&self.office.store, &self.office.leadership);
        let given_up = store
            .give_up_waiting(leadership, job_id, reason, detail)
            .await;
        self.scheduler.job_gone(job_id, self.office.clock.now());
        self.unreadable.remove(&job_id);
        match given_up {
            Ok(ended) => {
                self.office.announce_end(&ended).await;
                Ok(())
            }
            Err(error) if error.is_lost_race() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Jobs whose weights were replaced go on with the new ones; those whose weights are gone for good fail.
    pub(super) async fn settle_homeless(&mut self) -> Result<(), StoreError> {
        let now = self.office.clock.now();
        // Where no node speaks at all, or none can be heard, nobody knows what is served.
        if !self.can_hear() || self.scheduler.capacity(now) == 0 {
            return Ok(());
        }
        let settings = &self.office.settings;
        let (replaced_after, patience) = (settings.replaced_after, settings.model_patience);
        let mut replaced: BTreeMap<(String, String, String), Vec<JobId>> = BTreeMap::new();
        let mut homeless = Vec::new();
        for job in self.scheduler.waiting_jobs() {
            // The skill has a name of its own, beside that of the weights.
            let model = ModelRef {
                id: skill::named(&job.model_id, job.question),
                hash: skill::needed(job),
            };
            match self
                .weights
                .prospect(&model, job.submitted_at, now, replaced_after, patience)
            {
                Prospect::Waits => {}
                Prospect::Replaced(new) => {
                    let to = skill::weights(&new.hash).to_owned();
                    let (id, from) = (job.model_id.clone(), job.model_hash.clone());
                    let waiting = replaced.entry((id, from, to)).or_default();
                    waiting.push(job.job_id);
                }
                Prospect::Homeless => homeless.push(job.job_id),
            }
        }
        for ((id, from, to), jobs) in replaced {
            self.retarget(&jobs, &from, ModelRef { id, hash: to })
                .await?;
        }
        for job_id in homeless {
            let detail = "no node serves its weights";
            self.give_up(job_id, EndReason::ModelGone, detail).await?;
        }
        Ok(())
    }

    async fn retarget(
        &mut self,
        jobs: &[JobId],
        from: &str,
        to: ModelRef,
    ) -> Result<(), StoreError> {
        let (store, leadership) = (&self.office.store, &self.office.leadership);
        let moved = store.retarget_waiting(leadership, jobs, from, &to).await?;
        metrics::counter!(metric::RETARGETED_JOBS).increment(moved.len() as u64);
        tracing::warn!(
            model = to.id,
            "{} waiting jobs go on with the weights that replaced theirs",
            moved.len()
        );
        for job_id in jobs {
            self.scheduler.job_gone(*job_id, self.office.clock.now());
            self.reload(*job_id).await?;
        }
        Ok(())
    }
}
