//! Jobs that result in an answer and no picture.

use anyhow::{Context as _, Result, ensure};
use easel_domain::message::{NodeEvent, Timings};
use easel_domain::picture::{FileRole, StorageClass};
use easel_domain::spec::{Answer, InputPicture};
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::World;

#[tokio::test]
async fn a_question_is_answered_by_a_node_and_settled_like_any_job() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let job = world.submit(world.question()).await?;
    world.until(job, "completed").await?;
    let snapshot = world.database.store.job_snapshot(job).await?;
    let snapshot = snapshot.context("the job is there")?;
    let words = snapshot.words.context("its words are there")?;
    let Some(Answer::Influences { of_words }) = snapshot.answer else {
        anyhow::bail!("it has no answer");
    };
    let count = words.text.positive.split_whitespace().count();
    ensure!(of_words.len() == count && snapshot.files.is_empty());
    world
        .expect_path(job, &["queued 1", "leased 1", "finishing 1", "completed 1"])
        .await?;
    world.close().await
}

#[tokio::test]
async fn a_picture_is_described_by_a_node_that_reads_it_through_a_grant() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let grid = world
        .submit(world.grid().stored(StorageClass::Private))
        .await?;
    world.until(grid, "completed").await?;
    let snapshot = world.database.store.job_snapshot(grid).await?;
    let snapshot = snapshot.context("the job is there")?;
    let first = snapshot
        .file(FileRole::Full, 0)
        .context("it has a first picture")?;
    let input = InputPicture {
        key: first.key.clone(),
        sha256: first.sha256.clone(),
        width: 64,
        height: 64,
    };
    let job = world.submit(world.description(grid, input)).await?;
    world.until(job, "completed").await?;
    let snapshot = world.database.store.job_snapshot(job).await?;
    let snapshot = snapshot.context("the job is there")?;
    let Some(Answer::Descriptions { prompts }) = snapshot.answer else {
        anyhow::bail!("it has no answer");
    };
    // The node that only counts tells the size of what it was given.
    ensure!(prompts.len() == 1 && prompts[0].text == "64 by 64");
    ensure!(snapshot.files.is_empty() && snapshot.pictures.is_empty());
    world
        .expect_path(job, &["queued 1", "leased 1", "finishing 1", "completed 1"])
        .await?;
    world.close().await
}

#[tokio::test]
async fn an_answer_to_what_was_no_question_is_a_failed_try() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let liar = world.voice_of_holder(job).await?;
    let event = NodeEvent::Done {
        files: Vec::new(),
        verdicts: Vec::new(),
        timings: Timings::default(),
        answer: Some(Answer::Influences {
            of_words: vec![0.5],
        }),
    };
    world.say(&liar, event).await?;
    world.next_dead().await?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.close().await
}
