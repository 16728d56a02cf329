//! What goes to other regions of the pool, and what comes from those that nobody leads.

use easel_broker::{Lane, Segment};
use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_store::StoreError;
use easel_store::region::GivenAway;

use super::Coordinator;
use crate::metric;
use crate::scheduler::spill::{HandOver, Neighbour};

/// What a leader said of its lane counts for so many seconds.
const FRESH_S: f64 = 10.0;
/// Jobs of lanes without a leader that are taken in one sweep.
const ADOPTED_AT_ONCE: u32 = 500;

impl Coordinator {
    /// Hands over what waits too long here, and takes what nobody looks after elsewhere.
    pub(super) async fn balance_regions(&mut self) -> Result<(), StoreError> {
        if !self.can_hear() {
            return Ok(());
        }
        let now = self.office.clock.now();
        let neighbours = self.neighbours().await?;
        let bound_s = self.office.settings.spill_after.as_secs_f64();
        for going in self.scheduler.hand_overs(&neighbours, bound_s, now) {
            self.hand_over(going).await?;
        }
        let models = self.scheduler.served_models(now);
        if models.is_empty() {
            return Ok(());
        }
        let adopted = self
            .office
            .store
            .adopt_orphans(
                &self.office.leadership,
                &models,
                self.office.settings.adopt_after,
                ADOPTED_AT_ONCE,
            )
            .await?;
        if !adopted.is_empty() {
            metrics::counter!(metric::REGION_JOBS, "what" => "adopted")
                .increment(adopted.len() as u64);
            tracing::warn!(
                "{} jobs of regions that nobody leads go on here",
                adopted.len()
            );
        }
        for job_id in adopted {
            self.reload(job_id).await?;
        }
        Ok(())
    }

    async fn neighbours(&self) -> Result<Vec<Neighbour>, StoreError> {
        let leadership = &self.office.leadership;
        let snapshots = self.office.store.snapshots().await?;
        Ok(snapshots
            .into_iter()
            .filter(|of| of.pool == leadership.pool && of.region != leadership.region)
            .filter(|of| of.age_s < FRESH_S && of.snapshot.nodes > 0)
            .map(|of| Neighbour {
                region: of.region,
                waits: of.snapshot.waits,
                models: of.snapshot.models.into_iter().collect(),
            })
            .collect())
    }

    async fn hand_over(&mut self, going: HandOver) -> Result<(), StoreError> {
        // A name that some process leads under is a sound one.
        let Ok(region) = going.region.parse::<Segment>() else {
            return Ok(());
        };
        let lane = Lane {
            region,
            pool: self.office.settings.pool.clone(),
        };
        let names = self.office.broker.names();
        let queues = ServiceClass::ALL.map(|class| names.storable(&names.jobs(&lane, class)));
        let jobs: Vec<GivenAway> = going
            .jobs
            .into_iter()
            .map(|(job_id, class)| GivenAway { job_id, class })
            .collect();
        let gone: Vec<JobId> = self
            .office
            .store
            .hand_over(&self.office.leadership, &jobs, &going.region, &queues)
            .await?;
        let now = self.office.clock.now();
        for job_id in &gone {
            self.scheduler.job_gone(*job_id, now);
            self.queue_view.job_left(*job_id);
        }
        metrics::counter!(metric::REGION_JOBS, "what" => "handed_over")
            .increment(gone.len() as u64);
        tracing::info!(
            "{} waiting jobs were handed over to region {}",
            gone.len(),
            going.region
        );
        Ok(())
    }
}
