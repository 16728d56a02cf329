//! The menu of a message.

use crate::setting::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn show_job_tells_what_a_message_was_made_from_to_whoever_asks_and_to_nobody_else() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let imagine = ada
        .slash("imagine", [("prompt", "a *red* boat --seed 40")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let message = imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    let menu = grace.choose("Show job", message.id()).await.unwrap();
    let details = menu
        .wait_for_message(|m| m.content().contains("`43`"), PATIENCE)
        .await
        .unwrap();
    assert!(details.is_ephemeral());
    for part in [
        job.to_string().as_str(),
        "a \\*red\\* boat",
        "`40`",
        "finished",
    ] {
        assert!(details.content().contains(part), "{}", details.content());
    }
    let said = ada.say("hello").unwrap();
    let none = ada.choose("Show job", said.id()).await.unwrap();
    let none = none.message().unwrap();
    assert!(
        none.content().contains("shows no job"),
        "{}",
        none.content()
    );
    world.close().await;
}
