//! What a member has chosen and has under way: `/settings`, its short cuts, `/info` and `/cancel`.

use easel_domain::tier::ServiceClass;

use super::{CommandError, Context, take};
use crate::arrival::Request;

/// Choose how your jobs run
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn settings(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Settings);
    Ok(())
}

/// Your tier, its limits, and what you have under way
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn info(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Info);
    Ok(())
}

/// Run your jobs in the turbo lane from now on
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn turbo(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Speed(ServiceClass::Turbo));
    Ok(())
}

/// Run your jobs in the fast lane from now on
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn fast(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Speed(ServiceClass::Fast));
    Ok(())
}

/// Run your jobs when there is room, from now on
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn relax(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Speed(ServiceClass::Relax));
    Ok(())
}

/// Keep your pictures to yourself
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn stealth(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Visibility { is_public: false });
    Ok(())
}

/// Let everybody see your pictures
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn public(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Visibility { is_public: true });
    Ok(())
}

/// Stop one of your jobs
///
/// The choices of its option are offered by intake: the library would send them past our own limits.
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn cancel(
    ctx: Context<'_>,
    #[description = "The job, from the list or by its id"]
    #[max_length = 100]
    job: String,
) -> Result<(), CommandError> {
    take(ctx, Request::Cancel { job });
    Ok(())
}
