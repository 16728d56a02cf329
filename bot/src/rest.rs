//! The REST calls of the hot path, on our own terms.
//!
//! Buckets are learnt from Discord's headers and keyed by (bucket, major parameter), where the major parameter is the
//! channel or the interaction's token, so one member's limit never holds another one back. Every call has a deadline,
//! its tries are bounded and jittered, and so many refusals in ten minutes stop all calls before Discord bans the address.

mod body;
mod bucket;
mod call;
mod client;
mod endpoints;
mod error;
mod permit;
mod refusal;
mod reply;
mod types;

pub use body::{FilePart, MessagePayload};
pub use bucket::{Ask, Buckets, Limited, RateHeaders, Scope, Turn, Urgency};
pub use client::{Rest, RestSettings};
pub use error::{RestError, code};
pub use permit::{Permit, Way};
pub use refusal::Refusals;
pub use types::{
    ApiGuild, ApiMessage, ApiPlace, Callback, Field, Form, GatewayInfo, SessionStartLimit,
};
