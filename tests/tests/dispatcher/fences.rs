//! What does not count: forged, late and unreadable messages, and memory that the rows contradict.

use anyhow::{Context as _, Result, ensure};
use easel_domain::clock::EntropyExt;
use easel_domain::failure::FailureKind;
use easel_domain::message::{NodeEvent, Timings};
use easel_domain::picture::FileRole;
use easel_domain::{JobId, LeaseToken};
use easel_gpu_node::engine::fake::Gate;
use easel_tests::world::{STEPS, World, eventually};
use serde_json::json;

use super::{DONE, DONE_AGAIN};

fn failure() -> NodeEvent {
    NodeEvent::Failed {
        kind: FailureKind::Fatal,
        message: "forged".into(),
    }
}

#[tokio::test]
async fn a_report_under_a_token_that_nobody_was_given_changes_nothing() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let mut forger = world.voice_of_holder(job).await?;
    forger.lease.token = LeaseToken(world.entropy.random_uuid());
    let claims = world.claims(4);
    for event in [
        failure(),
        world.grant_request(&claims),
        world.done_unstored(job, &claims).await?,
    ] {
        world.say(&forger, event).await?;
    }
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE).await?;
    world.close().await
}

#[tokio::test]
async fn a_report_in_the_name_of_another_node_is_put_aside() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let mut impostor = world.voice_of_holder(job).await?;
    impostor.account = "b".parse()?;
    world.say(&impostor, failure()).await?;
    ensure!(world.next_dead().await?["event"]["message"] == "forged");
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE).await?;
    world.close().await
}

#[tokio::test]
async fn a_report_that_comes_after_the_end_changes_nothing() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let late = world.voice_of_holder(job).await?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.say(&late, failure()).await?;
    // Handled in order: once this one is through, the late report was, too.
    let next = world.submit(world.grid()).await?;
    world.until(next, "completed").await?;
    world.expect_path(job, &DONE).await?;
    world.close().await
}

#[tokio::test]
async fn unreadable_messages_are_put_aside_and_the_service_goes_on() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let _node = world.node("a", Gate::open()).await?;
    for queue in world.durable_queues() {
        world
            .send_raw(queue.target(), &json!({"v": 1, "from": queue.name()}))
            .await?;
        ensure!(
            world.next_dead().await?["from"] == queue.name(),
            "{} does not put it aside",
            queue.name()
        );
    }
    let job = world.submit(world.grid()).await?;
    world.until(job, "completed").await?;
    world.close().await
}

#[tokio::test]
async fn a_lease_that_the_rows_do_not_know_is_forgotten_at_the_next_sweep() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    // What a commit leaves behind whose answer got lost: the rows moved on, the leader does not know.
    world
        .meddle(
            "BEGIN; DELETE FROM leases; UPDATE jobs SET state = 'queued';
             INSERT INTO job_events (job_id, state, attempt) SELECT id, 'queued', 1 FROM jobs; COMMIT",
        )
        .await?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.expect_path(job, &DONE_AGAIN).await?;
    world.close().await
}

/// Waits until a job has been there, wherever it is by now.
async fn until_on_the_way(world: &World, job: JobId, step: &str) -> Result<()> {
    let passed = || async {
        let path = world.path(job).await?;
        Ok(path.iter().any(|passed| passed == step).then_some(()))
    };
    eventually(&format!("job {job} to pass {step}"), passed).await
}

#[tokio::test]
async fn a_false_claim_takes_no_published_picture_away() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    node.engine.gate().allow(u64::from(STEPS));
    let honest = world.submit(world.grid()).await?;
    world.until(honest, "completed").await?;
    let snapshot = world.database.store.job_snapshot(honest).await?;
    let snapshot = snapshot.context("the job is there")?;
    let published = snapshot
        .file(FileRole::Full, 0)
        .context("it has a first picture")?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let liar = world.voice_of_holder(job).await?;
    let mut claims = world.claims(1);
    claims[0].sha256.clone_from(&published.sha256);
    claims[0].content_type.clone_from(&published.content_type);
    world.say(&liar, world.grant_request(&claims)).await?;
    world.until(job, "finishing").await?;
    world
        .say(&liar, world.done_unstored(job, &claims).await?)
        .await?;
    until_on_the_way(&world, job, "queued 2").await?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world
        .blobs
        .get(&published.key.parse()?)
        .await
        .context("the published picture is still there")?;
    world.close().await
}

#[tokio::test]
async fn a_result_without_its_verdicts_is_a_failed_try() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let node = world.node("a", Gate::closed()).await?;
    let job = world.submit(world.grid()).await?;
    world.until(job, "leased").await?;
    let voice = world.voice_of_holder(job).await?;
    let event = NodeEvent::Done {
        files: Vec::new(),
        verdicts: Vec::new(),
        timings: Timings::default(),
        answer: None,
    };
    world.say(&voice, event).await?;
    until_on_the_way(&world, job, "queued 2").await?;
    node.engine.gate().allow(u64::MAX);
    world.until(job, "completed").await?;
    world.close().await
}
