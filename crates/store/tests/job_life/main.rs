//! The dispatcher's transactions against a real server: leadership, lease, fence, finish, cancel.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod ends;
mod fleet;
mod garbage;
mod leases;
mod memory;
mod questions;
mod regions;
mod together;
mod world;
