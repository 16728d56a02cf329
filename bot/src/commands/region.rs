//! `/vary-region`: a part of a picture painted anew, by an uploaded mask.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, blend, take};
use crate::arrival::Request;

/// Paint a part of a picture anew, told by a mask
#[poise::command(
    slash_command,
    rename = "vary-region",
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
pub(super) async fn vary_region(
    ctx: Context<'_>,
    #[description = "The job's id, the last thing in its message"]
    #[max_length = 100]
    job: String,
    #[description = "A picture whose white part is painted anew"] mask: serenity::Attachment,
    #[description = "Which picture of a grid; the first if you leave it out"]
    #[min = 1]
    #[max = 4]
    picture: Option<u32>,
) -> Result<(), CommandError> {
    let mask = blend::addresses([Some(mask)]).pop();
    let picture = picture.unwrap_or(1).saturating_sub(1);
    take(ctx, Request::VaryRegion { job, picture, mask });
    Ok(())
}
