//! What the bot on twilight does with files, with other people's messages, and with a token that has died.

use anyhow::{Context as _, Result, bail, ensure};
use twilight_model::application::interaction::Interaction;
use twilight_model::application::interaction::application_command::{
    CommandData, CommandOptionValue,
};
use twilight_model::channel::message::MessageFlags;
use twilight_model::http::attachment::Attachment;
use twilight_model::http::interaction::{
    InteractionResponseData, InteractionResponseType as Answer,
};

use crate::bot::{Handler, text};

/// Reads the file that came with the command and gives it back: a hidden answer that is edited and deleted, and a
/// follow-up that carries the file and is edited too.
pub async fn keep(bot: &Handler, to: &Interaction, data: &CommandData) -> Result<()> {
    let hidden = InteractionResponseData {
        flags: Some(MessageFlags::EPHEMERAL),
        ..InteractionResponseData::default()
    };
    bot.answer(to, Answer::DeferredChannelMessageWithSource, Some(hidden))
        .await?;
    let option = data.options.first().context("an option")?;
    let CommandOptionValue::Attachment(id) = option.value else {
        bail!("the option holds an attachment");
    };
    let resolved = data.resolved.as_ref().context("what the option means")?;
    let file = resolved.attachments.get(&id).context("the attachment")?;
    let body = reqwest::get(&file.url).await?.error_for_status()?;
    let body = body.bytes().await?.to_vec();
    ensure!(
        body.len() as u64 == file.size,
        "the file has its stated size"
    );
    let media_type = file.content_type.as_deref().unwrap_or("nothing");
    let interactions = bot.interactions();
    let told = format!("{} is {media_type}", file.filename);
    interactions
        .update_response(&to.token)
        .content(Some(&told))
        .await?;
    let back = [Attachment::from_bytes(file.filename.clone(), body, 0)];
    let sent = interactions
        .create_followup(&to.token)
        .content("reading")
        .attachments(&back)
        .await?
        .model()
        .await?;
    let edited = interactions
        .update_followup(&to.token, sent.id)
        .content(Some("here it is again"))
        .await?
        .model()
        .await?;
    ensure!(
        edited.attachments.len() == 1,
        "an edit of the words keeps the file"
    );
    interactions.delete_response(&to.token).await?;
    Ok(())
}

/// Quotes the message that the menu was opened on.
pub async fn look(bot: &Handler, to: &Interaction, data: &CommandData) -> Result<()> {
    let resolved = data.resolved.as_ref().context("the message")?;
    let target = data.target_id.context("its id")?;
    let message = resolved.messages.get(&target.cast());
    let message = message.context("the message by its id")?;
    let quoted = text(&format!(
        "{} said: {}",
        message.author.name, message.content
    ));
    bot.answer(to, Answer::ChannelMessageWithSource, Some(quoted))
        .await
}

/// Answers, and edits its answer when the token is dead: by the channel, which takes the bot's own token.
pub async fn late(bot: &Handler, to: &Interaction) -> Result<()> {
    bot.answer(to, Answer::ChannelMessageWithSource, Some(text("begun")))
        .await?;
    let interactions = bot.interactions();
    let shown = interactions.response(&to.token).await?.model().await?;
    bot.go_on.notified().await;
    let dead = interactions.update_response(&to.token);
    ensure!(
        dead.content(Some("too late")).await.is_err(),
        "the token is dead"
    );
    bot.http
        .update_message(shown.channel_id, shown.id)
        .content(Some("ended by the channel"))
        .await?;
    Ok(())
}
