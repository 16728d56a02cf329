//! Logging and metrics, started once per process.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Upper bounds of every histogram, in seconds: from a broker round trip to a slow picture.
const BUCKETS_S: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 120.0, 300.0, 900.0, 3600.0,
];

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The filter of the configuration cannot be read.
    #[error(
        "configuration key `log.filter`: `{filter}` is no filter: write for example info,easel_bot=debug"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Starts logging to stderr. A second call in one process keeps the first subscriber.
///
/// # Errors
/// A filter that cannot be read.
pub fn init_tracing(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = filter(config)?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Text => lines.with_ansi(false).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
    Ok(())
}

fn filter(config: &LogConfig) -> Result<EnvFilter, TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|source| TelemetryError::Filter {
        filter: config.filter.clone(),
        source,
    })?;
    // The AMQP client logs the whole body of a returned message; bodies stay out of logs. Its other lines repeat what we say
    // about the connection ourselves, without our words for it: they are for those who ask for them.
    let mut quiet = vec!["lapin::returned_messages=off"];
    if !config.filter.contains("lapin") {
        quiet.push("lapin=off");
    }
    let directives = quiet.into_iter().filter_map(|text| text.parse().ok());
    Ok(directives.fold(filter, EnvFilter::add_directive))
}

/// The metrics of the process. The first call installs the recorder; all calls return the same handle.
///
/// If another recorder is already in place the handle renders nothing.
pub fn install_metrics() -> PrometheusHandle {
    // A recorder is one per process by construction of the `metrics` crate.
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let builder = builder
                .set_buckets(BUCKETS_S)
                .expect("the bounds of the buckets are not empty");
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is in place; /metrics stays empty");
            }
            handle
        })
        .clone()
}
