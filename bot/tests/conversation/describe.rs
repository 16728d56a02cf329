//! `/describe` and "Describe" in the menu of a message.

use bytes::Bytes;
use easel_domain::JobId;
use easel_domain::message::ProgressState;
use easel_domain::spec::{Action, Answer, Description, RenderSpec};
use easel_playground::{Person, SeenMessage};

use crate::favourites::grid;
use crate::pictures::{open_world, png, world_with_store};
use crate::setting::{PATIENCE, World, eventually};

const PROMPTS: [&str; 4] = [
    "red *boat* on the sea, oil painting",
    "crimson ship at sea",
    "red boat",
    "yacht on the waves",
];

fn prompts() -> Answer {
    let prompts = PROMPTS.map(|text| Description {
        text: text.to_owned(),
        similarity: 0.314,
    });
    Answer::Descriptions {
        prompts: prompts.to_vec(),
    }
}

/// A picture that was given and described: the job, and its message.
async fn described(world: &World, person: &Person) -> (JobId, SeenMessage) {
    world.platform.announce_eyes().await;
    let file = ("picture", "a.png", png(200, 64, 48));
    let describe = person.slash_with_file("describe", [], file).await.unwrap();
    assert_eq!(describe.answer(), Some(5));
    let job = world.platform.job(1).await;
    let running = ProgressState::Running {
        percent: 0,
        preview: None,
    };
    world.platform.progress(job, running).await;
    let begun = describe.wait_for_message(|m| m.content().contains("being looked at"), PATIENCE);
    assert!(begun.await.is_some());
    world.platform.answer_with(job, prompts()).await;
    let message = describe
        .wait_for_message(|m| m.button("4️⃣").is_some(), PATIENCE)
        .await
        .unwrap();
    (job, message)
}

async fn whispered(person: &Person, said: &str) {
    let note = person.wait_for_message(|m| m.content().contains(said), PATIENCE);
    let note = note.await.unwrap_or_else(|| panic!("nobody says {said}"));
    assert!(note.is_ephemeral(), "{}", note.content());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_described_by_a_job_of_its_own_and_shown_with_four_prompts() {
    let world = open_world().await;
    let (job, message) = described(&world, &world.discord.user("ada")).await;
    let snapshot = world.platform.snapshot(job).await;
    assert_eq!(snapshot.action, Action::Describe);
    let RenderSpec::Describe(spec) = &snapshot.spec else {
        panic!("not about a picture")
    };
    assert_eq!((spec.inputs[0].width, spec.inputs[0].height), (64, 48));
    assert!(spec.inputs[0].key.starts_with("input/"));
    let embed = &message.embeds()[0];
    assert_eq!(
        embed["description"],
        "The phrases known here that come closest to the picture. Behind each prompt stands how close it is \
         (1 would be the same); a number draws it:\n\n\
         1️⃣ red \\*boat\\* on the sea, oil painting --ar 4:3 · `0.31`\n\
         2️⃣ crimson ship at sea --ar 4:3 · `0.31`\n\
         3️⃣ red boat --ar 4:3 · `0.31`\n\
         4️⃣ yacht on the waves --ar 4:3 · `0.31`"
    );
    let thumbnail = embed["thumbnail"]["url"].as_str().unwrap();
    assert!(thumbnail.contains("a.png"), "{thumbnail}");
    let content = message.content();
    assert!(
        content.contains("in words") && !content.contains('×'),
        "{content}"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_prompt_can_be_drawn_by_whoever_presses_it_after_any_restart() {
    let mut world = open_world().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let (job, message) = described(&world, &ada).await;
    world.kill_bot().await;
    world.start_bot().await;
    grace.click(&message, "2️⃣").await.unwrap();
    let drawn = world.platform.snapshot(world.platform.job(2).await).await;
    let shown = drawn.words.unwrap();
    assert_eq!(shown.text.positive, "crimson ship at sea");
    assert_eq!(shown.shown, "crimson ship at sea --ar 4:3");
    assert_eq!(
        (drawn.action, drawn.parent),
        (Action::Imagine, Some((job, Some(1))))
    );
    let owner = drawn.owner.map(easel_domain::DiscordId::as_u64);
    assert_eq!(owner, Some(grace.id().0), "who clicks owns");
    grace.click(&message, "2️⃣").await.unwrap();
    whispered(&grace, "a moment ago").await;
    assert_eq!(world.platform.jobs().await.len(), 2);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_remixes_is_asked_for_other_words_and_all_prompts_are_proposed_at_once() {
    let world = open_world().await;
    let ada = world.discord.user("ada");
    let (_, message) = described(&world, &ada).await;
    ada.click(&message, "Imagine all").await.unwrap();
    let proposal = ada
        .wait_for_message(|m| m.content().contains("from this prompt"), PATIENCE)
        .await
        .unwrap();
    assert!(proposal.is_ephemeral());
    let content = proposal.content();
    assert!(content.contains("**4 jobs**"), "{content}");
    assert!(
        content.contains("> 1. red \\*boat\\* on the sea, oil painting --ar 4:3"),
        "{content}"
    );
    ada.click(&proposal, "Run 4 jobs").await.unwrap();
    eventually("four more jobs", || async {
        (world.platform.jobs().await.len() == 5).then_some(())
    })
    .await;
    let panel = ada.slash("settings", []).await.unwrap();
    let panel = panel
        .wait_for_message(|m| m.content().contains("Your settings"), PATIENCE)
        .await
        .unwrap();
    ada.click(&panel, "Remix on").await.unwrap();
    let on = "SELECT count(*) FROM member_settings WHERE remix";
    eventually("remix to be on", || async {
        (world.platform.one::<i64>(on).await == 1).then_some(())
    })
    .await;
    let form = ada.click(&message, "3️⃣").await.unwrap();
    assert_eq!(form.answer(), Some(9));
    let sent = ada
        .submit(&form, [("words", "red boat in the snow --ar 4:3")])
        .await
        .unwrap();
    assert_eq!(sent.answer(), Some(5));
    let last = world.platform.snapshot(world.platform.job(6).await).await;
    assert_eq!(last.words.unwrap().text.positive, "red boat in the snow");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_described_from_the_menu_though_members_pictures_are_not_taken() {
    let world = World::start().await;
    world.platform.announce_eyes().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let message = grid(&world, &ada, 1, "a boat").await;
    let menu = grace.choose("Describe", message.id()).await.unwrap();
    assert_eq!(menu.answer(), Some(5));
    let job = world.platform.snapshot(world.platform.job(2).await).await;
    let RenderSpec::Describe(spec) = &job.spec else {
        panic!("not about pictures")
    };
    assert_eq!(spec.inputs.len(), 4, "all four of the grid");
    assert!(spec.inputs.iter().all(|input| input.key.contains("-full-")));
    assert!(job.words.unwrap().pictured.is_some());
    grace.choose("Describe", message.id()).await.unwrap();
    whispered(&grace, "a moment ago").await;
    // A question has no picture, and neither has a greeting.
    world.platform.answer_with(job.job, prompts()).await;
    let answer = menu
        .wait_for_message(|m| m.button("1️⃣").is_some(), PATIENCE)
        .await
        .unwrap();
    grace.choose("Describe", answer.id()).await.unwrap();
    whispered(&grace, "no picture here").await;
    let said = ada.say("hello").unwrap();
    let none = ada.choose("Describe", said.id()).await.unwrap();
    let none = none.message().unwrap();
    assert!(none.is_ephemeral() && none.content().contains("no picture here"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_failed_is_asked_again_about_the_same_picture() {
    let world = open_world().await;
    world.platform.announce_eyes().await;
    let ada = world.discord.user("ada");
    let file = ("picture", "a.png", png(200, 64, 48));
    let describe = ada.slash_with_file("describe", [], file).await.unwrap();
    let job = world.platform.job(1).await;
    world
        .platform
        .fail(job, "failed", "attempts_exhausted")
        .await;
    let failed = describe
        .wait_for_message(|m| m.button("Try again").is_some(), PATIENCE)
        .await
        .unwrap();
    ada.click(&failed, "Try again").await.unwrap();
    let again = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(again.action, Action::Describe);
    let before = world.platform.snapshot(job).await;
    assert_eq!(again.spec, before.spec);
    assert_eq!(
        again.words.unwrap().pictured,
        before.words.unwrap().pictured
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_described_is_said_with_what_to_do_in_ones_own_language() {
    let world = world_with_store(&[]).await;
    let ada = world.discord.user("ada");
    let picture = || ("picture", "a.png", png(200, 64, 48));
    let refused = ada
        .slash_with_file("describe", [], picture())
        .await
        .unwrap();
    let refused = refused.message().unwrap();
    assert!(
        refused.is_ephemeral() && refused.content().contains("pictures"),
        "no member's picture is taken here: {}",
        refused.content()
    );
    world.close().await;

    let world = open_world().await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    ada.slash_with_file("describe", [], picture())
        .await
        .unwrap();
    whispered(&ada, "No GPU node here can look at pictures").await;
    alan.slash_with_file("describe", [], picture())
        .await
        .unwrap();
    whispered(&alan, "Kein GPU-Knoten kann hier Bilder ansehen").await;
    world.platform.announce_eyes().await;
    let program = ("picture", "a.png", Bytes::from_static(b"MZ a program"));
    ada.slash_with_file("describe", [], program).await.unwrap();
    whispered(&ada, "not a picture").await;
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}
