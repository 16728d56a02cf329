//! All AMQP.
//!
//! [`Broker`] supervises one connection with a reconnect loop of its own, publishes with confirms and `mandatory` under
//! its own timeout, and runs consumers whose handlers return a list of [`Action`]s that one loop performs. Messages are
//! hints (the rows are the truth), so every failure here is either told to the caller or healed by a later look at the
//! database.
//!
//! **Who may write what.** RabbitMQ checks writes to the default exchange only by the exchange's name, so an account that
//! may use it can write to every queue. Node accounts therefore may not: they publish to the topic exchange
//! `easel.nodes` with the keys `done.<region>.<pool>.<node>` and `live.<region>.<pool>.<node>`, and topic permissions
//! hold each account to its own two keys ([`account`]). The last word of such a routing key is thus proof of the sender.
//!
//! **Why one channel for each publish in flight.** The client hands a returned message to whichever confirm it resolves
//! next, and resolves the tags of one `multiple` acknowledgement in no particular order; with several publishes in flight
//! on one channel a return can be blamed on the wrong message. A channel here carries one publish at a time, and one that
//! timed out is thrown away.

pub mod account;
mod action;
mod connection;
mod consume;
mod dead;
mod error;
pub mod management;
mod message;
pub mod metric;
mod names;
mod publish;
mod topology;
pub mod trace;

pub use action::Action;
pub use connection::{Broker, ConnectionState};
pub use consume::{Consumer, Delivery, Subscription};
pub use dead::DeadMessage;
pub use error::{BrokerError, PublishError};
pub use message::{EncodeError, Message};
pub use names::{Lane, Names, Queue, QueueKind, Segment, SegmentError, Target};
pub use topology::Topology;
pub use trace::TraceContext;
