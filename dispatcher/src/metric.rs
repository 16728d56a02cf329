//! Names of the dispatcher's metrics.

/// Counter: progress notes that were dropped because the broker took none for long.
pub const MENTIONS_DROPPED: &str = "easel_dispatcher_mentions_dropped_total";
/// Gauge: 1 while this process leads its lane.
pub const LEADING: &str = "easel_dispatcher_leading";
/// Gauge: jobs that wait.
pub const WAITING: &str = "easel_dispatcher_waiting_jobs";
/// Gauge: jobs that nodes have.
pub const RUNNING: &str = "easel_dispatcher_running_jobs";
/// Gauge: jobs that the nodes take at once.
pub const CAPACITY: &str = "easel_dispatcher_capacity";
/// Gauge: seconds that the oldest waiting job has waited.
pub const OLDEST_WAITING_SECONDS: &str = "easel_dispatcher_oldest_waiting_seconds";
/// Histogram: seconds from submit to lease.
pub const QUEUE_WAIT_SECONDS: &str = "easel_dispatcher_queue_wait_seconds";
/// Counter: leases written; label: outcome.
pub const LEASES: &str = "easel_dispatcher_leases_total";
/// Counter: leases that ran out.
pub const LEASES_EXPIRED: &str = "easel_dispatcher_leases_expired_total";
/// Counter: writes of a node that had lost its lease; label: what.
pub const FENCED_WRITES: &str = "easel_dispatcher_fenced_writes_total";
/// Counter: jobs that ended; label: state.
pub const JOBS_ENDED: &str = "easel_dispatcher_jobs_ended_total";
/// Counter: jobs that wait again after a try; label: kind.
pub const REQUEUES: &str = "easel_dispatcher_requeues_total";
/// Counter: outbox messages that the relay sent.
pub const RELAYED: &str = "easel_dispatcher_relayed_total";
/// Gauge: unsent outbox messages.
pub const OUTBOX_UNSENT: &str = "easel_dispatcher_outbox_unsent";
/// Gauge: age of the oldest unsent outbox message in seconds.
pub const OUTBOX_OLDEST_SECONDS: &str = "easel_dispatcher_outbox_oldest_seconds";
/// Counter: tries that were taken back because they came no further.
pub const HUNG_TRIES: &str = "easel_dispatcher_hung_tries_total";
/// Counter: waiting rows that could not be read.
pub const UNREADABLE_JOBS: &str = "easel_dispatcher_unreadable_jobs_total";
/// Counter: waiting jobs that went on with the weights that replaced theirs.
pub const RETARGETED_JOBS: &str = "easel_dispatcher_retargeted_jobs_total";
/// Counter: jobs dropped under load; label: reason.
pub const SHED_JOBS: &str = "easel_dispatcher_shed_jobs_total";
/// Counter: jobs that are drawn smaller, because memory was short; once for each notch.
pub const LOWERED_JOBS: &str = "easel_dispatcher_lowered_jobs_total";
/// Counter: nodes that failed too often; label: kind.
pub const NODE_BREAKS: &str = "easel_dispatcher_node_breaks_total";
/// Counter: orders to nodes beside offers; label: what.
pub const NODE_ORDERS: &str = "easel_dispatcher_node_orders_total";
/// Counter: nodes that found something wrong with themselves; label: kind.
pub const NODE_TROUBLES: &str = "easel_dispatcher_node_troubles_total";
/// Gauge: predicted GPU-seconds of the jobs that wait.
pub const BACKLOG_GPU_SECONDS: &str = "easel_dispatcher_backlog_gpu_seconds";
/// Gauge: nodes that the lane should have.
pub const DESIRED_NODES: &str = "easel_dispatcher_desired_nodes";
/// Gauge: running mean of |measured - predicted| / measured over step times.
pub const SPEED_ERROR: &str = "easel_dispatcher_speed_error_ratio";
/// Counter: jobs that went to another region, or came from one without a leader; label: what.
pub const REGION_JOBS: &str = "easel_dispatcher_region_jobs_total";
/// Counter: objects deleted because no result refers to them.
pub const OBJECTS_COLLECTED: &str = "easel_dispatcher_objects_collected_total";
/// Counter: objects that the store did not delete; they stay marked and are tried again.
pub const OBJECTS_REFUSED: &str = "easel_dispatcher_objects_refused_total";
/// Gauge: objects that may be garbage; label: state (`waiting` to be looked at, `marked` for deletion).
pub const GARBAGE_OBJECTS: &str = "easel_dispatcher_garbage_objects";
/// Gauge: seconds since the oldest marked object was marked; 0 where none is.
pub const GARBAGE_OLDEST_SECONDS: &str = "easel_dispatcher_garbage_oldest_seconds";
