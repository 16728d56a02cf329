//! `/prefer`: what a member keeps for his prompts, and two of his settings.

use super::{CommandError, Context, take};
use crate::arrival::{Preference, Request};

/// Keep parameters of your own for your prompts
///
/// Its sub-commands do the work; Discord never sends the command itself.
#[poise::command(
    slash_command,
    subcommands("option", "suffix", "auto_dm", "remix", "variability"),
    subcommand_required,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn prefer(_: Context<'_>) -> Result<(), CommandError> {
    Ok(())
}

/// Names of your own that stand for parameters
#[poise::command(slash_command, subcommands("set", "list"), subcommand_required)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn option(_: Context<'_>) -> Result<(), CommandError> {
    Ok(())
}

/// Let a name stand for parameters, or take it away
///
/// The names that there are are offered by intake: the library would send them past our own limits.
#[poise::command(slash_command)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn set(
    ctx: Context<'_>,
    #[description = "The name, to be typed as --name"]
    #[max_length = 40]
    name: String,
    #[description = "The parameters, such as --ar 3:2 --no text; nothing takes the name away"]
    #[max_length = 200]
    value: Option<String>,
) -> Result<(), CommandError> {
    let value = value.unwrap_or_default();
    take(ctx, Request::Prefer(Preference::Option { name, value }));
    Ok(())
}

/// See your own names and what they stand for
#[poise::command(slash_command)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn list(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Prefer(Preference::List));
    Ok(())
}

/// Put parameters behind every prompt of yours
#[poise::command(slash_command)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn suffix(
    ctx: Context<'_>,
    #[description = "The parameters, such as --ar 3:2 --no text; nothing takes them away"]
    #[max_length = 200]
    parameters: Option<String>,
) -> Result<(), CommandError> {
    let value = parameters.unwrap_or_default();
    take(ctx, Request::Prefer(Preference::Suffix { value }));
    Ok(())
}

/// Switch on or off that every result is sent to you
#[poise::command(slash_command)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn auto_dm(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Prefer(Preference::AutoDm));
    Ok(())
}

/// Switch on or off that V and 🔄 ask for other words
#[poise::command(slash_command)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn remix(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Prefer(Preference::Remix));
    Ok(())
}

/// Switch between V that changes a lot and V that changes a little
#[poise::command(slash_command)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn variability(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Prefer(Preference::Variability));
    Ok(())
}
