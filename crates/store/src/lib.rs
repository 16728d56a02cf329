//! All SQL of the platform: one file for each aggregate, one named transaction for each change.
//!
//! A change goes through [`Store::run`], which retries serialisation failures a bounded number of times and records how
//! long the transaction took under its name. Its body must be safe to run twice: no publish, no HTTP, no clock.
//! Reads that need no transaction take a connection with [`Store::connection`].

pub mod account;
pub mod cached;
pub mod cancel;
pub mod complete;
mod connect;
pub mod dead;
pub mod delivery;
pub mod error;
mod event;
pub mod favourite;
pub mod finish;
pub mod fleet;
pub mod garbage;
pub mod grant;
pub mod history;
pub mod identify;
pub mod input;
pub mod intake;
pub mod leadership;
pub mod lease;
pub mod limits;
pub mod lineage;
pub mod lower;
pub mod mailing;
pub mod marks;
pub mod member;
pub mod migration;
pub mod model;
pub mod outbox;
pub mod pool;
pub mod preference;
pub mod proposal;
pub mod region;
pub mod removal;
pub mod renewal;
mod row;
pub mod settle;
pub mod shard;
pub mod show;
mod silence;
pub mod submit;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transaction;
pub mod user;
pub mod waiting;

pub use error::{StoreError, expect_one_row};
pub use pool::{Store, StoreConfig};
pub use transaction::TxFuture;
