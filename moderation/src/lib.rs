//! Prompt and image policy: what may be drawn, and what may be shown.
//!
//! Words are judged before any GPU time is spent, pictures before anybody sees them:
//!
//! - [`PromptPolicy`] normalises a prompt (compatibility forms, look-alike letters, invisible characters, leetspeak,
//!   stretched and spaced words), finds the terms of its lists at word boundaries, drops hits inside allowed phrases,
//!   applies combination rules and answers with a [`PromptVerdict`]. Words of `--no` are what a user does *not* want and
//!   count only for rules made for them.
//! - [`PicturePolicy`] turns what a classifier found into a verdict that is stored with the picture, and decides for each
//!   destination anew what that verdict permits. Without a classifier only models marked safe pass: it fails closed.
//! - [`obscured`] makes previews that show composition and colours and nothing that could be recognised.
//!
//! A verdict names category, severity and rule, never the words. Lists are TOML files; [`PolicyHolder`] swaps them while
//! running and keeps the last good ones if the new ones have a mistake.
//!
//! The shipped lists are short and English, and there is no shipped classifier: pictures that would be needed to train
//! one may not be gathered. Operators bring their own weights and extend the lists.

mod category;
mod holder;
mod list;
pub mod picture;
pub mod prompt;

pub use category::{Category, Severity};
pub use holder::PolicyHolder;
pub use list::{ListError, ListFile};
pub use picture::blur::obscured;
pub use picture::hash::{PictureHash, RgbPicture};
pub use picture::policy::{Destination, Evidence, PicturePolicy};
pub use prompt::policy::{GuildPolicy, PromptPolicy};
pub use prompt::verdict::{Hit, PromptOutcome, PromptVerdict};
