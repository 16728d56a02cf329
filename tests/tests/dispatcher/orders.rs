//! Nodes do what they are told beside offers.

use anyhow::{Result, ensure};
use easel_domain::message::Residency;
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::{OTHER_MODEL, World, eventually};

use super::until_held;

#[tokio::test]
async fn a_node_is_told_to_load_what_a_job_needs() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::open()).await?;
    ensure!(node.engine.residency(OTHER_MODEL) == Some(Residency::Stored));
    let job = world.submit(world.grid_of_other()).await?;
    world.until(job, "completed").await?;
    ensure!(node.engine.residency(OTHER_MODEL) == Some(Residency::Resident));
    world.close().await
}

#[tokio::test]
async fn urgent_work_pauses_what_a_node_renders_and_that_goes_on_where_it_was() -> Result<()> {
    let world = World::new().await?;
    let connection = world.database.store.connection().await?;
    // A job of this tier is nervous soon after it was submitted.
    let sql = "UPDATE tiers SET reserved = 0.1, promise_s = 6, service_class = 'turbo' WHERE name = 'enterprise'";
    ensure!(connection.execute(sql, &[]).await? == 1);
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let patient = world.submit(world.grid()).await?;
    until_held(&world, &node).await?;
    let sql = "UPDATE accounts SET tier = 'enterprise'";
    connection.execute(sql, &[]).await?;
    let urgent = world.submit(world.grid()).await?;
    eventually("the patient job to be held up", async || {
        Ok((node.engine.pauses() == 1).then_some(()))
    })
    .await?;
    node.engine.gate().allow(u64::MAX);
    world.until(urgent, "completed").await?;
    world.until(patient, "completed").await?;
    ensure!(node.engine.pauses() == 0);
    // One lease from beginning to end: it was held up, not taken away.
    ensure!(world.nodes_of(patient).await? == ["a"]);
    world.close().await
}
