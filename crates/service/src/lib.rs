//! One skeleton for each process: config, tracing, metrics, health, signals, shutdown.
//!
//! A process is a library plus a `main.rs` that hands its body to [`serve`]. The skeleton loads and checks the
//! configuration before anything is connected ([`config`]), starts logging and metrics ([`telemetry`]), answers
//! `/health/live`, `/health/ready` and `/metrics` ([`health`]), turns signals into two cancellation tokens
//! ([`Shutdown`]), owns every task ([`TaskSet`]) and ends with exit code 0, 1 or 2 ([`serve`]).

pub mod backoff;
mod chain;
pub mod config;
pub mod health;
pub mod metric;
mod run;
mod shutdown;
mod system;
mod tasks;
pub mod telemetry;

pub use backoff::Backoff;
pub use chain::chain;
pub use run::{BadInput, Context, ProcessConfig, once, serve};
pub use shutdown::Shutdown;
pub use system::{SystemClock, SystemEntropy};
pub use tasks::{TaskFailure, TaskSet};
