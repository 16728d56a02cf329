//! Judging pictures.

pub mod blur;
pub mod hash;
pub mod policy;
