//! Interactions, messages, and what the bot asks about jobs.

use std::time::Duration;

use super::support::*;
use easel_domain::job::{EndReason, JobState};
use easel_domain::model::ModelProfile;
use easel_domain::picture::FileRole;
use easel_domain::spec::Sampler;
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, InteractionId, JobId, UserId};
use easel_store::cancel::{CancelOutcome, CancelRequest};
use easel_store::delivery::{PostIntent, Route};
use easel_store::intake::IntakeEnd;
use easel_store::show::MOST_COUNTED;
use easel_store::testing::TestDatabase;
use secrecy::ExposeSecret;
use tokio_postgres::types::Json;
use uuid::Uuid;

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
    assert_eq!(open[0].locale, "de");
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
    let (mine, theirs) = (process(&db, 1).await, process(&db, 2).await);
    let lease = db.store.claim_shard(0, mine, term).await.unwrap().unwrap();
    assert_eq!(db.store.claim_shard(0, theirs, term).await.unwrap(), None);
    assert!(!db.store.renew_shard(lease, term).await.unwrap());
    let due = db.store.due_deliveries(0, NOW, 5, 10).await.unwrap();
    assert_eq!(due, [(job, submission(1).place.channel)]);
    assert!(
        db.store
            .due_deliveries(0, NOW, 0, 10)
            .await
            .unwrap()
            .is_empty()
    );
    db.store.learn_message(job, DiscordId(55)).await.unwrap();
    db.store
        .record_delivery_failure(lease, job, NOW + WITHIN)
        .await
        .unwrap();
    assert!(
        db.store
            .due_deliveries(0, NOW, 5, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let row = db.store.delivery(job).await.unwrap().unwrap();
    assert_eq!(
        (row.message, row.failures, row.next_try_at),
        (Some(DiscordId(55)), 1, Some(NOW + WITHIN))
    );
    db.store.record_shown(lease, job, 1).await.unwrap();
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
    let row = db.store.delivery(job).await.unwrap().unwrap();
    for lost in [
        db.store.renew_shard(lease, term).await.map(drop),
        db.store.record_shown(lease, job, 1).await,
        db.store.begin_post(lease, job, NOW).await.map(drop),
        db.store
            .record_new_message(lease, &row, 1, DiscordId(9))
            .await,
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
        .claim_shard(0, process(&db, 0).await, Duration::from_mins(1))
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
    let begin_post = || db.store.begin_post(lease, job, NOW);
    assert_eq!(begin_post().await.unwrap(), PostIntent::Written);
    assert_eq!(begin_post().await.unwrap(), PostIntent::Before);
    let row = db.store.delivery(job).await.unwrap().unwrap();
    let posted = db.store.record_new_message(lease, &row, 1, DiscordId(66));
    posted.await.unwrap();
    assert_eq!(begin_post().await.unwrap(), PostIntent::Over);
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
    let wish = |job: u128, member, moderates: bool| CancelRequest {
        job: JobId(Uuid::from_u128(job)),
        member: DiscordId(member),
        fresh_user: UserId(Uuid::from_u128(5)),
        moderates: moderates.then_some(GUILD),
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
    let elsewhere = CancelRequest {
        moderates: Some(GuildKey(GUILD.0 + 1)),
        ..wish(1, 8, true)
    };
    assert_eq!(ask(elsewhere).await.unwrap(), CancelOutcome::NotYours);
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
    assert_eq!(queued.locale, "de");
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
    let position = |n: u16| db.store.queue_outlook(submission(n).job);
    assert_eq!(position(3).await.unwrap(), Some((1, None)));
    assert_eq!(position(1).await.unwrap(), Some((2, None)));
    let fast = [(ServiceClass::Fast, waiting(0.5, 4.0))];
    snapshot(&db, &fast, "now()").await;
    assert_eq!(position(3).await.unwrap(), Some((1, Some(4.5))));
    assert_eq!(position(2).await.unwrap(), Some((3, None)));
    snapshot(&db, &fast, "now() - interval '1 minute'").await;
    assert_eq!(position(3).await.unwrap(), Some((1, None)));
    let copies = "INSERT INTO jobs SELECT (jsonb_populate_record(NULL::jobs, to_jsonb(j) || jsonb_build_object(
             'id', gen_random_uuid(), 'interaction_id', 1000000 + n, 'service_class', 'turbo', 'dedupe_key', NULL))).*
         FROM generate_series(1, 1200) n, (SELECT * FROM jobs ORDER BY id LIMIT 1) j";
    execute(&db, copies).await;
    assert_eq!(position(1).await.unwrap(), Some((MOST_COUNTED, None)));
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
