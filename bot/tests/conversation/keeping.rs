//! ✉️ and ❌ on a result, by reaction and by button.

use easel_playground::{DispatchFault, Failure, RouteFault, SeenMessage};

use crate::favourites::grid;
use crate::setting::{PATIENCE, World, eventually, picture_server};

const MAILED: &str = "SELECT count(*) FROM mailings WHERE state = 'sent'";
const REFUSED: &str = "SELECT count(*) FROM mailings WHERE state = 'refused'";
const REMOVED: &str = "SELECT count(*) FROM removals";

async fn becomes(world: &World, sql: &str, count: i64) {
    eventually(sql, || async {
        (world.platform.one::<i64>(sql).await == count).then_some(())
    })
    .await;
}

/// What somebody has in his direct messages.
fn mail(world: &World, name: &str) -> Vec<SeenMessage> {
    world.discord.user(name).in_dm().messages()
}

async fn gone(world: &World, message: &SeenMessage) {
    eventually("the message to be gone", || async {
        let there = world.public_messages();
        (!there.iter().any(|m| m.id() == message.id())).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_brings_the_single_pictures_once_with_seeds_and_id() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a *red* boat --seed 40").await;
    let job = world.platform.jobs().await[0];
    world
        .discord
        .disturb("MESSAGE_REACTION_ADD", DispatchFault::Duplicate, 1);
    grace.react(&message, "✉️").unwrap();
    becomes(&world, MAILED, 1).await;
    let mails = mail(&world, "grace");
    assert_eq!(mails.len(), 1);
    let text = mails[0].content();
    for part in [
        "✉️ **a \\*red\\* boat",
        "`40`, `41`, `42`, `43`",
        &job.to_string(),
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(mails[0].embeds().len(), 4, "four pictures by themselves");
    let details = grace
        .clone()
        .in_dm()
        .click(&mails[0], "Details")
        .await
        .unwrap();
    let details = details
        .wait_for_message(|m| m.content().contains("easel-test"), PATIENCE)
        .await;
    assert!(details.unwrap().is_ephemeral());
    // What was just sent is not sent again, and the message takes a star.
    grace.unreact(&message, "✉️").unwrap();
    grace.react(&message, "✉️").unwrap();
    grace.clone().in_dm().react(&mails[0], "⭐").unwrap();
    becomes(&world, "SELECT count(*) FROM favourites", 1).await;
    assert_eq!(
        mail(&world, "grace")
            .iter()
            .filter(|m| !m.is_ephemeral())
            .count(),
        1
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_come_as_files_where_discord_cannot_reach_the_cdn() {
    let (cdn, _server) = picture_server().await;
    let settings = [
        ("delivery.pictures", "attach"),
        ("cdn.base_url", cdn.as_str()),
    ];
    let world = World::start_with(&settings).await;
    let ada = world.discord.user("ada");
    let message = grid(&world, &ada, 1, "a boat").await;
    ada.click(&message, "Send to me").await.unwrap();
    becomes(&world, MAILED, 1).await;
    let mails = mail(&world, "ada");
    assert_eq!((mails.len(), mails[0].attachments().len()), (1, 4));
    assert!(mails[0].attachments()[0].description.is_some(), "alt text");
    let told = ada
        .wait_for_message(
            |m| m.content().contains("in your direct messages"),
            PATIENCE,
        )
        .await;
    assert!(told.unwrap().is_ephemeral());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_direct_messages_end_it_and_are_told() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    world.discord.accept_dms("grace", false);
    grace.react(&message, "✉️").unwrap();
    becomes(&world, REFUSED, 1).await;
    eventually("the sign that they are closed", || async {
        let seen = ada.messages();
        let seen = seen.iter().find(|m| m.id() == message.id())?;
        let shown = seen.reactions();
        shown.iter().any(|(emoji, _)| emoji == "📪").then_some(())
    })
    .await;
    grace.click(&message, "Send to me").await.unwrap();
    let told = grace
        .wait_for_message(
            |m| m.content().contains("direct messages are closed"),
            PATIENCE,
        )
        .await;
    assert!(told.unwrap().is_ephemeral());
    world.discord.accept_dms("grace", true);
    grace.click(&message, "Send to me").await.unwrap();
    becomes(&world, MAILED, 1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_sent_once_though_the_bot_dies_in_between() {
    let mut world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    let dm = grace.clone().in_dm();
    // The message is posted; its reply never comes.
    world.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: format!("/channels/{}/messages", dm.channel_id()),
        times: 1,
        failure: Failure::Hang,
        takes_effect: true,
    });
    grace.react(&message, "✉️").unwrap();
    dm.wait_for_message(|m| m.content().contains("a boat"), PATIENCE)
        .await
        .unwrap();
    world.kill_bot().await;
    assert_eq!(world.platform.one::<i64>(MAILED).await, 0);
    world.start_bot().await;
    becomes(&world, MAILED, 1).await;
    assert_eq!(mail(&world, "grace").len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_on_a_running_job_waits_for_its_end() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    let message = imagine.message().unwrap();
    grace.react(&message, "✉️").unwrap();
    becomes(
        &world,
        "SELECT count(*) FROM mailings WHERE state = 'open'",
        1,
    )
    .await;
    assert!(mail(&world, "grace").is_empty());
    world.platform.complete(job).await;
    becomes(&world, MAILED, 1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_every_result_gets_it_by_direct_message() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    ada.slash("settings", []).await.unwrap();
    let panel = ada
        .wait_for_message(|m| m.button("✉️ every result").is_some(), PATIENCE)
        .await
        .unwrap();
    ada.click(&panel, "✉️ every result").await.unwrap();
    becomes(
        &world,
        "SELECT count(*) FROM member_settings WHERE auto_dm",
        1,
    )
    .await;
    grid(&world, &ada, 1, "a boat").await;
    becomes(&world, MAILED, 1).await;
    assert_eq!(mail(&world, "ada").len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cross_of_the_owner_deletes_the_result_and_of_anybody_else_nothing() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    let job = world.platform.jobs().await[0].to_string();
    let show = ada.slash("show", [("job", job.as_str())]).await.unwrap();
    let copy = show
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    becomes(&world, "SELECT count(*) FROM job_messages", 1).await;
    grace.react(&message, "⭐").unwrap();
    becomes(&world, "SELECT count(*) FROM favourites", 1).await;
    grace.react(&message, "❌").unwrap();
    // The lane of a member keeps its order: when the second star is taken back, the cross was acted on.
    grace.unreact(&message, "⭐").unwrap();
    becomes(&world, "SELECT count(*) FROM favourites", 0).await;
    assert_eq!(world.platform.one::<i64>(REMOVED).await, 0);
    world
        .discord
        .disturb("MESSAGE_REACTION_ADD", DispatchFault::Duplicate, 1);
    ada.react(&message, "❌").unwrap();
    becomes(&world, REMOVED, 1).await;
    gone(&world, &message).await;
    gone(&world, &copy).await;
    let words = "SELECT count(*) FROM prompts";
    assert_eq!(world.platform.one::<i64>(words).await, 0);
    ada.slash("show", [("job", job.as_str())]).await.unwrap();
    let told = ada
        .wait_for_message(|m| m.content().contains("was deleted"), PATIENCE)
        .await;
    assert!(told.unwrap().is_ephemeral());
    ada.slash("history", []).await.unwrap();
    ada.wait_for_message(|m| m.content().contains("Nothing was found"), PATIENCE)
        .await
        .unwrap();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderators_cross_stops_a_running_job_and_deletes_a_result_of_others() {
    let world = World::start().await;
    let (ada, linus) = (world.discord.user("ada"), world.discord.user("linus"));
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    linus.react(&imagine.message().unwrap(), "❌").unwrap();
    eventually("the wish to cancel", || async {
        let job = world.platform.snapshot(job).await;
        job.cancel_requested.then_some(())
    })
    .await;
    world
        .platform
        .fail(job, "cancelled", "cancelled_by_user")
        .await;
    let message = grid(&world, &ada, 2, "a train").await;
    linus.react(&message, "❌").unwrap();
    becomes(&world, "SELECT count(*) FROM removals WHERE moderated", 1).await;
    gone(&world, &message).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_asks_before_it_deletes_and_a_restart_finishes_it() {
    let mut world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    grace.click(&message, "Delete").await.unwrap();
    grace
        .wait_for_message(|m| m.content().contains("Only the member"), PATIENCE)
        .await
        .unwrap();
    ada.click(&message, "Delete").await.unwrap();
    let question = ada
        .wait_for_message(|m| m.content().contains("for good?"), PATIENCE)
        .await
        .unwrap();
    assert!(question.is_ephemeral());
    // Discord takes the message away only when the bot has died and lives again.
    world.discord.fail(RouteFault {
        method: Some("DELETE".into()),
        route: format!("/channels/{}/messages/{}", ada.channel_id(), message.id()),
        times: 1,
        failure: Failure::Hang,
        takes_effect: false,
    });
    ada.click(&question, "Delete").await.unwrap();
    becomes(&world, REMOVED, 1).await;
    world.kill_bot().await;
    world.start_bot().await;
    gone(&world, &message).await;
    // A button of a message that somebody still sees.
    let requests = world.discord.requests();
    assert!(requests.iter().any(|r| r.method == "DELETE"));
    world.close().await;
}
