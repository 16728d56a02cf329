//! The world behind a socket: one owner of the state, and the loop that accepts connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::{Extension, Router};
use easel_domain::Clock;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::snowflake::Snowflake;
use crate::world::{Effect, Snapshot, World};

/// Frames waiting for one gateway connection; a client that lets more pile up is cut off.
const WIRE_CAPACITY: usize = 8192;
/// Events waiting for one chat page; a page that lets more pile up is told to load everything anew.
const PAGE_CAPACITY: usize = 1024;
/// The longest sleep while a clock of the world runs, so that a clock which a test moves is noticed.
const TICK: Duration = Duration::from_millis(100);

/// What a gateway connection is told to do.
#[derive(Debug)]
pub(crate) enum Wire {
    Text(String),
    Close(u16, &'static str),
    Sever,
    Freeze,
}

/// An event for the chat pages of one user, or of all.
pub(crate) type PageEvent = (Option<Snowflake>, Arc<Value>);

/// Everything that requests share.
pub(crate) struct Shared {
    world: Mutex<World>,
    wires: Mutex<HashMap<u64, mpsc::Sender<Wire>>>,
    pages: broadcast::Sender<PageEvent>,
    changes: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    pub(crate) web_dir: Option<std::path::PathBuf>,
    pub(crate) stop: CancellationToken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        world: World,
        clock: Arc<dyn Clock>,
        web_dir: Option<std::path::PathBuf>,
    ) -> Self {
        Self {
            world: Mutex::new(world),
            wires: Mutex::default(),
            pages: broadcast::channel(PAGE_CAPACITY).0,
            changes: watch::channel(0).0,
            clock,
            web_dir,
            stop: CancellationToken::new(),
        }
    }

    /// Does something with the world, now, and carries out what follows from it, in order.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        world.now = self.clock.now();
        world.is_watched = self.pages.receiver_count() > 0;
        let result = act(&mut world);
        for effect in std::mem::take(&mut world.effects) {
            self.carry_out(effect);
        }
        drop(world);
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
        result
    }

    /// Looks at the world without changing it.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let mut world = lock(&self.world);
        world.now = self.clock.now();
        look(&world)
    }

    /// The lasting part of the world. Taking it is no change.
    pub(crate) fn snapshot(&self) -> Snapshot {
        lock(&self.world).snapshot()
    }

    /// A new gateway connection and what it is told.
    pub(crate) fn open_wire(&self) -> (u64, mpsc::Receiver<Wire>) {
        let (sender, receiver) = mpsc::channel(WIRE_CAPACITY);
        let connection = self.with(|world| {
            let connection = world.gateway_opened();
            lock(&self.wires).insert(connection, sender);
            connection
        });
        (connection, receiver)
    }

    pub(crate) fn close_wire(&self, connection: u64, code: Option<u16>) {
        lock(&self.wires).remove(&connection);
        self.with(|world| world.gateway_closed(connection, code));
    }

    fn carry_out(&self, effect: Effect) {
        let (connection, wire) = match effect {
            Effect::Page { user, event } => {
                // Nobody may be looking.
                let _ = self.pages.send((user, Arc::new(event)));
                return;
            }
            Effect::Send { connection, text } => (connection, Wire::Text(text)),
            Effect::Close {
                connection,
                code,
                reason,
            } => (connection, Wire::Close(code, reason)),
            Effect::Sever { connection } => (connection, Wire::Sever),
            Effect::Freeze { connection } => (connection, Wire::Freeze),
        };
        let mut wires = lock(&self.wires);
        if let Some(sender) = wires.get(&connection)
            && sender.try_send(wire).is_err()
        {
            // Dropping the sender ends the connection's loop.
            wires.remove(&connection);
        }
    }

    /// The events for chat pages from now on.
    pub(crate) fn page_events(&self) -> broadcast::Receiver<PageEvent> {
        self.pages.subscribe()
    }

    /// Tells when something may have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Waits until `find` finds something in the world, at most for `patience`.
    pub(crate) async fn wait_for<T>(
        &self,
        patience: Duration,
        mut find: impl FnMut(&World) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.changes();
        let search = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.read(&mut find) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, search).await.ok().flatten()
    }

    /// Lets the world's own clocks run until the server stops.
    pub(crate) async fn run_clocks(self: Arc<Self>) {
        let mut news = self.changes();
        loop {
            let now = self.clock.now();
            let deadline = self.read(World::next_deadline);
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.with(|world| {
                    world.expire_interactions();
                    world.expire_connections();
                    world.let_go();
                });
                news.borrow_and_update();
            }
            let rest = deadline.and_then(|deadline| Duration::try_from(deadline - now).ok());
            let rest = rest
                .unwrap_or_default()
                .clamp(Duration::from_millis(1), TICK);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(rest), if deadline.is_some() => {}
                changed = news.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Cuts the connection that a request came by.
#[derive(Clone)]
pub(crate) struct Cut(pub(crate) CancellationToken);

/// Accepts connections until the server stops.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    shared: Arc<Shared>,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let cut = shared.stop.child_token();
                tasks.spawn(converse(stream, router.clone(), cut));
            }
            Err(error) => {
                tracing::warn!(%error, "accept a connection");
                tokio::time::sleep(TICK).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, router: Router, cut: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set TCP_NODELAY");
    }
    let service = TowerToHyperService::new(router.layer(Extension(Cut(cut.clone()))));
    let builder = Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::select! {
        () = cut.cancelled() => {}
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        },
    }
}
