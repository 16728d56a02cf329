//! One consumer at work: subscribe, decode, handle, and the one loop that performs what handlers ask for.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use easel_domain::message::{MESSAGE_VERSION, Versioned};
use easel_service::Backoff;
use futures::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use lapin::{Acker, Channel};
use serde::de::DeserializeOwned;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::unsettled::Unsettled;
use super::{Delivery, Subscription};
use crate::action::Action;
use crate::connection::{Broker, Link, Shared};
use crate::error::BrokerError;
use crate::message::Message;
use crate::metric;
use crate::topology::{declare_queue, refused};
use crate::trace::TRACEPARENT;

const RESUBSCRIBE_BASE: Duration = Duration::from_millis(100);
const RESUBSCRIBE_CAP: Duration = Duration::from_secs(5);
/// After a failure of ours, so that a message cannot spin.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_mins(1);

pub(super) struct Worker<F> {
    pub(super) broker: Broker,
    pub(super) subscription: Subscription,
    pub(super) handler: F,
}

/// What is left to do about a message after its handler ran.
enum Left {
    /// It was settled, or needs no settlement.
    Nothing,
    /// To be acknowledged.
    Ack(u64),
    /// To be given back after a while.
    Hold(Hold),
}

struct Hold {
    acker: Acker,
    tag: u64,
    delay: Duration,
}

impl<F> Worker<F> {
    fn shared(&self) -> &Arc<Shared> {
        &self.broker.shared
    }

    fn count(&self, outcome: &'static str) {
        let family = self.subscription.queue.family;
        metrics::counter!(metric::DELIVERIES, "queue" => family, "outcome" => outcome).increment(1);
    }

    pub(super) async fn run<T, Fut>(self: Arc<Self>, stop: &CancellationToken)
    where
        T: DeserializeOwned + Send + 'static,
        F: Fn(Delivery<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Action>> + Send + 'static,
    {
        let mut backoff = Backoff::new(
            RESUBSCRIBE_BASE,
            RESUBSCRIBE_CAP,
            Arc::clone(&self.shared().entropy),
        );
        let mut links = self.shared().links.clone();
        loop {
            let link = tokio::select! {
                () = stop.cancelled() => return,
                link = links.wait_for(Option::is_some) => match link {
                    Ok(link) => link.clone(),
                    Err(_) => return,
                },
            };
            let Some(link) = link else { continue };
            let queue = self.subscription.queue.name();
            match self.subscribe(&link).await {
                Ok((channel, stream)) => {
                    backoff.reset();
                    tracing::debug!(queue, "consuming");
                    Arc::clone(&self).pump(&link, &channel, stream, stop).await;
                }
                Err(error) => tracing::warn!(queue, "consume {queue}: {error}"),
            }
            let pause = backoff.next().unwrap_or(RESUBSCRIBE_CAP);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn subscribe(&self, link: &Arc<Link>) -> Result<(Channel, lapin::Consumer), BrokerError> {
        let (link, subscription) = (Arc::clone(link), self.subscription.clone());
        let what = format!("consume {}", subscription.queue.name());
        let told = what.clone();
        let (topology, names) = (self.shared().topology(), self.shared().names.clone());
        self.shared()
            .bounded(&told, async move {
                let refuse = |error: lapin::Error| refused(what.clone(), &error);
                let channel = link.connection.create_channel().await.map_err(refuse)?;
                channel
                    .basic_qos(subscription.prefetch, BasicQosOptions::default())
                    .await
                    .map_err(refuse)?;
                if subscription.declare {
                    // Somebody may have deleted more than this one queue.
                    topology.declare(&channel, &names).await?;
                    if !topology.contains(&subscription.queue) {
                        declare_queue(&channel, &subscription.queue).await?;
                    }
                }
                let options = BasicConsumeOptions {
                    no_ack: subscription.no_ack,
                    ..BasicConsumeOptions::default()
                };
                let name = subscription.queue.name().into();
                let stream = channel
                    .basic_consume(name, "".into(), options, FieldTable::default())
                    .await;
                Ok((channel, stream.map_err(refuse)?))
            })
            .await
    }

    /// Handles what one subscription delivers, until it ends or is told to.
    async fn pump<T, Fut>(
        self: Arc<Self>,
        link: &Link,
        channel: &Channel,
        mut stream: lapin::Consumer,
        stop: &CancellationToken,
    ) where
        T: DeserializeOwned + Send + 'static,
        F: Fn(Delivery<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Action>> + Send + 'static,
    {
        let mut running: JoinSet<Left> = JoinSet::new();
        let mut held: JoinSet<u64> = JoinSet::new();
        let mut unsettled = Unsettled::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = link.lost.cancelled() => break,
                Some(done) = running.join_next() => {
                    let left = take_all_done(done, &mut running, &mut unsettled);
                    for hold in left {
                        held.spawn(give_back_later(hold, self.shared().limit));
                    }
                    self.acknowledge(channel, &mut unsettled).await;
                }
                Some(given_back) = held.join_next() => {
                    if let Ok(tag) = given_back {
                        unsettled.settled(tag);
                    }
                }
                next = stream.next(), if running.len() < self.subscription.concurrency => match next {
                    Some(Ok(delivery)) => {
                        if !self.subscription.no_ack {
                            unsettled.came(delivery.delivery_tag);
                        }
                        running.spawn(Arc::clone(&self).handle(delivery));
                    }
                    Some(Err(error)) => {
                        tracing::warn!(queue = self.subscription.queue.name(), "consumer broke: {error}");
                        break;
                    }
                    None => break,
                },
            }
        }
        if stop.is_cancelled() && !link.lost.is_cancelled() {
            let tag = stream.tag();
            let channel = channel.clone();
            let cancel = async move {
                let cancelled = channel
                    .basic_cancel(tag, BasicCancelOptions::default())
                    .await;
                cancelled.map_err(|error| refused("stop consuming".into(), &error))
            };
            // Failing to say so changes nothing: closing the channel says it too.
            let _ = self.shared().bounded("stop consuming", cancel).await;
        }
        while let Some(done) = running.join_next().await {
            take_all_done(done, &mut running, &mut unsettled);
            self.acknowledge(channel, &mut unsettled).await;
        }
        // Held messages and those not looked at go back when the channel closes.
    }

    /// Acknowledges everything that is done, with as few words as possible.
    async fn acknowledge(&self, channel: &Channel, unsettled: &mut Unsettled) {
        for (tag, multiple) in unsettled.acks() {
            let answer = channel.basic_ack(tag, BasicAckOptions { multiple });
            let answer = async { answer.await.map(|()| true) };
            settle(answer, self.shared().limit).await;
        }
    }

    async fn handle<T, Fut>(self: Arc<Self>, raw: lapin::message::Delivery) -> Left
    where
        T: DeserializeOwned + Send + 'static,
        F: Fn(Delivery<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Action>> + Send + 'static,
    {
        let queue = self.subscription.queue.name();
        let actions = match decode::<T>(&raw) {
            Ok(delivery) => {
                let trace = delivery.trace.map(|trace| trace.trace_id());
                let span = tracing::info_span!("message", queue, trace.id = trace);
                let handled =
                    AssertUnwindSafe(async { (self.handler)(delivery).await }).catch_unwind();
                let outcome = tracing::Instrument::instrument(handled, span).await;
                outcome.unwrap_or_else(|_| {
                    tracing::error!(
                        queue,
                        "the handler of {queue} panicked; its message is set aside"
                    );
                    self.count("panic");
                    vec![Action::DeadLetter("handler panicked")]
                })
            }
            Err(reason) => {
                tracing::warn!(
                    queue,
                    "undecodable message in {queue}: {reason}; it is set aside"
                );
                self.count("undecodable");
                vec![Action::DeadLetter("undecodable")]
            }
        };
        self.perform(actions, &raw).await
    }

    /// The one loop that does what handlers ask for.
    async fn perform(&self, actions: Vec<Action>, raw: &lapin::message::Delivery) -> Left {
        let pause = || Hold {
            acker: raw.acker.clone(),
            tag: raw.delivery_tag,
            delay: FAILURE_PAUSE,
        };
        for action in actions {
            match action {
                Action::Publish(message) => {
                    if let Err(error) = self.broker.publish(message).await {
                        tracing::warn!(
                            queue = self.subscription.queue.name(),
                            "publish for a message: {error}"
                        );
                        return self.settled_elsewhere(pause());
                    }
                }
                Action::Ack => {
                    self.count("ack");
                    return self.settled(raw);
                }
                Action::Requeue => {
                    return self.settled_elsewhere(Hold {
                        delay: Duration::ZERO,
                        ..pause()
                    });
                }
                Action::RetryLater(delay) => {
                    return self.settled_elsewhere(Hold {
                        delay: delay.min(LONGEST_HOLD),
                        ..pause()
                    });
                }
                Action::DeadLetter(reason) => return self.dead_letter(reason, raw).await,
            }
        }
        tracing::error!(
            queue = self.subscription.queue.name(),
            "a handler settled nothing; its message is requeued"
        );
        self.settled_elsewhere(pause())
    }

    fn settled_elsewhere(&self, hold: Hold) -> Left {
        self.count("requeue");
        if self.subscription.no_ack {
            Left::Nothing
        } else {
            Left::Hold(hold)
        }
    }

    fn settled(&self, raw: &lapin::message::Delivery) -> Left {
        if self.subscription.no_ack {
            Left::Nothing
        } else {
            Left::Ack(raw.delivery_tag)
        }
    }

    async fn dead_letter(&self, reason: &'static str, raw: &lapin::message::Delivery) -> Left {
        self.count("dead");
        if self.shared().dead_letters && !self.subscription.no_ack {
            let target = self.shared().names.dead().target();
            let message = Message::raw(target, raw.data.clone(), "application/octet-stream")
                .header("x-easel-reason", reason)
                .header("x-easel-queue", self.subscription.queue.name());
            if let Err(error) = self.broker.publish(message).await {
                tracing::warn!(
                    queue = self.subscription.queue.name(),
                    "dead-letter a message: {error}"
                );
                return Left::Hold(Hold {
                    acker: raw.acker.clone(),
                    tag: raw.delivery_tag,
                    delay: FAILURE_PAUSE,
                });
            }
        }
        self.settled(raw)
    }
}

/// What is left of a message whose handler ended, and of all others that have ended by now. Returns those to hold.
fn take_all_done(
    first: Result<Left, JoinError>,
    running: &mut JoinSet<Left>,
    unsettled: &mut Unsettled,
) -> Vec<Hold> {
    let mut holds = Vec::new();
    let mut next = Some(first);
    while let Some(done) = next {
        match done {
            Ok(Left::Ack(tag)) => unsettled.wants_ack(tag),
            Ok(Left::Hold(hold)) => holds.push(hold),
            // One whose task was lost comes again with the next channel.
            Ok(Left::Nothing) | Err(_) => {}
        }
        next = running.try_join_next();
    }
    holds
}

async fn give_back_later(hold: Hold, limit: Duration) -> u64 {
    tokio::time::sleep(hold.delay).await;
    let options = BasicNackOptions {
        requeue: true,
        ..BasicNackOptions::default()
    };
    settle(hold.acker.nack(options), limit).await;
    hold.tag
}

/// An answer that cannot be given in time is late: the message comes again by itself once its channel is gone.
async fn settle(answer: impl Future<Output = lapin::Result<bool>>, limit: Duration) {
    if !matches!(tokio::time::timeout(limit, answer).await, Ok(Ok(true))) {
        metrics::counter!(metric::LATE_ACKS).increment(1);
    }
}

fn decode<T: DeserializeOwned>(raw: &lapin::message::Delivery) -> Result<Delivery<T>, String> {
    // The parser's words can quote the body: only the kind and the place are told.
    let told = |error: serde_json::Error| {
        format!("{:?} error at byte {}", error.classify(), error.column())
    };
    let versioned: Versioned<T> = serde_json::from_slice(&raw.data).map_err(told)?;
    if versioned.v > MESSAGE_VERSION {
        return Err(format!(
            "version {} is newer than {MESSAGE_VERSION}",
            versioned.v
        ));
    }
    let header = raw
        .properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(TRACEPARENT).cloned());
    let trace = header
        .and_then(|value| {
            value
                .as_long_string()
                .map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
        })
        .and_then(|text| text.parse().ok());
    Ok(Delivery {
        body: versioned.body,
        routing_key: raw.routing_key.to_string(),
        redelivered: raw.redelivered,
        trace,
    })
}
