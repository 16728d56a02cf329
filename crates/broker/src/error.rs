//! What can go wrong between us and the broker.

use std::time::Duration;

/// A connection or declaration that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The address is no AMQP address.
    #[error(
        "broker address {address}: {reason}; set `broker.url` (EASEL_BROKER__URL) to amqp://user:password@host:port/vhost"
    )]
    Address {
        /// The address without credentials.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection could be opened.
    #[error(
        "connect to the broker at {address}: {reason}; check that it runs and `broker.url` (EASEL_BROKER__URL) with its account"
    )]
    Connect {
        /// The address without credentials.
        address: String,
        /// The last reason.
        reason: String,
    },
    /// The broker did not answer in time.
    #[error("{what}: the broker did not answer within {limit:?}")]
    Timeout {
        /// What was asked.
        what: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The broker refused what was asked.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// Its words.
        reason: String,
    },
    /// This handle was closed.
    #[error("the broker handle is closed")]
    Closed,
}

/// A publish without a confirm.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No queue takes the message. It was not stored.
    #[error("no queue takes messages for `{routing_key}`")]
    Returned {
        /// Where it was sent.
        routing_key: String,
    },
    /// A queue refused the message, because it is full or could not store it.
    #[error("the queue behind `{routing_key}` refused the message")]
    Nacked {
        /// Where it was sent.
        routing_key: String,
    },
    /// No confirm in time: the message may or may not have been stored.
    #[error("no confirm within {limit:?}")]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// There was no connection within the limit, or too many publishes were in flight. It was not sent.
    #[error("not sent within {limit:?}: {reason}")]
    NotSent {
        /// The limit.
        limit: Duration,
        /// What it waited for.
        reason: &'static str,
    },
    /// The channel or connection broke: the message may or may not have been stored.
    #[error("the connection broke before the confirm: {reason}")]
    Broken {
        /// The client's words.
        reason: String,
    },
}

impl PublishError {
    /// Whether the message is certain not to be in any queue. If not, repeating it may duplicate it.
    pub fn is_certainly_not_stored(&self) -> bool {
        match self {
            Self::Returned { .. } | Self::Nacked { .. } | Self::NotSent { .. } => true,
            Self::Timeout { .. } | Self::Broken { .. } => false,
        }
    }

    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Returned { .. } => "returned",
            Self::Nacked { .. } => "nacked",
            Self::Timeout { .. } => "timeout",
            Self::NotSent { .. } | Self::Broken { .. } => "failed",
        }
    }
}
