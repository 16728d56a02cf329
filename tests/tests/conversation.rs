//! What members see, from `/imagine` to the picture: the real bot, dispatcher and node agent; only Discord and the
//! engine are stand-ins.

use anyhow::{Context as _, Result, ensure};
use easel_gpu_node::engine::fake::{Fault, Gate};
use easel_playground::SeenMessage;
use easel_tests::people::People;
use easel_tests::seen::{picture_url, seen};
use easel_tests::world::{STEPS, World};

const EXAMPLE: &str = "a cyberpunk city at sunset, neon lights reflecting on wet streets –ar 16:9";

fn expect(message: &SeenMessage, wanted: &[&str]) -> Result<()> {
    let (seen, wanted) = (seen(message), wanted.join("\n"));
    ensure!(
        seen == wanted,
        "the message is\n{seen}\n\nand not\n{wanted}"
    );
    Ok(())
}

/// The picture of a finished message, fetched as a browser would, and its size.
async fn picture(message: &SeenMessage) -> Result<image::RgbImage> {
    let url = message
        .embeds()
        .first()
        .and_then(picture_url)
        .context("the message shows a picture")?;
    let body = reqwest::get(url).await?.error_for_status()?.bytes().await?;
    Ok(image::load_from_memory(&body)?.into_rgb8())
}

/// U1, V1 and 🔄 of a finished grid of 80 by 48 pixels.
async fn press_the_buttons(there: &People, grid: &SeenMessage) -> Result<()> {
    let enlarging = there.click("ada", grid, "U1").await?;
    ensure!(
        enlarging.answer() == Some(5),
        "the click is answered with {:?}",
        enlarging.answer()
    );
    let larger = there
        .until_shown("ada", "picture 1 in large\n-# 160×96")
        .await?;
    ensure!(picture(&larger).await?.dimensions() == (160, 96));
    there.click("ada", grid, "V1").await?;
    there
        .until_shown("ada", "variations of picture 1\n-# 80×48")
        .await?;
    there.click("grace", grid, "🔄").await?;
    there.until_shown("ada", "once more\n-# 80×48").await?;
    Ok(())
}

#[tokio::test]
async fn the_first_example_of_all() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let community = world.community().await?;
    let there = &community.people;

    // Somebody else is first, so that there is a queue to stand in.
    let first = there.imagine("grace", "a green hill").await?;
    there.until_answered(&first, "Generation started").await?;
    let asked = there.imagine("ada", EXAMPLE).await?;
    ensure!(
        asked.answer() == Some(5),
        "the first answer is {:?}",
        asked.answer()
    );
    let message = there.until_answered(&asked, "position 1").await?;
    let heading = "**a cyberpunk city at sunset, neon lights reflecting on wet streets –ar 16:9** — <@member>";
    let snapped = "-# drawn at 80×48 (5:3): the nearest to `--ar 16:9` that this model can draw";
    expect(
        &message,
        &[
            heading,
            "⏳ Queued: position 1 · free",
            snapped,
            "-# job `ID`",
            "[❌ Cancel]",
        ],
    )?;

    node.engine.gate().allow(u64::from(STEPS));
    there.until_answered(&first, "[U1]").await?;
    let message = there.until_answered(&asked, "🎨").await?;
    ensure!(
        seen(&message).contains("Generation started"),
        "{}",
        seen(&message)
    );
    node.engine.gate().allow(u64::from(STEPS / 2));
    let message = there.until_answered(&asked, "50 %").await?;
    expect(
        &message,
        &[
            heading,
            "🎨 ▰▰▰▰▰▱▱▱▱▱ 50 %",
            snapped,
            "-# job `ID`",
            "<preview>",
            "[❌ Cancel]",
        ],
    )?;

    node.engine.gate().allow(u64::MAX);
    let grid = there.until_answered(&asked, "[U1]").await?;
    let small_print = "-# 80×48 · seed N · 4 steps · T s · job `ID`";
    expect(
        &grid,
        &[
            heading,
            small_print,
            "<picture>",
            "[U1] [U2] [U3] [U4] [🔄]",
            "[V1] [V2] [V3] [V4] [✏️]",
            "[⭐ Favourite] [✉️ Send to me] [❌ Delete]",
        ],
    )?;
    let size = picture(&grid).await?.dimensions();
    ensure!(size == (160, 96), "the grid is {size:?}");
    ensure!(
        there.count_of("ada", "cyberpunk") == 1,
        "there is more than one message"
    );

    press_the_buttons(there, &grid).await?;
    world.close().await
}

#[tokio::test]
async fn a_job_that_is_not_wanted_any_more_says_so_and_offers_another_try() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let community = world.community().await?;
    let there = &community.people;
    let asked = there.imagine("ada", "a boat").await?;
    let message = there.until_answered(&asked, "Generation started").await?;
    let refused = there.click("grace", &message, "Cancel").await?;
    there
        .until_shown("grace", "Only the member who started this job")
        .await?;
    ensure!(!refused.failed());
    there.click("ada", &message, "Cancel").await?;
    let message = there.until_answered(&asked, "Cancelled").await?;
    expect(
        &message,
        &[
            "**a boat** — <@member>",
            "🛑 Cancelled. Nothing was charged.",
            "-# job `ID`",
            "[🔄 Try again]",
        ],
    )?;
    node.engine.gate().allow(u64::MAX);
    there.click("ada", &message, "Try again").await?;
    there.until_shown("ada", "[U1]").await?;
    world.close().await
}

#[tokio::test]
async fn a_bot_that_dies_in_the_middle_leaves_one_message_with_one_grid() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let community = world.community().await?;
    let there = &community.people;
    let asked = there.imagine("ada", "a boat").await?;
    node.engine.gate().allow(u64::from(STEPS / 2));
    there.until_answered(&asked, "50 %").await?;
    let community = community.restart_bot().await?;
    let there = &community.people;
    node.engine.gate().allow(u64::MAX);
    let grid = there.until_answered(&asked, "[U1]").await?;
    there.click("ada", &grid, "U2").await?;
    there
        .until_shown("ada", "picture 2 in large\n-# 128×128")
        .await?;
    ensure!(
        there.count_of("ada", "[U1]") == 1,
        "there is more than one grid"
    );
    world.close().await
}

#[tokio::test]
async fn a_member_is_told_how_long_he_will_wait_or_that_he_had_better_come_back_later() -> Result<()>
{
    let world = World::new().await?;
    let dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    node.engine.gate().allow(u64::MAX);
    let community = world.community().await?;
    let there = &community.people;
    // Nobody writes over what is put into the leader's mouth, and it stays fresh.
    dispatcher.stop().await?;
    let says = |within_s: u32, waiting_s: u32| {
        let standard = format!(
            "{{\"waiting_s\": {waiting_s}, \"within_s\": {within_s}, \"nodes\": 1, \"is_calm\": true}}"
        );
        format!(
            "UPDATE lane_snapshots SET taken_at = now() + interval '1 hour',
                classes = '{{\"standard\": {standard}}}'"
        )
    };
    // As those of the free tier, who are dropped after an hour.
    let impatient = "UPDATE tiers SET shed_after_s = 3600 WHERE name = 'standard'";
    world.meddle(impatient).await?;
    world.meddle(&says(3000, 3000)).await?;
    there.imagine("ada", "a boat").await?;
    let refused = there.until_shown("ada", "hardly start in time").await?;
    let words = seen(&refused);
    ensure!(
        words.contains("50 min") && words.contains("<t:"),
        "it is said {words}"
    );
    ensure!(world.number("SELECT count(*) FROM jobs").await? == 0);
    // Others ask for more than their shares; he does not, and is told what his tier does not promise.
    world
        .meddle("UPDATE tiers SET promise_s = 60 WHERE name = 'standard'")
        .await?;
    world.meddle(&says(120, 3000)).await?;
    let asked = there.imagine("ada", "a boat").await?;
    let queued = there
        .until_answered(&asked, "starts in about 2 min")
        .await?;
    ensure!(
        seen(&queued).contains("about 2 min, which is later than your tier promises"),
        "it is said {}",
        seen(&queued)
    );
    let _dispatcher = world.dispatcher()?;
    there.until_answered(&asked, "[U1]").await?;
    world.close().await
}

#[tokio::test]
async fn who_asked_for_no_size_is_told_that_memory_was_too_short_for_the_usual_one() -> Result<()> {
    let world = World::new().await?;
    world.meddle("UPDATE tiers SET lowers_size = true").await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    node.engine.arm(Fault::MemoryAbove(50 * 50));
    let community = world.community().await?;
    let there = &community.people;

    let asked = there.imagine("ada", "a boat").await?;
    let told = "📐 Drawn at 48×48 instead of 64×64, because memory was short.";
    let heading = "**a boat** — <@member>";
    let message = there.until_answered(&asked, told).await?;
    ensure!(seen(&message).contains("[❌ Cancel]"), "it is under way");
    node.engine.gate().allow(u64::MAX);
    let grid = there.until_answered(&asked, "[U1]").await?;
    let buttons = [
        "[U1] [U2] [U3] [U4] [🔄]",
        "[V1] [V2] [V3] [V4] [✏️]",
        "[⭐ Favourite] [✉️ Send to me] [❌ Delete]",
    ];
    let small_print = "-# 48×48 · seed N · 4 steps · T s · job `ID`";
    let mut lines = vec![heading, told, small_print, "<picture>"];
    lines.extend(buttons);
    expect(&grid, &lines)?;
    ensure!(picture(&grid).await?.dimensions() == (96, 96));

    // Once more means in full, and that does not fit either.
    there.click("ada", &grid, "🔄").await?;
    let told_again = format!("once more\n{told}");
    there
        .until_shown("ada", &format!("{told_again}\n-# 48×48"))
        .await?;

    // What is asked for in so many words is not open, and is refused in the end.
    let asked = there.imagine("ada", "a hill --ar 1:1").await?;
    there.until_answered(&asked, "job `").await?;
    let open = "SELECT count(*) FILTER (WHERE size_is_open) * 10 + count(*) FROM jobs";
    ensure!(world.number(open).await? == 23);
    world.close().await
}
