//! What becomes of an accepted job, whatever dies meanwhile: the real dispatcher and node agents over real servers.

#[path = "dispatcher/checks.rs"]
mod checks;
#[path = "dispatcher/failures.rs"]
mod failures;
#[path = "dispatcher/fences.rs"]
mod fences;
#[path = "dispatcher/garbage.rs"]
mod garbage;
#[path = "dispatcher/health.rs"]
mod health;
#[path = "dispatcher/losses.rs"]
mod losses;
#[path = "dispatcher/memory.rs"]
mod memory;
#[path = "dispatcher/orders.rs"]
mod orders;
#[path = "dispatcher/questions.rs"]
mod questions;
#[path = "dispatcher/regions.rs"]
mod regions;

use anyhow::{Context as _, Result, ensure};
use easel_blobs::FileDigests;
use easel_domain::message::ProgressState;
use easel_domain::picture::{FileRole, StorageClass};
use easel_domain::spec::InputPicture;
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::{Node, PURSE, QUOTE, STEPS, World, eventually};

/// The way of a job to which nothing happens.
const DONE: [&str; 4] = ["queued 1", "leased 1", "finishing 1", "completed 1"];
/// The way of a job that was lost once.
const DONE_AGAIN: [&str; 6] = [
    "queued 1",
    "leased 1",
    "queued 1",
    "leased 1",
    "finishing 1",
    "completed 1",
];

/// Lets one step through and waits for its news. A job that is leased is not held yet: its offer may be on its way.
async fn until_held(world: &World, node: &Node) -> Result<()> {
    node.engine.gate().allow(1);
    let begun = |state: &ProgressState| matches!(state, ProgressState::Running { percent: 25, .. });
    world.next_progress(|note| begun(&note.state)).await?;
    Ok(())
}

#[tokio::test]
async fn a_submitted_job_is_rendered_stored_charged_and_announced() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let job = world.submit(world.grid()).await?;
    ensure!(world.next_delivery().await?.job_id == job);
    world.expect_path(job, &DONE).await?;
    let snapshot = world
        .database
        .store
        .job_snapshot(job)
        .await?
        .context("the job is there")?;
    ensure!(
        snapshot.pictures.len() == 4 && snapshot.files.len() == 5,
        "{snapshot:?}"
    );
    for file in &snapshot.files {
        let body = world.blobs.get(&file.key.parse()?).await?;
        ensure!(
            FileDigests::of(&body).sha256 == file.sha256,
            "{} holds something else",
            file.key
        );
    }
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE - QUOTE);
    world.close().await
}

#[tokio::test]
async fn losing_every_hint_costs_one_sweep() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let job = world.commit(world.grid()).await?;
    // As if the relay had sent it to a broker that then lost it.
    world.meddle("UPDATE outbox SET sent_at = now()").await?;
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE).await?;
    world.close().await
}

#[tokio::test]
async fn a_waiting_member_is_told_his_position_and_then_his_progress() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let job = world.submit(world.grid()).await?;
    let waiting = world.next_progress(|note| note.job_id == job).await?;
    ensure!(
        matches!(
            waiting.state,
            ProgressState::Queued {
                position: 1,
                eta_s: None
            }
        ),
        "{waiting:?}"
    );
    let node = world.node("a", Gate::closed()).await?;
    let begun = |state: &ProgressState| {
        matches!(
            state,
            ProgressState::Running {
                percent: 0,
                preview: None
            }
        )
    };
    world.next_progress(|note| begun(&note.state)).await?;
    node.engine.gate().allow(u64::from(STEPS / 2));
    let half = |state: &ProgressState| matches!(state, ProgressState::Running { percent: 50, .. });
    let running = world.next_progress(|note| half(&note.state)).await?;
    let ProgressState::Running {
        preview: Some(preview),
        ..
    } = running.state
    else {
        anyhow::bail!("there is no preview: {:?}", running.state);
    };
    ensure!(
        preview.len() <= 16 * 1024,
        "the preview has {} bytes",
        preview.len()
    );
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.close().await
}

#[tokio::test]
async fn a_running_job_that_is_cancelled_leaves_its_node_at_once() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    until_held(&world, &node).await?;
    world.cancel(job).await?;
    world.until(job, "cancelled").await?;
    let dropped = || async { Ok((node.engine.cancels() == 1).then_some(())) };
    eventually("the node to drop the job", dropped).await?;
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE);
    // Just enough steps for one job: the cancelled one must not take any of them.
    let next = world.submit(world.grid()).await?;
    node.engine.gate().allow(u64::from(STEPS));
    world.until(next, "completed").await?;
    world
        .expect_path(job, &["queued 1", "leased 1", "cancelled 1"])
        .await?;
    world.close().await
}

#[tokio::test]
async fn a_waiting_job_that_is_cancelled_never_reaches_a_node() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let job = world.submit(world.grid()).await?;
    world.cancel(job).await?;
    world.until(job, "cancelled").await?;
    world.expect_path(job, &["queued 1", "cancelled 1"]).await?;
    ensure!(world.next_delivery().await?.job_id == job);
    world.close().await
}

#[tokio::test]
async fn what_lies_around_a_picture_is_painted_four_times() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let grid = world.submit(world.grid()).await?;
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
    let wider = world.submit(world.zoom_out(grid, input)).await?;
    world.until(wider, "completed").await?;
    world.expect_path(wider, &DONE).await?;
    let snapshot = world.database.store.job_snapshot(wider).await?;
    ensure!(snapshot.context("the job is there")?.pictures.len() == 4);
    world.close().await
}

#[tokio::test]
async fn an_upscale_reads_a_private_picture_through_a_grant() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let grid = world
        .submit(world.grid().stored(StorageClass::Private))
        .await?;
    world.until(grid, "completed").await?;
    let snapshot = world
        .database
        .store
        .job_snapshot(grid)
        .await?
        .context("the job is there")?;
    let first = snapshot
        .file(FileRole::Full, 0)
        .context("it has a first picture")?;
    ensure!(
        world.blobs.public_url(&first.key.parse()?).is_none(),
        "a private picture has a public link"
    );
    let input = InputPicture {
        key: first.key.clone(),
        sha256: first.sha256.clone(),
        width: 64,
        height: 64,
    };
    let larger = world
        .submit(world.upscale(grid, input).stored(StorageClass::Private))
        .await?;
    world.until(larger, "completed").await?;
    let snapshot = world
        .database
        .store
        .job_snapshot(larger)
        .await?
        .context("the job is there")?;
    let larger = snapshot
        .file(FileRole::Full, 0)
        .context("it has a picture")?;
    ensure!((larger.width, larger.height) == (256, 256), "{larger:?}");
    world.close().await
}

#[tokio::test]
async fn the_leader_writes_down_what_waits_for_whoever_starts_nodes() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let job = world.submit(world.grid()).await?;
    let known = "SELECT count(*) FROM lane_snapshots WHERE waiting = 1 AND backlog_gpu_s > 0";
    eventually("the leader knows that a job waits", async || {
        Ok((world.number(known).await? == 1).then_some(()))
    })
    .await?;
    let _node = world.node("a", Gate::open()).await?;
    world.until(job, "completed").await?;
    world.close().await
}
