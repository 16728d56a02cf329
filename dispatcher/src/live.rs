//! What nodes say often: heartbeats renew leases and tell the scheduler, progress is passed on to the bots.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use easel_broker::{Action, Consumer, Delivery, Message, Subscription};
use easel_domain::message::{Heartbeat, NodeBoot, NodeCommand, NodeLive};
use easel_domain::{BootId, NodeId};
use easel_service::chain;
use tokio::sync::{Mutex, mpsc};

use crate::coordinator::Input;
use crate::lanes::Office;
use crate::metric;
use crate::term::TermEnd;

const PREFETCH: u16 = 500;
/// How often the leader speaks to itself through the broker.
const ECHO_EVERY: Duration = Duration::from_secs(1);

/// Speaks into the queue that this leader reads, so that it can tell a silent node from a silent broker.
pub(crate) async fn echo(office: Office) -> TermEnd {
    let mut ticks = tokio::time::interval(ECHO_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let target = office
            .broker
            .names()
            .node_live(&office.settings.lane())
            .target();
        let echo = NodeLive::Echo {
            epoch: office.leadership.epoch,
        };
        let Ok(message) = Message::new(target, &echo) else {
            continue;
        };
        if let Err(error) = office.broker.publish(message).await {
            tracing::debug!("the leader cannot hear itself: {error}");
        }
    }
}

/// Reads `node-live`.
pub(crate) fn consume(office: Office, inputs: mpsc::Sender<Input>) -> Consumer {
    let queue = Subscription::new(
        office.broker.names().node_live(&office.settings.lane()),
        PREFETCH,
    );
    let announced = Arc::new(Mutex::new(HashSet::new()));
    let broker = office.broker.clone();
    broker.consume(queue, move |live: Delivery<NodeLive>| {
        let (office, inputs, announced) = (office.clone(), inputs.clone(), Arc::clone(&announced));
        async move {
            let sender = live.sender();
            match live.body {
                NodeLive::Echo { epoch } if epoch == office.leadership.epoch => {
                    let _ = inputs.send(Input::Echo).await;
                }
                NodeLive::Echo { .. } => {}
                NodeLive::Heartbeat(beat) if speaks_for(sender.as_ref(), &beat.from) => {
                    take_heartbeat(&office, &inputs, &announced, *beat).await;
                }
                NodeLive::Progress {
                    from,
                    lease,
                    percent,
                    preview,
                } if speaks_for(sender.as_ref(), &from) => {
                    let _ = inputs
                        .send(Input::Progress {
                            lease,
                            percent: percent.min(100),
                            preview,
                        })
                        .await;
                }
                NodeLive::Heartbeat(_) | NodeLive::Progress { .. } => {
                    tracing::warn!("a node spoke in the name of another one");
                }
            }
            Action::ack()
        }
    })
}

/// The routing key is held to the node's own name by the broker; the body must agree with it.
pub(crate) fn speaks_for(sender: Option<&NodeId>, from: &NodeBoot) -> bool {
    sender == Some(&from.node)
}

async fn take_heartbeat(
    office: &Office,
    inputs: &mpsc::Sender<Input>,
    announced: &Mutex<HashSet<(BootId, String)>>,
    beat: Heartbeat,
) {
    announce_models(office, announced, &beat).await;
    renew(office, &beat).await;
    let _ = inputs.send(Input::Heartbeat(Box::new(beat))).await;
}

async fn announce_models(
    office: &Office,
    announced: &Mutex<HashSet<(BootId, String)>>,
    beat: &Heartbeat,
) {
    // New jobs follow what was announced last: of a node's models that shall be the one it names first.
    for model in beat.models.iter().rev() {
        let key = (beat.from.boot, model.hash.clone());
        let known = announced.lock().await.contains(&key);
        if known {
            continue;
        }
        match office.store.announce_model(beat.from.boot, model).await {
            Ok(()) => {
                announced.lock().await.insert(key);
            }
            Err(error) => tracing::warn!(
                "cannot note model {}: {error}",
                model.profile.id,
                error = chain(&error)
            ),
        }
    }
}

/// One statement renews all leases of the node; it is told of those that do not count any more.
async fn renew(office: &Office, beat: &Heartbeat) {
    if beat.leases.is_empty() {
        return;
    }
    let valid = match office
        .store
        .renew_leases(beat.from.boot, &beat.leases, office.settings.lease_term)
        .await
    {
        Ok(valid) => valid,
        Err(error) => {
            tracing::warn!(node.id = %beat.from.node, "cannot renew leases of node {}: {error}", beat.from.node, error = chain(&error));
            return;
        }
    };
    for lease in beat
        .leases
        .iter()
        .filter(|lease| !valid.contains(&lease.token))
    {
        metrics::counter!(metric::FENCED_WRITES, "what" => "heartbeat").increment(1);
        let settled = NodeCommand::Settled {
            lease: *lease,
            accepted: false,
        };
        if let Err(error) = office.tell(&beat.from, &settled).await {
            tracing::debug!(
                "node {} was not told of a lost lease: {error}",
                beat.from.node
            );
        }
    }
}
