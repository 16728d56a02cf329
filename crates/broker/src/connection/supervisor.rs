//! The loop that keeps one connection open.

use std::sync::Arc;
use std::time::Duration;

use easel_service::Backoff;
use futures::StreamExt;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event};
use tokio::sync::watch;

use super::{CLOSE_LIMIT, ConnectionState, Link, Shared};
use crate::error::BrokerError;
use crate::metric;
use crate::names::Names;
use crate::publish::ChannelPool;
use crate::topology::{Topology, refused};

const BACKOFF_BASE: Duration = Duration::from_millis(200);
const BACKOFF_CAP: Duration = Duration::from_secs(5);
/// How often the connection is asked whether it still stands, in case an event went missing.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) async fn declare(
    link: &Link,
    topology: &Topology,
    names: &Names,
) -> Result<(), BrokerError> {
    let what = "open a channel".to_string();
    let channel = link.connection.create_channel().await;
    let channel = channel.map_err(|error| refused(what, &error))?;
    topology.declare(&channel, names).await
}

pub(super) struct Supervisor {
    pub(super) uri: AMQPUri,
    pub(super) client: String,
    pub(super) shared: Arc<Shared>,
    pub(super) links: watch::Sender<Option<Arc<Link>>>,
    pub(super) state: watch::Sender<ConnectionState>,
}

impl Supervisor {
    pub(super) async fn run(self) {
        let hangup = self.shared.hangup.clone();
        let mut backoff = Backoff::new(BACKOFF_BASE, BACKOFF_CAP, Arc::clone(&self.shared.entropy));
        let mut generation = 0;
        while !hangup.is_cancelled() {
            let reason = match self.open(generation + 1).await {
                Ok(link) => {
                    generation += 1;
                    backoff.reset();
                    self.hold(link).await
                }
                Err(error) => error.to_string(),
            };
            if hangup.is_cancelled() {
                break;
            }
            metrics::counter!(metric::CONNECTION_FAILURES).increment(1);
            let delay = backoff.next().unwrap_or(BACKOFF_CAP);
            tracing::warn!(
                broker = self.shared.shown,
                "no broker connection: {reason}; next try in {delay:?}"
            );
            self.state.send_replace(ConnectionState::Down { reason });
            tokio::select! {
                () = hangup.cancelled() => break,
                () = tokio::time::sleep(delay) => {}
            }
        }
        self.state.send_replace(ConnectionState::Down {
            reason: "closed".into(),
        });
    }

    async fn open(&self, generation: u64) -> Result<Arc<Link>, BrokerError> {
        let properties =
            ConnectionProperties::default().with_connection_name(self.client.as_str().into());
        let uri = self.uri.clone();
        let opened = self.shared.bounded("open a connection", async move {
            let opened = Connection::connect_uri(uri, properties).await;
            opened.map_err(|error| refused("open a connection".into(), &error))
        });
        let link = Arc::new(Link {
            connection: opened.await?,
            channels: ChannelPool::new(),
            lost: self.shared.hangup.child_token(),
            generation,
        });
        let (declared, topology, shared) = (
            Arc::clone(&link),
            self.shared.topology(),
            Arc::clone(&self.shared),
        );
        self.shared
            .bounded("declare queues", async move {
                declare(&declared, &topology, &shared.names).await
            })
            .await?;
        Ok(link)
    }

    /// Keeps the link until it breaks or the handle closes; returns why.
    async fn hold(&self, link: Arc<Link>) -> String {
        let mut events = link.connection.events_listener();
        tracing::info!(
            broker = self.shared.shown,
            generation = link.generation,
            "connected to the broker"
        );
        metrics::gauge!(metric::CONNECTED).set(1.0);
        self.links.send_replace(Some(Arc::clone(&link)));
        self.state.send_replace(ConnectionState::Up {
            generation: link.generation,
        });
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let reason = loop {
            tokio::select! {
                () = self.shared.hangup.cancelled() => break "closing".to_string(),
                event = events.next() => match event {
                    // A soft error ends one channel, whose user hears of it there; the connection goes on.
                    Some(Event::Error(error)) if error.is_amqp_soft_error() => {}
                    Some(Event::Error(error)) => break error.to_string(),
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(broker = self.shared.shown, "the broker takes no messages: {reason}");
                    }
                    Some(_) => {}
                    None => break "the connection ended".to_string(),
                },
                _ = looks.tick() => {
                    if !link.connection.status().connected() {
                        break "the connection is no longer open".to_string();
                    }
                }
            }
        };
        metrics::gauge!(metric::CONNECTED).set(0.0);
        self.links.send_replace(None);
        if self.shared.hangup.is_cancelled() {
            self.end(&link).await;
        }
        link.lost.cancel();
        reason
    }

    /// Says goodbye, so that exclusive queues and prefetched messages are free at once.
    async fn end(&self, link: &Arc<Link>) {
        let link = Arc::clone(link);
        let goodbye = self
            .shared
            .tracker
            .spawn(async move { link.connection.close(200, "OK".into()).await });
        let _ = tokio::time::timeout(CLOSE_LIMIT, goodbye).await;
    }
}
