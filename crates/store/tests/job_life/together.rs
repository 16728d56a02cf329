//! Several jobs that end in one transaction.

use super::world::*;
use easel_domain::clock::EntropyExt;
use easel_domain::failure::AfterFailure;
use easel_domain::job::{EndReason, JobState};
use easel_domain::picture::PictureOutcome;
use easel_domain::{JobId, LeaseToken};
use easel_store::StoreError;
use easel_store::grant::GrantedFile;

#[tokio::test]
async fn jobs_that_end_together_do_not_depend_on_each_other() {
    let world = World::new().await;
    let mut done = Vec::new();
    for _ in 0..5 {
        let job = world.job().await;
        let lease = world.lease(job, &world.node()).await.unwrap();
        let grants = [GrantedFile {
            key: "public/0".into(),
            claim: claim(0),
        }];
        world
            .store()
            .grant_uploads(&world.leadership, lease, &grants)
            .await
            .unwrap();
        done.push(world.completion(lease, [PictureOutcome::Pass; 4]));
    }
    // One has failed, one reports under an old token, one has too few verdicts, one is blocked, one comes twice.
    let failed = world.store().end_try(
        &world.leadership,
        done[0].lease,
        AfterFailure::GiveUp,
        None,
        EndReason::Unrenderable,
        "",
    );
    failed.await.unwrap();
    done[1].lease.token = LeaseToken(world.entropy.random_uuid());
    done[2].verdicts.pop();
    done[3] = world.completion(done[3].lease, [PictureOutcome::Block; 4]);
    done.push(done[4].clone());
    // A lease that is lost reports before the one that counts.
    let mut stale = done[4].clone();
    stale.lease.token = LeaseToken(world.entropy.random_uuid());
    done.insert(4, stale);

    let jobs: Vec<_> = done.iter().map(|done| done.lease.job_id).collect();
    let ended = world
        .store()
        .complete_all(&world.leadership, &done.into())
        .await
        .unwrap();
    let lost = |at: usize| ended[at].as_ref().is_err_and(StoreError::is_lost_race);
    assert!(lost(0) && lost(1) && lost(4) && lost(6), "{ended:?}");
    assert!(matches!(ended[2], Err(StoreError::Corrupt { .. })));
    assert_eq!(ended[3].as_ref().unwrap().state, JobState::Rejected);
    assert_eq!(ended[5].as_ref().unwrap().state, JobState::Completed);
    assert_ne!(
        ended[3].as_ref().unwrap().outbox_id,
        ended[5].as_ref().unwrap().outbox_id
    );
    let states = [
        "failed",
        "finishing",
        "finishing",
        "rejected",
        "completed",
        "completed",
    ];
    for (job, state) in jobs.iter().zip(states) {
        assert_eq!(world.state(*job).await, state);
    }
    // Each end was settled once, the others not at all.
    let connection = world.store().connection().await.unwrap();
    let settled = connection
        .query(
            "SELECT job_id, amount FROM ledger WHERE settles ORDER BY amount",
            &[],
        )
        .await
        .unwrap();
    let settled: Vec<(JobId, i64)> = settled.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(settled.len(), 3);
    assert_eq!(settled[0], (jobs[5], 0));
    assert!(settled[1..].iter().all(|(_, amount)| *amount == 8));
}

#[tokio::test]
async fn an_empty_database_gets_plans_that_suit_a_full_one() {
    let world = World::new().await;
    let connection = world.store().connection().await.unwrap();
    let plan = connection
        .simple_query(
            "PREPARE change (uuid[], text[]) AS
             WITH ending AS (SELECT * FROM unnest($1, $2) AS e (job_id, reason))
             UPDATE jobs j SET end_reason = e.reason FROM ending e WHERE j.id = e.job_id RETURNING j.id;
             EXPLAIN EXECUTE change ('{}', '{}')",
        )
        .await
        .unwrap();
    let lines: Vec<_> = plan
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    assert!(
        lines.iter().any(|line| line.contains("jobs_pkey")),
        "{lines:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("Seq Scan")),
        "{lines:#?}"
    );
}
