//! Jobs that result in an answer and no picture.

use super::world::*;
use easel_domain::job::JobState;
use easel_domain::message::{LeaseRef, NodeModel};
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::picture::PictureOutcome;
use easel_domain::spec::Answer;
use easel_store::complete::Completion;

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
async fn a_model_is_asked_about_words_once_any_node_has_said_that_it_can() {
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
    let asked = || world.store().weighs_words(&model);
    assert!(!asked().await.unwrap(), "nobody has it");
    for (weighs, expected) in [(false, false), (true, true), (false, true)] {
        let announced = NodeModel {
            weighs,
            ..NodeModel::resident("h", profile.clone())
        };
        let boot = world.node().boot;
        let announced = world.store().announce_model(boot, &announced);
        announced.await.unwrap();
        assert_eq!(asked().await.unwrap(), expected);
    }
}
