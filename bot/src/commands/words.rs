//! `/shorten` and `/describe`: what a model makes of words, and words of a picture.

use poise::serenity_prelude as serenity;

use super::blend::addresses;
use super::{CommandError, Context, take};
use crate::arrival::Request;

/// Find out which words of a prompt count
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn shorten(
    ctx: Context<'_>,
    #[description = "The prompt, with its parameters last"]
    #[max_length = 6000]
    prompt: String,
) -> Result<(), CommandError> {
    take(ctx, Request::Shorten { prompt });
    Ok(())
}

/// Find words for a picture
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn describe(
    ctx: Context<'_>,
    #[description = "The picture"] picture: serenity::Attachment,
) -> Result<(), CommandError> {
    let picture = addresses([Some(picture)]).pop();
    take(ctx, Request::Describe { picture });
    Ok(())
}
