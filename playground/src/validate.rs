//! Discord's limits on what an application sends, pure functions of the body.

pub(crate) mod commands;
mod components;
mod embeds;
pub(crate) mod form;
pub(crate) mod message;
pub(crate) mod modal;
