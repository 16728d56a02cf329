//! How many nodes a lane should have, and `GET /scale` for whoever starts them.

use std::collections::VecDeque;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use easel_store::Store;
use serde::Serialize;

/// What waits should be done within so many seconds.
const DRAIN_S: f64 = 60.0;
/// A node is that much of each second busy where promises are kept.
const TARGET_LOAD: f64 = 0.75;
/// What was wanted within so many seconds is still wanted: nodes take long to start.
const COOL_DOWN_S: f64 = 300.0;
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

/// Decides how many nodes a lane should have.
#[derive(Debug, Default)]
pub(crate) struct Scaler {
    wanted: VecDeque<(f64, u32)>,
}

impl Scaler {
    /// The number of nodes for what waits and what is busy, at `now_s`; between the limits of the operator.
    pub fn desired(
        &mut self,
        now_s: f64,
        backlog_gpu_s: f64,
        busy_nodes: f64,
        least: u32,
        most: u32,
    ) -> u32 {
        let for_backlog = backlog_gpu_s / DRAIN_S;
        let wanted = (busy_nodes / TARGET_LOAD + for_backlog).ceil();
        // A cast from a float saturates.
        let wanted = (wanted as u32).clamp(least, most.max(least));
        self.wanted.push_back((now_s, wanted));
        while self
            .wanted
            .front()
            .is_some_and(|(at, _)| now_s - at > COOL_DOWN_S)
        {
            self.wanted.pop_front();
        }
        self.wanted
            .iter()
            .map(|(_, wanted)| *wanted)
            .max()
            .unwrap_or(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_asks_for_nodes_at_once_and_lets_them_go_slowly() {
        let mut scaler = Scaler::default();
        assert_eq!(scaler.desired(0.0, 0.0, 0.0, 1, 10), 1);
        assert_eq!(scaler.desired(1.0, 120.0, 1.5, 1, 10), 4);
        assert_eq!(scaler.desired(2.0, 9_000.0, 3.0, 1, 10), 10);
        assert_eq!(scaler.desired(290.0, 0.0, 0.0, 1, 10), 10);
        assert_eq!(scaler.desired(303.0, 0.0, 0.0, 1, 10), 1);
    }
}
