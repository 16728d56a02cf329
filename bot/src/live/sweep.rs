//! Looking at the rows: messages that are out of date, and interactions that a dead process left "thinking".

use std::sync::Arc;
use std::time::Duration;

use easel_domain::{Clock, InteractionId};
use easel_service::{Shutdown, chain};
use easel_store::intake::{IntakeEnd, OpenIntake};
use easel_store::{Store, StoreError};
use time::OffsetDateTime;

use super::handle::{LiveEvent, LiveHandle};
use super::ownership::Ownership;
use crate::rest::{MessagePayload, Rest};
use crate::text::Language;

const BATCH: u32 = 2_000;
/// Messages of one channel that are found at once: about what its limits allow until the next looks.
const PER_CHANNEL: u32 = 12;
/// Settled interactions are kept for this long, for repeated dispatches.
const KEEP_INTAKES: Duration = Duration::from_hours(1);
/// Lists of jobs can be turned over for this long.
const KEEP_SEARCHES: Duration = Duration::from_hours(24);

/// Looks at the rows of the shards that this process owns.
#[derive(Clone)]
pub struct Sweeper {
    /// The rows.
    pub store: Store,
    /// For the answers that were left open.
    pub rest: Rest,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What to look at.
    pub ownership: Ownership,
    /// The owner of the messages.
    pub live: LiveHandle,
    /// How often to look.
    pub every: Duration,
    /// An interaction that is open for longer was left by a process that died.
    pub abandoned_after: Duration,
}

impl std::fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweeper")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl Sweeper {
    /// Looks until draining, at once when a shard is taken over.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ownership = self.ownership.clone();
        loop {
            tokio::select! {
                () = shutdown.soft().cancelled() => return Ok(()),
                _ = ticks.tick() => {}
                changed = ownership.changed() => if !changed { return Ok(()) },
            }
            if let Err(error) = self.look().await {
                tracing::warn!(
                    "look for messages that are out of date: {error}",
                    error = chain(&error)
                );
            }
        }
    }

    /// One look.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for lease in self.ownership.all() {
            for (job, channel) in self
                .store
                .due_deliveries(lease.shard(), now, PER_CHANNEL, BATCH)
                .await?
            {
                self.live.tell(LiveEvent::Found(job, channel));
            }
            for open in self
                .store
                .open_intakes(lease.shard(), now, self.abandoned_after, BATCH)
                .await?
            {
                self.settle(&open, now).await?;
            }
        }
        self.store.prune_intakes(now - KEEP_INTAKES, BATCH).await?;
        self.store.expire_proposals(now, BATCH).await?;
        self.store
            .prune_searches(now - KEEP_SEARCHES, BATCH)
            .await?;
        Ok(())
    }

    /// No job came of it, or its row would be settled: the member is told to try again. Before that it is made sure that no
    /// slow submit makes it a lie.
    async fn settle(&self, open: &OpenIntake, now: OffsetDateTime) -> Result<(), StoreError> {
        if !self.store.give_up_intake(open.interaction, now).await? {
            return Ok(());
        }
        let end = self.tell(open, now).await;
        match end {
            Some(end) => self.close(open.interaction, end).await,
            None => Ok(()),
        }
    }

    async fn close(&self, interaction: InteractionId, end: IntakeEnd) -> Result<(), StoreError> {
        self.store.close_intake(interaction, end).await
    }

    /// `None` to try again at the next look.
    async fn tell(&self, open: &OpenIntake, now: OffsetDateTime) -> Option<IntakeEnd> {
        let Some(token) = open.token.as_ref().filter(|_| now < open.token_expires_at) else {
            return Some(IntakeEnd::Abandoned);
        };
        let words = Language::of_locale(&open.locale).interrupted();
        let told = if open.waits {
            let payload = MessagePayload::text(words);
            self.rest
                .edit_original(open.application, token, &payload, None)
                .await
        } else {
            self.rest
                .follow_up(open.application, token, &MessagePayload::whisper(words))
                .await
        };
        match told {
            Ok(_) => Some(IntakeEnd::Answered),
            Err(error) if error.is_transient() => {
                tracing::warn!(
                    "settle an interaction that a dead process left: {error}",
                    error = chain(&error)
                );
                None
            }
            Err(_) => Some(IntakeEnd::Abandoned),
        }
    }
}
