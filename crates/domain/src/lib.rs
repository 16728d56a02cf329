//! The rules of the product: ids, prompt language, specs, job states, tiers, money.
//!
//! No I/O, no async, no clock and no randomness of its own: a [`Clock`] and an [`Entropy`] are passed in, so every rule
//! can be read and tested alone.

pub mod admission;
pub mod clock;
pub mod failure;
pub mod id;
pub mod job;
pub mod ledger;
pub mod message;
pub mod model;
pub mod picture;
pub mod prompt;
pub mod spec;
pub mod tier;

pub use clock::{Clock, Entropy};
pub use id::{
    BatchId, BootId, DiscordId, GuildKey, InteractionId, JobId, LeaseToken, NodeId, PictureId,
    RequestId, UserId,
};
