//! Renders leased jobs on one device.

pub mod engine;
