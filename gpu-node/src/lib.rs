#![doc = include_str!("../README.md")]

pub mod agent;
pub mod checker;
pub mod checkpoint;
#[cfg(feature = "torch")]
pub mod cli;
pub mod config;
pub mod encode;
pub mod engine;
pub mod metric;
pub mod profile;
pub mod resize;
pub mod threads;

#[cfg(feature = "torch")]
mod bench;
#[cfg(feature = "torch")]
mod bench_engine;
#[cfg(feature = "torch")]
mod device;
#[cfg(feature = "torch")]
mod fetch;
#[cfg(feature = "torch")]
mod inspect;
#[cfg(feature = "torch")]
mod render;
#[cfg(feature = "torch")]
mod report;
#[cfg(feature = "torch")]
mod run;
