//! Judging words.

mod age;
mod fold;
mod look_alike;
mod matcher;
pub mod policy;
mod rule;
mod stream;
pub mod verdict;
