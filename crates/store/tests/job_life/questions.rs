//! Jobs that result in an answer and no picture.

use super::world::*;
use easel_domain::job::JobState;
use easel_domain::message::{LeaseRef, NodeModel};
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::picture::PictureOutcome;
use easel_domain::spec::{Answer, Description, Question};
use easel_domain::{DiscordId, GuildKey, UserId};
use easel_store::complete::Completion;
use easel_store::removal::{Removal, Removed};
use time::macros::datetime;
use uuid::Uuid;

fn answered(world: &World, lease: LeaseRef, of_words: Vec<f32>) -> Completion {
    Completion {
        picture_ids: vec![],
        files: vec![],
        verdicts: vec![],
        answer: Some(Answer::Influences { of_words }),
        ..world.completion(lease, [PictureOutcome::Pass; 4])
    }
}

#[tokio::test]
async fn an_answer_completes_a_question_and_is_charged_once() {
    let world = World::new().await;
    let job = world.question().await;
    let waiting = world.store().waiting_job("eu", "main", job).await.unwrap();
    assert_eq!(waiting.map(|row| row.pictures), Some(0));
    let lease = world.lease(job, &world.node()).await.unwrap();
    let done = answered(&world, lease, vec![0.5, 0.25]);
    let early = world.store().complete(&world.leadership, &done).await;
    assert!(early.unwrap_err().is_lost_race(), "it has to finish first");
    for _ in 0..2 {
        let begun = world.store().grant_uploads(&world.leadership, lease, &[]);
        begun.await.unwrap();
    }
    let ended = world.store().complete(&world.leadership, &done).await;
    assert_eq!(ended.unwrap().state, JobState::Completed);
    let again = world.store().complete(&world.leadership, &done).await;
    assert!(again.unwrap_err().is_lost_race());
    let snapshot = world.store().job_snapshot(job).await.unwrap().unwrap();
    assert_eq!(snapshot.answer, done.answer);
    assert!(snapshot.pictures.is_empty() && snapshot.files.is_empty());
    assert_eq!(world.number("SELECT balance FROM accounts").await, 92);
    let charges = "SELECT count(*) FROM ledger WHERE settles AND kind = 'charge'";
    assert_eq!(world.number(charges).await, 1);
}

#[tokio::test]
async fn a_report_of_the_wrong_kind_ends_nothing() {
    let world = World::new().await;
    let (question, grid) = (world.question().await, world.job().await);
    let mut reports = Vec::new();
    for job in [question, grid] {
        let lease = world.lease(job, &world.node()).await.unwrap();
        let begun = world.store().grant_uploads(&world.leadership, lease, &[]);
        begun.await.unwrap();
        let pictures = world.completion(lease, [PictureOutcome::Pass; 4]);
        reports.push(if job == grid {
            answered(&world, lease, vec![0.5])
        } else {
            pictures
        });
        if job == question {
            reports.push(answered(&world, lease, vec![]));
            reports.push(answered(&world, lease, vec![f32::NAN]));
        }
    }
    for report in reports {
        let refused = world.store().complete(&world.leadership, &report).await;
        assert!(!refused.unwrap_err().is_lost_race());
    }
    for job in [question, grid] {
        assert_eq!(world.state(job).await, "finishing");
    }
}

#[tokio::test]
async fn a_model_is_asked_what_any_node_has_said_that_it_can_answer() {
    let world = World::new().await;
    let profile: ModelProfile = serde_json::from_value(serde_json::json!({
        "id": "tiny", "native_width": 64, "native_height": 64, "max_side": 96,
        "default_steps": 20, "default_guidance": 5.0
    }))
    .unwrap();
    let model = ModelRef {
        id: "tiny".into(),
        hash: "h".into(),
    };
    let answers = async || {
        let [words, pictures] =
            Question::ALL.map(|question| world.store().answers(&model, question));
        (words.await.unwrap(), pictures.await.unwrap())
    };
    assert_eq!(answers().await, (false, false), "nobody has it");
    for (weighs, describes, expected) in [
        (false, false, (false, false)),
        (true, false, (true, false)),
        (false, true, (true, true)),
        (false, false, (true, true)),
    ] {
        let announced = NodeModel {
            weighs,
            describes,
            ..NodeModel::resident("h", profile.clone())
        };
        let boot = world.node().boot;
        let announced = world.store().announce_model(boot, &announced);
        announced.await.unwrap();
        assert_eq!(answers().await, expected);
    }
    // What leaders hear now counts more than what was announced once.
    for (models, age, expected) in [
        (r#"["h"]"#, "0 s", (false, false)),
        (r#"["h", "h words"]"#, "0 s", (true, false)),
        (r#"["h"]"#, "1 min", (true, true)),
    ] {
        let heard = format!(
            "WITH heard AS (
                 INSERT INTO lane_snapshots (region, pool, taken_at, backlog_gpu_s, oldest_s, desired_nodes, waiting,
                                             running, nodes, models)
                 VALUES ('eu', 'main', now() - interval '{age}', 0, 0, 0, 0, 0, 1, '{models}')
                 ON CONFLICT (region, pool) DO UPDATE SET taken_at = excluded.taken_at, models = excluded.models
                 RETURNING 1)
             SELECT count(*) FROM heard"
        );
        world.number(&heard).await;
        assert_eq!(answers().await, expected, "{models} {age} ago");
    }
}

fn described(world: &World, lease: LeaseRef, text: &str) -> Completion {
    let prompts = vec![Description {
        text: text.to_owned(),
        similarity: 0.25,
    }];
    Completion {
        answer: Some(Answer::Descriptions { prompts }),
        ..answered(world, lease, vec![])
    }
}

#[tokio::test]
async fn each_question_takes_its_own_answer_and_a_deleted_one_leaves_no_words() {
    let world = World::new().await;
    let (about_words, about_a_picture) = (world.question().await, world.picture_question().await);
    let row = world.store().waiting_job("eu", "main", about_a_picture);
    let row = row.await.unwrap().unwrap();
    assert_eq!((row.pictures, row.question), (0, Some(Question::Pictures)));
    let mut leases = Vec::new();
    for job in [about_words, about_a_picture] {
        let lease = world.lease(job, &world.node()).await.unwrap();
        let begun = world.store().grant_uploads(&world.leadership, lease, &[]);
        begun.await.unwrap();
        leases.push(lease);
    }
    for wrong in [
        described(&world, leases[0], "a boat"),
        answered(&world, leases[1], vec![0.5]),
        described(&world, leases[1], "a\u{7}boat"),
    ] {
        let refused = world.store().complete(&world.leadership, &wrong).await;
        assert!(!refused.unwrap_err().is_lost_race());
    }
    let right = described(&world, leases[1], "a boat");
    let ended = world.store().complete(&world.leadership, &right).await;
    assert_eq!(ended.unwrap().state, JobState::Completed);
    let snapshot = world.store().job_snapshot(about_a_picture).await.unwrap();
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.answer, right.answer);
    let connection = world.store().connection().await.unwrap();
    let moved = connection.execute("UPDATE jobs SET guild_id = 5", &[]);
    moved.await.unwrap();
    let removal = Removal {
        job: about_a_picture,
        member: DiscordId(77),
        fresh_user: UserId(Uuid::from_u128(77)),
        moderates: Some(GuildKey(5)),
        shard: 0,
        at: datetime!(2026-01-01 12:00 UTC),
    };
    let removed = world.store().remove_result(removal).await.unwrap();
    assert_eq!(removed, Removed::Done);
    let left = world.number("SELECT count(*) FROM job_answers").await;
    assert_eq!(left, 0, "words about a picture go with it");
}
