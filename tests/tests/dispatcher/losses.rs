//! Processes die, drain and take over from each other.

use anyhow::{Result, ensure};
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::World;

use super::{DONE, DONE_AGAIN, until_held};

#[tokio::test]
async fn a_job_whose_node_dies_is_finished_by_another_without_using_up_a_try() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let first = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    first.kill();
    let _second = world.node("b", Gate::open()).await?;
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE_AGAIN).await?;
    ensure!(world.nodes_of(job).await? == ["a", "b"]);
    world.close().await
}

#[tokio::test]
async fn a_node_that_restarts_gets_its_own_job_again() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let first = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    first.kill();
    let _again = world.node("a", Gate::open()).await?;
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE_AGAIN).await?;
    world.close().await
}

#[tokio::test]
async fn a_draining_node_finishes_what_it_holds_and_takes_nothing_more() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let first = world.node("a", Gate::closed()).await?;
    let held = world.submit(world.grid()).await?;
    until_held(&world, &first).await?;
    first.process.drain();
    first.engine.gate().allow(u64::MAX);
    first.process.stop().await?;
    world.until(held, "completed").await?;
    let next = world.submit(world.grid()).await?;
    let _second = world.node("b", Gate::open()).await?;
    world.until(next, "completed").await?;
    ensure!(world.nodes_of(held).await? == ["a"] && world.nodes_of(next).await? == ["b"]);
    world.close().await
}

#[tokio::test]
async fn a_node_that_must_stop_at_once_hands_its_job_back() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let first = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    until_held(&world, &first).await?;
    first.process.hurry();
    first.process.stop().await?;
    // Back before its lease could have run out: nobody had to notice.
    world.until(job, "queued").await?;
    let _second = world.node("b", Gate::open()).await?;
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE_AGAIN).await?;
    ensure!(world.nodes_of(job).await? == ["a", "b"]);
    world.close().await
}

#[tokio::test]
async fn a_running_job_survives_the_death_of_the_leader() -> Result<()> {
    let world = World::new().await?;
    let leader = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let _standby = world.dispatcher()?;
    leader.kill();
    node.engine.gate().allow(u64::MAX);
    let next = world.submit(world.grid()).await?;
    world.until(job, "completed").await?;
    world.until(next, "completed").await?;
    world.expect_path(job, &DONE).await?;
    ensure!(world.number("SELECT max(epoch) FROM leadership").await? == 2);
    world.close().await
}

#[tokio::test]
async fn a_leader_that_stops_hands_over_without_a_gap() -> Result<()> {
    let world = World::new().await?;
    let leader = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    leader.stop().await?;
    ensure!(
        world
            .number("SELECT count(*) FROM leadership WHERE expires_at > now()")
            .await?
            == 0
    );
    let _next = world.dispatcher()?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE).await?;
    world.close().await
}

#[tokio::test]
async fn a_leader_that_was_overtaken_writes_nothing_more_and_stands_by() -> Result<()> {
    let world = World::new().await?;
    let overtaken = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    let first = world.submit(world.grid()).await?;
    world.until(first, "completed").await?;
    world.meddle("UPDATE leadership SET epoch = epoch + 1, holder = gen_random_uuid(), expires_at = now() + '4 s'").await?;
    let second = world.submit(world.grid()).await?;
    // For as long as the other one leads, which does nothing, the job waits.
    world.until(second, "completed").await?;
    let gap = "SELECT extract(epoch FROM e.at - j.submitted_at)::bigint FROM job_events e JOIN jobs j ON j.id = e.job_id
               WHERE e.state = 'leased' ORDER BY e.id DESC LIMIT 1";
    ensure!(
        world.number(gap).await? >= 3,
        "a job was leased under a lead that was lost"
    );
    world.expect_path(second, &DONE).await?;
    ensure!(!overtaken.has_ended(), "it does not stand by");
    world.close().await
}
