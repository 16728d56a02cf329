//! The stand-in seen through the client library that the product uses: what serenity accepts, the bot will get.

mod bot;
#[path = "../support/second_reader.rs"]
mod second_reader;

use std::time::Duration;

use bot::TestBot;
use easel_playground::{Playground, PlaygroundConfig};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_command_is_deferred_then_filled_with_pictures_and_buttons_open_a_modal()
-> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(
        world.wait_for_command("imagine", PATIENCE).await.is_some(),
        "the bot registers its commands"
    );

    let ada = world.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a red boat")]).await?;
    assert_eq!(imagine.answer(), Some(5));
    let done = imagine
        .wait_for_message(|m| !m.is_loading() && m.attachments().len() == 2, PATIENCE)
        .await;
    let done = done.expect("the grid arrives");
    assert_eq!(done.content(), "a red boat - done");
    assert_eq!(done.attachments()[0].dimensions, Some((2, 2)));
    assert_eq!(done.buttons().len(), 3);

    let picture = reqwest::get(done.attachments()[0].url.as_str()).await?;
    assert_eq!(picture.headers()["content-type"], "image/png");
    assert_eq!(picture.bytes().await?, bot::picture());

    let click = ada.click(&done, "U1").await?;
    assert_eq!(click.answer(), Some(6));
    assert!(
        ada.wait_for_message(|m| m.content() == "upscaled", PATIENCE)
            .await
            .is_some()
    );

    let remix = ada.click(&done, "Remix").await?;
    assert_eq!(remix.answer(), Some(9));
    assert_eq!(remix.modal().expect("a modal")["title"], "Remix");
    let submitted = ada.submit(&remix, [("prompt", "a blue boat")]).await?;
    assert_eq!(submitted.answer(), Some(4));
    assert_eq!(
        submitted.message().expect("an answer").content(),
        "remixing: a blue boat"
    );

    second_reader::reads(&world.dispatches());
    bot.stop().await;
    world.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_bot_resumes_after_op_7_and_after_a_lost_socket() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(world.wait_for_bot(PATIENCE).await);
    let resumed = |count: usize| {
        let world = &world;
        async move {
            let found = world.wait_for_dispatches("RESUMED", count, PATIENCE).await;
            assert!(found, "the client resumes {count} times");
        }
    };
    world.ask_to_reconnect();
    resumed(1).await;
    world.sever_connections();
    resumed(2).await;
    let ping = world.user("grace").slash("ping", []).await?;
    assert_eq!(ping.message().expect("an answer").content(), "pong");
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn events_of_a_lost_connection_are_replayed() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(world.wait_for_command("ping", PATIENCE).await.is_some());
    world.change_rules(|rules| rules.first_answer = PATIENCE);
    world.sever_connections();
    assert!(
        world.wait_for_silence(PATIENCE).await,
        "the connection goes"
    );
    let ping = world.user("grace").slash("ping", []).await?;
    assert_eq!(
        ping.message()
            .expect("an answer after the replay")
            .content(),
        "pong"
    );
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_ephemeral_answer_is_seen_by_one_person_only() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(world.wait_for_command("whisper", PATIENCE).await.is_some());
    let whisper = world.user("ada").slash("whisper", []).await?;
    let message = whisper.message().expect("an answer");
    assert!(message.is_ephemeral());
    assert_eq!(world.user("ada").messages().len(), 1);
    assert_eq!(world.user("grace").messages().len(), 0);
    let refusal = bot
        .http()
        .get_message(message.channel_id().0.into(), message.id().0.into())
        .await;
    assert!(bot::is_discord_error(&refusal.map(drop), 10008));
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_silent_bot_fails_the_interaction_and_is_too_late_afterwards() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(world.wait_for_command("sleep", PATIENCE).await.is_some());
    world.change_rules(|rules| rules.first_answer = Duration::from_millis(100));
    let sleep = world.user("ada").slash("sleep", []).await?;
    assert!(sleep.failed());
    let late = world
        .wait_for_request(|r| r.template.contains("/callback"), PATIENCE)
        .await
        .expect("a late answer");
    assert_eq!((late.status, late.code), (404, Some(10062)));
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn autocomplete_reactions_and_context_menus_work() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(world.wait_for_command("Describe", PATIENCE).await.is_some());
    let linus = world.user("linus").in_channel("gallery");
    let choices = linus
        .complete("imagine", [("prompt", "a r")], "prompt")
        .await?;
    assert_eq!(choices[0]["name"], "a r…");
    let said = linus.say("look at this")?;
    let describe = linus.choose("Describe", said.id()).await?;
    assert_eq!(
        describe.message().expect("an answer").content(),
        "it says: look at this"
    );
    linus.react(&said, "✉️")?;
    let thanks = linus
        .wait_for_message(|m| m.reactions() == [("✉️".to_owned(), 2)], PATIENCE)
        .await;
    assert!(thanks.is_some(), "the bot joins the reaction");
    let dm = world
        .user("linus")
        .in_dm()
        .wait_for_message(|m| m.content() == "thanks for ✉️", PATIENCE)
        .await;
    assert!(dm.is_some(), "the bot writes a direct message");
    second_reader::reads(&world.dispatches());
    bot.stop().await;
    Ok(())
}
