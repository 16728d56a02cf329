//! Pictures by direct message, and deleted results.

use super::support::*;
use easel_domain::{DiscordId, GuildKey, JobId, UserId};
use easel_store::delivery::{PostIntent, Route};
use easel_store::favourite::{Favoured, Learnt, NewFavourite};
use easel_store::history::{PageStart, Search};
use easel_store::mailing::{MailAsked, MailEnd, NewMailing};
use easel_store::member::SettingsChange;
use easel_store::removal::{Removal, Removed};
use easel_store::shard::ShardLease;
use easel_store::testing::TestDatabase;
use std::time::Duration;
use uuid::Uuid;

const ADA: DiscordId = DiscordId(7);
const GRACE: DiscordId = DiscordId(8);
const LIFE: Duration = Duration::from_mins(1);

fn job(n: u16) -> JobId {
    submission(n).job
}

fn wish(member: DiscordId, n: u16, id: u128) -> NewMailing {
    NewMailing {
        id: Uuid::from_u128(id),
        job: job(n),
        member,
        fresh_user: UserId(Uuid::from_u128(id + 500)),
        shard: 0,
        locale: None,
        reacted_to: Some((DiscordId(3), DiscordId(70))),
        at: NOW,
        same_within: WITHIN,
    }
}

async fn jobs(count: u16, ended: bool) -> (TestDatabase, ShardLease) {
    let db = TestDatabase::create().await;
    for n in 1..=count {
        db.store.submit(submission(n)).await.unwrap();
    }
    if ended {
        execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    }
    let lease = db.store.claim_shard(0, process(&db, 1).await, LIFE).await;
    (db, lease.unwrap().unwrap())
}

async fn due(db: &TestDatabase) -> Vec<Uuid> {
    let due = db.store.due_mailings(0, NOW, 10, 10).await.unwrap();
    due.into_iter().map(|(id, _)| id).collect()
}

#[tokio::test]
async fn pictures_are_asked_for_once_and_again_only_after_a_while() {
    let (db, lease) = jobs(1, true).await;
    let ask = |id, at| {
        let mut new = wish(GRACE, 1, id);
        new.at = at;
        db.store.ask_mailing(new)
    };
    let first = Uuid::from_u128(1);
    assert_eq!(ask(1, NOW).await.unwrap(), MailAsked::Open(first));
    assert_eq!(ask(2, NOW).await.unwrap(), MailAsked::Open(first), "twice");
    assert_eq!(due(&db).await, [first]);
    let row = db.store.open_mailing(first).await.unwrap().unwrap();
    assert_eq!((row.job, row.member), (job(1), Some(GRACE)));
    assert_eq!(row.reacted_to, Some((DiscordId(3), DiscordId(70))));
    assert_eq!(row.locale, "de", "that of the job, for one who has none");
    assert!(!row.may_be_posted);
    let begun = db.store.begin_mailing(lease, first, DiscordId(30), NOW);
    begun.await.unwrap();
    let row = db.store.open_mailing(first).await.unwrap().unwrap();
    assert!(row.may_be_posted && row.channel == Some(DiscordId(30)));
    let end = MailEnd::Sent(DiscordId(31));
    db.store.end_mailing(lease, first, end, NOW).await.unwrap();
    assert!(due(&db).await.is_empty());
    let known = db.store.job_of_message(DiscordId(31)).await.unwrap();
    assert_eq!(known, Some(job(1)), "its message takes stars");
    assert_eq!(ask(3, NOW).await.unwrap(), MailAsked::SentBefore);
    let later = ask(4, NOW + WITHIN).await.unwrap();
    assert_eq!(later, MailAsked::Open(Uuid::from_u128(4)));
    assert_eq!(
        db.store.mailed_job(Uuid::from_u128(4)).await.unwrap(),
        Some(job(1))
    );
    assert_eq!(number(&db, "SELECT count(*) FROM mailings").await, 1);
}

#[tokio::test]
async fn a_refusal_is_an_end_and_may_be_tried_anew() {
    let (db, lease) = jobs(1, true).await;
    let id = Uuid::from_u128(1);
    db.store.ask_mailing(wish(GRACE, 1, 1)).await.unwrap();
    let later = NOW + WITHIN;
    db.store.mailing_failed(lease, id, later).await.unwrap();
    assert!(due(&db).await.is_empty(), "not before its pause is over");
    let refused = MailEnd::Refused("closed");
    db.store.end_mailing(lease, id, refused, NOW).await.unwrap();
    let state = "SELECT count(*) FROM mailings WHERE state = 'refused' AND reason = 'closed'";
    assert_eq!(number(&db, state).await, 1);
    let twice = db.store.end_mailing(lease, id, refused, NOW).await;
    assert!(twice.unwrap_err().is_lost_race());
    let again = db.store.ask_mailing(wish(GRACE, 1, 2)).await.unwrap();
    assert_eq!(again, MailAsked::Open(Uuid::from_u128(2)));
}

#[tokio::test]
async fn who_wants_everything_gets_every_job_when_it_ends() {
    let (db, lease) = jobs(0, false).await;
    let fresh = UserId(Uuid::from_u128(9));
    let on = SettingsChange::AutoDm(true);
    let changed = db.store.change_settings(ADA, fresh, "standard", on);
    changed.await.unwrap();
    db.store.submit(submission(1)).await.unwrap();
    let mut other = submission(2);
    other.member = GRACE;
    db.store.submit(other).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM mailings").await, 1);
    assert!(due(&db).await.is_empty(), "it runs");
    execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    let ids = due(&db).await;
    assert_eq!(ids.len(), 1);
    let row = db.store.open_mailing(ids[0]).await.unwrap().unwrap();
    assert_eq!((row.job, row.reacted_to), (job(1), None));
    let void = MailEnd::Void("no pictures");
    db.store
        .end_mailing(lease, ids[0], void, NOW)
        .await
        .unwrap();
    assert!(due(&db).await.is_empty());
}

#[tokio::test]
async fn a_process_that_lost_its_shard_ends_no_mailing() {
    let (db, lease) = jobs(1, true).await;
    db.store.ask_mailing(wish(GRACE, 1, 1)).await.unwrap();
    execute(&db, "UPDATE shard_owners SET epoch = epoch + 1").await;
    let id = Uuid::from_u128(1);
    let end = MailEnd::Sent(DiscordId(31));
    let ended = db.store.end_mailing(lease, id, end, NOW).await;
    assert!(ended.unwrap_err().is_lost_race());
    assert_eq!(due(&db).await, [id]);
}

#[tokio::test]
async fn what_is_private_or_without_pictures_is_sent_to_nobody_else() {
    let (db, _) = jobs(2, true).await;
    execute(
        &db,
        "UPDATE jobs SET storage_class = 'private' WHERE interaction_id = 1",
    )
    .await;
    execute(
        &db,
        "UPDATE jobs SET state = 'failed' WHERE interaction_id = 2",
    )
    .await;
    let ask = |member, n| db.store.ask_mailing(wish(member, n, 1));
    assert_eq!(ask(GRACE, 1).await.unwrap(), MailAsked::Private);
    assert_eq!(ask(ADA, 2).await.unwrap(), MailAsked::Nothing);
    assert_eq!(ask(ADA, 99).await.unwrap(), MailAsked::Nothing);
    assert!(matches!(ask(ADA, 1).await.unwrap(), MailAsked::Open(_)));
}

fn removal(member: DiscordId, moderates: bool) -> Removal {
    Removal {
        job: job(1),
        member,
        fresh_user: UserId(Uuid::from_u128(700)),
        moderates: moderates.then_some(GUILD),
        shard: 0,
        at: NOW,
    }
}

#[tokio::test]
async fn a_result_is_deleted_by_its_owner_or_a_moderator_and_by_nobody_else() {
    let (db, _) = jobs(1, true).await;
    let remove = |member, moderates| db.store.remove_result(removal(member, moderates));
    assert_eq!(remove(GRACE, false).await.unwrap(), Removed::NotYours);
    let mut elsewhere = removal(GRACE, true);
    elsewhere.moderates = Some(GuildKey(GUILD.0 + 1));
    let outcome = db.store.remove_result(elsewhere).await.unwrap();
    assert_eq!(outcome, Removed::NotYours, "who moderates another guild");
    execute(&db, "UPDATE jobs SET state = 'queued', ended_at = NULL").await;
    assert_eq!(remove(ADA, false).await.unwrap(), Removed::UnderWay);
    execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    assert_eq!(remove(GRACE, true).await.unwrap(), Removed::Done);
    assert_eq!(remove(ADA, false).await.unwrap(), Removed::Already);
    let moderated = "SELECT count(*) FROM removals WHERE moderated";
    assert_eq!(number(&db, moderated).await, 1);
    execute(&db, "DELETE FROM removals; DELETE FROM doomed_messages").await;
    let mut unknown = removal(ADA, true);
    unknown.job = job(9);
    let outcome = db.store.remove_result(unknown).await.unwrap();
    assert_eq!(outcome, Removed::Unknown);
}

#[tokio::test]
async fn nothing_shows_a_deleted_result_and_its_messages_are_doomed_once() {
    let (db, lease) = jobs(1, true).await;
    let the_job = job(1);
    execute(
        &db,
        &format!(
            "INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
             VALUES ('k', 'public', 'ab', 10, 'image/png', 8, 8);
             INSERT INTO job_files VALUES ('{the_job}', 'full', 0, 'k');
             UPDATE deliveries SET message_id = 70, desired_rev = 2"
        ),
    )
    .await;
    let copy = db
        .store
        .learn_job_message(DiscordId(5), DiscordId(71), the_job, 0);
    assert_eq!(copy.await.unwrap(), Learnt::Shows);
    let star = NewFavourite {
        id: Uuid::from_u128(1),
        member: GRACE,
        fresh_user: UserId(Uuid::from_u128(800)),
        job: the_job,
        picture: None,
        at: NOW,
    };
    assert_eq!(db.store.add_favourite(star).await.unwrap(), Favoured::Kept);
    db.store.ask_mailing(wish(GRACE, 1, 1)).await.unwrap();
    let all = Search::default();
    let search = db.store.open_search(ADA, star.fresh_user, &all, NOW);
    let search = search.await.unwrap();

    let done = db.store.remove_result(removal(ADA, false)).await.unwrap();
    assert_eq!(done, Removed::Done);
    let found = db
        .store
        .history_page(ADA, search, PageStart::Newest, 5)
        .await;
    assert!(found.unwrap().unwrap().jobs.is_empty());
    let marks = db.store.favourites_page(GRACE, PageStart::Newest, 5).await;
    assert!(marks.unwrap().favourites.is_empty());
    assert_eq!(
        db.store.add_favourite(star).await.unwrap(),
        Favoured::Nothing
    );
    assert!(due(&db).await.is_empty());
    let asked = db.store.ask_mailing(wish(GRACE, 1, 2)).await.unwrap();
    assert_eq!(asked, MailAsked::Nothing);
    let shown = db.store.job_snapshot(the_job).await.unwrap().unwrap();
    assert!(shown.removed && shown.words.is_none() && shown.files.is_empty());
    let due = db.store.due_deliveries(0, NOW, 5, 5).await.unwrap();
    assert!(due.is_empty(), "its message is not brought up to date");

    let doomed = || db.store.doomed_messages(0, NOW, 10, 10);
    let messages: Vec<_> = doomed().await.unwrap().iter().map(|m| m.message).collect();
    assert_eq!(messages, [DiscordId(70), DiscordId(71)]);
    db.store
        .doomed_failed(lease, DiscordId(70), NOW + WITHIN)
        .await
        .unwrap();
    assert_eq!(doomed().await.unwrap().len(), 1);
    db.store
        .end_doomed(lease, DiscordId(71), None, NOW)
        .await
        .unwrap();
    assert!(doomed().await.unwrap().is_empty());
    let again = db.store.remove_result(removal(ADA, false)).await.unwrap();
    assert_eq!(again, Removed::Already);
    assert!(
        doomed().await.unwrap().is_empty(),
        "what is gone is not doomed again"
    );
}

#[tokio::test]
async fn a_message_that_was_on_its_way_goes_with_its_deleted_result() {
    let (db, lease) = jobs(1, true).await;
    let MailAsked::Open(id) = db.store.ask_mailing(wish(GRACE, 1, 1)).await.unwrap() else {
        panic!("a public result may be sent");
    };
    let begun = db.store.begin_mailing(lease, id, DiscordId(6), NOW);
    begun.await.unwrap();
    let removed = db.store.remove_result(removal(ADA, false)).await.unwrap();
    assert_eq!(removed, Removed::Done);
    let sent = MailEnd::Sent(DiscordId(90));
    let ended = db.store.end_mailing(lease, id, sent, NOW).await;
    assert!(ended.unwrap_err().is_lost_race());
    let doomed = db.store.doomed_messages(0, NOW, 10, 10).await.unwrap();
    assert!(doomed.iter().any(|one| one.message == DiscordId(90)));
}

#[tokio::test]
async fn whatever_appears_of_a_deleted_result_is_deleted_and_nothing_more_is_posted() {
    let (db, lease) = jobs(1, true).await;
    let the_job = job(1);
    let channel = DiscordId(3);
    db.store
        .change_route(lease, the_job, Route::Channel, channel)
        .await
        .unwrap();
    let begin_post = || db.store.begin_post(lease, the_job, NOW);
    assert_eq!(begin_post().await.unwrap(), PostIntent::Written);
    let removed = db.store.remove_result(removal(ADA, false)).await.unwrap();
    assert_eq!(removed, Removed::Done);
    assert_eq!(begin_post().await.unwrap(), PostIntent::Over);
    // What was on its way when the result was deleted: the message itself, and a copy.
    let row = db.store.delivery(the_job).await.unwrap().unwrap();
    let posted = db.store.record_new_message(lease, &row, 1, DiscordId(91));
    posted.await.unwrap();
    let copy = db
        .store
        .learn_job_message(DiscordId(5), DiscordId(92), the_job, 0);
    assert_eq!(copy.await.unwrap(), Learnt::Doomed);
    let nobodys = db
        .store
        .learn_job_message(DiscordId(5), DiscordId(93), job(9), 0);
    assert_eq!(nobodys.await.unwrap(), Learnt::NoJob);
    let doomed = db.store.doomed_messages(0, NOW, 10, 10).await.unwrap();
    let doomed: Vec<_> = doomed
        .iter()
        .map(|one| (one.channel, one.message))
        .collect();
    assert_eq!(
        doomed,
        [(channel, DiscordId(91)), (DiscordId(5), DiscordId(92))]
    );
}

#[tokio::test]
async fn a_busy_member_and_a_busy_channel_hide_nobody() {
    let (db, _) = jobs(4, true).await;
    for (n, member) in [(1, ADA), (2, ADA), (3, ADA), (4, GRACE)] {
        let asked = db.store.ask_mailing(wish(member, n, u128::from(n))).await;
        assert!(matches!(asked.unwrap(), MailAsked::Open(_)));
    }
    let due = db.store.due_mailings(0, NOW, 1, 10).await.unwrap();
    let due: Vec<_> = due.iter().map(|(id, _)| id.as_u128()).collect();
    assert_eq!(due, [1, 4]);
    for (message, channel) in [(71, 5), (72, 5), (73, 5), (74, 6)] {
        let copy = db
            .store
            .learn_job_message(DiscordId(channel), DiscordId(message), job(1), 0);
        copy.await.unwrap();
    }
    db.store.remove_result(removal(ADA, false)).await.unwrap();
    let doomed = db.store.doomed_messages(0, NOW, 1, 10).await.unwrap();
    let doomed: Vec<_> = doomed.iter().map(|one| one.message.0).collect();
    assert_eq!(doomed, [71, 74]);
}
