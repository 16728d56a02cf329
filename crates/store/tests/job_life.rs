//! The dispatcher's transactions against a real server: leadership, lease, fence, finish, cancel.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::clock::SeededEntropy;
use easel_domain::failure::AfterFailure;
use easel_domain::job::{EndReason, JobState};
use easel_domain::message::{FileClaim, LeaseRef, NodeBoot, StoredFile, Timings};
use easel_domain::model::ModelRef;
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict};
use easel_domain::spec::{GenerateSpec, NoisePlan, RenderSpec, Sampler};
use easel_domain::{BootId, JobId, LeaseToken, PictureId};
use easel_store::complete::Completion;
use easel_store::finish::AfterTry;
use easel_store::grant::GrantedFile;
use easel_store::leadership::Leadership;
use easel_store::testing::TestDatabase;
use easel_store::{Store, StoreError};
use uuid::Uuid;

const TERM: Duration = Duration::from_secs(5);

struct World {
    db: TestDatabase,
    leadership: Leadership,
    entropy: SeededEntropy,
}

impl World {
    async fn new() -> Self {
        let db = TestDatabase::create().await;
        let leadership = db
            .store
            .try_lead("eu", "main", Uuid::from_u128(1), TERM)
            .await
            .unwrap()
            .unwrap();
        Self {
            db,
            leadership,
            entropy: SeededEntropy::new(1),
        }
    }

    fn store(&self) -> &Store {
        &self.db.store
    }

    /// A queued job of four pictures that was quoted 8 credits.
    async fn job(&self) -> JobId {
        let (job, user) = (self.entropy.random_uuid(), self.entropy.random_uuid());
        let spec = RenderSpec::Generate(GenerateSpec {
            model: ModelRef {
                id: "tiny".into(),
                hash: "h".into(),
            },
            width: 64,
            height: 64,
            steps: 20,
            guidance: 5.0,
            sampler: Sampler::Default,
            pictures: (0..4).map(NoisePlan::from_seed).collect(),
            finish_scale: 1,
        });
        let connection = self.store().connection().await.unwrap();
        connection
            .execute("INSERT INTO users (id) VALUES ($1)", &[&user])
            .await
            .unwrap();
        connection
            .execute(
                "INSERT INTO accounts (user_id, balance) VALUES ($1, 92)",
                &[&user],
            )
            .await
            .unwrap();
        connection
            .execute(
                "INSERT INTO jobs (id, interaction_id, user_id, action, region, pool, service_class, tier, model_id,
                                   model_hash, spec, storage_class, quote, submitted_at)
                 VALUES ($1, $2, $3, 'imagine', 'eu', 'main', 'standard', 'standard', 'tiny', 'h', $4, 'public', 8, now())",
                &[
                    &job,
                    &i64::from(self.entropy.random_u32()),
                    &user,
                    &serde_json::to_value(&spec).unwrap(),
                ],
            )
            .await
            .unwrap();
        connection
            .execute(
                "INSERT INTO prompts VALUES ($1, 'a boat', 'a boat', '')",
                &[&job],
            )
            .await
            .unwrap();
        connection
            .execute(
                "INSERT INTO deliveries (job_id, shard, application_id, channel_id, token_expires_at)
                 VALUES ($1, 0, 1, 2, now())",
                &[&job],
            )
            .await
            .unwrap();
        connection
            .execute(
                "INSERT INTO ledger (user_id, job_id, kind, settles, amount) VALUES ($1, $2, 'reserve', false, -8)",
                &[&user, &job],
            )
            .await
            .unwrap();
        JobId(job)
    }

    fn node(&self) -> NodeBoot {
        NodeBoot {
            node: "gpu-1".parse().unwrap(),
            boot: BootId(self.entropy.random_uuid()),
        }
    }

    async fn lease(&self, job: JobId, node: &NodeBoot) -> Result<LeaseRef, StoreError> {
        let token = LeaseToken(self.entropy.random_uuid());
        self.store()
            .take_lease(&self.leadership, job, token, node, TERM)
            .await
            .map(|taken| taken.lease)
    }

    async fn state(&self, job: JobId) -> String {
        let connection = self.store().connection().await.unwrap();
        connection
            .query_one("SELECT state FROM jobs WHERE id = $1", &[&job])
            .await
            .unwrap()
            .get(0)
    }

    async fn number(&self, sql: &str) -> i64 {
        self.store()
            .connection()
            .await
            .unwrap()
            .query_one(sql, &[])
            .await
            .unwrap()
            .get(0)
    }

    fn completion(&self, lease: LeaseRef, outcomes: [PictureOutcome; 4]) -> Completion {
        Completion {
            lease,
            picture_ids: (0..4)
                .map(|_| PictureId(self.entropy.random_uuid()))
                .collect(),
            files: (0..4)
                .map(|index| StoredFile {
                    key: format!("public/{index}"),
                    claim: claim(index),
                })
                .collect(),
            verdicts: outcomes
                .map(|outcome| PictureVerdict {
                    outcome,
                    checker: "test".into(),
                    scores: BTreeMap::new(),
                })
                .to_vec(),
            timings: Timings::default(),
        }
    }
}

fn claim(index: u32) -> FileClaim {
    FileClaim {
        role: FileRole::Full,
        index,
        sha256: format!("{index:064}"),
        md5: format!("{index:032}"),
        size_bytes: 10,
        content_type: "image/png".into(),
        width: 64,
        height: 64,
    }
}

const RETRY: AfterFailure = AfterFailure::Requeue {
    attempt: 2,
    pause: Duration::ZERO,
};

#[tokio::test]
async fn a_finished_job_is_charged_once_and_its_message_must_change() {
    let world = World::new().await;
    let job = world.job().await;
    assert_eq!(
        world
            .store()
            .waiting_jobs("eu", "main", None, 10)
            .await
            .unwrap()[0]
            .job_id,
        job
    );
    let lease = world.lease(job, &world.node()).await.unwrap();
    assert!(
        world
            .store()
            .waiting_job("eu", "main", job)
            .await
            .unwrap()
            .is_none()
    );

    let grants = [GrantedFile {
        key: "public/0".into(),
        claim: claim(0),
    }];
    for _ in 0..2 {
        world
            .store()
            .grant_uploads(&world.leadership, lease, &grants)
            .await
            .unwrap();
    }
    assert_eq!(world.store().granted_files(lease).await.unwrap(), grants);

    let done = world.completion(lease, [PictureOutcome::Pass; 4]);
    let ended = world
        .store()
        .complete(&world.leadership, &done)
        .await
        .unwrap();
    assert_eq!(ended.state, JobState::Completed);
    let again = world.store().complete(&world.leadership, &done).await;
    assert!(again.unwrap_err().is_lost_race());

    assert_eq!(world.state(job).await, "completed");
    assert_eq!(world.number("SELECT balance FROM accounts").await, 92);
    assert_eq!(
        world
            .number("SELECT count(*) FROM ledger WHERE settles AND kind = 'charge'")
            .await,
        1
    );
    assert_eq!(world.number("SELECT count(*) FROM leases").await, 0);
    assert_eq!(
        world
            .number("SELECT desired_rev::bigint FROM deliveries")
            .await,
        2
    );
    let unsent = world
        .store()
        .unsent_outbox(Duration::ZERO, 10)
        .await
        .unwrap();
    assert_eq!(
        (unsent[0].queue.as_str(), unsent[0].id),
        ("shard.0", ended.outbox_id)
    );
}

#[tokio::test]
async fn a_blocked_picture_is_not_charged_and_has_no_file() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    let outcomes = [
        PictureOutcome::Pass,
        PictureOutcome::Block,
        PictureOutcome::Pass,
        PictureOutcome::Pass,
    ];
    world
        .store()
        .complete(&world.leadership, &world.completion(lease, outcomes))
        .await
        .unwrap();
    assert_eq!(world.number("SELECT balance FROM accounts").await, 94);
    assert_eq!(world.number("SELECT count(*) FROM job_files").await, 3);
}

#[tokio::test]
async fn equal_pictures_share_an_object_and_keep_their_places() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    let same: Vec<GrantedFile> = (0..4)
        .map(|index| GrantedFile {
            key: "public/same".into(),
            claim: claim(index),
        })
        .collect();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &same)
        .await
        .unwrap();
    assert_eq!(world.store().granted_files(lease).await.unwrap().len(), 4);
    let mut done = world.completion(lease, [PictureOutcome::Pass; 4]);
    for file in &mut done.files {
        file.key = "public/same".into();
    }
    world
        .store()
        .complete(&world.leadership, &done)
        .await
        .unwrap();
    assert_eq!(world.number("SELECT count(*) FROM job_files").await, 4);
    assert_eq!(world.number("SELECT count(*) FROM blobs").await, 1);
}

#[tokio::test]
async fn four_blocked_pictures_end_the_job_as_rejected_and_free() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    let done = world.completion(lease, [PictureOutcome::Block; 4]);
    let ended = world
        .store()
        .complete(&world.leadership, &done)
        .await
        .unwrap();
    assert_eq!(ended.state, JobState::Rejected);
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn a_node_that_lost_its_lease_can_change_nothing() {
    let world = World::new().await;
    let job = world.job().await;
    let node = world.node();
    let old = world.lease(job, &node).await.unwrap();
    let after = world
        .store()
        .end_try(
            &world.leadership,
            old,
            RETRY,
            Some(node.boot),
            EndReason::AttemptsExhausted,
            "lost",
        )
        .await
        .unwrap();
    assert_eq!(after, AfterTry::Requeued(job));
    let new = world.lease(job, &world.node()).await.unwrap();
    assert_eq!(new.attempt, 2);

    let late = [
        world
            .store()
            .grant_uploads(&world.leadership, old, &[])
            .await,
        world
            .store()
            .complete(
                &world.leadership,
                &world.completion(old, [PictureOutcome::Pass; 4]),
            )
            .await
            .map(|_| ()),
        world
            .store()
            .end_try(
                &world.leadership,
                old,
                AfterFailure::GiveUp,
                None,
                EndReason::Unrenderable,
                "",
            )
            .await
            .map(|_| ()),
    ];
    assert!(
        late.into_iter()
            .all(|write| write.is_err_and(|error| error.is_lost_race()))
    );
    assert_eq!(world.state(job).await, "leased");
}

#[tokio::test]
async fn a_job_is_leased_once_and_not_while_it_pauses() {
    let world = World::new().await;
    let job = world.job().await;
    let node = world.node();
    let (first, second) = tokio::join!(world.lease(job, &node), world.lease(job, &node));
    assert!(first.is_ok() != second.is_ok());
    let lease = first.or(second).unwrap();
    let pause = AfterFailure::Requeue {
        attempt: 2,
        pause: Duration::from_mins(1),
    };
    world
        .store()
        .end_try(
            &world.leadership,
            lease,
            pause,
            None,
            EndReason::AttemptsExhausted,
            "oom",
        )
        .await
        .unwrap();
    assert!(world.lease(job, &node).await.unwrap_err().is_lost_race());
}

#[tokio::test]
async fn giving_up_releases_the_reservation() {
    let world = World::new().await;
    let job = world.job().await;
    let lease = world.lease(job, &world.node()).await.unwrap();
    let after = world
        .store()
        .end_try(
            &world.leadership,
            lease,
            AfterFailure::GiveUp,
            None,
            EndReason::AttemptsExhausted,
            "oom",
        )
        .await
        .unwrap();
    assert!(matches!(after, AfterTry::Ended(ended) if ended.state == JobState::Failed));
    assert_eq!(world.number("SELECT balance FROM accounts").await, 100);
}

#[tokio::test]
async fn a_waiting_job_that_nobody_can_render_fails_and_a_leased_one_does_not() {
    let world = World::new().await;
    let (waiting, leased) = (world.job().await, world.job().await);
    world.lease(leased, &world.node()).await.unwrap();
    let gone = EndReason::ModelGone;
    let ended = world
        .store()
        .give_up_waiting(&world.leadership, waiting, gone, "")
        .await
        .unwrap();
    assert_eq!(ended.state, JobState::Failed);
    let refused = world
        .store()
        .give_up_waiting(&world.leadership, leased, gone, "")
        .await;
    assert!(refused.unwrap_err().is_lost_race());
    assert_eq!(world.state(leased).await, "leased");
}

#[tokio::test]
async fn a_cancel_ends_a_waiting_job_and_loses_against_one_that_finishes() {
    let world = World::new().await;
    let (waiting, finishing) = (world.job().await, world.job().await);
    let lease = world.lease(finishing, &world.node()).await.unwrap();
    world
        .store()
        .grant_uploads(&world.leadership, lease, &[])
        .await
        .unwrap();
    for job in [waiting, finishing] {
        let connection = world.store().connection().await.unwrap();
        connection
            .execute(
                "INSERT INTO cancel_requests (job_id, requested_by) SELECT id, user_id FROM jobs WHERE id = $1",
                &[&job],
            )
            .await
            .unwrap();
    }
    assert!(
        world
            .lease(waiting, &world.node())
            .await
            .unwrap_err()
            .is_lost_race()
    );
    let mut open = world
        .store()
        .open_cancel_requests("eu", "main", 10)
        .await
        .unwrap();
    open.sort();
    let mut both = vec![waiting, finishing];
    both.sort();
    assert_eq!(open, both);
    let ended = world
        .store()
        .cancel(&world.leadership, waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.state, JobState::Cancelled);
    assert_eq!(
        world
            .store()
            .cancel(&world.leadership, finishing)
            .await
            .unwrap(),
        None
    );
    assert_eq!(world.state(finishing).await, "finishing");
    assert!(
        world
            .store()
            .open_cancel_requests("eu", "main", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_lease_runs_out_unless_its_node_renews_it() {
    let world = World::new().await;
    let job = world.job().await;
    let node = world.node();
    let token = LeaseToken(world.entropy.random_uuid());
    let store = world.store();
    store
        .take_lease(&world.leadership, job, token, &node, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        store.expired_leases(&world.leadership).await.unwrap()[0]
            .lease
            .token,
        token
    );
    let stranger = LeaseToken(world.entropy.random_uuid());
    assert_eq!(
        store
            .renew_leases(node.boot, &[token, stranger], TERM)
            .await
            .unwrap(),
        [token]
    );
    assert!(
        store
            .expired_leases(&world.leadership)
            .await
            .unwrap()
            .is_empty()
    );
    let held = store
        .extend_all_leases(&world.leadership, TERM)
        .await
        .unwrap();
    assert_eq!((held.len(), &held[0].holder), (1, &node));
}

#[tokio::test]
async fn a_leader_that_was_replaced_can_change_nothing() {
    let world = World::new().await;
    let job = world.job().await;
    let store = world.store();
    assert_eq!(
        store
            .try_lead("eu", "main", Uuid::from_u128(2), TERM)
            .await
            .unwrap(),
        None
    );
    store.resign(&world.leadership).await.unwrap();
    let next = store
        .try_lead("eu", "main", Uuid::from_u128(2), TERM)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(next.epoch, world.leadership.epoch + 1);
    let refused = world.lease(job, &world.node()).await;
    assert!(matches!(refused, Err(StoreError::LeadershipLost)));
    assert!(matches!(
        store.renew_leadership(&world.leadership, TERM).await,
        Err(StoreError::LeadershipLost)
    ));
    store.renew_leadership(&next, TERM).await.unwrap();
    assert_eq!(world.state(job).await, "queued");
}

#[tokio::test]
async fn the_newest_weights_of_a_model_are_used() {
    let world = World::new().await;
    let store = world.store();
    let profile = easel_domain::model::ModelProfile {
        id: "tiny".into(),
        native_width: 64,
        native_height: 64,
        max_side: 96,
        multiple: 16,
        default_steps: 20,
        default_guidance: 5.0,
        default_sampler: Sampler::Ddim,
        safe: true,
        finish_scale: 4,
        aliases: vec![],
    };
    for hash in ["old", "old", "new"] {
        let model = easel_domain::message::NodeModel {
            hash: hash.into(),
            profile: profile.clone(),
        };
        store.announce_model(&model).await.unwrap();
    }
    let active = store.active_models().await.unwrap();
    assert_eq!(
        (
            active.len(),
            active[0].model.hash.as_str(),
            &active[0].profile
        ),
        (1, "new", &profile)
    );
}
