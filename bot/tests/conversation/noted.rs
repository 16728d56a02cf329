//! The row of an interaction is there before its answer, so that nobody is left waiting by a bot that dies between the two.

use easel_playground::StartedInteraction;

use crate::setting::{World, eventually};

const WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND wait_event_type = 'Lock' AND query LIKE '%open_intake%'";
const ENDED: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()
                     AND wait_event_type = 'Lock' AND query LIKE '%open_intake%'";
const OPEN: &str = "SELECT count(*) FROM intake WHERE state = 'open'";
const LOCK: &str = "BEGIN; LOCK TABLE intake IN EXCLUSIVE MODE";

fn thinks(one: &StartedInteraction) -> bool {
    one.message().is_some_and(|message| message.is_loading())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_dies_before_the_row_is_written_has_not_answered() {
    let mut world = World::start_with(&[("intake.note_first", "1m")]).await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    let locked = world.platform.store.connection().await.unwrap();
    locked.batch_execute(LOCK).await.unwrap();
    let asked = ada.begin("imagine", [("prompt", "a boat")]).unwrap();
    eventually("the row to be waited for", || async {
        (world.platform.one::<i64>(WAITS).await > 0).then_some(())
    })
    .await;
    // Meanwhile the bot had the time to answer somebody else, to whom no row belongs.
    assert_eq!(alan.slash("help", []).await.unwrap().answer(), Some(4));
    // What it had asked of the database dies with it.
    world.kill_bot().await;
    world.platform.one::<i64>(ENDED).await;
    locked.batch_execute("ROLLBACK").await.unwrap();
    world.start_bot().await;
    eventually("Discord to give it up", || async {
        (asked.failed() || asked.answer().is_some()).then_some(())
    })
    .await;
    assert!(!thinks(&asked), "nobody knows of it any more");
    assert_eq!(asked.answer(), None);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_dies_after_the_answer_is_followed_by_one_that_ends_the_waiting() {
    let mut world = World::start_with(&[("intake.note_first", "1m")]).await;
    let ada = world.discord.user("ada");
    // The answer is given, and nothing comes of it.
    let locked = world.platform.store.connection().await.unwrap();
    let lock = "BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE";
    locked.batch_execute(lock).await.unwrap();
    let asked = ada.begin("imagine", [("prompt", "a boat")]).unwrap();
    eventually("an answer", || async { asked.answer() }).await;
    assert_eq!(world.platform.one::<i64>(OPEN).await, 1);
    world.kill_bot().await;
    locked.batch_execute("ROLLBACK").await.unwrap();
    world.start_bot().await;
    eventually("the waiting to end", || async {
        (!thinks(&asked)).then_some(())
    })
    .await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_holds_up_no_answer() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let locked = world.platform.store.connection().await.unwrap();
    locked.batch_execute(LOCK).await.unwrap();
    let asked = ada.begin("imagine", [("prompt", "a boat")]).unwrap();
    eventually("an answer", || async { asked.answer() }).await;
    assert_eq!(world.platform.one::<i64>(OPEN).await, 0);
    locked.batch_execute("ROLLBACK").await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    world.platform.shown(job).await;
    world.close().await;
}
