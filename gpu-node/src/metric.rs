//! Names of the node's metrics.

/// Gauge: leases held.
pub const LEASES_HELD: &str = "easel_node_leases_held";
/// Counter: leases that ended; label: outcome.
pub const JOBS: &str = "easel_node_jobs_total";
/// Histogram: seconds of the parts of a job; label: part.
pub const PART_SECONDS: &str = "easel_node_part_seconds";
/// Counter: drawings of the picture known by heart; label: outcome.
pub const CHECKS: &str = "easel_node_checks_total";
/// Counter: pictures made.
pub const PICTURES: &str = "easel_node_pictures_total";
