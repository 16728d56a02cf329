//! Nodes that find something wrong with themselves.

use std::time::Duration;

use anyhow::{Result, ensure};
use easel_gpu_node::engine::fake::{Fault, Gate};
use easel_tests::world::{World, eventually};

use super::until_held;

#[tokio::test]
async fn a_node_that_is_stuck_in_a_step_gives_its_jobs_back_and_ends() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let first = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    until_held(&world, &first).await?;
    let _second = world.node("b", Gate::open()).await?;
    first.engine.arm(Fault::Hang);
    world.until(job, "completed").await?;
    ensure!(world.nodes_of(job).await? == ["a", "b"]);
    eventually("the stuck process ends", async || {
        Ok(first.process.has_ended().then_some(()))
    })
    .await?;
    let ended = first.process.stop().await;
    ensure!(ended.is_err(), "its supervisor is to start it again");
    world.close().await
}

#[tokio::test]
async fn a_node_that_draws_its_known_picture_differently_gets_no_jobs() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let kept = tempfile::tempdir()?;
    let answers = kept.path().to_owned();
    let checked = |config: &mut easel_gpu_node::config::NodeConfig| {
        config.check_every = Duration::from_mins(5);
        config.answers = Some(answers.clone());
    };
    let sound = world
        .node_with("a", Gate::open(), |config, _, _| checked(config))
        .await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "completed").await?;
    sound.process.stop().await?;
    let broken = world
        .node_with("a", Gate::open(), |config, engine, _| {
            checked(config);
            engine.arm(Fault::WrongColours);
        })
        .await?;
    eventually("both starts of the node to be heard", async || {
        let connection = world.database.store.connection().await?;
        let sql = "SELECT count(DISTINCT boot_id) FROM model_announcements";
        let starts: i64 = connection.query_one(sql, &[]).await?.get(0);
        Ok((starts == 2).then_some(()))
    })
    .await?;
    let job = world.submit(world.grid()).await?;
    let _sound = world
        .node_with("b", Gate::open(), |config, _, _| checked(config))
        .await?;
    world.until(job, "completed").await?;
    ensure!(world.nodes_of(job).await? == ["b"]);
    ensure!(!broken.process.has_ended(), "it goes on looking");
    world.close().await
}

#[tokio::test]
async fn a_node_without_the_memory_for_its_known_picture_gets_no_jobs() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _full = world
        .node_with("a", Gate::open(), |config, engine, _| {
            config.check_every = Duration::from_mins(5);
            engine.arm(Fault::MemoryAbove(0));
        })
        .await?;
    eventually("the node to be heard", async || {
        let known = world.number("SELECT count(*) FROM models").await?;
        Ok((known > 0).then_some(()))
    })
    .await?;
    let job = world.submit(world.grid()).await?;
    let _sound = world.node("b", Gate::open()).await?;
    world.until(job, "completed").await?;
    ensure!(world.nodes_of(job).await? == ["b"]);
    world.close().await
}
