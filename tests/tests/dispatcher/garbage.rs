//! What nothing refers to any more is deleted from the store, and nothing else.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use easel_blobs::{BlobError, ObjectKey};
use easel_domain::JobId;
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::{World, eventually};

const SOON: Duration = Duration::from_secs(1);

async fn keys_of(world: &World, job: JobId) -> Result<Vec<ObjectKey>> {
    let snapshot = world.database.store.job_snapshot(job).await?;
    let files = snapshot.context("the job is there")?.files;
    files.iter().map(|file| Ok(file.key.parse()?)).collect()
}

async fn is_there(world: &World, key: &ObjectKey) -> Result<bool> {
    match world.blobs.get(key).await {
        Ok(_) => Ok(true),
        Err(BlobError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[tokio::test]
async fn the_objects_of_a_deleted_result_go_and_those_that_another_one_shows_stay() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher_with_lane(|lane| lane.garbage_after = SOON)?;
    let _node = world.node("a", Gate::open()).await?;
    let asked = world.grid();
    let first = world.submit(asked.clone()).await?;
    world.until(first, "completed").await?;
    let second = world.submit(asked.clone()).await?;
    world.until(second, "completed").await?;
    let other = world.submit(world.grid()).await?;
    world.until(other, "completed").await?;
    let (keys, others) = (keys_of(&world, first).await?, keys_of(&world, other).await?);
    ensure!(
        keys == keys_of(&world, second).await?,
        "equal pictures are stored once"
    );
    world.remove(first).await?;
    // The dispatcher has looked at them, and found them to be shown.
    let noticed = "SELECT count(*) FROM garbage";
    let looked = || async { Ok((world.number(noticed).await? == 0).then_some(())) };
    eventually("the objects to be looked at", looked).await?;
    for key in &keys {
        ensure!(
            is_there(&world, key).await?,
            "{key} is shown by another result"
        );
    }
    world.remove(second).await?;
    eventually("the objects to go", looked).await?;
    for key in &keys {
        ensure!(!is_there(&world, key).await?, "{key} is still there");
    }
    for key in &others {
        ensure!(is_there(&world, key).await?, "{key} was none of theirs");
    }
    // The same pictures once more: they are stored again.
    let again = world.submit(asked).await?;
    world.until(again, "completed").await?;
    for key in &keys {
        ensure!(is_there(&world, key).await?, "{key} was not stored again");
    }
    world.close().await
}
