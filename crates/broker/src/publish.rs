//! Publishing with confirms, one publish at a time on each channel.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use easel_service::config::BrokerConfig;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::connection::{Link, Shared};
use crate::error::PublishError;
use crate::{Message, metric};

/// Confirm channels of one connection that wait for their next publish.
pub(crate) struct ChannelPool {
    idle: Mutex<Vec<Channel>>,
    most: usize,
}

impl ChannelPool {
    pub(crate) fn new(most: u16) -> Self {
        Self {
            idle: Mutex::default(),
            most: usize::from(most),
        }
    }

    fn take(&self) -> Option<Channel> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn give_back(&self, channel: Channel) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most && channel.status().connected() {
            idle.push(channel);
        }
    }
}

#[derive(Clone)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    limit: Duration,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, config: &BrokerConfig) -> Self {
        let slots = Arc::new(Semaphore::new(usize::from(config.in_flight.max(1))));
        Self {
            shared,
            slots,
            limit: config.confirm_timeout,
        }
    }

    pub(crate) async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let started = Instant::now();
        let result = self.attempt(message, started + self.limit).await;
        let outcome = result
            .as_ref()
            .map_or_else(PublishError::outcome, |()| "confirmed");
        metrics::counter!(metric::PUBLISHED, "outcome" => outcome).increment(1);
        metrics::histogram!(metric::CONFIRM_SECONDS).record(started.elapsed().as_secs_f64());
        result
    }

    async fn attempt(&self, message: Message, deadline: Instant) -> Result<(), PublishError> {
        let not_sent = |reason| PublishError::NotSent {
            limit: self.limit,
            reason,
        };
        let free = Arc::clone(&self.slots).acquire_owned();
        let Ok(Ok(permit)) = timeout_at(deadline, free).await else {
            return Err(not_sent("too many publishes were in flight"));
        };
        let link = self
            .link(deadline)
            .await
            .ok_or_else(|| not_sent("there was no connection"))?;
        // The task owns the slot: a publish that nobody waits for any more still counts until it ends.
        let mut task = self.shared.tracker.spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = link.lost.cancelled() => Err(PublishError::Broken { reason: "the connection was lost".into() }),
                result = send(&link, &message) => result,
            }
        });
        match timeout_at(deadline, &mut task).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(PublishError::Broken {
                reason: error.to_string(),
            }),
            Err(_) => {
                // Dropping its channel closes it, so a late confirm cannot reach another message.
                task.abort();
                Err(PublishError::Timeout { limit: self.limit })
            }
        }
    }

    async fn link(&self, deadline: Instant) -> Option<Arc<Link>> {
        let mut links = self.shared.links.clone();
        let hangup = self.shared.hangup.clone();
        tokio::select! {
            () = hangup.cancelled() => None,
            found = timeout_at(deadline, links.wait_for(Option::is_some)) => found.ok()?.ok()?.clone(),
        }
    }
}

async fn send(link: &Link, message: &Message) -> Result<(), PublishError> {
    let broken = |error: lapin::Error| PublishError::Broken {
        reason: error.to_string(),
    };
    let channel = match link.channels.take() {
        Some(channel) => channel,
        None => open(link).await.map_err(broken)?,
    };
    let target = &message.target;
    let options = BasicPublishOptions {
        mandatory: message.mandatory,
        ..BasicPublishOptions::default()
    };
    let sent = channel
        .basic_publish(
            target.exchange.as_str().into(),
            target.routing_key.as_str().into(),
            options,
            &message.body,
            message.properties(),
        )
        .await
        .map_err(broken)?;
    let confirmation = sent.await.map_err(broken)?;
    link.channels.give_back(channel);
    let routing_key = target.routing_key.clone();
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
            Err(PublishError::Returned { routing_key })
        }
        Confirmation::Nack(None) => Err(PublishError::Nacked { routing_key }),
        Confirmation::NotRequested => Err(PublishError::Broken {
            reason: "the channel does not confirm".into(),
        }),
    }
}

async fn open(link: &Link) -> Result<Channel, lapin::Error> {
    let channel = link.connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}
