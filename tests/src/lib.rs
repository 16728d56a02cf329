//! Cross-process tests, and what several of them need.

pub mod browser;
pub mod running;
pub mod scripted_bot;
pub mod servers;
pub mod world;
