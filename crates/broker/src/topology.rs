//! What must exist before messages can flow.

use easel_domain::tier::ServiceClass;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use crate::error::BrokerError;
use crate::names::{Lane, Names, Queue, QueueKind};

/// Live messages are worthless after this long, in milliseconds.
const LIVE_TTL_MS: i32 = 5_000;
const LIVE_MAX_LENGTH: i32 = 10_000;
const INBOX_MAX_LENGTH: i32 = 1_000;

/// Queues, and lanes with their exchange. Declared on every new connection; declaring twice changes nothing.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    queues: Vec<Queue>,
    lanes: Vec<Lane>,
}

impl Topology {
    /// Nothing: for nodes, whose accounts may declare only their own inbox.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds one lane: its job queues, what its nodes write to, and the dead-letter queue.
    #[must_use]
    pub fn lane(mut self, names: &Names, lane: &Lane) -> Self {
        self.queues.extend(
            ServiceClass::ALL
                .iter()
                .map(|class| names.jobs(lane, *class)),
        );
        self.queues
            .extend([names.node_done(lane), names.node_live(lane), names.dead()]);
        self.lanes.push(lane.clone());
        self
    }

    /// Adds what one shard of the bot reads, and the dead-letter queue.
    #[must_use]
    pub fn shard(mut self, names: &Names, shard: u32) -> Self {
        self.queues
            .extend([names.shard(shard), names.progress(shard), names.dead()]);
        self
    }

    pub(crate) fn merge(&mut self, more: &Self) {
        for queue in &more.queues {
            if !self.queues.contains(queue) {
                self.queues.push(queue.clone());
            }
        }
        for lane in &more.lanes {
            if !self.lanes.contains(lane) {
                self.lanes.push(lane.clone());
            }
        }
    }

    pub(crate) fn contains(&self, queue: &Queue) -> bool {
        self.queues.contains(queue)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    pub(crate) async fn declare(
        &self,
        channel: &Channel,
        names: &Names,
    ) -> Result<(), BrokerError> {
        for queue in &self.queues {
            declare_queue(channel, queue).await?;
        }
        if self.lanes.is_empty() {
            return Ok(());
        }
        let exchange = names.nodes_exchange();
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(
                exchange.as_str().into(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            )
            .await
            .map_err(|error| refused(format!("declare exchange {exchange}"), &error))?;
        for lane in &self.lanes {
            bind(
                channel,
                &names.node_done(lane),
                &exchange,
                &format!("done.{lane}.*"),
            )
            .await?;
            bind(
                channel,
                &names.node_live(lane),
                &exchange,
                &format!("live.{lane}.*"),
            )
            .await?;
        }
        Ok(())
    }
}

async fn bind(
    channel: &Channel,
    queue: &Queue,
    exchange: &str,
    key: &str,
) -> Result<(), BrokerError> {
    channel
        .queue_bind(
            queue.name().into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .map_err(|error| refused(format!("bind queue {} to {exchange}", queue.name()), &error))
}

pub(crate) async fn declare_queue(channel: &Channel, queue: &Queue) -> Result<(), BrokerError> {
    let mut arguments = FieldTable::default();
    let mut text = |name: &str, value: &str| {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    match queue.kind {
        QueueKind::Quorum => text("x-queue-type", "quorum"),
        // Said aloud, because a vhost may have another default.
        QueueKind::Live | QueueKind::Inbox => text("x-queue-type", "classic"),
    }
    if queue.kind == QueueKind::Inbox {
        text("x-overflow", "reject-publish");
    }
    let mut number = |name: &str, value: i32| {
        arguments.insert(name.into(), AMQPValue::LongInt(value));
    };
    match queue.kind {
        QueueKind::Quorum => {}
        QueueKind::Live => {
            number("x-message-ttl", LIVE_TTL_MS);
            number("x-max-length", LIVE_MAX_LENGTH);
        }
        QueueKind::Inbox => number("x-max-length", INBOX_MAX_LENGTH),
    }
    let exclusive = queue.kind == QueueKind::Inbox;
    let options = QueueDeclareOptions {
        durable: !exclusive,
        exclusive,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.name().into(), options, arguments)
        .await
        .map(|_| ())
        .map_err(|error| refused(format!("declare queue {}", queue.name()), &error))
}

pub(crate) fn refused(what: String, error: &lapin::Error) -> BrokerError {
    BrokerError::Refused {
        what,
        reason: error.to_string(),
    }
}
