//! Places that the bot is no member of: it came along with somebody, and nothing but the interaction's token reaches them.

use std::time::Duration;

use easel_domain::JobId;
use easel_playground::{Person, SeenMessage, StartedInteraction};

use crate::setting::{PATIENCE, World, eventually};

const USE_EXTERNAL_APPS: u64 = 1 << 50;
const PROMPT: [(&str, &str); 1] = [("prompt", "a boat")];

/// Somebody asks for pictures, and the answer has been shown.
async fn asked(world: &World, person: &Person, jobs: usize) -> (StartedInteraction, JobId) {
    let imagine = person.slash("imagine", PROMPT).await.unwrap();
    assert_eq!(imagine.answer(), Some(5));
    let job = world.platform.job(jobs).await;
    world.platform.shown(job).await;
    (imagine, job)
}

async fn grid_of(imagine: &StartedInteraction) -> SeenMessage {
    imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap()
}

/// From now on no token lives.
fn end_tokens(world: &World) {
    world
        .discord
        .change_rules(|rules| rules.token_life = Duration::from_millis(1));
}

fn let_tokens_live(world: &World) {
    world
        .discord
        .change_rules(|rules| rules.token_life = Duration::from_mins(15));
}

/// Requests with the bot's own credential about a channel: there is no use in any.
fn calls_about(world: &World, person: &Person) -> usize {
    let path = format!("/channels/{}", person.channel_id());
    let requests = world.discord.requests();
    requests.iter().filter(|r| r.path.contains(&path)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_strange_server_and_between_people_everything_goes_by_the_token() {
    let world = World::start().await;
    let mut jobs = 0;
    for place in ["lobby", "ada-grace"] {
        let ada = world.discord.user("ada").in_channel(place);
        let (imagine, job) = asked(&world, &ada, jobs + 1).await;
        let waiting = imagine.message().unwrap();
        assert!(
            waiting.button("Fetch").is_some() && waiting.content().contains("/history"),
            "{}",
            waiting.content()
        );
        world.platform.complete(job).await;
        let grid = grid_of(&imagine).await;
        assert!(!grid.is_ephemeral() && grid.button("Fetch").is_none());

        let grace = world.discord.user("grace").in_channel(place);
        let click = grace.click(&grid, "V2").await.unwrap();
        let varied = world.platform.job(jobs + 2).await;
        world.platform.complete(varied).await;
        grid_of(&click).await;

        let form = ada.click(&grid, "✏️").await.unwrap();
        let remix = ada.submit(&form, [("words", "a red boat")]).await.unwrap();
        let remixed = world.platform.job(jobs + 3).await;
        world.platform.complete(remixed).await;
        grid_of(&remix).await;
        assert_eq!(calls_about(&world, &ada), 0, "{place}");
        jobs += 3;
    }
    let of_guilds = "SELECT count(*) FROM jobs WHERE guild_id IS NOT NULL";
    assert_eq!(world.platform.one::<i64>(of_guilds).await, 0);
    let guests = "SELECT count(*) FROM deliveries WHERE guest";
    assert_eq!(world.platform.one::<i64>(guests).await, 6);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_tokens_death_the_result_comes_by_direct_message_and_a_press_brings_it_into_its_message()
 {
    let world = World::start().await;
    let ada = world.discord.user("ada").in_channel("lobby");
    let (imagine, job) = asked(&world, &ada, 1).await;
    end_tokens(&world);
    world.platform.complete(job).await;
    let direct = ada.clone().in_dm();
    let sent = direct
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await;
    assert!(sent.is_some(), "nothing came by direct message");
    world.platform.shown(job).await;
    let_tokens_live(&world);

    let stale = imagine.message().unwrap();
    ada.click(&stale, "Fetch").await.unwrap();
    let grid = grid_of(&imagine).await;
    assert_eq!(grid.id(), stale.id(), "the very same message");
    world.platform.shown(job).await;
    assert_eq!(calls_about(&world, &ada), 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_direct_messages_closed_the_result_is_in_the_history_and_a_press_away() {
    let world = World::start().await;
    let ada = world.discord.user("ada").in_channel("ada-grace");
    let (imagine, job) = asked(&world, &ada, 1).await;
    end_tokens(&world);
    world.discord.accept_dms("ada", false);
    world.platform.complete(job).await;
    eventually("the delivery to be given up", || async {
        let row = world.platform.store.delivery(job).await.unwrap();
        row.unwrap().undeliverable
    })
    .await;
    let_tokens_live(&world);
    let history = ada.slash("history", []).await.unwrap();
    let listed = history
        .wait_for_message(|m| m.all_text().contains("a boat"), PATIENCE)
        .await;
    assert!(listed.is_some(), "not in the history");
    // Grace sees the message too, and may press.
    let grace = world.discord.user("grace").in_channel("ada-grace");
    grace
        .click(&imagine.message().unwrap(), "Fetch")
        .await
        .unwrap();
    grid_of(&imagine).await;
    world.platform.shown(job).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_before_the_end_keeps_the_message_alive() {
    let world = World::start().await;
    let ada = world.discord.user("ada").in_channel("lobby");
    let (imagine, job) = asked(&world, &ada, 1).await;
    let first = world.platform.store.delivery(job).await.unwrap().unwrap();
    ada.click(&imagine.message().unwrap(), "Fetch")
        .await
        .unwrap();
    eventually("another token", || async {
        let row = world.platform.store.delivery(job).await.unwrap().unwrap();
        (row.token_expires_at > first.token_expires_at && row.shown_rev == row.desired_rev)
            .then_some(())
    })
    .await;
    world.platform.complete(job).await;
    grid_of(&imagine).await;
    assert_eq!(ada.messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_makes_ephemeral_stays_between_bot_and_member() {
    let world = World::start().await;
    world.discord.deny_person("ada", "lobby", USE_EXTERNAL_APPS);
    let ada = world.discord.user("ada").in_channel("lobby");
    let (imagine, job) = asked(&world, &ada, 1).await;
    assert!(imagine.message().unwrap().is_ephemeral());
    world.platform.complete(job).await;
    assert!(grid_of(&imagine).await.is_ephemeral());

    // The same when the token dies, and when the member dismisses the message.
    let (_, late) = asked(&world, &ada, 2).await;
    end_tokens(&world);
    world.platform.complete(late).await;
    let direct = ada.clone().in_dm();
    let sent = direct
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await;
    assert!(sent.is_some(), "nothing came by direct message");
    let_tokens_live(&world);
    let (dismissed, third) = asked(&world, &ada, 3).await;
    ada.delete(&dismissed.message().unwrap()).unwrap();
    world.platform.complete(third).await;
    world.platform.shown(third).await;
    assert_eq!(direct.messages().len(), 2);
    let public = |person: &Person| {
        person
            .messages()
            .iter()
            .filter(|m| !m.is_ephemeral())
            .count()
    };
    assert_eq!(public(&ada), 0, "nobody else saw any of it");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_proposes_no_several_jobs_and_obeys_no_moderator() {
    let world = World::start().await;
    let ada = world.discord.user("ada").in_channel("lobby");
    let several = ada
        .slash("imagine", [("prompt", "a {red, blue} boat")])
        .await
        .unwrap();
    let said = several.message().unwrap();
    assert!(
        said.is_ephemeral() && said.content().contains("direct message to me"),
        "{}",
        said.content()
    );
    let (imagine, job) = asked(&world, &ada, 1).await;
    // Linus owns that server.
    let linus = world.discord.user("linus").in_channel("lobby");
    linus
        .click(&imagine.message().unwrap(), "Cancel")
        .await
        .unwrap();
    let refused = linus
        .wait_for_message(|m| m.is_ephemeral() && m.id() != said.id(), PATIENCE)
        .await;
    assert!(refused.is_some());
    assert!(!world.platform.snapshot(job).await.cancel_requested);
    world.platform.complete(job).await;
    grid_of(&imagine).await;
    world.close().await;
}
