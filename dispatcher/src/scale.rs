//! `GET /scale`: how many nodes each lane should have, for whoever starts them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use easel_store::Store;
use serde::Serialize;

/// A snapshot that is older than this is nobody's knowledge.
const STALE_S: f64 = 30.0;

#[derive(Debug, Serialize)]
struct Scale {
    pools: Vec<Lane>,
}

#[derive(Debug, Serialize)]
struct Lane {
    pool: String,
    region: String,
    backlog_gpu_s: f64,
    oldest_s: f64,
    desired_nodes: u32,
}

/// `GET /scale`: every lane of the platform, from any dispatcher, whether it leads or not.
pub(crate) fn routes(store: Store) -> Router {
    Router::new().route("/scale", get(scale)).with_state(store)
}

async fn scale(State(store): State<Store>) -> Result<Json<Scale>, (StatusCode, String)> {
    let snapshots = store.snapshots().await.map_err(|error| {
        let text = format!("the lanes cannot be read: {error}");
        (StatusCode::SERVICE_UNAVAILABLE, text)
    })?;
    let pools = snapshots
        .into_iter()
        .map(|aged| {
            // Where nobody leads, what waited then waits still, and grows old.
            let idle = aged.age_s.max(0.0);
            let waits = aged.snapshot.waiting > 0;
            Lane {
                pool: aged.pool,
                region: aged.region,
                backlog_gpu_s: aged.snapshot.backlog_gpu_s,
                oldest_s: aged.snapshot.oldest_s + if waits && idle > STALE_S { idle } else { 0.0 },
                desired_nodes: aged.snapshot.desired_nodes,
            }
        })
        .collect();
    Ok(Json(Scale { pools }))
}
