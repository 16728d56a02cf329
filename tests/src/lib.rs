//! Cross-process tests, and what several of them need.

pub mod browser;
pub mod scripted_bot;
