//! Names of the metrics that the skeleton itself records.

/// Counter: tasks that ended with an error, ended early or panicked. Label `task`.
pub const TASK_FAILURES: &str = "easel_task_failures_total";
/// Gauge: 1 while the named readiness check holds, else 0. Label `check`.
pub const READY: &str = "easel_ready";
