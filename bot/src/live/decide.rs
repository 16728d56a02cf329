//! Over which route a message is brought up to date: pure decisions on one row.
//!
//! ```text
//! token of the interaction ─> bot's edit of the same message ─> new message in the channel ─> direct message ─> none
//! ```
//!
//! Where the bot is somebody's guest, and where only one member sees the message, the token is followed by a direct message.
//!
//! In place of an old message, a new one is posted only for an end state: nobody is told twice that something still
//! runs. One of several jobs of one answer has its message in the channel from the beginning.

use std::time::Duration;

use easel_domain::DiscordId;
use easel_store::delivery::{Delivery, Route};
use time::OffsetDateTime;

use crate::rest::{RestError, code};

/// What to do for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryAction {
    /// It shows what it should, or no route is left, or it is to be tried later.
    Nothing,
    /// Edit the answer to the interaction with its token.
    EditByToken,
    /// Edit this message with the bot's own credential.
    EditByBot(DiscordId),
    /// A new message was being posted when the process died: look for it.
    Find,
    /// Post a new message.
    Post,
    /// Take another route first.
    Switch(Route),
    /// Nobody can see an intermediate state: wait for the end.
    Skip,
}

/// What to do for a message at `now`, where `ended` tells whether the job has its end state.
pub fn next_delivery_action(row: &Delivery, ended: bool, now: OffsetDateTime) -> DeliveryAction {
    let early = row.next_try_at.is_some_and(|at| at > now);
    if row.undeliverable.is_some() || row.shown_rev >= row.desired_rev || early {
        return DeliveryAction::Nothing;
    }
    edit_route(row, now).unwrap_or(match (row.route, ended) {
        (Route::Interaction | Route::Direct, false) => DeliveryAction::Skip,
        (Route::Interaction, true) => DeliveryAction::Switch(instead(row)),
        // In the channel also before the end: one of several jobs has a new message from the beginning.
        (Route::Channel, _) | (Route::Direct, true) if row.post_intent_at.is_some() => {
            DeliveryAction::Find
        }
        (Route::Channel, _) | (Route::Direct, true) => DeliveryAction::Post,
    })
}

/// Where the result goes when its message is lost: what only its author saw, and what the bot cannot write beside, to him.
fn instead(row: &Delivery) -> Route {
    if row.is_by_token_alone() {
        Route::Direct
    } else {
        Route::Channel
    }
}

/// How the message that there is can be edited at `now`, if at all.
pub fn edit_route(row: &Delivery, now: OffsetDateTime) -> Option<DeliveryAction> {
    let token_lives = row.token.is_some() && now < row.token_expires_at;
    match (row.route, row.message) {
        (Route::Interaction, _) if token_lives => Some(DeliveryAction::EditByToken),
        (Route::Interaction, Some(message)) if !row.is_by_token_alone() => {
            Some(DeliveryAction::EditByBot(message))
        }
        (Route::Channel | Route::Direct, Some(message)) => Some(DeliveryAction::EditByBot(message)),
        (Route::Interaction | Route::Channel | Route::Direct, _) => None,
    }
}

/// What to do after a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The same again after this time.
    Retry(Duration),
    /// Never use the token again, and decide anew.
    ForgetToken,
    /// Take this route, and decide anew.
    Switch(Route),
    /// Wait for the end state.
    Skip,
    /// No route is left.
    GiveUp(&'static str),
}

/// A way on which a message is refused so often is not tried any more.
const REFUSALS: u32 = 5;
const BACKOFF_CAP: Duration = Duration::from_mins(1);

/// What to do after `action` failed with `error`. `jitter` is uniform in `[0, 1)`.
pub fn after_failure(
    row: &Delivery,
    action: DeliveryAction,
    error: &RestError,
    ended: bool,
    jitter: f64,
) -> Reaction {
    if error.is_transient() {
        return Reaction::Retry(
            backoff(row.failures, jitter).max(error.pause().unwrap_or_default()),
        );
    }
    if action == DeliveryAction::EditByToken && error.is_dead_token() {
        return Reaction::ForgetToken;
    }
    let edits = matches!(
        action,
        DeliveryAction::EditByToken | DeliveryAction::EditByBot(_)
    );
    let gone = edits
        && matches!(
            error.code(),
            Some(code::UNKNOWN_MESSAGE | code::OLD_MESSAGE_EDITS)
        );
    let closed = matches!(
        error.code(),
        Some(
            code::UNKNOWN_CHANNEL
                | code::MISSING_ACCESS
                | code::MISSING_PERMISSIONS
                | code::ARCHIVED_THREAD
                | code::CLOSED_DMS
                | code::NO_MUTUAL_GUILD
        )
    );
    // A refusal may be of this way alone: a proxy in between, a token that is not yet known to be dead.
    let enough = row.failures + 1 >= REFUSALS;
    match (ended, row.route) {
        (false, _) if gone || closed || enough => Reaction::Skip,
        (true, Route::Interaction | Route::Channel) if closed => Reaction::Switch(Route::Direct),
        (true, Route::Direct) if closed => Reaction::GiveUp("direct messages are closed"),
        (true, Route::Direct) if gone => Reaction::Switch(Route::Direct),
        (true, Route::Interaction) if gone => Reaction::Switch(instead(row)),
        (true, Route::Channel) if gone => Reaction::Switch(Route::Channel),
        (true, Route::Interaction) if enough && action == DeliveryAction::EditByToken => {
            Reaction::ForgetToken
        }
        (true, Route::Interaction) if enough => Reaction::Switch(instead(row)),
        (true, Route::Channel) if enough => Reaction::Switch(Route::Direct),
        (true, Route::Direct) if enough => Reaction::GiveUp("refused"),
        (_, _) => Reaction::Retry(backoff(row.failures, jitter)),
    }
}

/// Whether a picture that could not be had after `failures` other tries is left out, to be fetched by a press.
pub fn gives_up_picture(failures: u32) -> bool {
    failures + 1 >= REFUSALS
}

/// 1, 2, 4 … 60 s, up to half of it less.
pub fn backoff(failures: u32, jitter: f64) -> Duration {
    let whole = Duration::from_secs(1 << failures.min(6)).min(BACKOFF_CAP);
    whole.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests;
