//! ⭐ by button and by reaction, and `/favourites`.

use easel_playground::{DispatchFault, Person, SeenMessage};

use crate::setting::{PATIENCE, World, eventually};

/// The finished message of a prompt of somebody's, the `n`-th job of the world.
pub async fn grid(world: &World, person: &Person, n: usize, prompt: &str) -> SeenMessage {
    let imagine = person.slash("imagine", [("prompt", prompt)]).await.unwrap();
    let job = world.platform.job(n).await;
    world.platform.complete(job).await;
    imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap()
}

async fn stars(world: &World, count: i64) {
    eventually("so many favourites", || async {
        let found = world.platform.one::<i64>("SELECT count(*) FROM favourites");
        (found.await == count).then_some(())
    })
    .await;
}

async fn whispered(person: &Person, said: &str) -> SeenMessage {
    let message = person
        .wait_for_message(|m| m.content().contains(said), PATIENCE)
        .await
        .unwrap_or_else(|| panic!("nobody says {said}"));
    assert!(message.is_ephemeral(), "{}", message.content());
    message
}

fn titles(message: &SeenMessage) -> Vec<String> {
    let title = |embed: &serde_json::Value| embed["title"].as_str().unwrap_or_default().to_owned();
    message.embeds().iter().map(title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_is_set_and_taken_back_by_reaction_whoever_the_picture_belongs_to() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    // Each event comes twice.
    world
        .discord
        .disturb("MESSAGE_REACTION_ADD", DispatchFault::Duplicate, 2);
    grace.react(&message, "⭐").unwrap();
    ada.react(&message, "⭐").unwrap();
    ada.react(&message, "🌟").unwrap();
    stars(&world, 2).await;
    let note = "SELECT count(*) FROM favourites WHERE picture IS NULL";
    assert_eq!(world.platform.one::<i64>(note).await, 2, "the whole grid");
    world
        .discord
        .disturb("MESSAGE_REACTION_REMOVE", DispatchFault::Duplicate, 1);
    grace.unreact(&message, "⭐").unwrap();
    stars(&world, 1).await;
    ada.slash("favourites", []).await.unwrap();
    let list = whispered(&ada, "Your favourites").await;
    assert_eq!(titles(&list), ["1 · a boat"]);
    grace.slash("favourites", []).await.unwrap();
    whispered(&grace, "You have no favourites").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_by_button_is_kept_listed_and_taken_back_after_a_restart() {
    let mut world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a red boat --seed 4").await;
    grace.click(&message, "Favourite").await.unwrap();
    let note = whispered(&grace, "⭐ Kept").await;
    assert!(note.button("Take back").is_some());
    grace.click(&message, "Favourite").await.unwrap();
    whispered(&grace, "among your favourites already").await;
    stars(&world, 1).await;
    world.kill_bot().await;
    world.start_bot().await;

    grace.slash("favourites", []).await.unwrap();
    let list = whispered(&grace, "Your favourites").await;
    assert_eq!(titles(&list), ["1 · a red boat --seed 4"]);
    grace.click(&list, "1").await.unwrap();
    let one = grace
        .wait_for_message(
            |m| m.id() == list.id() && m.button("Re-run exactly").is_some(),
            PATIENCE,
        )
        .await
        .unwrap();
    let shows = one.button("Show here").unwrap();
    assert!(shows.is_disabled, "the job is Ada's");
    grace.click(&one, "◀ Back to the list").await.unwrap();
    let list = grace
        .wait_for_message(
            |m| m.id() == list.id() && m.button("Older ▶").is_some(),
            PATIENCE,
        )
        .await
        .unwrap();
    grace.click(&list, "1").await.unwrap();
    let one = grace
        .wait_for_message(
            |m| m.id() == list.id() && m.button("Take back").is_some(),
            PATIENCE,
        )
        .await
        .unwrap();
    // Whoever clicks owns what comes of it.
    grace.click(&one, "Re-run exactly").await.unwrap();
    let again = world.platform.snapshot(world.platform.job(2).await).await;
    let first = world
        .platform
        .snapshot(world.platform.jobs().await[0])
        .await;
    assert_eq!(again.spec, first.spec);
    assert_ne!(again.owner, first.owner);
    grace.click(&one, "Take back").await.unwrap();
    whispered(&grace, "The ⭐ is taken back").await;
    stars(&world, 0).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_message_takes_a_star_and_gives_it_back() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    let job = world.platform.jobs().await[0].to_string();
    let show = ada.slash("show", [("job", job.as_str())]).await.unwrap();
    let copy = show
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    assert_ne!(copy.id(), message.id());
    // As a copy of before copies were remembered: its buttons tell.
    let forget = "WITH gone AS (DELETE FROM job_messages RETURNING 1) SELECT count(*) FROM gone";
    eventually("the copy to be known", || async {
        (world.platform.one::<i64>(forget).await == 1).then_some(())
    })
    .await;
    grace.react(&copy, "⭐").unwrap();
    stars(&world, 1).await;
    grace.unreact(&copy, "⭐").unwrap();
    stars(&world, 0).await;
    // What is nobody's job is nothing.
    let said = ada.say("hello").unwrap();
    grace.react(&said, "⭐").unwrap();
    grace.react(&message, "⭐").unwrap();
    stars(&world, 1).await;
    let looked_at = "GET /channels/{channel}/messages/{message}";
    let requests = world.discord.requests();
    let looks = requests.iter().filter(|r| r.template == looked_at);
    assert_eq!(looks.count(), 1, "the copy, once");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn favourites_are_found_in_direct_messages_page_by_page_in_ones_own_language() {
    let world = World::start().await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    for n in 1..=6 {
        let message = grid(&world, &ada, n, &format!("boat number {n}")).await;
        alan.react(&message, "⭐").unwrap();
        stars(&world, n as i64).await;
    }
    let alan = alan.in_dm();
    alan.slash("favourites", []).await.unwrap();
    let list = whispered(&alan, "Deine Favoriten").await;
    assert_eq!(titles(&list).len(), 5);
    assert_eq!(titles(&list)[0], "1 · boat number 6");
    alan.click(&list, "Ältere ▶").await.unwrap();
    let second = alan
        .wait_for_message(|m| m.id() == list.id() && titles(m).len() == 1, PATIENCE)
        .await
        .unwrap();
    assert_eq!(titles(&second), ["1 · boat number 1"]);
    alan.click(&second, "◀ Neuere").await.unwrap();
    alan.wait_for_message(|m| m.id() == list.id() && titles(m).len() == 5, PATIENCE)
        .await
        .unwrap();
    world.close().await;
}
