//! Cross-process tests, and what several of them need.

pub mod browser;
pub mod own_stack;
pub mod people;
pub mod real;
pub mod road;
pub mod running;
pub mod scripted_bot;
pub mod seen;
pub mod servers;
pub mod smoke;
pub mod world;
