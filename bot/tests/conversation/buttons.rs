//! U, V, 🔄 and ❌, and `/show`.

use easel_domain::JobId;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::spec::{Action, RenderSpec};
use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World};

/// A finished grid of somebody's.
async fn grid(world: &World, person: &Person, jobs_before: usize) -> (JobId, SeenMessage) {
    let imagine = person
        .slash("imagine", [("prompt", "a red boat --seed 40")])
        .await
        .unwrap();
    let job = world.platform.job(jobs_before + 1).await;
    world.platform.complete(job).await;
    let message = imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    (job, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn u_enlarges_a_picture_once_for_each_member() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let (grid, message) = grid(&world, &ada, 0).await;
    let click = ada.click(&message, "U2").await.unwrap();
    let large = world.platform.job(2).await;
    let snapshot = world.platform.snapshot(large).await;
    let RenderSpec::Upscale(spec) = &snapshot.spec else {
        panic!("not enlarged")
    };
    assert_eq!(spec.input.key, format!("public/{grid}-full-1.png"));
    assert_eq!(
        (snapshot.parent, spec.origin.own_seed()),
        (Some((grid, Some(1))), 41)
    );
    world.platform.complete(large).await;
    let done = click
        .wait_for_message(|m| m.button("Open").is_some(), PATIENCE)
        .await
        .unwrap();
    assert!(
        done.content().contains("picture 2 in large"),
        "{}",
        done.content()
    );

    world.discord.heal();
    let again = eventually_clicked(&world, &ada, &message, "U2").await;
    assert!(
        again.content().contains("already") && again.is_ephemeral(),
        "{}",
        again.content()
    );
    assert!(
        again.content().contains(&format!(
            "{}/channels/{}/{}/{}",
            world.discord.origin(),
            world.discord.guild_id(),
            done.channel_id(),
            done.id()
        )),
        "it links to the first one, here: {}",
        again.content()
    );
    assert_eq!(world.platform.jobs().await.len(), 2);

    grace.click(&message, "U2").await.unwrap();
    let hers = world.platform.job(3).await;
    let snapshot = world.platform.snapshot(hers).await;
    assert_eq!(
        snapshot.owner.map(easel_domain::DiscordId::as_u64),
        Some(grace.id().0),
        "who clicks owns"
    );

    let varied = ada.click(&done, "Vary (Subtle)").await.unwrap();
    assert_eq!(varied.answer(), Some(5));
    let variation = world.platform.snapshot(world.platform.job(4).await).await;
    assert_eq!(
        (variation.action, variation.parent),
        (Action::Vary, Some((grid, Some(1))))
    );
    world.close().await;
}

/// Clicks until the double-click guard lets it through, and returns the note that it leads to.
async fn eventually_clicked(
    world: &World,
    person: &Person,
    message: &SeenMessage,
    label: &str,
) -> SeenMessage {
    crate::setting::eventually("a second press", || async {
        let click = person.click(message, label).await.unwrap();
        match click.answer() {
            Some(5) => {
                world
                    .discord
                    .wait_for_message(|m| m.content().contains("already"), PATIENCE)
                    .await
            }
            _ => None,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn v_and_reroll_keep_the_words_and_draw_new_seeds() {
    let world = World::start().await;
    let grace = world.discord.user("grace");
    let (grid, message) = grid(&world, &world.discord.user("ada"), 0).await;
    grace.click(&message, "V3").await.unwrap();
    let varied = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(
        (varied.action, varied.parent),
        (Action::Vary, Some((grid, Some(2))))
    );
    let RenderSpec::Generate(spec) = &varied.spec else {
        panic!("not a grid")
    };
    assert!(
        spec.pictures
            .iter()
            .all(|plan| plan.seed == 42 && plan.mixes.len() == 1),
        "{spec:?}"
    );
    assert_eq!(varied.words.unwrap().shown, "a red boat --seed 40");

    grace.click(&message, "🔄").await.unwrap();
    let rerolled = world.platform.snapshot(world.platform.job(3).await).await;
    assert_eq!(rerolled.action, Action::Reroll);
    let RenderSpec::Generate(spec) = &rerolled.spec else {
        panic!("not a grid")
    };
    assert!(
        spec.pictures
            .iter()
            .all(|plan| plan.seed != 40 && plan.mixes.is_empty())
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_is_one_job() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, message) = grid(&world, &ada, 0).await;
    let (first, second) = tokio::join!(ada.click(&message, "V1"), ada.click(&message, "V1"));
    let mut answers = [first.unwrap().answer(), second.unwrap().answer()];
    answers.sort_unstable();
    assert_eq!(answers, [Some(5), Some(6)]);
    world.platform.job(2).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_work_after_a_restart_of_the_bot() {
    let mut world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, message) = grid(&world, &ada, 0).await;
    world.kill_bot().await;
    world.start_bot().await;
    ada.click(&message, "V1").await.unwrap();
    world.platform.job(2).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_and_moderators_cancel() {
    let world = World::start().await;
    let (ada, grace, linus) = (
        world.discord.user("ada"),
        world.discord.user("grace"),
        world.discord.user("linus"),
    );
    let imagine = ada
        .slash("imagine", [("prompt", "a red boat")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    let message = imagine
        .wait_for_message(|m| m.button("❌").is_some(), PATIENCE)
        .await
        .unwrap();
    let refused = grace.click(&message, "❌").await.unwrap();
    assert_eq!(refused.answer(), Some(6));
    let note = grace
        .wait_for_message(|m| m.content().starts_with("Only the member"), PATIENCE)
        .await
        .unwrap();
    assert!(note.is_ephemeral());
    assert_eq!(
        world
            .platform
            .one::<i64>("SELECT count(*) FROM cancel_requests")
            .await,
        0
    );

    linus.click(&message, "❌").await.unwrap();
    world
        .platform
        .hint(&JobHint {
            job_id: job,
            what: JobHintKind::CancelRequested,
        })
        .await;
    assert!(
        imagine
            .wait_for_message(|m| m.content().contains("Cancelling"), PATIENCE)
            .await
            .is_some()
    );
    world
        .platform
        .fail(job, "cancelled", "cancelled_by_user")
        .await;
    let end = imagine
        .wait_for_message(|m| m.content().contains("🛑 Cancelled"), PATIENCE)
        .await
        .unwrap();
    assert!(end.button("❌").is_none());
    ada.click(&message, &format!("v1:cancel:{job}:0"))
        .await
        .ok();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn show_brings_ones_own_job_back_with_working_buttons() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let (job, _) = grid(&world, &ada, 0).await;
    let elsewhere = ada.clone().in_channel("gallery");
    let show = elsewhere
        .slash("show", [("job", job.to_string().as_str())])
        .await
        .unwrap();
    let message = show
        .wait_for_message(|m| m.button("V2").is_some(), PATIENCE)
        .await
        .unwrap();
    elsewhere.click(&message, "V2").await.unwrap();
    world.platform.job(2).await;

    grace
        .slash("show", [("job", job.to_string().as_str())])
        .await
        .unwrap();
    assert!(
        grace
            .wait_for_message(
                |m| m.content().contains("belongs to somebody else"),
                PATIENCE
            )
            .await
            .is_some()
    );
    let unknown = "0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f";
    ada.slash("show", [("job", unknown)]).await.unwrap();
    let note = ada
        .wait_for_message(|m| m.content().contains("There is no job"), PATIENCE)
        .await
        .unwrap();
    assert!(note.is_ephemeral() && note.content().contains(unknown));
    let nonsense = ada.slash("show", [("job", "the red one")]).await.unwrap();
    assert!(
        nonsense
            .message()
            .unwrap()
            .content()
            .contains("not a job id")
    );
    world.close().await;
}
