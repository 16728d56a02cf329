//! What the scheduler goes by and what it has learnt: read from rows, and written to them.

use std::time::Duration;

use easel_domain::message::{LeaseRef, Timings};
use easel_scheduler::TierRule;
use easel_store::StoreError;
use easel_store::fleet::{LaneSnapshot, SchedulingTier};
use tokio::time::Instant;

use super::Coordinator;
use crate::metric;

const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);

fn rule(of: SchedulingTier) -> TierRule {
    let tier = of.tier;
    TierRule {
        name: tier.name,
        class: tier.service_class,
        weight: f64::from(tier.weight),
        running: tier.running_limit,
        waiting: tier.waiting_limit,
        aging_s: tier.aging.as_secs_f64(),
        shed_s: tier.shed_after.map(|bound| bound.as_secs_f64()),
        slo_factor: of.promise.factor,
        slo_s: of.promise.within_s,
        reserved: of.reserved,
    }
}

impl Coordinator {
    /// Tiers and quarantine are data: what an admin changes holds from the next sweep on.
    pub(super) async fn read_rules(&mut self) -> Result<(), StoreError> {
        let tiers = self.office.store.scheduling_tiers().await?;
        let quarantined = self.office.store.quarantined_nodes().await?;
        let now = self.office.clock.now();
        self.scheduler
            .tiers_are(tiers.into_iter().map(rule).collect(), now);
        self.scheduler.quarantined_are(quarantined, now);
        Ok(())
    }

    /// What a finished job says of the speed of its node.
    pub(super) fn learn(&mut self, lease: LeaseRef, timings: Option<Timings>) {
        let now = self.office.clock.now();
        let Some((timings, leased)) = timings.zip(self.leased.get(&lease.job_id)) else {
            return;
        };
        if leased.lease != lease {
            return;
        }
        let Some(row) = &leased.row else { return };
        let boot = leased.holder.boot;
        for calls in &timings.calls {
            let step_s = calls.seconds / f64::from(calls.count);
            self.scheduler
                .measured(row, boot, calls.pictures, step_s, now);
        }
        if timings.calls.is_empty() {
            let step_s = timings.denoise_s / f64::from(row.shape.2.max(1));
            self.scheduler
                .measured(row, boot, row.pictures.max(1), step_s, now);
        }
    }

    /// Writes down what is known, for autoscalers and for the bot.
    pub(super) async fn write_snapshot(&mut self) -> Result<(), StoreError> {
        if self
            .snapshot_at
            .is_some_and(|at| at.elapsed() < SNAPSHOT_EVERY)
        {
            return Ok(());
        }
        self.snapshot_at = Some(Instant::now());
        let now = self.office.clock.now();
        let backlog_gpu_s = self.scheduler.backlog_gpu_s();
        let oldest_s = self
            .scheduler
            .oldest_waiting()
            .map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
        let nodes = self.scheduler.nodes(now);
        let running = self.scheduler.running_len();
        let now_s = (now - time::OffsetDateTime::UNIX_EPOCH).as_seconds_f64();
        let settings = &self.office.settings;
        let load = self.scheduler.load(now);
        let desired_nodes = self.scaler.desired(now_s, load, &settings.scale_rules());
        metrics::gauge!(metric::BACKLOG_GPU_SECONDS).set(backlog_gpu_s);
        metrics::gauge!(metric::DESIRED_NODES).set(f64::from(desired_nodes));
        if let Some(error) = self.scheduler.speed_error() {
            metrics::gauge!(metric::SPEED_ERROR).set(error);
        }
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let snapshot = LaneSnapshot {
            backlog_gpu_s,
            oldest_s,
            desired_nodes,
            waiting: count(self.scheduler.waiting_len()),
            running: count(running),
            nodes: count(nodes),
            waits: self.scheduler.waits(now),
            classes: self.scheduler.classes(now),
            steps: self.scheduler.step_times(),
            models: self.scheduler.served_models(now),
        };
        self.office
            .store
            .write_snapshot(&self.office.leadership, &snapshot)
            .await
    }
}
