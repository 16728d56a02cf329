//! `/history`: one's own jobs again, whatever became of their messages.

use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World, picture_server};

/// So many finished jobs of somebody's.
async fn finished(world: &World, person: &Person, count: usize) {
    for n in 1..=count {
        let prompt = format!("boat number {n} --seed {n}");
        person
            .slash("imagine", [("prompt", prompt.as_str())])
            .await
            .unwrap();
        let job = world.platform.job(n).await;
        world.platform.complete(job).await;
        world.platform.shown(job).await;
    }
}

async fn listed(person: &Person, options: &[(&str, &str)], said: &str) -> SeenMessage {
    let options: Vec<(&str, &str)> = options.to_vec();
    let command = person.slash("history", options).await.unwrap();
    let message = command
        .wait_for_message(|m| m.content().contains(said), PATIENCE)
        .await
        .unwrap();
    assert!(message.is_ephemeral());
    message
}

fn titles(message: &SeenMessage) -> Vec<String> {
    let embeds = message.embeds();
    embeds
        .iter()
        .map(|embed| embed["title"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_through_ones_own_jobs_and_each_can_be_drawn_again_exactly_or_remixed() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    finished(&world, &ada, 7).await;
    let first = listed(&ada, &[], "Your jobs").await;
    assert_eq!(titles(&first).len(), 5);
    assert!(
        titles(&first)[0].contains("boat number 7"),
        "{:?}",
        titles(&first)
    );
    ada.click(&first, "Older ▶").await.unwrap();
    let second = ada
        .wait_for_message(
            |m| m.id() == first.id() && titles(m).len() == 2 && titles(m)[0].contains("number 2"),
            PATIENCE,
        )
        .await
        .unwrap();
    ada.click(&second, "2").await.unwrap();
    let one = ada
        .wait_for_message(
            |m| m.id() == first.id() && m.button("Re-run exactly").is_some(),
            PATIENCE,
        )
        .await
        .unwrap();
    assert!(one.content().contains("boat number 1"), "{}", one.content());
    ada.click(&one, "Re-run exactly").await.unwrap();
    let oldest = world.platform.jobs().await[0];
    let again = world.platform.job(8).await;
    let (old, new) = (
        world.platform.snapshot(oldest).await,
        world.platform.snapshot(again).await,
    );
    assert_eq!((old.spec, Some((oldest, Some(0)))), (new.spec, new.parent));
    let form = ada.click(&one, "Remix").await.unwrap();
    assert_eq!(form.answer(), Some(9));
    ada.click(&one, "◀ Back to the list").await.unwrap();
    ada.wait_for_message(
        |m| m.id() == first.id() && m.button("Older ▶").is_some(),
        PATIENCE,
    )
    .await
    .unwrap();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_message_was_deleted_is_found_by_its_words_and_shown_again() {
    let (cdn, _server) = picture_server().await;
    let settings = [
        ("delivery.pictures", "attach"),
        ("cdn.base_url", cdn.as_str()),
    ];
    let world = World::start_with(&settings).await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    finished(&world, &ada, 2).await;
    let job = world.platform.jobs().await[0];
    let message = world
        .public_messages()
        .into_iter()
        .find(|m| m.content().contains("number 1"))
        .unwrap();
    world.discord.delete_message(message.id());
    let found = listed(
        &ada,
        &[("search", "NUMBER 1"), ("from", "2020-01-01")],
        "Your jobs",
    )
    .await;
    assert_eq!(titles(&found), ["1 · boat number 1 --seed 1"]);
    ada.click(&found, "1").await.unwrap();
    let one = ada
        .wait_for_message(
            |m| m.id() == found.id() && m.button("Show here").is_some(),
            PATIENCE,
        )
        .await
        .unwrap();
    ada.click(&one, "Show here").await.unwrap();
    world
        .discord
        .wait_for_message(
            |m| {
                !m.is_ephemeral()
                    && m.button("U1").is_some()
                    && m.content().contains(&job.to_string())
            },
            PATIENCE,
        )
        .await
        .unwrap();
    listed(&grace, &[], "Nothing was found").await;
    let bad = ada.slash("history", [("from", "yesterday")]).await.unwrap();
    assert!(
        bad.message()
            .unwrap()
            .content()
            .contains("A day is written")
    );
    world.close().await;
}
