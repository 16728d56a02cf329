//! What the broker tells about messages: delivery hints and progress.

use easel_broker::{Action, Broker, Consumer, Subscription};
use easel_domain::message::{DeliveryHint, ProgressNote};

use super::handle::{LiveEvent, LiveHandle};

const PREFETCH: u16 = 200;

/// Hands the hints and the progress of a shard to the owner of its messages. A hint is settled once it is handed over:
/// the row is the truth, and the sweep finds what a crash forgets.
pub fn consume(broker: &Broker, shard: u32, live: &LiveHandle) -> [Consumer; 2] {
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
