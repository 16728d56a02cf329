//! What the bot reads and writes, against a real server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod admission;
mod batches;
mod favourites;
mod history;
mod inputs;
mod limits;
mod mailings;
mod members;
mod messages;
mod preferences;
mod processes;
mod renewals;
mod submissions;
mod support;
mod together;
