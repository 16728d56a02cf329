//! `/blend`: new pictures from two to five others.

use easel_domain::prompt::AspectRatio;
use poise::serenity_prelude as serenity;
use url::Url;

use super::{CommandError, Context, take};
use crate::arrival::Request;

/// The shape of what comes of them.
#[derive(Debug, Clone, Copy, poise::ChoiceParameter)]
pub(super) enum Shape {
    /// 1:1.
    Square,
    /// 2:3.
    Portrait,
    /// 3:2.
    Landscape,
}

/// Mix two to five pictures into new ones
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn blend(
    ctx: Context<'_>,
    #[description = "The first picture"] first: serenity::Attachment,
    #[description = "The second picture"] second: serenity::Attachment,
    #[description = "A third picture"] third: Option<serenity::Attachment>,
    #[description = "A fourth picture"] fourth: Option<serenity::Attachment>,
    #[description = "A fifth picture"] fifth: Option<serenity::Attachment>,
    #[description = "The shape of the new pictures"] shape: Option<Shape>,
) -> Result<(), CommandError> {
    let pictures = addresses([Some(first), Some(second), third, fourth, fifth]);
    let shape = shape.map(|shape| {
        let (width, height) = match shape {
            Shape::Square => (1, 1),
            Shape::Portrait => (2, 3),
            Shape::Landscape => (3, 2),
        };
        AspectRatio::new(width, height).unwrap_or_default()
    });
    take(ctx, Request::Blend { pictures, shape });
    Ok(())
}

/// Where uploaded files lie. Discord writes these addresses itself; one that is none would be no picture either.
pub(super) fn addresses<const N: usize>(files: [Option<serenity::Attachment>; N]) -> Vec<Url> {
    files
        .into_iter()
        .flatten()
        .filter_map(|file| Url::parse(&file.url).ok())
        .collect()
}
