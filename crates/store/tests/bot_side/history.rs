//! One's own jobs, page by page.

use std::time::Duration;

use super::support::*;
use easel_domain::clock::{EntropyExt, SeededEntropy};
use easel_domain::spec::Action;
use easel_domain::{DiscordId, InteractionId, JobId, UserId};
use easel_store::history::{HistoryPage, PageStart, Search};
use easel_store::submit::Submission;
use easel_store::testing::TestDatabase;
use uuid::Uuid;

const ADA: DiscordId = DiscordId(7);

/// Five jobs of Ada's on five days, ended, and one of somebody else's; the ids of hers, oldest first.
async fn five(db: &TestDatabase) -> Vec<JobId> {
    let entropy = SeededEntropy::new(1);
    let mut ids: Vec<JobId> = Vec::new();
    for n in 0..6_u16 {
        let at = NOW + Duration::from_hours(24) * u32::from(n);
        let job = JobId(entropy.ordered_uuid(at));
        let new = Submission {
            job,
            interaction: InteractionId(i64::from(n)),
            member: if n == 5 { DiscordId(8) } else { ADA },
            action: if n == 3 {
                Action::Vary
            } else {
                Action::Imagine
            },
            parent: (n == 3).then(|| (ids[1], 2)),
            shown: format!("a boat number {n} at 50% --ar 1:1"),
            submitted_at: at,
            ..submission(n + 1)
        };
        db.store.submit(new).await.unwrap();
        execute(db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
        ids.push(job);
    }
    ids.truncate(5);
    ids
}

async fn open(db: &TestDatabase, search: Search) -> u32 {
    let fresh = UserId(Uuid::from_u128(9));
    db.store
        .open_search(ADA, fresh, &search, NOW)
        .await
        .unwrap()
}

async fn page(db: &TestDatabase, search: u32, start: PageStart) -> HistoryPage {
    db.store
        .history_page(ADA, search, start, 2)
        .await
        .unwrap()
        .unwrap()
}

fn ids(page: &HistoryPage) -> Vec<JobId> {
    page.jobs.iter().map(|job| job.job).collect()
}

#[tokio::test]
async fn pages_lead_to_the_oldest_job_and_back_and_show_nobody_elses() {
    let db = TestDatabase::create().await;
    let jobs = five(&db).await;
    let search = open(&db, Search::default()).await;
    let first = page(&db, search, PageStart::Newest).await;
    assert_eq!(ids(&first), [jobs[4], jobs[3]]);
    assert_eq!((first.has_newer, first.has_older), (false, true));
    assert_eq!(first.jobs[1].parent, Some((jobs[1], Some(2))));
    let second = page(&db, search, PageStart::OlderThan(jobs[3])).await;
    assert_eq!(ids(&second), [jobs[2], jobs[1]]);
    assert_eq!((second.has_newer, second.has_older), (true, true));
    let last = page(&db, search, PageStart::OlderThan(jobs[1])).await;
    assert_eq!((ids(&last), last.has_older), (vec![jobs[0]], false));
    let back = page(&db, search, PageStart::NewerThan(jobs[0])).await;
    assert_eq!(ids(&back), [jobs[2], jobs[1]]);
    assert_eq!((back.has_newer, back.has_older), (true, true));
    let at = page(&db, search, PageStart::At(jobs[2])).await;
    assert_eq!(ids(&at), [jobs[2], jobs[1]]);
    let other = db
        .store
        .history_page(DiscordId(8), search, PageStart::Newest, 2)
        .await
        .unwrap();
    assert_eq!(other, None, "a search is its maker's");
}

#[tokio::test]
async fn words_kind_model_and_days_narrow_a_search() {
    let db = TestDatabase::create().await;
    five(&db).await;
    let day = |n: u32| Some(NOW + Duration::from_hours(24) * n);
    let searches = [
        (
            Search {
                words: "BOAT 50%".into(),
                ..Search::default()
            },
            5,
        ),
        (
            Search {
                words: "number 2".into(),
                ..Search::default()
            },
            1,
        ),
        (
            Search {
                words: "b_at".into(),
                ..Search::default()
            },
            0,
        ),
        (
            Search {
                actions: Some(vec![Action::Vary, Action::VaryStrong]),
                ..Search::default()
            },
            1,
        ),
        (
            Search {
                model: Some("m".into()),
                ..Search::default()
            },
            5,
        ),
        (
            Search {
                model: Some("n".into()),
                ..Search::default()
            },
            0,
        ),
        (
            Search {
                from: day(1),
                until: day(3),
                ..Search::default()
            },
            2,
        ),
    ];
    for (wanted, count) in searches {
        let search = open(&db, wanted.clone()).await;
        let found = db
            .store
            .history_page(ADA, search, PageStart::Newest, 10)
            .await;
        assert_eq!(found.unwrap().unwrap().jobs.len(), count, "{wanted:?}");
    }
    assert_eq!(db.store.prune_searches(NOW, 10).await.unwrap(), 0);
    assert_eq!(db.store.prune_searches(NOW + WITHIN, 10).await.unwrap(), 7);
}

#[tokio::test]
async fn a_job_knows_where_it_comes_from_and_how_many_came_of_it() {
    let db = TestDatabase::create().await;
    let jobs = five(&db).await;
    let lineage = db.store.lineage(jobs[3]).await.unwrap();
    assert_eq!(lineage.ancestors.len(), 1);
    assert_eq!(
        (lineage.ancestors[0].job, lineage.ancestors[0].action),
        (jobs[1], Action::Imagine)
    );
    assert_eq!(db.store.lineage(jobs[1]).await.unwrap().children, 1);
}

#[tokio::test]
async fn only_a_picture_that_passed_is_a_thumbnail() {
    let db = TestDatabase::create().await;
    let jobs = five(&db).await;
    for (n, outcome) in [(3, "block"), (4, "pass")] {
        let job = jobs[n];
        execute(
            &db,
            &format!(
                "INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
                 VALUES ('public/{n}', 'public', 'ab', 10, 'image/png', 8, 8);
                 INSERT INTO job_files VALUES ('{job}', 'thumb128', 0, 'public/{n}');
                 INSERT INTO pictures (id, job_id, index, seed, outcome, verdict)
                 VALUES (gen_random_uuid(), '{job}', 0, 1, '{outcome}', '{{}}')"
            ),
        )
        .await;
    }
    let search = open(&db, Search::default()).await;
    let found = page(&db, search, PageStart::Newest).await;
    assert_eq!(found.jobs[0].thumbnail, Some(("public/4".into(), 10)));
    assert_eq!(found.jobs[1].thumbnail, None);
    execute(&db, "UPDATE jobs SET storage_class = 'private'").await;
    let found = page(&db, search, PageStart::Newest).await;
    assert_eq!(found.jobs[0].thumbnail, None);
}
