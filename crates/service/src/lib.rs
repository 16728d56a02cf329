//! One skeleton for each process: config, tracing, metrics, health, signals, shutdown.
