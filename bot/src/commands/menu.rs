//! What can be chosen in the menu of a message.

use poise::serenity_prelude as serenity;
use serenity::{ActionRowComponent, ButtonKind};

use super::{CommandError, Context, take};
use crate::arrival::Request;
use crate::custom_id::CustomId;

/// Details of the job that a message shows.
#[poise::command(
    context_menu_command = "Show job",
    install_context = "Guild",
    interaction_context = "Guild|BotDm"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn details(
    ctx: Context<'_>,
    message: serenity::Message,
) -> Result<(), CommandError> {
    let job = message
        .components
        .iter()
        .flat_map(|row| &row.components)
        .find_map(button)
        .filter(|button| button.action.is_of_a_job())
        .map(|button| button.job);
    take(ctx, Request::Details { job });
    Ok(())
}

/// The job is in the buttons of its message, so it is found under copies of the message as well.
fn button(component: &ActionRowComponent) -> Option<CustomId> {
    let ActionRowComponent::Button(button) = component else {
        return None;
    };
    match &button.data {
        ButtonKind::NonLink { custom_id, .. } => custom_id.parse().ok(),
        _ => None,
    }
}
