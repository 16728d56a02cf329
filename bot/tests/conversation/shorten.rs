//! `/shorten`.

use easel_domain::JobId;
use easel_domain::message::ProgressState;
use easel_domain::spec::{Action, RenderSpec};
use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World};

const PROMPT: &str = "a red sailboat on the sea at sunset --ar 3:2 --seed 5";
/// As the shipped model weighs them.
const INFLUENCES: [f32; 8] = [0.120, 0.264, 0.279, 0.121, 0.118, 0.292, 0.122, 0.313];

/// Words that were asked about and weighed: the job, and its message.
async fn weighed(world: &World, person: &Person) -> (JobId, SeenMessage) {
    world.platform.announce_weighing().await;
    let shorten = person.slash("shorten", [("prompt", PROMPT)]).await.unwrap();
    assert_eq!(shorten.answer(), Some(5));
    let job = world.platform.job(1).await;
    let running = ProgressState::Running {
        percent: 0,
        preview: None,
    };
    world.platform.progress(job, running).await;
    let begun = shorten
        .wait_for_message(
            |m| m.content().contains("without each of its words"),
            PATIENCE,
        )
        .await;
    assert!(begun.is_some());
    world.platform.answer(job, &INFLUENCES).await;
    let message = shorten
        .wait_for_message(|m| m.button("1️⃣").is_some(), PATIENCE)
        .await
        .unwrap();
    (job, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_weighed_by_a_job_of_their_own_and_shown_with_shorter_prompts() {
    let world = World::start().await;
    let (job, message) = weighed(&world, &world.discord.user("ada")).await;
    let snapshot = world.platform.snapshot(job).await;
    assert_eq!(snapshot.action, Action::Shorten);
    assert!(matches!(&snapshot.spec, RenderSpec::Weigh(_)));
    let words = snapshot.words.unwrap().text.positive;
    assert_eq!(
        words, "a red sailboat on the sea at sunset",
        "no parameters"
    );
    let told = message.embeds()[0]["description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        told,
        "~~a~~ red sailboat ~~on~~ ~~the~~ **sea** ~~at~~ **sunset**\n\n\
         Words that are struck out hardly count for `easel-test`; bold ones count most. A number draws that shorter prompt:\n\
         1️⃣ a red sailboat on sea at sunset\n\
         2️⃣ red sailboat on sea at sunset\n\
         3️⃣ red sailboat sea sunset\n\
         4️⃣ sailboat sea sunset\n\
         5️⃣ sea sunset"
    );
    assert!(
        message.content().contains("which words count"),
        "{}",
        message.content()
    );
    assert!(
        !message.content().contains('×'),
        "there is no picture: {}",
        message.content()
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_shorter_prompt_can_be_drawn_by_whoever_presses_it_after_any_restart() {
    let mut world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let (job, message) = weighed(&world, &ada).await;
    world.kill_bot().await;
    world.start_bot().await;
    grace.click(&message, "3️⃣").await.unwrap();
    let drawn = world.platform.snapshot(world.platform.job(2).await).await;
    let shown = drawn.words.unwrap();
    assert_eq!(shown.text.positive, "red sailboat sea sunset");
    assert_eq!(shown.shown, "red sailboat sea sunset --ar 3:2 --seed 5");
    assert_eq!(
        (drawn.action, drawn.parent),
        (Action::Imagine, Some((job, Some(2))))
    );
    assert_eq!(
        drawn.owner.map(easel_domain::DiscordId::as_u64),
        Some(grace.id().0),
        "who clicks owns"
    );
    assert_eq!(drawn.spec.noise_plan(0).unwrap().own_seed(), 5);
    grace.click(&message, "5️⃣").await.unwrap();
    let last = world.platform.snapshot(world.platform.job(3).await).await;
    assert_eq!(last.words.unwrap().text.positive, "sea sunset");
    // One more press of the same number is the same job.
    grace.click(&message, "3️⃣").await.unwrap();
    grace
        .wait_for_message(|m| m.content().contains("a moment ago"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(world.platform.jobs().await.len(), 3);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_can_be_weighed_and_drawn_and_a_failed_question_asked_again() {
    let world = World::start().await;
    world.platform.announce_weighing().await;
    let ada = world.discord.user("ada");
    ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    world.platform.job(1).await;
    let shorten = ada.slash("shorten", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(2).await;
    ada.slash("shorten", [("prompt", "a  boat")]).await.unwrap();
    ada.wait_for_message(|m| m.content().contains("a moment ago"), PATIENCE)
        .await
        .unwrap();
    world
        .platform
        .fail(job, "failed", "attempts_exhausted")
        .await;
    let failed = shorten
        .wait_for_message(|m| m.button("Try again").is_some(), PATIENCE)
        .await
        .unwrap();
    ada.click(&failed, "Try again").await.unwrap();
    let again = world.platform.snapshot(world.platform.job(3).await).await;
    assert_eq!(again.action, Action::Shorten);
    world.platform.answer(again.job, &[0.0, 0.0]).await;
    let nothing = world
        .discord
        .wait_for_message(
            |m| {
                let mut embeds = m.embeds().iter();
                embeds.any(|embed| {
                    embed["description"]
                        .to_string()
                        .contains("nothing to shorten")
                })
            },
            PATIENCE,
        )
        .await;
    assert!(nothing.is_some(), "the model knows none of the words");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_weighed_is_said_with_what_to_do_in_ones_own_language() {
    let world = World::start().await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    let long = "boat ".repeat(101);
    for (person, prompt, said) in [
        (&ada, "a cat::2 a dog::1", "one text"),
        (&ada, "boat", "weighs 2 to 100 words, and this prompt has 1"),
        (&ada, long.as_str(), "this prompt has 101"),
        (&ada, "a {red, blue} boat", "one"),
        (&ada, "a boat --sead 4", "--sead"),
        (&ada, "extreme gore, a beheading", "extreme violence"),
        (&alan, "boot", "`/kürzen` wägt"),
    ] {
        let refused = person.slash("shorten", [("prompt", prompt)]).await.unwrap();
        let answer = refused.message().unwrap();
        assert!(
            answer.is_ephemeral() && answer.content().contains(said),
            "{prompt}: {}",
            answer.content()
        );
    }
    ada.slash("shorten", [("prompt", "a red boat")])
        .await
        .unwrap();
    let note = ada
        .wait_for_message(
            |m| m.content().contains("No GPU node here can tell"),
            PATIENCE,
        )
        .await
        .unwrap();
    assert!(note.is_ephemeral());
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}
