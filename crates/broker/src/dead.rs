//! Reading the dead-letter queue, for whoever looks into it.

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::AMQPValue;

use crate::connection::Broker;
use crate::error::{BrokerError, PublishError};
use crate::message::Message;
use crate::names::Target;
use crate::topology::refused;

/// A message of the dead-letter queue. It goes back there unless [`DeadMessage::taken`] is called.
pub struct DeadMessage {
    /// Where it was found, by its full name; empty where nobody said.
    pub queue: String,
    /// What was wrong with it; empty where nobody said.
    pub reason: String,
    /// As it came.
    pub body: Vec<u8>,
    acker: Acker,
}

impl std::fmt::Debug for DeadMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadMessage")
            .field("queue", &self.queue)
            .field("reason", &self.reason)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// The next message of the dead-letter queue, if there is one.
    ///
    /// # Errors
    /// No connection, no answer in time, or a refusal.
    pub async fn next_dead(&self) -> Result<Option<DeadMessage>, BrokerError> {
        let (link, queue) = (self.link()?, self.names().dead());
        let told = format!("read {}", queue.name());
        let what = told.clone();
        self.shared
            .bounded(&told, async move {
                let refuse = |error: lapin::Error| refused(what.clone(), &error);
                let channel = link.connection.create_channel().await.map_err(refuse)?;
                let name = queue.name().into();
                let got = channel
                    .basic_get(name, BasicGetOptions::default())
                    .await
                    .map_err(refuse)?;
                Ok(got.map(|got| read(got.delivery)))
            })
            .await
    }

    /// Publishes a message that was set aside to the queue that it was found in.
    ///
    /// # Errors
    /// See [`PublishError`]; a queue that is not there returns it.
    pub async fn replay(&self, queue: &str, body: Vec<u8>) -> Result<(), PublishError> {
        let target = Target {
            exchange: String::new(),
            routing_key: queue.into(),
            persistent: true,
        };
        self.publish(Message::raw(target, body, "application/json"))
            .await
    }
}

fn read(delivery: lapin::message::Delivery) -> DeadMessage {
    let header = |name: &str| {
        let headers = delivery.properties.headers().as_ref()?;
        match headers.inner().get(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            _ => None,
        }
    };
    DeadMessage {
        queue: header("x-easel-queue").unwrap_or_default(),
        reason: header("x-easel-reason").unwrap_or_default(),
        body: delivery.data.clone(),
        acker: delivery.acker,
    }
}

impl DeadMessage {
    /// It is kept elsewhere now: the queue forgets it.
    ///
    /// # Errors
    /// The broker did not take the acknowledgement; the message will be found again.
    pub async fn taken(self) -> Result<(), BrokerError> {
        self.acker
            .ack(BasicAckOptions::default())
            .await
            .map(|_| ())
            .map_err(|error| refused("take a dead letter".into(), &error))
    }
}
