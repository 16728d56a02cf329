//! `/imagine` from the first answer to the grid.

use easel_domain::JobId;
use easel_domain::job::JobState;
use easel_domain::message::{JobHint, JobHintKind, ProgressState};
use easel_domain::spec::RenderSpec;
use easel_playground::StartedInteraction;

use crate::setting::{PATIENCE, World};

const PREVIEW: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_acknowledged_queued_counted_up_and_becomes_a_grid_in_one_message() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let prompt = "a cyberpunk city at sunset, neon lights reflecting on wet streets –ar 16:9";
    let imagine = ada.slash("imagine", [("prompt", prompt)]).await.unwrap();
    assert_eq!(
        imagine.answer(),
        Some(5),
        "the answer comes before any other work"
    );

    let job = world.platform.job(1).await;
    let queued = imagine
        .wait_for_message(|m| m.content().contains("⏳ Queued"), PATIENCE)
        .await
        .unwrap();
    assert!(
        queued.content().contains("neon lights") && queued.content().contains("free"),
        "{}",
        queued.content()
    );
    assert!(queued.button("❌").is_some());
    world
        .platform
        .hint(&JobHint {
            job_id: job,
            what: JobHintKind::Submitted,
        })
        .await;

    world
        .platform
        .progress(
            job,
            ProgressState::Queued {
                position: 3,
                eta_s: Some(12.0),
            },
        )
        .await;
    let waiting = "⏳ Queued: position 3 · starts in about 12 s · free";
    assert!(
        imagine
            .wait_for_message(|m| m.content().contains(waiting), PATIENCE)
            .await
            .is_some()
    );

    let running = ProgressState::Running {
        percent: 40,
        preview: Some(PREVIEW.into()),
    };
    world.platform.progress(job, running).await;
    let seen = imagine
        .wait_for_message(|m| m.content().contains("▰▰▰▰▱▱▱▱▱▱ 40 %"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(seen.embeds().len(), 1, "the preview stands in the message");
    let described = world.discord.requests().into_iter().any(|request| {
        let alt = request.body["attachments"][0]["description"].as_str();
        alt.is_some_and(|alt| alt.contains("cyberpunk city"))
    });
    assert!(described, "the preview has alt text");

    world.platform.complete(job).await;
    becomes_a_grid(&imagine, job).await;
    is_settled(&world, job).await;
    world.close().await;
}

async fn becomes_a_grid(imagine: &StartedInteraction, job: JobId) {
    let grid = imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    let labels: Vec<String> = grid
        .buttons()
        .into_iter()
        .filter_map(|b| b.label.or(b.emoji))
        .collect();
    assert_eq!(
        labels,
        [
            "U1",
            "U2",
            "U3",
            "U4",
            "🔄",
            "V1",
            "V2",
            "V3",
            "V4",
            "✏️",
            "Favourite",
            "Send to me",
            "Delete"
        ]
    );
    let url = grid.embeds()[0]["image"]["url"].as_str().unwrap();
    assert_eq!(
        url,
        format!("http://cdn.test/pictures/public/{job}-grid-0.png")
    );
    assert!(grid.attachments().is_empty(), "the preview is gone");
}

async fn is_settled(world: &World, job: JobId) {
    world.platform.shown(job).await;
    assert_eq!(world.public_messages().len(), 1);

    let snapshot = world.platform.snapshot(job).await;
    let RenderSpec::Generate(spec) = &snapshot.spec else {
        panic!("not a grid")
    };
    assert_eq!(
        (spec.width, spec.height, spec.steps, spec.pictures.len()),
        (176, 96, 20, 4)
    );
    assert_eq!(snapshot.state, JobState::Completed);
    assert_eq!(
        world
            .platform
            .one::<i64>("SELECT count(*) FROM ledger WHERE NOT settles")
            .await,
        1
    );
    assert_eq!(
        world
            .platform
            .one::<String>("SELECT state FROM intake")
            .await,
        "accepted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_again_lead_to_the_running_job_unless_they_are_meant() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let first = ada
        .slash("imagine", [("prompt", "a red boat --ar 2:1")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    assert!(
        first
            .wait_for_message(|m| m.content().contains("Queued"), PATIENCE)
            .await
            .is_some()
    );
    ada.slash("imagine", [("prompt", "A  red boat --aspect 4:2")])
        .await
        .unwrap();
    let note = ada
        .wait_for_message(|m| m.content().contains("a moment ago"), PATIENCE)
        .await
        .unwrap();
    assert!(note.is_ephemeral());
    let link = first.message().unwrap().id().to_string();
    assert!(note.content().contains(&link), "{}", note.content());
    assert_eq!(
        world.public_messages().len(),
        1,
        "the second \"thinking\" is gone"
    );

    ada.click(&note, "Run anyway").await.unwrap();
    let again = world.platform.job(2).await;
    assert_eq!(
        world
            .platform
            .snapshot(again)
            .await
            .parent
            .map(|(parent, _)| parent),
        Some(job)
    );

    // Somebody else's same words are his own.
    world
        .discord
        .user("grace")
        .slash("imagine", [("prompt", "a red boat --ar 2:1")])
        .await
        .unwrap();
    world.platform.job(3).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interaction_that_is_dispatched_twice_is_one_job_and_one_message() {
    let world = World::start().await;
    world.discord.disturb(
        "INTERACTION_CREATE",
        easel_playground::DispatchFault::Duplicate,
        1,
    );
    let ada = world.discord.user("ada");
    let imagine = ada
        .slash("imagine", [("prompt", "a blue house")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    assert_eq!(world.platform.jobs().await.len(), 1);
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_says_why_and_can_be_tried_again() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a tower")]).await.unwrap();
    let job = world.platform.job(1).await;
    world
        .platform
        .fail(job, "failed", "attempts_exhausted")
        .await;
    let failed = imagine
        .wait_for_message(|m| m.content().contains("every try went wrong"), PATIENCE)
        .await
        .unwrap();
    assert!(failed.content().contains(&job.to_string()));
    let again = ada.click(&failed, "Try again").await.unwrap();
    assert_eq!(again.answer(), Some(5));
    let second = world.platform.job(2).await;
    world.platform.complete(second).await;
    assert!(
        again
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .is_some()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_messages_work_like_channels() {
    let world = World::start().await;
    let ada = world.discord.user("ada").in_dm();
    let imagine = ada.slash("imagine", [("prompt", "a lake")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    assert!(
        imagine
            .wait_for_message(|m| m.button("V4").is_some(), PATIENCE)
            .await
            .is_some()
    );
    assert_eq!(world.platform.snapshot(job).await.guild, None);
    world.close().await;
}
