//! What the bot reads and writes, against a real server.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use easel_domain::job::{EndReason, JobState};
use easel_domain::ledger::Credits;
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::picture::{FileRole, StorageClass};
use easel_domain::spec::{Action, GenerateSpec, NoisePlan, PromptText, RenderSpec, Sampler};
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, InteractionId, JobId, UserId};
use easel_store::cancel::{CancelOutcome, CancelRequest};
use easel_store::delivery::Route;
use easel_store::intake::{IntakeEnd, NewIntake};
use easel_store::submit::{MessagePlace, Repetition, Submission, Submitted};
use easel_store::testing::TestDatabase;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio_postgres::types::Json;
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
const WITHIN: Duration = Duration::from_secs(10);

fn spec() -> RenderSpec {
    RenderSpec::Generate(GenerateSpec {
        model: ModelRef {
            id: "m".into(),
            hash: "h".into(),
        },
        width: 128,
        height: 128,
        steps: 20,
        guidance: 4.0,
        sampler: Sampler::Default,
        pictures: vec![NoisePlan::from_seed(1)],
        finish_scale: 1,
    })
}

/// The `n`-th request of member 7 in channel 3.
fn submission(n: u16) -> Submission {
    Submission {
        job: JobId(Uuid::from_u128(u128::from(n))),
        interaction: InteractionId(i64::from(n)),
        member: DiscordId(7),
        fresh_user: UserId(Uuid::from_u128(1_000 + u128::from(n))),
        default_tier: "free".into(),
        place: MessagePlace {
            guild: Some(GuildKey(2)),
            channel: DiscordId(3),
            message: None,
        },
        shard: 0,
        application: DiscordId(4),
        token: SecretString::from("token"),
        token_expires_at: NOW + WITHIN,
        ephemeral: false,
        action: Action::Imagine,
        parent: None,
        repetition: Repetition::Allowed,
        region: "local".into(),
        pool: "main".into(),
        lane: None,
        spec: spec(),
        text: PromptText {
            positive: "a boat".into(),
            negative: String::new(),
        },
        shown: "a boat --ar 1:1".into(),
        digest: "d".into(),
        storage_class: StorageClass::Public,
        quote: Credits(0),
        submitted_at: NOW,
        moderation: serde_json::json!({"outcome": "allow"}),
        queues: ServiceClass::ALL.map(|class| format!("jobs.local.main.{}", class.as_str())),
    }
}

fn class_of(submitted: &Submitted) -> ServiceClass {
    match submitted {
        Submitted::Accepted { class, .. } => *class,
        other => panic!("not accepted: {other:?}"),
    }
}

async fn number(db: &TestDatabase, sql: &str) -> i64 {
    db.store
        .connection()
        .await
        .unwrap()
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

async fn execute(db: &TestDatabase, sql: &str) {
    db.store
        .connection()
        .await
        .unwrap()
        .batch_execute(sql)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_submission_is_one_job_with_words_reservation_message_and_hint_however_often_it_comes() {
    let db = TestDatabase::create().await;
    let first = db.store.submit(submission(1)).await.unwrap();
    assert_eq!(class_of(&first), ServiceClass::Relax);
    let again = Submission {
        job: JobId(Uuid::from_u128(99)),
        ..submission(1)
    };
    assert_eq!(
        db.store.submit(again).await.unwrap(),
        Submitted::Already {
            job: submission(1).job
        }
    );
    for table in [
        "jobs",
        "prompts",
        "ledger",
        "deliveries",
        "outbox",
        "job_events",
        "moderation_decisions",
        "users",
    ] {
        assert_eq!(
            number(&db, &format!("SELECT count(*) FROM {table}")).await,
            1,
            "{table}"
        );
    }
}

#[tokio::test]
async fn one_interaction_dispatched_twice_at_once_is_one_job() {
    let db = TestDatabase::create().await;
    let twin = Submission {
        job: JobId(Uuid::from_u128(2)),
        fresh_user: UserId(Uuid::from_u128(3)),
        ..submission(1)
    };
    let (one, other) = tokio::join!(db.store.submit(submission(1)), db.store.submit(twin));
    let outcomes = [one.unwrap(), other.unwrap()];
    assert_eq!(
        outcomes
            .iter()
            .filter(|o| matches!(o, Submitted::Accepted { .. }))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(number(&db, "SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn the_same_words_soon_after_are_the_running_job_and_not_later_elsewhere_or_by_others() {
    let db = TestDatabase::create().await;
    let words = |n, seconds: u64| Submission {
        repetition: Repetition::SameWords(WITHIN),
        submitted_at: NOW + Duration::from_secs(seconds),
        ..submission(n)
    };
    db.store.submit(words(1, 0)).await.unwrap();
    let repeated = db.store.submit(words(2, 9)).await.unwrap();
    assert!(
        matches!(repeated, Submitted::Repeated { job, .. } if job == submission(1).job),
        "{repeated:?}"
    );
    class_of(&db.store.submit(words(3, 11)).await.unwrap());
    let elsewhere = MessagePlace {
        channel: DiscordId(8),
        ..submission(4).place
    };
    class_of(
        &db.store
            .submit(Submission {
                place: elsewhere,
                ..words(4, 0)
            })
            .await
            .unwrap(),
    );
    class_of(
        &db.store
            .submit(Submission {
                member: DiscordId(9),
                ..words(5, 0)
            })
            .await
            .unwrap(),
    );
}

#[tokio::test]
async fn a_button_pressed_twice_is_one_job_and_u_is_one_for_ever_unless_it_failed() {
    let db = TestDatabase::create().await;
    db.store.submit(submission(1)).await.unwrap();
    let parent = Some((submission(1).job, 2));
    let click = |n, seconds: u64| Submission {
        action: Action::Vary,
        parent,
        repetition: Repetition::SameClick(Duration::from_secs(3)),
        submitted_at: NOW + Duration::from_secs(seconds),
        ..submission(n)
    };
    db.store.submit(click(2, 0)).await.unwrap();
    assert!(matches!(
        db.store.submit(click(3, 2)).await.unwrap(),
        Submitted::Repeated { .. }
    ));
    class_of(&db.store.submit(click(4, 4)).await.unwrap());
    execute(&db, "UPDATE jobs SET state = 'failed', ended_at = now()").await;
    let once = |n| Submission {
        action: Action::Upscale,
        parent,
        repetition: Repetition::Once,
        ..submission(n)
    };
    db.store.submit(once(5)).await.unwrap();
    execute(
        &db,
        "UPDATE jobs SET state = 'completed', ended_at = now() WHERE action = 'upscale'",
    )
    .await;
    let again = db.store.submit(once(6)).await.unwrap();
    assert!(
        matches!(again, Submitted::Repeated { job, .. } if job == once(5).job),
        "{again:?}"
    );
    execute(
        &db,
        "UPDATE jobs SET state = 'failed' WHERE action = 'upscale'",
    )
    .await;
    class_of(&db.store.submit(once(7)).await.unwrap());
}

#[tokio::test]
async fn limits_and_prices_are_decided_under_the_lock() {
    let db = TestDatabase::create().await;
    let dear = Submission {
        quote: Credits(5),
        ..submission(1)
    };
    assert_eq!(
        db.store.submit(dear.clone()).await.unwrap(),
        Submitted::TooDear {
            balance: Credits(0)
        }
    );
    let all: Vec<_> = futures_of(&db, 2..10).await;
    assert_eq!(
        all.iter()
            .filter(|o| matches!(o, Submitted::Accepted { .. }))
            .count(),
        4,
        "{all:?}"
    );
    assert!(all.contains(&Submitted::QueueFull {
        unfinished: 4,
        limit: 4,
        tier: "free".into()
    }));
    execute(&db, "UPDATE jobs SET state = 'failed', ended_at = now(); UPDATE accounts SET balance = 7, tier = 'premium'").await;
    let paid = db
        .store
        .submit(Submission {
            lane: Some(ServiceClass::Relax),
            ..dear
        })
        .await
        .unwrap();
    assert_eq!(
        class_of(&paid),
        ServiceClass::Relax,
        "a less urgent lane may be asked for"
    );
    assert_eq!(number(&db, "SELECT balance FROM accounts").await, 2);
    assert_eq!(number(&db, "SELECT min(amount) FROM ledger").await, -5);
    let turbo = Submission {
        lane: Some(ServiceClass::Turbo),
        ..submission(12)
    };
    assert_eq!(
        class_of(&db.store.submit(turbo).await.unwrap()),
        ServiceClass::Fast,
        "a more urgent one may not"
    );
}

/// Many submissions of one member at once.
async fn futures_of(db: &TestDatabase, range: std::ops::Range<u16>) -> Vec<Submitted> {
    let mut running = tokio::task::JoinSet::new();
    for n in range {
        let store = db.store.clone();
        running.spawn(async move { store.submit(submission(n)).await.unwrap() });
    }
    running.join_all().await
}

fn intake(n: i64) -> NewIntake {
    NewIntake {
        interaction: InteractionId(n),
        application: DiscordId(4),
        token: SecretString::from("token"),
        token_expires_at: NOW + WITHIN,
        received_at: NOW,
        kind: "imagine",
        shard: 0,
        waits: true,
    }
}

#[tokio::test]
async fn an_open_interaction_is_found_until_it_is_settled() {
    let db = TestDatabase::create().await;
    assert!(db.store.open_intake(&intake(1)).await.unwrap());
    assert!(
        !db.store.open_intake(&intake(1)).await.unwrap(),
        "a repeated dispatch"
    );
    db.store.open_intake(&intake(2)).await.unwrap();
    let later = NOW + WITHIN;
    let age = Duration::from_secs(1);
    assert!(
        db.store
            .open_intakes(0, NOW, age, 10)
            .await
            .unwrap()
            .is_empty(),
        "too young"
    );
    assert!(
        db.store
            .open_intakes(1, later, age, 10)
            .await
            .unwrap()
            .is_empty(),
        "another shard"
    );
    let open = db.store.open_intakes(0, later, age, 10).await.unwrap();
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].token.as_ref().unwrap().expose_secret(), "token");
    db.store.submit(submission(1)).await.unwrap();
    db.store
        .close_intake(InteractionId(2), IntakeEnd::Abandoned)
        .await
        .unwrap();
    db.store
        .close_intake(InteractionId(1), IntakeEnd::Answered)
        .await
        .unwrap();
    assert!(
        db.store
            .open_intakes(0, later, age, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        number(
            &db,
            "SELECT count(*) FROM intake WHERE state = 'accepted' AND token IS NULL"
        )
        .await,
        1
    );
    assert_eq!(db.store.prune_intakes(later, 10).await.unwrap(), 2);
}

#[tokio::test]
async fn a_shard_has_one_owner_and_only_he_writes_deliveries() {
    let db = TestDatabase::create().await;
    db.store.submit(submission(1)).await.unwrap();
    let (job, term) = (submission(1).job, Duration::from_mins(1));
    let (mine, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let lease = db.store.claim_shard(0, mine, term).await.unwrap().unwrap();
    assert_eq!(db.store.claim_shard(0, theirs, term).await.unwrap(), None);
    db.store.renew_shard(lease, term).await.unwrap();
    assert_eq!(db.store.due_deliveries(0, NOW, 10).await.unwrap(), [job]);
    db.store.learn_message(job, DiscordId(55)).await.unwrap();
    db.store
        .record_delivery_failure(lease, job, NOW + WITHIN)
        .await
        .unwrap();
    assert!(
        db.store
            .due_deliveries(0, NOW, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let row = db.store.delivery(job).await.unwrap().unwrap();
    assert_eq!(
        (row.message, row.failures, row.next_try_at),
        (Some(DiscordId(55)), 1, Some(NOW + WITHIN))
    );
    db.store.record_shown(lease, job, 1, None).await.unwrap();
    let row = db.store.delivery(job).await.unwrap().unwrap();
    assert_eq!(
        (row.shown_rev, row.failures, row.next_try_at, row.message),
        (1, 0, None, Some(DiscordId(55)))
    );

    db.store.release_shard(lease).await.unwrap();
    let successor = db
        .store
        .claim_shard(0, theirs, term)
        .await
        .unwrap()
        .unwrap();
    assert!(successor.epoch() > lease.epoch());
    for lost in [
        db.store.renew_shard(lease, term).await,
        db.store.record_shown(lease, job, 1, None).await,
        db.store.begin_post(lease, job, NOW).await.map(drop),
    ] {
        assert!(lost.unwrap_err().is_lost_race());
    }
}

#[tokio::test]
async fn a_new_message_has_its_intent_first_and_routes_lead_down() {
    let db = TestDatabase::create().await;
    db.store.submit(submission(1)).await.unwrap();
    let job = submission(1).job;
    let lease = db
        .store
        .claim_shard(0, Uuid::nil(), Duration::from_mins(1))
        .await
        .unwrap()
        .unwrap();
    db.store.forget_token(lease, job).await.unwrap();
    assert!(
        db.store
            .delivery(job)
            .await
            .unwrap()
            .unwrap()
            .token
            .is_none()
    );
    db.store
        .change_route(lease, job, Route::Channel, DiscordId(3))
        .await
        .unwrap();
    assert!(db.store.begin_post(lease, job, NOW).await.unwrap());
    assert!(
        !db.store.begin_post(lease, job, NOW).await.unwrap(),
        "the message may exist"
    );
    db.store
        .record_shown(lease, job, 1, Some(DiscordId(66)))
        .await
        .unwrap();
    let row = db.store.delivery(job).await.unwrap().unwrap();
    assert_eq!(
        (row.route, row.message, row.post_intent_at),
        (Route::Channel, Some(DiscordId(66)), None)
    );
    db.store
        .change_route(lease, job, Route::Direct, DiscordId(77))
        .await
        .unwrap();
    let row = db.store.delivery(job).await.unwrap().unwrap();
    assert_eq!(
        (row.route, row.channel, row.message),
        (Route::Direct, DiscordId(77), None)
    );
    db.store
        .give_up_delivery(lease, job, "closed")
        .await
        .unwrap();
    assert_eq!(
        db.store
            .delivery(job)
            .await
            .unwrap()
            .unwrap()
            .undeliverable
            .as_deref(),
        Some("closed")
    );
}

#[tokio::test]
async fn cancelling_is_asked_for_once_by_the_owner_or_a_moderator() {
    let db = TestDatabase::create().await;
    db.store.submit(submission(1)).await.unwrap();
    let queue = |region: &str, pool: &str, class: ServiceClass| {
        Some(format!("jobs.{region}.{pool}.{}", class.as_str()))
    };
    let wish = |job: u128, member, moderates| CancelRequest {
        job: JobId(Uuid::from_u128(job)),
        member: DiscordId(member),
        fresh_user: UserId(Uuid::from_u128(5)),
        moderates,
    };
    let ask = |wish| db.store.request_cancel(wish, queue);
    assert_eq!(
        ask(wish(1, 8, false)).await.unwrap(),
        CancelOutcome::NotYours
    );
    assert_eq!(
        ask(wish(2, 8, false)).await.unwrap(),
        CancelOutcome::Unknown
    );
    assert!(matches!(
        ask(wish(1, 8, true)).await.unwrap(),
        CancelOutcome::Requested { .. }
    ));
    assert_eq!(
        ask(wish(1, 7, false)).await.unwrap(),
        CancelOutcome::AlreadyRequested
    );
    assert_eq!(
        number(
            &db,
            "SELECT count(*) FROM outbox WHERE queue = 'jobs.local.main.relax'"
        )
        .await,
        2
    );
    assert!(
        db.store
            .job_snapshot(submission(1).job)
            .await
            .unwrap()
            .unwrap()
            .cancel_requested
    );
    execute(&db, "UPDATE jobs SET state = 'completed', ended_at = now()").await;
    assert_eq!(
        ask(wish(1, 7, false)).await.unwrap(),
        CancelOutcome::AlreadyEnded(JobState::Completed)
    );
}

#[tokio::test]
async fn a_snapshot_has_the_words_the_pictures_and_the_place() {
    let db = TestDatabase::create().await;
    assert_eq!(
        db.store.job_snapshot(submission(1).job).await.unwrap(),
        None
    );
    db.store.submit(submission(1)).await.unwrap();
    let job = submission(1).job;
    let queued = db.store.job_snapshot(job).await.unwrap().unwrap();
    assert_eq!(
        (queued.state, queued.owner, queued.spec.clone()),
        (JobState::Queued, Some(DiscordId(7)), spec())
    );
    assert_eq!(queued.words.unwrap().shown, "a boat --ar 1:1");
    assert_eq!(queued.place.unwrap().channel, DiscordId(3));
    let connection = db.store.connection().await.unwrap();
    connection
        .batch_execute(&format!(
            "UPDATE jobs SET state = 'completed', ended_at = now();
             INSERT INTO blobs VALUES ('k', 'public', 'ab', 9, 'image/png', 4, 5);
             INSERT INTO job_files VALUES ('{job}', 'grid', 0, 'k');
             INSERT INTO pictures VALUES (gen_random_uuid(), '{job}', 0, 4294967295, 'pass', '{{}}');
             DELETE FROM prompts"
        ))
        .await
        .unwrap();
    let done = db.store.job_snapshot(job).await.unwrap().unwrap();
    assert_eq!((done.pictures[0].seed, done.words), (u32::MAX, None));
    assert_eq!(done.files[0].role, FileRole::Grid);
    connection
        .batch_execute("UPDATE jobs SET state = 'failed', end_reason = 'model_gone'")
        .await
        .unwrap();
    let failed = db.store.job_snapshot(job).await.unwrap().unwrap();
    assert_eq!(
        (failed.end_reason, failed.pictures.len()),
        (Some(EndReason::ModelGone), 0)
    );
}

#[tokio::test]
async fn a_position_counts_more_urgent_lanes_and_earlier_jobs() {
    let db = TestDatabase::create().await;
    for n in 1..=3 {
        db.store.submit(submission(n)).await.unwrap();
    }
    execute(
        &db,
        &format!(
            "UPDATE jobs SET service_class = 'fast' WHERE id = '{}'",
            submission(3).job
        ),
    )
    .await;
    let position = |n: u16| db.store.queue_position(submission(n).job);
    assert_eq!(position(3).await.unwrap(), Some(1));
    assert_eq!(position(1).await.unwrap(), Some(2));
    assert_eq!(position(2).await.unwrap(), Some(3));
    execute(&db, "UPDATE jobs SET state = 'leased'").await;
    assert_eq!(position(1).await.unwrap(), None);
}

#[tokio::test]
async fn the_newest_active_model_is_used() {
    let db = TestDatabase::create().await;
    assert_eq!(db.store.newest_model().await.unwrap(), None);
    let profile = ModelProfile {
        id: "m".into(),
        native_width: 1,
        native_height: 1,
        max_side: 1,
        multiple: 1,
        default_steps: 1,
        default_guidance: 1.0,
        default_sampler: Sampler::Default,
        safe: true,
        finish_scale: 1,
        aliases: vec![],
    };
    let connection = db.store.connection().await.unwrap();
    for (hash, state, age) in [
        ("old", "active", 9),
        ("new", "active", 5),
        ("gone", "retired", 1),
    ] {
        connection
            .execute(
                "INSERT INTO models VALUES ('m', $1, $2, $3, now() - make_interval(mins => $4))",
                &[&hash, &Json(&profile), &state, &age],
            )
            .await
            .unwrap();
    }
    let (model, found) = db.store.newest_model().await.unwrap().unwrap();
    assert_eq!((model.hash.as_str(), found), ("new", profile));
}

#[tokio::test]
async fn a_refused_prompt_leaves_its_decision_and_a_member_is_found_by_his_account() {
    let db = TestDatabase::create().await;
    let decision = serde_json::json!({"outcome": "block"});
    db.store
        .record_prompt_decision(InteractionId(5), &decision)
        .await
        .unwrap();
    assert_eq!(
        number(&db, "SELECT interaction_id FROM moderation_decisions").await,
        5
    );
    assert_eq!(db.store.user_by_discord(DiscordId(7)).await.unwrap(), None);
    db.store.submit(submission(1)).await.unwrap();
    assert_eq!(
        db.store.user_by_discord(DiscordId(7)).await.unwrap(),
        Some(submission(1).fresh_user)
    );
}
