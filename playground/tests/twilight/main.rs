//! The stand-in seen through a client library that the product does not use: what pleases serenity alone shows here.

mod bot;
mod files;
#[path = "../support/second_reader.rs"]
mod second_reader;

use std::time::Duration;

use bot::TestBot;
use easel_playground::{Failure, Playground, PlaygroundConfig, PlaygroundHandle, RouteFault};
use twilight_http::error::ErrorType;
use twilight_model::id::Id;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

async fn world() -> anyhow::Result<(PlaygroundHandle, TestBot)> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let bot = TestBot::start(&world).await?;
    assert!(
        world.wait_for_command("imagine", PATIENCE).await.is_some(),
        "the bot registers its commands"
    );
    Ok((world, bot))
}

#[tokio::test]
async fn a_deferred_answer_is_edited_and_its_components_work() -> anyhow::Result<()> {
    let (world, bot) = world().await?;
    let ada = world.user("ada");
    let choices = ada
        .complete("imagine", [("prompt", "a r")], "prompt")
        .await?;
    assert_eq!(choices[0]["value"], "a red boat");
    let imagine = ada.slash("imagine", [("prompt", "a red boat")]).await?;
    assert_eq!(imagine.answer(), Some(5));
    let done = imagine
        .wait_for_message(|m| !m.is_loading() && m.attachments().len() == 1, PATIENCE)
        .await
        .expect("the grid arrives, and one of its files stays");
    assert_eq!(
        (done.content(), done.attachments()[0].dimensions),
        ("done", Some((2, 2)))
    );
    assert_eq!(
        done.attachments()[0].description.as_deref(),
        Some("a boat"),
        "alt text"
    );

    let press = ada.click(&done, "U1").await?;
    assert_eq!(press.answer(), Some(6));
    let whisper = ada
        .wait_for_message(|m| m.content() == "only for you", PATIENCE)
        .await;
    assert!(whisper.expect("a follow-up").is_ephemeral());

    let remix = ada.click(&done, "Remix").await?;
    assert_eq!(remix.answer(), Some(9));
    let submitted = ada.submit(&remix, [("prompt", "a blue boat")]).await?;
    let said = submitted.message().expect("an answer");
    assert_eq!(said.content(), "remixing: a blue boat");

    let chosen = ada.select(&done, "style", &["oil"]).await?;
    assert_eq!(chosen.answer(), Some(7));
    let updated = ada.wait_for_message(|m| m.content() == "style oil", PATIENCE);
    assert_eq!(updated.await.expect("the same message").id(), done.id());
    second_reader::reads(&world.dispatches());
    bot.stop().await;
    world.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_session_beats_resumes_and_begins_anew() -> anyhow::Result<()> {
    let config = PlaygroundConfig::default();
    let world = Playground::start(config).await?;
    // Whoever does not beat in time is thrown out.
    world.change_rules(|rules| rules.heartbeat = Duration::from_millis(500));
    let bot = TestBot::start(&world).await?;
    assert!(world.wait_for_command("ping", PATIENCE).await.is_some());
    let pings = async |n: usize| {
        let ping = world.user("grace").slash("ping", []).await?;
        let said = ping.message().expect("an answer");
        assert_eq!(said.content(), "pong", "after {n} changes");
        anyhow::Ok(())
    };
    let resumed = |count| world.wait_for_dispatches("RESUMED", count, PATIENCE);
    tokio::time::sleep(Duration::from_secs(2)).await;
    pings(0).await?;
    assert!(resumed(0).await);
    world.ask_to_reconnect();
    assert!(resumed(1).await, "op 7");
    pings(1).await?;
    world.sever_connections();
    assert!(resumed(2).await, "a lost socket");
    pings(2).await?;
    world.close_connections(4_000);
    assert!(resumed(3).await, "a close code that allows it");
    pings(3).await?;
    world.invalidate_sessions(false);
    let ready = world.wait_for_dispatches("READY", 2, PATIENCE);
    assert!(ready.await, "op 9 takes the session");
    pings(4).await?;
    let readies = |event: &&serde_json::Value| event["t"] == "READY";
    assert_eq!(world.dispatches().iter().filter(readies).count(), 2);
    bot.stop().await;
    assert!(world.wait_for_silence(PATIENCE).await, "closed for good");
    Ok(())
}

#[tokio::test]
async fn reactions_reach_it_and_direct_messages_and_threads_are_open_to_it() -> anyhow::Result<()> {
    let (world, bot) = world().await?;
    let linus = world.user("linus").in_channel("gallery");
    let said = linus.say("look at this")?;
    linus.react(&said, "✉️")?;
    let joined = linus
        .wait_for_message(|m| m.reactions() == [("✉️".to_owned(), 2)], PATIENCE)
        .await;
    assert!(joined.is_some(), "the bot joins the reaction");
    let direct = world.user("linus").in_dm();
    let thanks = direct.wait_for_message(|m| m.content() == "thanks for ✉️", PATIENCE);
    assert!(thanks.await.is_some(), "the bot writes a direct message");
    let ping = direct.slash("ping", []).await?;
    assert_eq!(ping.message().expect("an answer").content(), "pong");

    linus.slash("thread", []).await?;
    let in_thread = world
        .wait_for_message(|m| m.content() == "in the thread", PATIENCE)
        .await
        .expect("a message in a thread");
    assert_ne!(in_thread.channel_id(), linus.channel_id());
    let there = linus.at(in_thread.channel_id());
    let ping = there.slash("ping", []).await?;
    assert_eq!(ping.message().expect("an answer").content(), "pong");
    second_reader::reads(&world.dispatches());
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn its_limiter_lives_with_our_headers_and_waits_out_a_429() -> anyhow::Result<()> {
    let (world, bot) = world().await?;
    let ada = world.user("ada");
    ada.slash("many", []).await?;
    let last = ada.wait_for_message(|m| m.content() == "number 6", PATIENCE);
    assert!(last.await.is_some(), "all messages arrive");
    let refused = |status: u16| {
        let requests = world.requests();
        requests.iter().filter(|r| r.status == status).count()
    };
    // It looks at the headers of a 429 alone; from the first one on it waits as they say.
    assert_eq!(refused(429), 1, "its limiter read our headers");
    world.fail(RouteFault {
        method: Some("POST".to_owned()),
        route: "/channels/".to_owned(),
        times: 1,
        failure: Failure::RateLimited {
            retry_after: 0.3,
            scope: "shared".to_owned(),
        },
        takes_effect: false,
    });
    let channel = Id::new(ada.channel_id().0);
    bot.http()
        .create_message(channel)
        .content("after all")
        .await?;
    assert_eq!(refused(429), 2);
    assert!(
        ada.messages().iter().any(|m| m.content() == "after all"),
        "it came once the limit was over"
    );
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn files_reach_it_and_come_back_in_a_follow_up() -> anyhow::Result<()> {
    let (world, bot) = world().await?;
    let ada = world.user("ada");
    let file = ("file", "boat.png", bot::picture().into());
    let keep = ada.slash_with_file("keep", [], file).await?;
    assert_eq!(keep.answer(), Some(5));
    let back = ada
        .wait_for_message(|m| m.content() == "here it is again", PATIENCE)
        .await
        .expect("the file comes back");
    let attachments = back.attachments();
    assert_eq!(
        (attachments.len(), attachments[0].dimensions),
        (1, Some((2, 2)))
    );
    let gone = world.wait_for_request(
        |r| r.method == "DELETE" && r.template.contains("@original") && r.status == 204,
        PATIENCE,
    );
    assert!(gone.await.is_some(), "the hidden answer is deleted");
    let hidden = ada
        .messages()
        .iter()
        .any(|m| m.content().contains("image/png"));
    assert!(!hidden, "and nobody sees it any more");
    second_reader::reads(&world.dispatches());
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_menu_brings_it_the_message_and_a_dead_token_leaves_it_the_channel() -> anyhow::Result<()>
{
    let (world, bot) = world().await?;
    let linus = world.user("linus").in_channel("gallery");
    let said = linus.say("look at this")?;
    let look = linus.choose("Look", said.id()).await?;
    let quoted = look.message().expect("an answer");
    assert!(quoted.content().ends_with("said: look at this"));

    let late = linus.slash("late", []).await?;
    let shown = late.message().expect("an answer");
    // It has looked at its answer before it waits.
    let looked =
        |r: &easel_playground::RequestRecord| r.method == "GET" && r.template.contains("@original");
    assert!(world.wait_for_request(looked, PATIENCE).await.is_some());
    world.change_rules(|rules| rules.token_life = Duration::ZERO);
    bot.go_on();
    let ended = linus.wait_for_message(|m| m.content() == "ended by the channel", PATIENCE);
    assert_eq!(ended.await.expect("the same message").id(), shown.id());
    let refused = world.requests();
    let refused = refused.iter().find(|r| r.code == Some(50_027));
    assert_eq!(refused.map(|r| r.status), Some(401));
    bot.stop().await;
    Ok(())
}

#[tokio::test]
async fn refusals_read_as_discords_own() -> anyhow::Result<()> {
    let (world, bot) = world().await?;
    let ada = world.user("ada");
    let channel = Id::new(ada.channel_id().0);
    let code = |error: &twilight_http::Error| match error.kind() {
        ErrorType::Response { error, status, .. } => {
            let twilight_http::api_error::ApiError::General(general) = error else {
                panic!("an error without a code: {error}");
            };
            (status.get(), general.code)
        }
        other => panic!("no answer of Discord: {other:?}"),
    };
    let missing = bot.http().message(channel, Id::new(1)).await;
    assert_eq!(code(&missing.expect_err("no such message")), (404, 10_008));
    let closed = bot.http().create_message(Id::new(1)).content("x").await;
    assert_eq!(code(&closed.expect_err("no such channel")), (404, 10_003));
    world.accept_dms("ada", false);
    let user = Id::new(ada.id().0);
    let direct = bot
        .http()
        .create_private_channel(user)
        .await?
        .model()
        .await?;
    let refused = bot.http().create_message(direct.id).content("x").await;
    assert_eq!(code(&refused.expect_err("closed")), (403, 50_007));
    // Twilight checks the content itself; what it lets through and Discord does not comes back with a code.
    let empty = bot.http().create_message(channel).await;
    assert_eq!(code(&empty.expect_err("nothing in it")), (400, 50_006));
    bot.stop().await;
    Ok(())
}
