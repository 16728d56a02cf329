//! Names of this process's metrics. Labels are small closed sets, never ids.

/// Histogram: seconds from receiving an interaction to its first answer being written; label `kind`.
pub const ANSWER_SECONDS: &str = "easel_bot_answer_seconds";
/// Histogram: seconds from receiving an interaction until Discord has taken its first answer; label `kind`.
pub const ANSWERED_SECONDS: &str = "easel_bot_answered_seconds";
/// Counter: answers that did not wait for their rows, because the database was slower than `intake.note_first`.
pub const ANSWERED_UNNOTED: &str = "easel_bot_answered_unnoted_total";
/// Histogram: seconds from receiving an interaction to its job being durable and its hint confirmed.
pub const CONFIRMED_SECONDS: &str = "easel_bot_confirmed_seconds";
/// Histogram: seconds from the end of a job to its message showing it.
pub const VISIBLE_SECONDS: &str = "easel_bot_visible_seconds";
/// Counter: interactions; labels `kind`, `outcome`.
pub const INTERACTIONS: &str = "easel_bot_interactions_total";
/// Counter: REST requests; labels `route`, `status`.
pub const REST_REQUESTS: &str = "easel_bot_rest_requests_total";
/// Counter: replies 429; label `scope`.
pub const RATE_LIMITED: &str = "easel_bot_rate_limited_total";
/// Counter: edits of messages; labels `kind` (`progress`, `durable`), `outcome`.
pub const EDITS: &str = "easel_bot_edits_total";
/// Gauge: messages that the budgeter keeps in memory.
pub const LIVE_MESSAGES: &str = "easel_bot_live_messages";
/// Counter: messages that nobody could be shown; label `reason`.
pub const UNDELIVERABLE: &str = "easel_bot_undeliverable_total";
/// Counter: pictures by direct message; label `outcome`.
pub const MAILINGS: &str = "easel_bot_mailings_total";
/// Gauge: shards whose messages this process renders.
pub const SHARDS_OWNED: &str = "easel_bot_shards_owned";
/// Gauge: processes of the bot that share Discord's limits, this one included.
pub const PROCESSES: &str = "easel_bot_processes";
/// Gauge: this process's share of the requests a second with the bot's own credential.
pub const REST_PER_SECOND: &str = "easel_bot_rest_per_second";
/// Counter: gateway sessions begun.
pub const SESSIONS: &str = "easel_bot_sessions_total";
