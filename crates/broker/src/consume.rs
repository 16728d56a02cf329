//! Consumers, as their owners see them.

mod unsettled;
mod worker;

use std::future::Future;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::action::Action;
use crate::connection::Broker;
use crate::names::{Queue, QueueKind};
use crate::trace::TraceContext;
use worker::Worker;

/// A decoded message.
#[derive(Debug, Clone)]
pub struct Delivery<T> {
    /// The body.
    pub body: T,
    /// The key it was published with; its last word is the sender's id for what nodes write.
    pub routing_key: String,
    /// Whether the broker delivered it before. Only for logs: it means nothing.
    pub redelivered: bool,
    /// The sender's trace.
    pub trace: Option<TraceContext>,
}

impl<T> Delivery<T> {
    /// The node that sent this, as the broker's topic permissions attest.
    pub fn sender(&self) -> Option<easel_domain::NodeId> {
        self.routing_key.rsplit('.').next()?.parse().ok()
    }
}

/// What to consume and how.
#[derive(Debug, Clone)]
pub struct Subscription {
    queue: Queue,
    prefetch: u16,
    concurrency: usize,
    no_ack: bool,
    declare: bool,
}

impl Subscription {
    /// Messages of `queue`, which is declared first, one at a time and in order; at most `prefetch` are held.
    pub fn new(queue: Queue, prefetch: u16) -> Self {
        // Live messages are not worth an acknowledgement each.
        let no_ack = queue.kind() == QueueKind::Live;
        Self {
            queue,
            prefetch: prefetch.max(1),
            concurrency: 1,
            no_ack,
            declare: true,
        }
    }

    /// Handles up to `concurrency` messages at once.
    #[must_use]
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Expects the queue to exist.
    #[must_use]
    pub fn undeclared(mut self) -> Self {
        self.declare = false;
        self
    }
}

/// A running consumer. Dropping the handle lets it run until the broker handle closes.
#[derive(Debug, Clone)]
pub struct Consumer {
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Consumer {
    /// Takes no more messages, and waits until those in hand are handled and settled. The broker keeps the others.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

impl Broker {
    /// Consumes until [`Consumer::stop`] or [`Broker::close`], subscribing again after each reconnect. Undecodable
    /// messages and those whose handler panics go to the dead-letter queue and are counted.
    pub fn consume<T, F, Fut>(&self, subscription: Subscription, handler: F) -> Consumer
    where
        T: DeserializeOwned + Send + 'static,
        F: Fn(Delivery<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Action>> + Send + 'static,
    {
        let consumer = Consumer {
            stop: self.shared.closing.child_token(),
            ended: CancellationToken::new(),
        };
        let worker = Arc::new(Worker {
            broker: self.clone(),
            subscription,
            handler,
        });
        let (stop, ended) = (consumer.stop.clone(), consumer.ended.clone());
        self.shared.consumers.spawn(async move {
            let _ended = ended.drop_guard();
            worker.run(&stop).await;
        });
        consumer
    }
}
