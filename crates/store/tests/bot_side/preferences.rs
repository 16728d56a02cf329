//! What members keep for their prompts.

use super::support::*;
use easel_domain::prompt::shorthand::MAX_NAMES;
use easel_domain::{DiscordId, UserId};
use easel_store::preference::{OptionSet, Preferences};
use easel_store::testing::TestDatabase;
use uuid::Uuid;

const ADA: DiscordId = DiscordId(7);

async fn set(db: &TestDatabase, name: &str, value: Option<&str>) -> OptionSet {
    let fresh = UserId(Uuid::from_u128(9));
    let set = db.store.set_option(ADA, fresh, name, value, NOW);
    set.await.unwrap()
}

async fn kept(db: &TestDatabase) -> Preferences {
    db.store.preferences(ADA).await.unwrap()
}

#[tokio::test]
async fn a_name_stands_for_the_newest_parameters_until_it_is_taken_away() {
    let db = TestDatabase::create().await;
    assert_eq!(kept(&db).await, Preferences::default(), "never seen");
    assert_eq!(set(&db, "mine", None).await, OptionSet::NotThere);
    assert_eq!(set(&db, "mine", Some("--tile")).await, OptionSet::Kept);
    assert_eq!(set(&db, "mine", Some("--ar 3:2")).await, OptionSet::Kept);
    assert_eq!(kept(&db).await.options["mine"], "--ar 3:2");
    let fresh = UserId(Uuid::from_u128(10));
    let suffix = |suffix| db.store.set_suffix(ADA, fresh, suffix);
    suffix(Some("--no text")).await.unwrap();
    let both = kept(&db).await;
    assert_eq!(
        (both.suffix.as_deref(), both.options.len()),
        (Some("--no text"), 1)
    );
    suffix(None).await.unwrap();
    assert_eq!(set(&db, "mine", None).await, OptionSet::Removed);
    assert_eq!(kept(&db).await, Preferences::default());
    let others = db.store.preferences(DiscordId(8)).await.unwrap();
    assert_eq!(others, Preferences::default());
}

#[tokio::test]
async fn so_many_names_are_kept_and_no_more_but_each_can_be_changed() {
    let db = TestDatabase::create().await;
    for n in 0..MAX_NAMES {
        let kept = set(&db, &format!("n{n}"), Some("--tile")).await;
        assert_eq!(kept, OptionSet::Kept);
    }
    assert_eq!(set(&db, "more", Some("--tile")).await, OptionSet::Full);
    assert_eq!(set(&db, "n0", Some("--raw")).await, OptionSet::Kept);
    assert_eq!(kept(&db).await.options.len(), MAX_NAMES);
}
