//! Stars: set once, taken back, listed page by page, and only on what one may see.

use super::support::*;
use easel_domain::clock::{EntropyExt, SeededEntropy};
use easel_domain::{DiscordId, JobId, UserId};
use easel_store::favourite::{Favoured, FavouritesPage, Learnt, MOST, NewFavourite};
use easel_store::history::PageStart;
use easel_store::testing::TestDatabase;
use uuid::Uuid;

const ADA: DiscordId = DiscordId(7);
const GRACE: DiscordId = DiscordId(8);

fn job(n: u16) -> JobId {
    submission(n).job
}

fn star(member: DiscordId, n: u16, picture: Option<u32>) -> NewFavourite {
    NewFavourite {
        id: SeededEntropy::new(u64::from(n)).ordered_uuid(NOW + WITHIN * u32::from(n)),
        member,
        fresh_user: UserId(Uuid::from_u128(u128::from(n) + 500)),
        job: job(n),
        picture,
        at: NOW,
    }
}

/// So many finished jobs of Ada's.
async fn jobs(count: u16) -> TestDatabase {
    let db = TestDatabase::create().await;
    execute(
        &db,
        "UPDATE tiers SET waiting_limit = 100, running_limit = 100",
    )
    .await;
    for n in 1..=count {
        db.store.submit(submission(n)).await.unwrap();
    }
    execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    db
}

async fn page(db: &TestDatabase, member: DiscordId, start: PageStart) -> FavouritesPage {
    db.store.favourites_page(member, start, 2).await.unwrap()
}

fn listed(page: &FavouritesPage) -> Vec<JobId> {
    page.favourites.iter().map(|mark| mark.job.job).collect()
}

#[tokio::test]
async fn a_star_counts_once_and_can_be_taken_back() {
    let db = jobs(1).await;
    let add = |new| db.store.add_favourite(new);
    assert_eq!(add(star(GRACE, 1, Some(0))).await.unwrap(), Favoured::Kept);
    let mut again = star(GRACE, 1, Some(0));
    again.id = Uuid::from_u128(1);
    assert_eq!(add(again).await.unwrap(), Favoured::Already);
    again.picture = None;
    assert_eq!(add(again).await.unwrap(), Favoured::Kept, "the whole grid");
    again.picture = None;
    again.id = Uuid::from_u128(2);
    assert_eq!(add(again).await.unwrap(), Favoured::Already);
    let remove = |picture| db.store.remove_favourite(GRACE, job(1), picture);
    assert!(remove(None).await.unwrap());
    assert!(!remove(None).await.unwrap());
    assert_eq!(
        page(&db, GRACE, PageStart::Newest).await.favourites.len(),
        1
    );
    assert!(
        page(&db, ADA, PageStart::Newest)
            .await
            .favourites
            .is_empty()
    );
    assert!(remove(Some(0)).await.unwrap());
}

#[tokio::test]
async fn two_stars_at_the_same_moment_are_one() {
    let db = jobs(1).await;
    let mut other = star(GRACE, 1, None);
    other.id = Uuid::from_u128(3);
    let (first, second) = tokio::join!(
        db.store.add_favourite(star(GRACE, 1, None)),
        db.store.add_favourite(other)
    );
    let outcomes = [first.unwrap(), second.unwrap()];
    assert!(outcomes.contains(&Favoured::Kept) && outcomes.contains(&Favoured::Already));
}

#[tokio::test]
async fn pages_go_by_when_the_star_was_set() {
    let db = jobs(5).await;
    for n in [5, 3, 1, 2, 4] {
        db.store.add_favourite(star(ADA, n, None)).await.unwrap();
    }
    let first = page(&db, ADA, PageStart::Newest).await;
    assert_eq!(
        listed(&first),
        [job(5), job(4)],
        "ids are of the order 1 to 5"
    );
    assert_eq!((first.has_newer, first.has_older), (false, true));
    let edge = JobId(first.favourites[1].id);
    let second = page(&db, ADA, PageStart::OlderThan(edge)).await;
    assert_eq!(listed(&second), [job(3), job(2)]);
    assert_eq!((second.has_newer, second.has_older), (true, true));
    let edge = JobId(second.favourites[0].id);
    let back = page(&db, ADA, PageStart::NewerThan(edge)).await;
    assert_eq!(listed(&back), [job(5), job(4)]);
    assert_eq!((back.has_newer, back.has_older), (false, true));
    let at = page(&db, ADA, PageStart::At(edge)).await;
    assert_eq!(listed(&at), [job(3), job(2)]);
    let found = db.store.favourite_job(ADA, edge.0).await.unwrap();
    assert_eq!(found, Some(job(3)));
    assert_eq!(db.store.favourite_job(GRACE, edge.0).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_kept_private_and_what_has_no_pictures_takes_no_star_of_others() {
    let db = jobs(3).await;
    let add = |member, n| db.store.add_favourite(star(member, n, None));
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
    assert_eq!(add(GRACE, 1).await.unwrap(), Favoured::Private);
    assert_eq!(add(ADA, 1).await.unwrap(), Favoured::Kept);
    assert_eq!(add(ADA, 2).await.unwrap(), Favoured::Nothing);
    assert_eq!(add(ADA, 99).await.unwrap(), Favoured::Nothing);
    execute(
        &db,
        "UPDATE jobs SET state = 'queued', ended_at = NULL WHERE interaction_id = 3",
    )
    .await;
    assert_eq!(
        add(GRACE, 3).await.unwrap(),
        Favoured::Kept,
        "it is under way"
    );
}

#[tokio::test]
async fn a_member_has_so_many_favourites_and_no_more() {
    let db = jobs(2).await;
    db.store.add_favourite(star(ADA, 1, None)).await.unwrap();
    let others = format!(
        "INSERT INTO favourites (id, user_id, job_id, picture, at)
         SELECT gen_random_uuid(), user_id, id, n, now() FROM jobs, generate_series(1, {MOST} - 1) n
         WHERE interaction_id = 1"
    );
    execute(&db, &others).await;
    let full = db.store.add_favourite(star(ADA, 2, None)).await.unwrap();
    assert_eq!(full, Favoured::Full);
    let known = db.store.add_favourite(star(ADA, 1, None)).await.unwrap();
    assert_eq!(known, Favoured::Already);
    db.store.remove_favourite(ADA, job(1), None).await.unwrap();
    let room = db.store.add_favourite(star(ADA, 2, None)).await.unwrap();
    assert_eq!(room, Favoured::Kept);
}

#[tokio::test]
async fn the_job_of_a_message_is_found_by_its_delivery_or_by_what_was_learnt() {
    let db = jobs(2).await;
    let of = |message| db.store.job_of_message(DiscordId(message));
    execute(&db, "UPDATE deliveries SET message_id = 70 WHERE job_id = (SELECT id FROM jobs WHERE interaction_id = 1)").await;
    assert_eq!(of(70).await.unwrap(), Some(job(1)));
    assert_eq!(of(71).await.unwrap(), None);
    let learn = |n| {
        db.store
            .learn_job_message(DiscordId(3), DiscordId(71), job(n), 0)
    };
    assert_eq!(learn(99).await.unwrap(), Learnt::NoJob);
    assert_eq!(of(71).await.unwrap(), None);
    assert_eq!(learn(2).await.unwrap(), Learnt::Shows);
    assert_eq!(learn(2).await.unwrap(), Learnt::Shows, "again");
    assert_eq!(of(71).await.unwrap(), Some(job(2)));
}
