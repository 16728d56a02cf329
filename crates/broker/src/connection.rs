//! One supervised connection.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use easel_domain::Entropy;
use easel_service::Backoff;
use easel_service::config::BrokerConfig;
use futures::StreamExt;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event};
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{BrokerError, PublishError};
use crate::names::Names;
use crate::publish::{ChannelPool, Publisher};
use crate::topology::Topology;
use crate::{Message, metric};

const BACKOFF_BASE: Duration = Duration::from_millis(200);
const BACKOFF_CAP: Duration = Duration::from_secs(5);
/// Both sides notice a dead peer within two of these.
const HEARTBEAT_S: u16 = 5;
/// How often the connection is asked whether it still stands, in case an event went missing.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Where the connection stands. `generation` counts connections: whoever saw an older one was cut off in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// No connection; the supervisor keeps trying.
    Down {
        /// Why, without credentials.
        reason: String,
    },
    /// Connected, and the topology is declared.
    Up {
        /// 1 for the first connection.
        generation: u64,
    },
}

impl ConnectionState {
    /// Whether messages can flow.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }

    /// For a readiness check.
    ///
    /// # Errors
    /// The reason for being down.
    pub fn ready(&self) -> Result<(), String> {
        match self {
            Self::Up { .. } => Ok(()),
            Self::Down { reason } => Err(reason.clone()),
        }
    }
}

/// One connection while it lasts.
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) channels: ChannelPool,
    pub(crate) lost: CancellationToken,
    generation: u64,
}

/// A handle to the broker. Clones share the connection.
#[derive(Clone)]
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
    publisher: Publisher,
}

pub(crate) struct Shared {
    pub(crate) names: Names,
    pub(crate) tracker: TaskTracker,
    pub(crate) closing: CancellationToken,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) links: watch::Receiver<Option<Arc<Link>>>,
    pub(crate) limit: Duration,
    pub(crate) dead_letters: bool,
    state: watch::Receiver<ConnectionState>,
    shown: String,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("address", &self.shared.shown)
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// Starts the supervisor and returns at once; `client` names the connection in the broker's lists. `topology` is
    /// declared on each new connection. With [`Topology::none`] (a node) undecodable messages are dropped and counted
    /// instead of being dead-lettered, since such an account may not write there.
    ///
    /// # Errors
    /// An address that is no AMQP address, or a prefix that cannot be part of a name.
    pub fn start(
        config: &BrokerConfig,
        client: &str,
        topology: Topology,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, BrokerError> {
        let bad = |reason: String| BrokerError::Address {
            address: config.shown(),
            reason,
        };
        let mut uri: AMQPUri = config.url.expose_secret().parse().map_err(bad)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        let names = Names::new(&config.prefix).map_err(|error| bad(error.to_string()))?;
        let (link_sender, links) = watch::channel(None);
        let (state_sender, state) = watch::channel(ConnectionState::Down {
            reason: "connecting".into(),
        });
        let shared = Arc::new(Shared {
            names,
            tracker: TaskTracker::new(),
            closing: CancellationToken::new(),
            entropy,
            links,
            limit: config.connect_timeout,
            dead_letters: !topology.is_empty(),
            state,
            shown: config.shown(),
        });
        let supervisor = Supervisor {
            uri,
            client: client.to_string(),
            topology,
            shared: Arc::clone(&shared),
            links: link_sender,
            state: state_sender,
            in_flight: config.in_flight,
        };
        shared.tracker.spawn(supervisor.run());
        let publisher = Publisher::new(Arc::clone(&shared), config);
        Ok(Self { shared, publisher })
    }

    /// [`Broker::start`], then waits for the first connection, at most twice `broker.connect_timeout`.
    ///
    /// # Errors
    /// As [`Broker::start`], or the reason why there is no connection yet.
    pub async fn connect(
        config: &BrokerConfig,
        client: &str,
        topology: Topology,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, BrokerError> {
        let broker = Self::start(config, client, topology, entropy)?;
        if let Err(error) = broker.connected(config.connect_timeout * 2).await {
            broker.close().await;
            return Err(error);
        }
        Ok(broker)
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    /// The last reason why there is none after `limit`.
    pub async fn connected(&self, limit: Duration) -> Result<(), BrokerError> {
        let mut state = self.shared.state.clone();
        let waited = tokio::time::timeout(limit, state.wait_for(ConnectionState::is_up)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(BrokerError::Closed),
            Err(_) => {
                let reason = self
                    .shared
                    .state
                    .borrow()
                    .ready()
                    .err()
                    .unwrap_or_else(|| "no answer".into());
                Err(BrokerError::Connect {
                    address: self.shared.shown.clone(),
                    reason,
                })
            }
        }
    }

    /// The names of this platform's queues.
    pub fn names(&self) -> &Names {
        &self.shared.names
    }

    /// The state of the connection, to watch.
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.shared.state.clone()
    }

    /// Publishes and waits for the broker's confirm, at most `broker.confirm_timeout` in all (waiting for a connection
    /// and for a free slot included). The publish goes on if the caller stops waiting.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        self.publisher.publish(message).await
    }

    /// Declares more queues on the current connection and on each later one of this handle's life.
    ///
    /// # Errors
    /// No connection, no answer in time, or a refusal.
    pub async fn declare(&self, topology: &Topology) -> Result<(), BrokerError> {
        let link = self.link()?;
        let shared = Arc::clone(&self.shared);
        let topology = topology.clone();
        self.shared
            .bounded("declare queues", async move {
                declare(&link, &topology, &shared.names).await
            })
            .await
    }

    fn link(&self) -> Result<Arc<Link>, BrokerError> {
        let link = self.shared.links.borrow().clone();
        link.ok_or_else(|| BrokerError::Connect {
            address: self.shared.shown.clone(),
            reason: self
                .shared
                .state
                .borrow()
                .ready()
                .err()
                .unwrap_or_else(|| "not connected".into()),
        })
    }

    /// Ends consumers and the connection, and waits for both. Publishes in flight are given up.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.tracker.close();
        let _ =
            tokio::time::timeout(self.shared.limit + CLOSE_LIMIT, self.shared.tracker.wait()).await;
    }
}

impl Shared {
    /// Runs a client call in a task of its own, so that giving up on it cannot leave it half-way in the caller.
    pub(crate) async fn bounded<T: Send + 'static>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, BrokerError>> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let mut task = self.tracker.spawn(call);
        match tokio::time::timeout(self.limit, &mut task).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(BrokerError::Refused {
                what: what.into(),
                reason: error.to_string(),
            }),
            Err(_) => {
                task.abort();
                Err(BrokerError::Timeout {
                    what: what.into(),
                    limit: self.limit,
                })
            }
        }
    }
}

async fn declare(link: &Link, topology: &Topology, names: &Names) -> Result<(), BrokerError> {
    let what = "open a channel".to_string();
    let channel = link.connection.create_channel().await;
    let channel = channel.map_err(|error| crate::topology::refused(what, &error))?;
    topology.declare(&channel, names).await
}

struct Supervisor {
    uri: AMQPUri,
    client: String,
    topology: Topology,
    shared: Arc<Shared>,
    links: watch::Sender<Option<Arc<Link>>>,
    state: watch::Sender<ConnectionState>,
    in_flight: u16,
}

impl Supervisor {
    async fn run(self) {
        let closing = self.shared.closing.clone();
        let mut backoff = Backoff::new(BACKOFF_BASE, BACKOFF_CAP, Arc::clone(&self.shared.entropy));
        let mut generation = 0;
        while !closing.is_cancelled() {
            generation += 1;
            let reason = match self.open(generation).await {
                Ok(link) => {
                    backoff.reset();
                    self.hold(link).await
                }
                Err(error) => error.to_string(),
            };
            if closing.is_cancelled() {
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
                () = closing.cancelled() => break,
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
            opened.map_err(|error| crate::topology::refused("open a connection".into(), &error))
        });
        let link = Arc::new(Link {
            connection: opened.await?,
            channels: ChannelPool::new(self.in_flight),
            lost: self.shared.closing.child_token(),
            generation,
        });
        let (declared, topology, shared) = (
            Arc::clone(&link),
            self.topology.clone(),
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
                () = self.shared.closing.cancelled() => break "closing".to_string(),
                event = events.next() => match event {
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
        if self.shared.closing.is_cancelled() {
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
