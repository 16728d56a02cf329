//! Members: what they have chosen, and what they have under way.

use super::support::*;
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, UserId};
use easel_store::member::{MemberSettings, SettingsChange, SettingsChanged, Variation};
use easel_store::testing::TestDatabase;
use uuid::Uuid;

const ADA: DiscordId = DiscordId(7);

async fn change(db: &TestDatabase, change: SettingsChange) -> SettingsChanged {
    let fresh = UserId(Uuid::from_u128(9));
    db.store
        .change_settings(ADA, fresh, "standard", change)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_setting_is_kept_until_it_is_changed_and_none_goes_beyond_the_tier() {
    let db = TestDatabase::create().await;
    let settings = || db.store.member_settings(ADA);
    assert_eq!(settings().await.unwrap(), MemberSettings::default());
    let refused = change(&db, SettingsChange::Speed(Some(ServiceClass::Fast))).await;
    assert!(matches!(refused, SettingsChanged::Forbidden { tier, .. } if tier.name == "standard"));
    change(&db, SettingsChange::Speed(Some(ServiceClass::Relax))).await;
    change(&db, SettingsChange::Variation(Variation::Strong)).await;
    change(&db, SettingsChange::Remix(true)).await;
    change(&db, SettingsChange::AutoDm(true)).await;
    let kept = MemberSettings {
        speed: Some(ServiceClass::Relax),
        variation: Variation::Strong,
        remix: true,
        auto_dm: true,
    };
    assert_eq!(settings().await.unwrap(), kept);
    change(&db, SettingsChange::Speed(None)).await;
    assert_eq!(settings().await.unwrap().speed, None);
}

#[tokio::test]
async fn a_job_that_names_no_lane_takes_the_chosen_one_and_never_one_beyond_the_tier() {
    let db = TestDatabase::create().await;
    change(&db, SettingsChange::Speed(Some(ServiceClass::Relax))).await;
    let first = db.store.submit(submission(1)).await.unwrap();
    assert_eq!(class_of(&first), ServiceClass::Relax);
    let mut named = submission(2);
    named.lane = Some(ServiceClass::Standard);
    let second = db.store.submit(named).await.unwrap();
    assert_eq!(class_of(&second), ServiceClass::Standard);
    execute(&db, "UPDATE member_settings SET speed = 'turbo'").await;
    let third = db.store.submit(submission(3)).await.unwrap();
    assert_eq!(class_of(&third), ServiceClass::Standard);
}

#[tokio::test]
async fn an_overview_counts_ones_own_jobs_and_lists_those_that_have_not_ended() {
    let db = TestDatabase::create().await;
    for n in 1..=3 {
        db.store.submit(submission(n)).await.unwrap();
    }
    let mut other = submission(4);
    other.member = DiscordId(8);
    db.store.submit(other).await.unwrap();
    let ended = "UPDATE jobs SET state = 'completed', ended_at = now() WHERE interaction_id = 1";
    execute(&db, ended).await;
    execute(
        &db,
        "UPDATE jobs SET state = 'held' WHERE interaction_id = 2",
    )
    .await;
    let of = |member| db.store.member_overview(member, "free", NOW);
    let overview = of(ADA).await.unwrap();
    assert_eq!(
        (overview.waiting, overview.running, overview.ever),
        (1, 1, 3)
    );
    assert_eq!(overview.lately, 0, "the ids of the test are of 1970");
    let stranger = of(DiscordId(1)).await.unwrap();
    assert_eq!((stranger.tier.name.as_str(), stranger.ever), ("free", 0));
    let unfinished = db.store.unfinished_of(ADA, 24).await.unwrap();
    let waits: Vec<_> = unfinished.iter().map(|job| job.waits).collect();
    assert_eq!(waits, [true, false], "newest first");
}
