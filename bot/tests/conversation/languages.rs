//! Members are spoken to in the language of their Discord.

use crate::setting::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_german_is_refused_and_shown_his_job_in_german() {
    let world = World::start().await;
    let alan = world.discord.user("alan");
    let mistake = alan
        .slash("imagine", [("prompt", "ein Schloss --ar 16:nine")])
        .await
        .unwrap();
    let answer = mistake.message().unwrap();
    assert!(
        answer.is_ephemeral() && answer.content().contains("Es wurde nichts gestartet."),
        "{}",
        answer.content()
    );
    let imagine = alan
        .slash("imagine", [("prompt", "ein rotes Boot")])
        .await
        .unwrap();
    let queued = imagine
        .wait_for_message(
            |m| m.content().contains("⏳ In der Warteschlange"),
            PATIENCE,
        )
        .await
        .unwrap();
    assert!(
        queued.content().contains("Auftrag `"),
        "{}",
        queued.content()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_told_of_in_its_language_by_a_bot_that_was_restarted() {
    let mut world = World::start().await;
    let alan = world.discord.user("alan");
    let imagine = alan
        .slash("imagine", [("prompt", "ein rotes Boot")])
        .await
        .unwrap();
    imagine
        .wait_for_message(|m| m.content().contains("Warteschlange"), PATIENCE)
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.kill_bot().await;
    world.platform.complete(job).await;
    world.start_bot().await;
    let finished = imagine
        .wait_for_message(|m| m.content().contains("Schritte"), PATIENCE)
        .await;
    assert!(finished.is_some());
    world.close().await;
}
