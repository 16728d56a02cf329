//! The live message: one owner for each message, newest state wins, the end state always lands.
//!
//! What must be shown durably is in `deliveries`; progress is not stored. [`budget`] decides pure and alone which message
//! is edited next, [`decide`] over which route, [`deliverer`] does it.

pub mod budget;
mod compose;
pub mod decide;
pub mod deliverer;
mod edit;
mod ended;
pub mod errands;
mod feed;
mod handle;
mod lighter;
pub mod ownership;
pub mod picture;
pub mod sweep;

pub(crate) use decide::backoff;
pub use deliverer::{Deliverer, DeliverySettings};
pub use errands::{ErrandHandle, Errands, errand_hints};
pub use feed::Feeds;
pub use handle::{LiveEvent, LiveHandle};
pub use ownership::{Ownership, OwnershipSettings};
pub use picture::PictureSource;
pub use sweep::Sweeper;
