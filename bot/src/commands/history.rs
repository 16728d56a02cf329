//! `/history` and `/favourites`: one's own jobs, and what one has marked with a star.

use super::{CommandError, Context, take};
use crate::arrival::Request;
use crate::intake::history::{HistoryQuery, Kind};

/// What a job made, as it is offered in the list of a command's option.
#[derive(Debug, Clone, Copy, poise::ChoiceParameter)]
pub(super) enum KindChoice {
    /// From words.
    #[name = "Pictures from words"]
    Words,
    /// V and its like.
    #[name = "Variations"]
    Variations,
    /// U and its like.
    #[name = "Enlarged pictures"]
    Large,
    /// Zoom, pan, square, region.
    #[name = "Edited pictures"]
    Edited,
    /// Other words, or pictures mixed.
    #[name = "Remixes and blends"]
    Mixed,
}

/// Look through your own jobs
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn history(
    ctx: Context<'_>,
    #[description = "Words that the prompt holds"]
    #[max_length = 200]
    search: Option<String>,
    #[description = "What was made"] kind: Option<KindChoice>,
    #[description = "The model's name"]
    #[max_length = 100]
    model: Option<String>,
    #[description = "First day, such as 2026-11-25"]
    #[max_length = 10]
    from: Option<String>,
    #[description = "Last day, such as 2026-11-25"]
    #[max_length = 10]
    until: Option<String>,
) -> Result<(), CommandError> {
    let kind = kind.map(|kind| match kind {
        KindChoice::Words => Kind::Words,
        KindChoice::Variations => Kind::Variations,
        KindChoice::Large => Kind::Large,
        KindChoice::Edited => Kind::Edited,
        KindChoice::Mixed => Kind::Mixed,
    });
    let query = HistoryQuery {
        search: search.unwrap_or_default(),
        kind,
        model,
        from,
        until,
    };
    take(ctx, Request::History { query });
    Ok(())
}

/// See what you have marked with ⭐
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn favourites(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Favourites);
    Ok(())
}
