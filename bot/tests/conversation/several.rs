//! Several jobs from one prompt: proposed, agreed to, each with its own message.

use std::collections::BTreeSet;

use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World, eventually};

/// Asks for several jobs and waits for what is proposed.
async fn proposed(ada: &Person, prompt: &str) -> SeenMessage {
    let imagine = ada.slash("imagine", [("prompt", prompt)]).await.unwrap();
    imagine
        .wait_for_message(|m| m.content().contains("from this prompt"), PATIENCE)
        .await
        .unwrap()
}

/// Asks for several jobs that are refused, and returns why.
async fn refused(ada: &Person, prompt: &str, said: &str) -> String {
    ada.slash("imagine", [("prompt", prompt)]).await.unwrap();
    let note = ada
        .wait_for_message(|m| m.content().contains(said), PATIENCE)
        .await
        .unwrap();
    assert!(note.is_ephemeral(), "{}", note.content());
    note.content().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_jobs_run_when_their_author_agrees_even_after_a_restart_and_only_once() {
    let mut world = World::start().await;
    let ada = world.discord.user("ada");
    let proposal = proposed(&ada, "a {red, blue} boat --ar 1:1 --repeat 2").await;
    assert!(proposal.is_ephemeral());
    assert!(
        proposal
            .content()
            .contains("**4 jobs** from this prompt, 16 pictures in all: free"),
        "{}",
        proposal.content()
    );
    assert!(proposal.content().contains("> 1. a red boat"));
    assert_eq!(world.platform.jobs().await.len(), 0, "nothing runs yet");

    world.kill_bot().await;
    world.start_bot().await;
    let (one, other) = tokio::join!(
        ada.click(&proposal, "Run 4 jobs"),
        ada.click(&proposal, "Run 4 jobs")
    );
    one.unwrap();
    other.unwrap();
    let jobs = eventually("four jobs", || async {
        let jobs = world.platform.jobs().await;
        assert!(jobs.len() <= 4, "more than were agreed to");
        (jobs.len() == 4).then_some(jobs)
    })
    .await;
    ada.wait_for_message(|m| m.content().contains("under way"), PATIENCE)
        .await
        .unwrap();
    let mut places = BTreeSet::new();
    for job in &jobs {
        world.platform.shown(*job).await;
        let row = world.platform.store.delivery(*job).await.unwrap().unwrap();
        places.insert(row.message.unwrap());
    }
    assert_eq!(places.len(), 4, "each has a message of its own");
    let messages = world.public_messages();
    let red = messages
        .iter()
        .filter(|m| m.content().contains("a red boat"));
    assert_eq!((messages.len(), red.count()), (4, 2));

    world.platform.complete(jobs[2]).await;
    eventually("the grid of one of them", || async {
        let messages = world.public_messages();
        messages
            .into_iter()
            .find(|m| m.button("U1").is_some() && m.content().contains(&jobs[2].to_string()))
    })
    .await;
    assert_eq!(world.public_messages().len(), 4, "none was posted anew");
    assert_eq!(
        world
            .platform
            .one::<i64>("SELECT count(*) FROM ledger WHERE NOT settles")
            .await,
        4
    );
    assert_eq!(
        world
            .platform
            .one::<i64>("SELECT count(*) FROM proposals WHERE state = 'accepted' AND words IS NULL")
            .await,
        1,
        "its words are erased"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_can_be_declined_and_expires() {
    let world = World::start_with(&[("intake.proposal_life", "2s")]).await;
    let ada = world.discord.user("ada");
    let declined = proposed(&ada, "a {red, blue} boat").await;
    ada.click(&declined, "Cancel").await.unwrap();
    ada.wait_for_message(|m| m.content().contains("Cancelled: nothing"), PATIENCE)
        .await
        .unwrap();
    let expired = proposed(&ada, "a {red, blue} train").await;
    eventually("its time to pass", || async {
        let open = "SELECT count(*) FROM proposals WHERE state = 'expired' AND words IS NULL";
        (world.platform.one::<i64>(open).await == 1).then_some(())
    })
    .await;
    ada.click(&expired, "Run 2 jobs").await.unwrap();
    ada.wait_for_message(
        |m| m.content().contains("time for this has passed"),
        PATIENCE,
    )
    .await
    .unwrap();
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tier_does_not_allow_or_the_queue_cannot_hold_is_said_with_what_would_fit() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let words = refused(&ada, "a boat --repeat 5", "makes 5 jobs").await;
    assert!(words.contains("it may make 4 at most"), "{words}");
    for round in 1..=3_usize {
        let proposal = proposed(&ada, &format!("a boat of round {round} --repeat 4")).await;
        ada.click(&proposal, "Run 4 jobs").await.unwrap();
        world.platform.job(4 * round).await;
    }
    let words = refused(&ada, "a {red, blue} boat", "would fit now").await;
    assert!(
        words.contains("Of these 2 jobs 1 would fit now: 12 of 13 are under way"),
        "{words}"
    );
    let words = refused(&ada, "a boat --repeat 41", "```").await;
    assert!(words.contains("Nothing was started."), "{words}");
    assert_eq!(world.platform.jobs().await.len(), 12);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_without_permutations_says_so() {
    let world = World::start_with(&[("intake.default_tier", "free")]).await;
    let ada = world.discord.user("ada");
    let words = refused(&ada, "a {red, blue} boat", "one prompt is one job").await;
    assert!(words.contains("makes 2 jobs"), "{words}");
    let blocked = refused(
        &ada,
        "a {boat, beheading with extreme gore}",
        "not accepted",
    )
    .await;
    assert!(blocked.contains("extreme violence"), "{blocked}");
    world.close().await;
}
