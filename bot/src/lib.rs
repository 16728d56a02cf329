//! The Discord side.
