//! New tokens for messages that nothing else reaches.

use std::time::Duration;

use super::support::*;
use easel_domain::{DiscordId, UserId};
use easel_store::delivery::Route;
use easel_store::removal::{Removal, Removed};
use easel_store::renewal::Renewal;
use easel_store::submit::Submission;
use easel_store::testing::TestDatabase;
use secrecy::SecretString;
use uuid::Uuid;

#[tokio::test]
async fn a_direct_message_that_stood_in_for_the_pressed_one_goes_with_its_result() {
    let db = TestDatabase::create().await;
    let asked = Submission {
        ephemeral: true,
        ..submission(1)
    };
    let (job, member) = (asked.job, asked.member);
    db.store.submit(asked).await.unwrap();
    let term = Duration::from_mins(1);
    let owner = process(&db, 1).await;
    let lease = db.store.claim_shard(0, owner, term).await.unwrap().unwrap();
    let (room, direct) = (DiscordId(9), DiscordId(55));
    let routed = db.store.change_route(lease, job, Route::Direct, room);
    routed.await.unwrap();
    let row = db.store.delivery(job).await.unwrap().unwrap();
    let posted = db.store.record_new_message(lease, &row, 1, direct);
    posted.await.unwrap();
    execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    let renewal = Renewal {
        job,
        shard: 0,
        channel: DiscordId(3),
        token: SecretString::from("new"),
        token_expires_at: NOW + WITHIN,
    };
    // A second press finds the message under its token, and nothing more to keep.
    for _ in 0..2 {
        assert!(db.store.renew_token(&renewal).await.unwrap());
        let kept = "SELECT count(*) FROM job_messages WHERE message_id = 55 AND channel_id = 9";
        assert_eq!(number(&db, kept).await, 1);
    }
    let removal = Removal {
        job,
        member,
        fresh_user: UserId(Uuid::from_u128(77)),
        moderates: None,
        shard: 0,
        at: NOW,
    };
    let removed = db.store.remove_result(removal).await.unwrap();
    assert_eq!(removed, Removed::Done);
    let doomed = "SELECT count(*) FROM doomed_messages WHERE message_id = 55";
    assert_eq!(number(&db, doomed).await, 1);
    assert!(!db.store.renew_token(&renewal).await.unwrap());
}

#[tokio::test]
async fn a_direct_message_that_was_on_its_way_when_the_other_was_pressed_goes_with_its_result_too()
{
    let db = TestDatabase::create().await;
    let asked = Submission {
        ephemeral: true,
        ..submission(1)
    };
    let (job, member) = (asked.job, asked.member);
    db.store.submit(asked).await.unwrap();
    let owner = process(&db, 1).await;
    let term = Duration::from_mins(1);
    let lease = db.store.claim_shard(0, owner, term).await.unwrap().unwrap();
    let (room, direct) = (DiscordId(9), DiscordId(55));
    let routed = db.store.change_route(lease, job, Route::Direct, room);
    routed.await.unwrap();
    execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    let sent = db.store.delivery(job).await.unwrap().unwrap();
    db.store.begin_post(lease, job, NOW).await.unwrap();
    let renewal = Renewal {
        job,
        shard: 0,
        channel: DiscordId(3),
        token: SecretString::from("new"),
        token_expires_at: NOW + WITHIN,
    };
    assert!(db.store.renew_token(&renewal).await.unwrap());
    let posted = db.store.record_new_message(lease, &sent, 1, direct);
    posted.await.unwrap();
    // The row is that of the pressed message, which is still to be shown.
    let row = db.store.delivery(job).await.unwrap().unwrap();
    assert_eq!((row.route, row.message), (Route::Interaction, None));
    assert!(row.shown_rev < row.desired_rev && row.post_intent_at.is_none());
    let removal = Removal {
        job,
        member,
        fresh_user: UserId(Uuid::from_u128(77)),
        moderates: None,
        shard: 0,
        at: NOW,
    };
    let removed = db.store.remove_result(removal).await.unwrap();
    assert_eq!(removed, Removed::Done);
    let doomed = "SELECT count(*) FROM doomed_messages WHERE message_id = 55 AND channel_id = 9";
    assert_eq!(number(&db, doomed).await, 1);
}
