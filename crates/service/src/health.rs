//! `/health/live`, `/health/ready` and `/metrics` on the process's own port.
//!
//! *Live* answers while the runtime turns. *Ready* answers 200 only while every registered check holds and the process
//! is not draining, else 503, with a JSON body that names each check.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::{Shutdown, metric};

type Probe = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The named conditions for taking work. Clones share the registry.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<&'static str, Probe>>>,
}

/// What one check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Whether it holds.
    pub ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What all checks say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadyReport {
    /// Whether all hold.
    pub ready: bool,
    /// Each check by name.
    pub checks: BTreeMap<&'static str, CheckReport>,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness")
            .field("report", &self.report())
            .finish()
    }
}

impl Readiness {
    /// No checks: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition that is asked at each look. It must not block; `Err` says why not, in a few words.
    pub fn check(
        &self,
        name: &'static str,
        probe: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.checks().insert(name, Box::new(probe));
    }

    /// Adds a condition that its owner switches; it starts as not holding, because it is "starting".
    pub fn switch(&self, name: &'static str) -> ReadySwitch {
        let state = Arc::new(Mutex::new(Err("starting".to_string())));
        let seen = Arc::clone(&state);
        self.check(name, move || lock(&seen).clone());
        ReadySwitch { state }
    }

    /// Asks every check.
    pub fn report(&self) -> ReadyReport {
        let checks: BTreeMap<_, _> = self
            .checks()
            .iter()
            .map(|(name, probe)| {
                let outcome = probe();
                metrics::gauge!(metric::READY, "check" => *name).set(if outcome.is_ok() {
                    1.0
                } else {
                    0.0
                });
                (
                    *name,
                    CheckReport {
                        ready: outcome.is_ok(),
                        reason: outcome.err(),
                    },
                )
            })
            .collect();
        ReadyReport {
            ready: checks.values().all(|check| check.ready),
            checks,
        }
    }

    fn checks(&self) -> MutexGuard<'_, BTreeMap<&'static str, Probe>> {
        lock(&self.checks)
    }
}

/// One condition in the hand of its owner.
#[derive(Debug, Clone)]
pub struct ReadySwitch {
    state: Arc<Mutex<Result<(), String>>>,
}

impl ReadySwitch {
    /// The condition holds from now on.
    pub fn ready(&self) {
        *lock(&self.state) = Ok(());
    }

    /// The condition does not hold, for `reason`.
    pub fn unready(&self, reason: impl Into<String>) {
        *lock(&self.state) = Err(reason.into());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct Endpoints {
    readiness: Readiness,
    shutdown: Shutdown,
    metrics: PrometheusHandle,
}

/// Routes of the health server, without a socket.
pub fn routes(readiness: Readiness, shutdown: Shutdown, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route(
            "/health/live",
            get(|| async { Json(serde_json::json!({ "live": true })) }),
        )
        .route("/health/ready", get(ready))
        .route("/metrics", get(render))
        .with_state(Endpoints {
            readiness,
            shutdown,
            metrics,
        })
}

async fn ready(State(endpoints): State<Endpoints>) -> impl IntoResponse {
    let mut report = endpoints.readiness.report();
    if endpoints.shutdown.is_draining() {
        report.ready = false;
        report.checks.insert(
            "draining",
            CheckReport {
                ready: false,
                reason: Some("shutting down".into()),
            },
        );
    }
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}

async fn render(State(endpoints): State<Endpoints>) -> impl IntoResponse {
    let text = endpoints.metrics.render();
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
}

/// Why the health server could not be started.
#[derive(Debug, thiserror::Error)]
#[error(
    "listen on {address} for health checks (`http.listen`, EASEL_HTTP__LISTEN): choose a free address"
)]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// Binds the port of the health server.
///
/// # Errors
/// The address is taken or not ours.
pub async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let refuse = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(refuse)?;
    let bound = listener.local_addr().map_err(refuse)?;
    Ok((listener, bound))
}

/// Serves until the hard stop: probes still get their answer while the process drains.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let stop = shutdown.hard().clone();
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await?;
    Ok(())
}
