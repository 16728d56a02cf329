//! The Discord side: from an interaction to a durable job, and from a job to its message.
//!
//! [`gateway`] receives, [`intake`] answers, submits and acts on each [`reaction`], [`live`] keeps messages up to date, [`view`] and [`text`] say
//! what members see, [`rest`] is the way to Discord, [`fetch`] the one to members' pictures. Nothing is kept in memory that a restart would miss.

pub mod arrival;
pub mod cli;
pub mod commands;
pub mod config;
pub mod custom_id;
pub mod fetch;
pub mod gateway;
pub mod inputs;
pub mod intake;
pub mod link;
pub mod live;
pub mod mask;
pub mod metric;
pub mod parse;
pub mod process;
pub mod reaction;
pub mod register;
pub mod rest;
pub mod rights;
pub mod text;
pub mod view;
