//! Pictures that no node has the memory for.

use anyhow::{Result, ensure};
use easel_domain::failure::FailureKind;
use easel_gpu_node::engine::fake::{Fault, Gate};
use easel_tests::world::{PURSE, QUOTE, World};

const ALLOWED: &str = "UPDATE tiers SET lowers_size = true";

#[tokio::test]
async fn a_job_that_no_node_has_the_memory_for_is_drawn_smaller_and_costs_less() -> Result<()> {
    let world = World::new().await?;
    world.meddle(ALLOWED).await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::open()).await?;
    node.engine.arm(Fault::MemoryAbove(40 * 40));
    let job = world.submit(world.grid().of_any_size()).await?;
    // Its message changes once for each notch, and once for the end.
    for _ in 0..3 {
        ensure!(world.next_delivery().await?.job_id == job);
    }
    world.until(job, "completed").await?;
    let path = [
        "queued 1",
        "leased 1",
        "queued 2",
        "leased 2",
        "queued 2",
        "leased 2",
        "queued 2",
        "leased 2",
        "finishing 2",
        "completed 2",
    ];
    world.expect_path(job, &path).await?;
    let drawn = world.database.store.job_snapshot(job).await?;
    let drawn = drawn.and_then(|job| job.shrunk());
    ensure!(drawn == Some(((64, 64), (32, 32))), "{drawn:?}");
    let stored = "SELECT count(*) FROM job_files f JOIN blobs b ON b.key = f.blob_key
                  WHERE f.role = 'full' AND b.width = 32 AND b.height = 32";
    ensure!(world.number(stored).await? == 4);
    // 8 credits for 64 by 64 pixels, 4 for 48 by 48, 1 for 32 by 32: always rounded down.
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE - 1);
    world.close().await
}

#[tokio::test]
async fn a_lack_of_memory_that_passes_costs_an_attempt_and_no_pixel() -> Result<()> {
    let world = World::new().await?;
    world.meddle(ALLOWED).await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::open()).await?;
    node.engine.arm(Fault::FailNext(FailureKind::Memory));
    let job = world.submit(world.grid().of_any_size()).await?;
    world.until(job, "completed").await?;
    let in_full =
        "SELECT count(*) FROM jobs WHERE asked_width IS NULL AND price IS NULL AND attempt = 2";
    ensure!(world.number(in_full).await? == 1);
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE - QUOTE);
    world.close().await
}

#[tokio::test]
async fn a_size_that_was_asked_for_is_refused_with_the_reason() -> Result<()> {
    let world = World::new().await?;
    world.meddle(ALLOWED).await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::open()).await?;
    node.engine.arm(Fault::MemoryAbove(40 * 40));
    let job = world.submit(world.grid()).await?;
    world.until(job, "failed").await?;
    let reason = "SELECT count(*) FROM jobs WHERE end_reason = 'out_of_memory' AND asked_width IS NULL AND attempt = 5";
    ensure!(world.number(reason).await? == 1);
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE);
    world.close().await
}

#[tokio::test]
async fn a_node_is_not_given_up_for_pictures_that_are_too_large_for_it() -> Result<()> {
    let world = World::new().await?;
    world.meddle(ALLOWED).await?;
    let _dispatcher = world.dispatcher()?;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(world.submit(world.grid().of_any_size()).await?);
    }
    let _node = world
        .node_with("a", Gate::open(), |_, engine, _| {
            engine.arm(Fault::MemoryAbove(50 * 50));
        })
        .await?;
    for job in jobs {
        world.until(job, "completed").await?;
    }
    world.close().await
}
