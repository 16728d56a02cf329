//! What is done beside the messages of jobs: none of it holds up another, and a deleted result leaves nothing behind.

use easel_domain::{DiscordId, UserId};
use easel_playground::{Failure, RouteFault};
use easel_store::removal::{Removal, Removed};
use time::macros::datetime;
use uuid::Uuid;

use crate::favourites::grid;
use crate::setting::{PATIENCE, World, eventually};

const MAILED: &str = "SELECT count(*) FROM mailings WHERE state = 'sent'";
const REMOVED: &str = "SELECT count(*) FROM removals";
/// Messages that a try has been made to delete.
const TRIED: &str =
    "SELECT count(*) FROM doomed_messages WHERE failures > 0 OR ended_at IS NOT NULL";

async fn becomes(world: &World, sql: &str, count: i64) {
    eventually(sql, || async {
        (world.platform.one::<i64>(sql).await == count).then_some(())
    })
    .await;
}

async fn nothing_left(world: &World) {
    eventually("every message of the result to be gone", || async {
        world.public_messages().is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_deleted_yet_holds_up_no_pictures() {
    let slow = [
        ("discord.try_timeout", "4s"),
        ("discord.call_timeout", "4s"),
    ];
    let world = World::start_with(&slow).await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let boat = grid(&world, &ada, 1, "a boat").await;
    let train = grid(&world, &ada, 2, "a train").await;
    world.discord.fail(RouteFault {
        method: Some("DELETE".into()),
        route: format!("/messages/{}", boat.id()),
        times: 1,
        failure: Failure::Hang,
        takes_effect: false,
    });
    ada.react(&boat, "❌").unwrap();
    let deleting = world
        .discord
        .wait_for_request(|r| r.method == "DELETE", PATIENCE);
    assert!(deleting.await.is_some(), "the bot deletes the message");
    grace.react(&train, "✉️").unwrap();
    becomes(&world, MAILED, 1).await;
    let tried = world.platform.one::<i64>(TRIED).await;
    assert_eq!(tried, 0, "the pictures waited for a message to be deleted");
    becomes(&world, TRIED, 1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_does_not_shorten_the_pause_after_a_failed_try() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let boat = grid(&world, &ada, 1, "a boat").await;
    let dm = grace.clone().in_dm();
    let route = format!("/channels/{}/messages", dm.channel_id());
    world.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: route.clone(),
        times: 1,
        failure: Failure::Refuse {
            status: 400,
            code: 50_035,
            message: "Invalid Form Body".into(),
        },
        takes_effect: false,
    });
    grace.react(&boat, "✉️").unwrap();
    becomes(
        &world,
        "SELECT count(*) FROM mailings WHERE failures = 1",
        1,
    )
    .await;
    let pause = "UPDATE mailings SET next_try_at = now() + interval '1 hour' RETURNING 1::bigint";
    world.platform.one::<i64>(pause).await;
    let posts = || {
        let requests = world.discord.requests();
        let posted = |path: &str, method: &str| method == "POST" && path.contains(&route);
        requests
            .iter()
            .filter(|r| posted(&r.path, &r.method))
            .count()
    };
    let before = posts();
    grace.click(&boat, "Send to me").await.unwrap();
    let told = grace
        .wait_for_message(
            |m| m.content().contains("will come by direct message"),
            PATIENCE,
        )
        .await;
    assert!(told.unwrap().is_ephemeral());
    assert_eq!(posts(), before, "asking again tried at once");
    let over = "UPDATE mailings SET next_try_at = now() RETURNING 1::bigint";
    world.platform.one::<i64>(over).await;
    becomes(&world, MAILED, 1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_appears_while_its_result_is_deleted_goes_as_well() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let boat = grid(&world, &ada, 1, "a boat").await;
    let job = world.platform.jobs().await[0].to_string();
    // The copy is there a while before the bot hears of it.
    world.discord.fail(RouteFault {
        method: Some("PATCH".into()),
        route: "/messages/@original".into(),
        times: 1,
        failure: Failure::Delay { ms: 2_000 },
        takes_effect: true,
    });
    let show = ada.begin("show", [("job", job.as_str())]).unwrap();
    show.wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    ada.react(&boat, "❌").unwrap();
    becomes(&world, REMOVED, 1).await;
    let copies = "SELECT count(*) FROM job_messages";
    assert_eq!(
        world.platform.one::<i64>(copies).await,
        0,
        "the bot does not know the copy yet"
    );
    becomes(&world, copies, 1).await;
    nothing_left(&world).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_posted_while_its_result_is_deleted_goes_as_well() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world
        .discord
        .delete_message(imagine.message().unwrap().id());
    world.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: "/channels/".into(),
        times: 1,
        failure: Failure::Delay { ms: 2_000 },
        takes_effect: true,
    });
    world.platform.complete(job).await;
    ada.wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    let removal = Removal {
        job,
        member: DiscordId::from_u64(ada.id().0),
        fresh_user: UserId(Uuid::from_u128(1)),
        moderates: None,
        shard: 0,
        at: datetime!(2026-01-01 12:00 UTC),
    };
    let removed = world.platform.store.remove_result(removal).await.unwrap();
    assert_eq!(removed, Removed::Done);
    nothing_left(&world).await;
    let doomed = "SELECT count(*) FROM doomed_messages";
    assert_eq!(world.platform.one::<i64>(doomed).await, 1);
    world.close().await;
}
