//! The Discord side.

pub mod parse;
