//! What the broker tells about messages: delivery hints and progress.

use std::collections::BTreeMap;
use std::time::Duration;

use easel_broker::{Action, Broker, Consumer, Subscription};
use easel_domain::message::{DeliveryHint, ProgressNote};
use easel_service::Shutdown;
use easel_store::shard::ShardLease;

use super::handle::{LiveEvent, LiveHandle};
use super::ownership::Ownership;

const PREFETCH: u16 = 200;
/// A consumer that does not stop ends with its connection.
const STOP: Duration = Duration::from_secs(3);

/// Listens for the shards that this process owns, and for no others: what one process hears another does not.
#[derive(Debug)]
pub struct Feeds {
    /// Where it listens.
    pub broker: Broker,
    /// Who is told.
    pub live: LiveHandle,
    /// Which shards are ours.
    pub ownership: Ownership,
}

impl Feeds {
    /// Listens until draining.
    ///
    /// # Errors
    ///
    /// Never.
    pub async fn run(mut self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut heard: BTreeMap<u32, [Consumer; 2]> = BTreeMap::new();
        loop {
            let owned: Vec<u32> = self.ownership.all().iter().map(ShardLease::shard).collect();
            let lost: Vec<u32> = heard
                .keys()
                .copied()
                .filter(|shard| !owned.contains(shard))
                .collect();
            for consumers in lost.iter().filter_map(|shard| heard.remove(shard)) {
                stop(consumers).await;
            }
            for shard in owned {
                heard
                    .entry(shard)
                    .or_insert_with(|| consume(&self.broker, shard, &self.live));
            }
            tokio::select! {
                () = shutdown.soft().cancelled() => break,
                changed = self.ownership.changed() => if !changed { break },
            }
        }
        for (_, consumers) in heard {
            stop(consumers).await;
        }
        Ok(())
    }
}

async fn stop(consumers: [Consumer; 2]) {
    for consumer in consumers {
        let _ = tokio::time::timeout(STOP, consumer.stop()).await;
    }
}

/// Hands the hints and the progress of a shard to the owner of its messages. A hint is settled once it is handed over:
/// the row is the truth, and the sweep finds what a crash forgets.
fn consume(broker: &Broker, shard: u32, live: &LiveHandle) -> [Consumer; 2] {
    let hints = live.clone();
    let progress = live.clone();
    let shard_queue = Subscription::new(broker.names().shard(shard), PREFETCH);
    let progress_queue = Subscription::new(broker.names().progress(shard), PREFETCH);
    [
        broker.consume(
            shard_queue,
            move |delivery: easel_broker::Delivery<DeliveryHint>| {
                hints.tell(LiveEvent::Due(delivery.body.job_id));
                async { Action::ack() }
            },
        ),
        broker.consume(
            progress_queue,
            move |delivery: easel_broker::Delivery<ProgressNote>| {
                progress.tell(LiveEvent::Progress(delivery.body));
                async { Action::ack() }
            },
        ),
    ]
}
