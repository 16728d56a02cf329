//! Tries that fail.

use std::time::Duration;

use anyhow::{Result, ensure};
use easel_domain::failure::FailureKind;
use easel_gpu_node::engine::fake::{Fault, Gate};
use easel_tests::road::Road;
use easel_tests::servers;
use easel_tests::world::{PURSE, STEPS, World};

use super::{DONE, until_held};

#[tokio::test]
async fn a_failed_try_is_repeated_after_a_pause_and_on_the_other_node() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let (a, b) = (
        world.node("a", Gate::closed()).await?,
        world.node("b", Gate::closed()).await?,
    );
    // One job each, so that the leader is known to know both.
    let (one, other) = (
        world.submit(world.grid()).await?,
        world.submit(world.grid()).await?,
    );
    world.until(one, "leased").await?;
    world.until(other, "leased").await?;
    for node in [&a, &b] {
        node.engine.gate().allow(u64::MAX);
    }
    world.until(one, "completed").await?;
    world.until(other, "completed").await?;
    for node in [&a, &b] {
        node.engine.arm(Fault::FailNext(FailureKind::Retryable));
    }
    let job = world.submit(world.grid()).await?;
    world.until(job, "completed").await?;
    let path = [
        "queued 1",
        "leased 1",
        "queued 2",
        "leased 2",
        "queued 3",
        "leased 3",
        "finishing 3",
        "completed 3",
    ];
    world.expect_path(job, &path).await?;
    let nodes = world.nodes_of(job).await?;
    ensure!(nodes[0] != nodes[1] && nodes[1] != nodes[2], "{nodes:?}");
    let pause = "SELECT extract(epoch FROM min(at) FILTER (WHERE state = 'leased' AND attempt = 2)
                                           - min(at) FILTER (WHERE state = 'queued' AND attempt = 2))::bigint FROM job_events";
    ensure!(
        world.number(pause).await? >= 1,
        "the second try came too soon"
    );
    world.close().await
}

#[tokio::test]
async fn a_node_that_failed_a_job_gets_it_again_where_there_is_no_other() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::open()).await?;
    node.engine.arm(Fault::FailNext(FailureKind::Retryable));
    let job = world.submit(world.grid()).await?;
    world.until(job, "completed").await?;
    ensure!(world.nodes_of(job).await? == ["a", "a"]);
    world.close().await
}

#[tokio::test]
async fn a_job_that_cannot_be_rendered_fails_at_once_and_costs_nothing() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::open()).await?;
    node.engine.arm(Fault::FailNext(FailureKind::Fatal));
    let job = world.submit(world.grid()).await?;
    world.until(job, "failed").await?;
    world
        .expect_path(job, &["queued 1", "leased 1", "failed 1"])
        .await?;
    ensure!(
        world
            .number("SELECT count(*) FROM jobs WHERE end_reason = 'unrenderable'")
            .await?
            == 1
    );
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE);
    ensure!(world.next_delivery().await?.job_id == job);
    world.close().await
}

#[tokio::test]
async fn a_result_whose_files_never_arrived_is_no_result() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let node_voice = world.voice_of_holder(job).await?;
    let claims = world.claims(4);
    world.say(&node_voice, world.grant_request(&claims)).await?;
    world.until(job, "finishing").await?;
    world
        .say(&node_voice, world.done_unstored(job, &claims).await?)
        .await?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    let path = world.path(job).await?;
    ensure!(
        path.contains(&"queued 2".to_owned()) && path.ends_with(&["completed 2".to_owned()]),
        "{path:?}"
    );
    world.close().await
}

#[tokio::test]
async fn finished_pictures_wait_on_their_node_for_a_store_that_is_away() -> Result<()> {
    let world = World::new().await?;
    let mut storage = servers::s3()?;
    let road = Road::to(&storage.endpoint).await?;
    storage.endpoint = road.address.clone();
    let _dispatcher = world.dispatcher_with_storage(storage)?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    road.close();
    node.engine.gate().allow(u64::from(STEPS));
    // More often than one grant is tried.
    road.until_turned_away(4).await?;
    road.reopen();
    world.until(job, "completed").await?;
    // Not a single step more was to be had: nothing was rendered twice.
    world.expect_path(job, &DONE).await?;
    world.close().await
}

#[tokio::test]
async fn a_job_that_hangs_is_taken_from_a_node_that_lives_and_ends_after_its_last_try() -> Result<()>
{
    let world = World::new().await?;
    let deadline = Duration::from_secs(3);
    let _dispatcher = world.dispatcher_with_lane(|lane| lane.progress_deadline = deadline)?;
    let _hung = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let _sound = world.node("b", Gate::open()).await?;
    world.until(job, "completed").await?;
    ensure!(world.nodes_of(job).await? == ["a", "b"]);
    world
        .expect_path(
            job,
            &[
                "queued 1",
                "leased 1",
                "queued 2",
                "leased 2",
                "finishing 2",
                "completed 2",
            ],
        )
        .await?;
    world.close().await
}

#[tokio::test]
async fn a_job_that_two_nodes_died_of_is_not_given_to_a_third() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let poison = world.submit(world.grid()).await?;
    for name in ["a", "b"] {
        let node = world.node(name, Gate::closed()).await?;
        // A lease whose offer finds no inbox any more is no death.
        until_held(&world, &node).await?;
        node.kill();
    }
    world.until(poison, "failed").await?;
    let reason = "SELECT count(*) FROM jobs WHERE end_reason = 'nodes_died'";
    ensure!(world.number(reason).await? == 1);
    ensure!(world.number("SELECT balance FROM accounts").await? == PURSE);
    let _third = world.node("c", Gate::open()).await?;
    let sound = world.submit(world.grid()).await?;
    world.until(sound, "completed").await?;
    world.close().await
}

#[tokio::test]
async fn a_row_that_cannot_be_read_stops_nobody_and_fails_in_the_end() -> Result<()> {
    let world = World::new().await?;
    let torn = world.commit(world.grid()).await?;
    world
        .meddle("UPDATE jobs SET spec = spec - 'steps'")
        .await?;
    let sound = world.commit(world.grid()).await?;
    world.meddle("UPDATE outbox SET sent_at = now()").await?;
    let _dispatcher =
        world.dispatcher_with_lane(|lane| lane.model_patience = Duration::from_secs(4))?;
    let _node = world.node("a", Gate::open()).await?;
    world.until(sound, "completed").await?;
    world.until(torn, "failed").await?;
    world.close().await
}

#[tokio::test]
async fn a_waiting_job_is_rendered_with_the_weights_that_replaced_its_own() -> Result<()> {
    let mut world = World::new().await?;
    world.model.hash = "e".repeat(64);
    let waiting = world.commit(world.grid()).await?;
    world.model.hash = "f".repeat(64);
    let _dispatcher =
        world.dispatcher_with_lane(|lane| lane.replaced_after = Duration::from_secs(1))?;
    let _node = world.node("a", Gate::open()).await?;
    world.until(waiting, "completed").await?;
    world.close().await
}
