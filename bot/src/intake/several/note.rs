//! What is said about several jobs that are not started.

use easel_service::chain;
use easel_store::StoreError;
use easel_store::proposal::{NoRoom, ProposalState};

use time::OffsetDateTime;

use super::price;
use crate::intake::submit::crowded;
use crate::text::Language;

/// What is said after a press.
pub(super) struct Note {
    pub(super) words: String,
    /// A word for metrics.
    pub(super) outcome: &'static str,
    /// Whether the proposal is settled, so that its buttons go away.
    pub(super) replaces: bool,
}

impl Note {
    pub(super) fn beside(words: impl Into<String>, outcome: &'static str) -> Self {
        Self {
            words: words.into(),
            outcome,
            replaces: false,
        }
    }
}

pub(super) fn not_yours(language: Language) -> Note {
    Note::beside(language.several_not_yours(), "not_yours")
}

pub(super) fn unanswered(language: Language, error: &StoreError) -> Note {
    tracing::warn!("read a proposal: {error}", error = chain(error));
    Note::beside(language.not_accepted(), "not_accepted")
}

/// What is said of a proposal that is settled.
pub(super) fn settled(language: Language, state: ProposalState) -> Note {
    let (words, outcome) = match state {
        ProposalState::Accepted => (language.several_running_already(), "already"),
        ProposalState::Declined => (language.several_dropped(), "declined"),
        ProposalState::Expired | ProposalState::Open => (language.several_expired(), "expired"),
    };
    Note {
        replaces: true,
        ..Note::beside(words, outcome)
    }
}

/// Why so many jobs cannot be had at once, and a word for metrics.
pub(super) fn no_room(
    language: Language,
    now: OffsetDateTime,
    jobs: usize,
    why: &NoRoom,
) -> (String, &'static str) {
    match why {
        NoRoom::TooMany { limit: 0 | 1, tier } => {
            (language.several_not_on_tier(jobs, tier), "too_many")
        }
        NoRoom::TooMany { limit, tier } => {
            (language.several_above_tier(jobs, limit, tier), "too_many")
        }
        NoRoom::QueueFull {
            unfinished,
            limit,
            tier,
        } => {
            let room = limit.saturating_sub(*unfinished);
            let words = language.several_do_not_fit(jobs, room, unfinished, limit, tier);
            (words, "queue_full")
        }
        NoRoom::Crowded { wait, again, tier } => {
            (crowded(language, now, *wait, *again, tier), "crowded")
        }
        NoRoom::TooDear { balance } => {
            let (price, left) = (language.price(price(jobs)), language.credits(*balance));
            (language.too_dear(price, left), "too_dear")
        }
    }
}
