//! A new bot in the place of the old one: both are the binary that is shipped, and people do not stop asking meanwhile.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use easel_gpu_node::engine::fake::Gate;
use easel_playground::{SeenMessage, StartedInteraction};
use easel_tests::real::{Platform, Process};

const PEOPLE: [&str; 4] = ["ada", "grace", "linus", "alan"];
/// Jobs that all of them may have at once.
const JOBS: usize = 32;
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks for something every few milliseconds until the old bot has ended by itself.
async fn ask_until_ended(
    platform: &Platform,
    old: &mut Process,
) -> Result<(Vec<StartedInteraction>, Vec<StartedInteraction>)> {
    let (mut jobs, mut texts) = (Vec::new(), Vec::new());
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for n in 0_usize.. {
        pace.tick().await;
        let person = platform.people.discord.user(PEOPLE[n % PEOPLE.len()]);
        let words = format!("boat number {n}");
        if jobs.len() < JOBS {
            jobs.push(person.begin("imagine", [("prompt", words.as_str())])?);
        } else {
            texts.push(person.begin("help", [])?);
        }
        if old.has_ended()? {
            break;
        }
        ensure!(n < 600, "the old bot does not leave:\n{}", platform.logs());
    }
    Ok((jobs, texts))
}

#[tokio::test(flavor = "multi_thread")]
async fn by_overlap_leaves_nobody_unanswered_and_no_result_behind() -> Result<()> {
    let platform = Platform::new().await?;
    let _dispatcher = platform.dispatcher()?;
    let _node = platform.world.node("a", Gate::open()).await?;
    platform.world.until_served().await?;
    // The machine of the test may be slow.
    let patient = ("delivery.abandoned_after", "30s");
    let mut old = platform.bot_with(&[patient]).await?;
    let taking = [patient, ("discord.take_over", "true")];
    let _new = platform.bot_with(&taking).await?;
    let (jobs, texts) = ask_until_ended(&platform, &mut old).await?;
    for one in &jobs {
        let shown = one.wait_for_message(|m| m.button("U1").is_some(), PATIENCE);
        let shown = shown.await;
        shown.with_context(|| format!("a result was lost:\n{}", platform.logs()))?;
    }
    for one in &texts {
        let told = one
            .wait_for_message(SeenMessage::is_ephemeral, PATIENCE)
            .await;
        told.context("somebody was told nothing")?;
    }
    let accepted = platform.world.number("SELECT count(*) FROM jobs").await?;
    ensure!(
        accepted as usize == jobs.len(),
        "{accepted} jobs came of {}",
        jobs.len()
    );
    let shown = platform.people.count_of("ada", "boat number");
    ensure!(
        shown == jobs.len(),
        "{shown} messages show {} jobs",
        jobs.len()
    );
    ensure!(platform.people.discord.sessions() == 1);
    platform.world.close().await
}
