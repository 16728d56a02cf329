//! One supervised connection.

mod supervisor;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use easel_domain::Entropy;
use easel_service::config::BrokerConfig;
use lapin::Connection;
use lapin::uri::AMQPUri;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Message;
use crate::error::{BrokerError, PublishError};
use crate::names::Names;
use crate::publish::{ChannelPool, Publisher};
use crate::topology::Topology;
use supervisor::{Supervisor, declare};

/// Both sides notice a dead peer within two of these.
const HEARTBEAT_S: u16 = 5;
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
    /// Tasks of consumers, which end before the connection does.
    pub(crate) consumers: TaskTracker,
    /// Consumers take no more messages.
    pub(crate) closing: CancellationToken,
    /// The connection ends.
    pub(crate) hangup: CancellationToken,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) links: watch::Receiver<Option<Arc<Link>>>,
    pub(crate) limit: Duration,
    pub(crate) dead_letters: bool,
    state: watch::Receiver<ConnectionState>,
    shown: String,
    topology: Mutex<Topology>,
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
            consumers: TaskTracker::new(),
            closing: CancellationToken::new(),
            hangup: CancellationToken::new(),
            entropy,
            links,
            limit: config.connect_timeout,
            dead_letters: !topology.is_empty(),
            state,
            shown: config.shown(),
            topology: Mutex::new(topology),
        });
        let supervisor = Supervisor {
            uri,
            client: client.to_string(),
            shared: Arc::clone(&shared),
            links: link_sender,
            state: state_sender,
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
        self.shared
            .topology
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .merge(topology);
        let link = self.link()?;
        let shared = Arc::clone(&self.shared);
        let topology = topology.clone();
        self.shared
            .bounded("declare queues", async move {
                declare(&link, &topology, &shared.names).await
            })
            .await
    }

    pub(crate) fn link(&self) -> Result<Arc<Link>, BrokerError> {
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

    /// Lets consumers finish the messages in hand, then ends the connection. Publishes still in flight are given up.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.consumers.close();
        let _ = tokio::time::timeout(self.shared.limit, self.shared.consumers.wait()).await;
        self.shared.hangup.cancel();
        self.shared.tracker.close();
        let _ = tokio::time::timeout(CLOSE_LIMIT * 2, self.shared.tracker.wait()).await;
    }
}

impl Shared {
    /// What every new connection declares.
    pub(crate) fn topology(&self) -> Topology {
        self.topology
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

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
