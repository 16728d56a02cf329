//! Jobs that another region has to render: its own has no nodes, or nobody who leads it.

use std::time::Duration;

use anyhow::{Result, ensure};
use easel_broker::Lane;
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::World;

use super::until_held;

const SOON: Duration = Duration::from_secs(2);

/// From here on what is started belongs to another region of the same pool.
fn move_away(world: &mut World) -> Result<()> {
    world.lane = Lane::new("far", "main")?;
    Ok(())
}

#[tokio::test]
async fn a_region_without_nodes_hands_its_jobs_to_one_that_has_some() -> Result<()> {
    let mut world = World::new().await?;
    let _here = world.dispatcher_with_lane(|lane| lane.spill_after = SOON)?;
    let job = world.submit(world.grid()).await?;
    move_away(&mut world)?;
    let region = world.lane.region.clone();
    let _there = world.dispatcher_with_lane(|lane| lane.region = region)?;
    let _node = world.node("b", Gate::open()).await?;
    world.until(job, "completed").await?;
    ensure!(world.nodes_of(job).await? == ["b"]);
    let moved = "SELECT count(*) FROM jobs WHERE region = 'far' AND home_region = 'local'";
    ensure!(world.number(moved).await? == 1);
    world.close().await
}

#[tokio::test]
async fn a_region_that_is_lost_with_leader_and_nodes_loses_no_job() -> Result<()> {
    let mut world = World::new().await?;
    let leader = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let held = world.submit(world.grid()).await?;
    until_held(&world, &node).await?;
    let waiting = world.submit(world.grid()).await?;
    leader.kill();
    node.kill();
    move_away(&mut world)?;
    let region = world.lane.region.clone();
    let _there = world.dispatcher_with_lane(|lane| {
        lane.region = region;
        lane.adopt_after = SOON;
    })?;
    let _node = world.node("b", Gate::open()).await?;
    world.until(waiting, "completed").await?;
    world.until(held, "completed").await?;
    ensure!(world.nodes_of(held).await? == ["a", "b"] && world.nodes_of(waiting).await? == ["b"]);
    world.close().await
}
