//! How fast requests may follow one another.

use super::support::*;
use easel_domain::tier::RequestPace;
use easel_domain::{DiscordId, GuildKey};
use easel_store::testing::TestDatabase;

#[tokio::test]
async fn limits_are_what_the_rows_say_now_and_a_guild_may_have_its_own() {
    let db = TestDatabase::create().await;
    let shipped = db.store.request_limits().await.unwrap();
    let names = ["free", "standard", "premium", "enterprise"];
    let paces = names.map(|name| shipped.tiers[name]);
    let expected = [(20, 40), (30, 90), (60, 180), (90, 360)]
        .map(|(burst, per_minute)| RequestPace::new(burst, per_minute));
    assert_eq!(paces, expected);
    assert_eq!(shipped.every_guild, Some(RequestPace::new(600, 3600)));
    execute(
        &db,
        "UPDATE tiers SET request_burst = 2 WHERE name = 'free'; INSERT INTO guild_limits VALUES (5, 7, 8)",
    )
    .await;
    let changed = db.store.request_limits().await.unwrap();
    assert_eq!(changed.tiers["free"], RequestPace::new(2, 40));
    assert_eq!(changed.guilds[&GuildKey(5)], RequestPace::new(7, 8));
    assert_eq!(changed.every_guild, shipped.every_guild);
}

#[tokio::test]
async fn the_tier_is_told_of_those_who_have_an_account() {
    let db = TestDatabase::create().await;
    db.store.submit(submission(1)).await.unwrap();
    execute(&db, "UPDATE accounts SET tier = 'premium'").await;
    let asked = [DiscordId(7), DiscordId(8)];
    let found = db.store.tiers_of(&asked).await.unwrap();
    assert_eq!(found, [(DiscordId(7), "premium".to_owned())]);
}
