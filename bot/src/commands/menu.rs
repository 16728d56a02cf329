//! What can be chosen in the menu of a message.

use easel_domain::JobId;
use poise::serenity_prelude as serenity;
use serenity::{ActionRowComponent, ButtonKind};
use url::Url;

use super::{CommandError, Context, take};
use crate::arrival::Request;
use crate::custom_id::CustomId;

/// Details of the job that a message shows.
#[poise::command(
    context_menu_command = "Show job",
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn details(
    ctx: Context<'_>,
    message: serenity::Message,
) -> Result<(), CommandError> {
    let job = job(&message);
    take(ctx, Request::Details { job });
    Ok(())
}

/// The job of a message's buttons.
fn job(message: &serenity::Message) -> Option<JobId> {
    let components = message.components.iter().flat_map(|row| &row.components);
    let button = components.clone().find_map(button)?;
    button.action.is_of_a_job().then_some(button.job)
}

/// New pictures from those of a message.
#[poise::command(
    context_menu_command = "Blend",
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn blend(
    ctx: Context<'_>,
    message: serenity::Message,
) -> Result<(), CommandError> {
    let (uploads, embedded) = pictures(&message);
    take(ctx, Request::BlendMessage { uploads, embedded });
    Ok(())
}

/// Words for the picture of a message.
#[poise::command(
    context_menu_command = "Describe",
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn describe(
    ctx: Context<'_>,
    message: serenity::Message,
) -> Result<(), CommandError> {
    let (uploads, embedded) = pictures(&message);
    let request = Request::DescribeMessage {
        job: job(&message),
        uploads,
        embedded,
    };
    take(ctx, request);
    Ok(())
}

/// The pictures of a message: those uploaded with it, and those that it shows by address.
fn pictures(message: &serenity::Message) -> (Vec<Url>, Vec<Url>) {
    let uploads = message.attachments.iter().filter(|file| {
        let kind = file.content_type.as_deref();
        kind.is_some_and(|kind| kind.starts_with("image/"))
    });
    let embedded = message
        .embeds
        .iter()
        .filter_map(|embed| embed.image.as_ref())
        // A file of the message is there once more in its embed.
        .filter(|image| !message.attachments.iter().any(|file| file.url == image.url));
    let uploads = uploads.filter_map(|file| Url::parse(&file.url).ok());
    let embedded = embedded.filter_map(|image| Url::parse(&image.url).ok());
    (uploads.collect(), embedded.collect())
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
