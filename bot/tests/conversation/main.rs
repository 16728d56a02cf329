//! The bot against a whole Discord, a real database and a real broker. The dispatcher is played by the tests.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod buttons;
mod chaos;
mod conformance;
mod delivery;
mod describe;
mod errands;
mod favourites;
mod forged;
mod guests;
mod history;
mod imagine;
mod keeping;
mod languages;
mod large;
mod lighter;
mod limits;
mod masks;
mod member;
mod menu;
mod noted;
mod ownership;
mod pictures;
mod platform;
mod prefer;
mod processes;
mod refusals;
mod routes;
mod setting;
mod several;
mod several_pictures;
mod shorten;
mod trouble;
