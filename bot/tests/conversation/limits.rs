//! Requests that follow one another too fast, before any job is made of them.

use easel_playground::SeenMessage;

use crate::setting::{PATIENCE, World, eventually};

/// A world where the default tier takes so many requests at once and one a minute after that.
async fn slow_world(burst: u32) -> World {
    let mut world = World::without_bot(&[]).await;
    world.platform.announce_model().await;
    world.platform.set_pace("standard", burst, 1).await;
    world.start_bot().await;
    world
}

fn refusal(message: Option<SeenMessage>, said: &str) {
    let message = message.expect("an answer");
    assert!(
        message.is_ephemeral() && message.content().contains(said),
        "{}",
        message.content()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_presses_and_forms_count_and_letters_do_not() {
    let world = slow_world(5).await;
    let ada = world.discord.user("ada");
    for _ in 0..6 {
        ada.complete("cancel", [("job", "b")], "job").await.unwrap();
    }
    let imagine = ada
        .slash("imagine", [("prompt", "a red boat")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let grid = imagine
        .wait_for_message(|m| m.button("✏️").is_some(), PATIENCE)
        .await
        .unwrap();
    let opened = ada.click(&grid, "✏️").await.unwrap();
    assert_eq!(opened.answer(), Some(9));
    // Mistakes count too: nobody may try them without end.
    let mistake = ada.submit(&opened, [("words", "a --ar x")]).await.unwrap();
    assert!(mistake.message().unwrap().content().contains("--ar"));
    let opened = ada.click(&grid, "✏️").await.unwrap();
    ada.click(&grid, "V1").await.unwrap();
    world.platform.job(2).await;

    let command = ada
        .slash("imagine", [("prompt", "a blue boat")])
        .await
        .unwrap();
    assert_eq!(command.answer(), Some(4));
    refusal(command.message(), "than the standard tier allows");
    refusal(command.message(), "in 60 s");
    let press = ada.click(&grid, "V2").await.unwrap();
    refusal(press.message(), "than the standard tier allows");
    let form = ada
        .submit(&opened, [("words", "a green boat")])
        .await
        .unwrap();
    refusal(form.message(), "than the standard tier allows");
    assert_eq!(world.platform.jobs().await.len(), 2, "nothing was made");
    let others = world.discord.user("grace").slash("help", []).await.unwrap();
    assert!(others.message().unwrap().content().contains("/imagine"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_and_a_tier_change_while_the_bot_runs() {
    let world = slow_world(1).await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    ada.slash("help", []).await.unwrap();
    alan.slash("help", []).await.unwrap();
    let refused = alan.slash("help", []).await.unwrap();
    refusal(refused.message(), "als es die Stufe standard erlaubt");
    world.platform.set_pace("standard", 500, 600).await;
    eventually("the new limit to hold", || async {
        let answer = ada.slash("info", []).await.unwrap();
        (answer.answer() == Some(5)).then_some(())
    })
    .await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_has_one_limit_for_all_and_direct_messages_have_none() {
    let mut world = World::without_bot(&[]).await;
    world.platform.announce_model().await;
    world.platform.set_guild_pace(0, 3, 1).await;
    world.start_bot().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    for person in [&ada, &grace, &ada] {
        let help = person.slash("help", []).await.unwrap();
        assert!(help.message().unwrap().content().contains("/imagine"));
    }
    let refused = grace.slash("help", []).await.unwrap();
    refusal(refused.message(), "on this server");
    let direct = grace.in_dm().slash("help", []).await.unwrap();
    assert!(direct.message().unwrap().content().contains("/imagine"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_counts_for_its_guild_whatever_it_says_of_where_it_was_opened() {
    let mut world = World::without_bot(&[]).await;
    world.platform.announce_model().await;
    world.platform.set_guild_pace(0, 4, 1).await;
    world.start_bot().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let imagine = ada
        .slash("imagine", [("prompt", "a red boat")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let grid = imagine
        .wait_for_message(|m| m.button("✏️").is_some(), PATIENCE)
        .await
        .unwrap();
    let opened = ada.click(&grid, "✏️").await.unwrap();
    let custom_id = opened.modal().unwrap()["custom_id"].clone();
    let custom_id = custom_id.as_str().unwrap();
    for mark in ["~g", "~w", "~g"] {
        let custom_id = format!("{custom_id}{mark}");
        let fields = [("words", "a --ar x")];
        grace.forge_form(&grid, &custom_id, fields).await.unwrap();
    }
    let seen = grace.messages();
    refusal(seen.last().cloned(), "on this server");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_count_as_presses_do() {
    let world = slow_world(2).await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let imagine = ada
        .slash("imagine", [("prompt", "a red boat")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let grid = imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    let stars = |count: i64| {
        let world = &world;
        eventually("so many favourites", move || async move {
            let found = world.platform.one::<i64>("SELECT count(*) FROM favourites");
            (found.await == count).then_some(())
        })
    };
    grace.react(&grid, "⭐").unwrap();
    stars(1).await;
    grace.unreact(&grid, "⭐").unwrap();
    stars(0).await;
    grace.react(&grid, "⭐").unwrap();
    world.platform.set_pace("standard", 500, 600).await;
    eventually("the new limit to hold", || async {
        let answer = grace.slash("info", []).await.unwrap();
        (answer.answer() == Some(5)).then_some(())
    })
    .await;
    // One member's reactions keep their order: when this one has worked, the star before it was refused.
    grace.react(&grid, "✉️").unwrap();
    eventually("the pictures to be sent", || async {
        let sent = "SELECT count(*) FROM mailings WHERE state = 'sent'";
        (world.platform.one::<i64>(sent).await == 1).then_some(())
    })
    .await;
    stars(0).await;
    world.close().await;
}
