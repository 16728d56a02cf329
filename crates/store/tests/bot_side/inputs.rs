//! Pictures that members gave: how long they are kept.

use std::time::Duration;

use easel_domain::spec::{DescribeSpec, InputPicture, RenderSpec};
use easel_store::StoreError;
use easel_store::leadership::Leadership;
use easel_store::submit::{Submission, Submitted};
use easel_store::testing::TestDatabase;
use time::OffsetDateTime;
use uuid::Uuid;

use super::support::{class_of, spec, submission};

const MONTH: Duration = Duration::from_hours(30 * 24);
const SOON: Duration = Duration::ZERO;

fn picture(name: &str) -> InputPicture {
    InputPicture {
        key: format!("input/{name}.png"),
        sha256: "ab".into(),
        width: 8,
        height: 8,
    }
}

/// A job that reads a picture.
fn about(n: u16, picture: InputPicture, at: OffsetDateTime) -> Submission {
    let Some(model) = spec().generated().map(|spec| spec.model.clone()) else {
        panic!("nothing is drawn")
    };
    let inputs = vec![picture];
    Submission {
        spec: RenderSpec::Describe(DescribeSpec { model, inputs }),
        submitted_at: at,
        ..submission(n)
    }
}

struct World {
    db: TestDatabase,
    leadership: Leadership,
    now: OffsetDateTime,
}

impl World {
    async fn new() -> Self {
        let db = TestDatabase::create().await;
        let term = Duration::from_mins(1);
        let lead = db.store.try_lead("local", "main", Uuid::from_u128(1), term);
        let leadership = lead.await.unwrap().unwrap();
        let connection = db.store.connection().await.unwrap();
        let now = connection.query_one("SELECT now()", &[]).await.unwrap();
        Self {
            leadership,
            now: now.get(0),
            db,
        }
    }

    /// Somebody gives a picture so many days ago.
    async fn given(&self, name: &str, days: i64) -> Result<(), StoreError> {
        let at = self.now - time::Duration::days(days);
        let store = &self.db.store;
        store.note_input(&picture(name), 10, "image/png", at).await
    }

    /// Lets go of what is older than a month; returns what would be deleted now.
    async fn marked(&self) -> Vec<String> {
        let store = &self.db.store;
        store.settle_inputs(MONTH, 100).await.unwrap();
        let keys = store.collect_garbage(&self.leadership, SOON, 100).await;
        let mut keys = keys.unwrap();
        keys.sort();
        keys
    }

    async fn submit(&self, new: Submission) -> Submitted {
        self.db.store.submit(new).await.unwrap()
    }
}

#[tokio::test]
async fn a_picture_goes_a_month_after_it_was_given_or_begun_from_last() {
    let world = World::new().await;
    for (name, days) in [("old", 31), ("used", 31), ("again", 31), ("young", 29)] {
        world.given(name, days).await.unwrap();
    }
    world.given("again", 1).await.unwrap();
    // A message that comes late makes nothing older.
    world.given("again", 40).await.unwrap();
    let used = about(1, picture("used"), world.now - time::Duration::days(2));
    class_of(&world.submit(used).await);
    let over = "UPDATE jobs SET state = 'cancelled', ended_at = now(), end_reason = 'cancelled'";
    let connection = world.db.store.connection().await.unwrap();
    connection.execute(over, &[]).await.unwrap();
    assert_eq!(world.marked().await, ["input/old.png"]);
}

#[tokio::test]
async fn what_an_unfinished_job_reads_stays_however_old_it_is() {
    let world = World::new().await;
    world.given("a", 90).await.unwrap();
    let waits = about(1, picture("a"), world.now - time::Duration::days(60));
    class_of(&world.submit(waits).await);
    assert!(world.marked().await.is_empty());
    let over = "UPDATE jobs SET state = 'cancelled', ended_at = now(), end_reason = 'cancelled'";
    let connection = world.db.store.connection().await.unwrap();
    connection.execute(over, &[]).await.unwrap();
    assert_eq!(world.marked().await, ["input/a.png"]);
}

#[tokio::test]
async fn no_job_begins_from_a_picture_that_is_gone_until_it_is_given_again() {
    let world = World::new().await;
    let store = &world.db.store;
    let never = world.submit(about(1, picture("a"), world.now)).await;
    assert_eq!(never, Submitted::PicturesGone);
    world.given("a", 31).await.unwrap();
    let keys = world.marked().await;
    assert_eq!(keys.len(), 1);
    let marked = world.submit(about(2, picture("a"), world.now)).await;
    assert_eq!(marked, Submitted::PicturesGone);
    // The object may still be there, and would be taken for the new one.
    let early = world.given("a", 0).await;
    assert!(
        matches!(early, Err(StoreError::Contention { .. })),
        "{early:?}"
    );
    store.garbage_gone(&keys).await.unwrap();
    world.given("a", 0).await.unwrap();
    class_of(&world.submit(about(3, picture("a"), world.now)).await);
}

#[tokio::test]
async fn a_picture_that_is_given_again_before_it_is_marked_is_no_garbage() {
    let world = World::new().await;
    let store = &world.db.store;
    world.given("a", 31).await.unwrap();
    assert_eq!(store.settle_inputs(MONTH, 100).await.unwrap(), 1);
    world.given("a", 0).await.unwrap();
    assert!(world.marked().await.is_empty());
    class_of(&world.submit(about(1, picture("a"), world.now)).await);
}

#[tokio::test]
async fn no_job_begins_from_a_result_that_is_gone() {
    let world = World::new().await;
    let mut result = picture("a");
    result.key = "public/a.png".into();
    let gone = world.submit(about(1, result.clone(), world.now)).await;
    assert_eq!(gone, Submitted::PicturesGone);
    let there =
        "INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
                 VALUES ('public/a.png', 'public', 'ab', 10, 'image/png', 8, 8)";
    let connection = world.db.store.connection().await.unwrap();
    connection.execute(there, &[]).await.unwrap();
    class_of(&world.submit(about(2, result, world.now)).await);
}
