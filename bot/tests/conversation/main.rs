//! The bot against a whole Discord, a real database and a real broker. The dispatcher is played by the tests.

mod buttons;
mod conformance;
mod delivery;
mod imagine;
mod platform;
mod refusals;
mod setting;
mod trouble;
