//! Sends what committed but was not sent: its writer died, or the broker was away.

use std::time::Duration;

use easel_broker::{Message, PublishError};
use easel_service::chain;

use crate::lanes::Office;
use crate::metric;
use crate::term::TermEnd;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const BATCH: u32 = 100;
/// Old messages looked at each time: more than a busy platform writes meanwhile.
const PRUNE_BATCH: u32 = 2_000;
/// Sent messages are kept this long, for whoever looks into an incident.
const KEEP_SENT: Duration = Duration::from_hours(1);

/// Looks into the outbox twice a second.
pub(crate) async fn run(office: Office) -> TermEnd {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = tick(&office).await {
            tracing::warn!("outbox relay: {error}", error = chain(&error));
        }
    }
}

async fn tick(office: &Office) -> Result<(), easel_store::StoreError> {
    let unsent = office
        .store
        .unsent_outbox(office.settings.relay_after, BATCH)
        .await?;
    let mut sent = Vec::new();
    for message in unsent {
        let target = office.broker.names().stored(&message.queue);
        match office
            .broker
            .publish(Message::encoded(target, &message.body))
            .await
        {
            // A queue that does not exist yet is no loss: whoever declares it begins by reading the rows.
            Ok(()) | Err(PublishError::Returned { .. }) => sent.push(message.id),
            Err(error) => {
                tracing::warn!(
                    "outbox message {} stays: {error}",
                    message.id,
                    error = chain(&error)
                );
                break;
            }
        }
    }
    office.store.mark_outbox_sent(&sent).await?;
    metrics::counter!(metric::RELAYED).increment(sent.len() as u64);
    let (count, oldest) = office.store.outbox_backlog().await?;
    metrics::gauge!(metric::OUTBOX_UNSENT).set(count as f64);
    metrics::gauge!(metric::OUTBOX_OLDEST_SECONDS).set(oldest);
    office.store.prune_outbox(KEEP_SENT, PRUNE_BATCH).await?;
    Ok(())
}
