//! Names of this crate's metrics. Labels are small closed sets: kinds and outcomes, never queue names with ids.

/// Gauge: 1 while connected.
pub const CONNECTED: &str = "easel_broker_connected";
/// Counter: connections that were lost or could not be opened.
pub const CONNECTION_FAILURES: &str = "easel_broker_connection_failures_total";
/// Counter: publishes, by `outcome` (`confirmed`, `returned`, `nacked`, `timeout`, `failed`).
pub const PUBLISHED: &str = "easel_broker_published_total";
/// Histogram: seconds from the call to the confirm.
pub const CONFIRM_SECONDS: &str = "easel_broker_confirm_seconds";
/// Counter: deliveries, by `queue` (the kind of queue) and `outcome` (`ack`, `requeue`, `dead`, `panic`, `undecodable`).
pub const DELIVERIES: &str = "easel_broker_deliveries_total";
/// Counter: acknowledgements that came too late, after the channel was lost: the message comes again.
pub const LATE_ACKS: &str = "easel_broker_late_acks_total";
