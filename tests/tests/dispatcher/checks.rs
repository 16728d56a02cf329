//! Pictures that are looked at before anybody sees them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use easel_domain::picture::{FileRole, PictureOutcome};
use easel_gpu_node::agent::Models;
use easel_gpu_node::checker::{Checker, Checkers, Scores};
use easel_gpu_node::engine::Picture;
use easel_gpu_node::engine::fake::Gate;
use easel_moderation::Category;
use easel_tests::world::World;

/// Says nothing at the first try; of the next four pictures it finds the second one to be what it looks for.
#[derive(Default)]
struct Second(AtomicUsize);

impl Checker for Second {
    fn id(&self) -> &'static str {
        "second"
    }

    fn scores(&self, _: &Picture) -> Result<Scores, String> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Err("not yet".to_owned()),
            2 => Ok(Scores::from([(Category::Sexual, 0.99)])),
            _ => Ok(Scores::from([(Category::Sexual, 0.01)])),
        }
    }
}

#[tokio::test]
async fn what_a_checker_finds_is_withheld_and_its_neighbours_are_shown() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let doubtful = |models: &mut Models| {
        for profile in models.profiles.values_mut() {
            profile.safe = false;
        }
        models.checkers = Checkers::for_all(Arc::new(Second::default()));
    };
    let _node = world
        .node_with("a", Gate::open(), |_, _, models| doubtful(models))
        .await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "completed").await?;
    let snapshot = world.database.store.job_snapshot(job).await?;
    let snapshot = snapshot.context("the job is there")?;
    ensure!(
        snapshot.attempt == 2,
        "a checker that says nothing costs a try"
    );
    let outcomes: Vec<PictureOutcome> = snapshot.pictures.iter().map(|one| one.outcome).collect();
    let (pass, block) = (PictureOutcome::Pass, PictureOutcome::Block);
    ensure!(outcomes == [pass, block, pass, pass], "{outcomes:?}");
    let mut shown: Vec<u32> = snapshot
        .files
        .iter()
        .filter(|file| file.role == FileRole::Full)
        .map(|file| file.index)
        .collect();
    shown.sort_unstable();
    ensure!(shown == [0, 2, 3], "{shown:?}");
    world.close().await
}
