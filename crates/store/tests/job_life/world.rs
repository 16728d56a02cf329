//! A lane with its leader, and jobs that wait in it.

use std::collections::BTreeMap;
use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::clock::SeededEntropy;
use easel_domain::message::{FileClaim, LeaseRef, NodeBoot, StoredFile};
use easel_domain::model::ModelRef;
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict};
use easel_domain::spec::{
    DescribeSpec, GenerateSpec, InputPicture, NoisePlan, RenderSpec, Sampler, WeighSpec,
};
use easel_domain::{BootId, JobId, LeaseToken, PictureId};
use easel_store::complete::Completion;
use easel_store::leadership::Leadership;
use easel_store::testing::TestDatabase;
use easel_store::{Store, StoreError};
use uuid::Uuid;

pub const TERM: Duration = Duration::from_secs(5);

pub struct World {
    pub db: TestDatabase,
    pub leadership: Leadership,
    pub entropy: SeededEntropy,
}

impl World {
    pub async fn new() -> Self {
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

    pub fn store(&self) -> &Store {
        &self.db.store
    }

    /// A queued question of what words count that was quoted 8 credits.
    pub async fn question(&self) -> JobId {
        let model = ModelRef {
            id: "tiny".into(),
            hash: "h".into(),
        };
        self.asked(RenderSpec::Weigh(WeighSpec { model })).await
    }

    /// A queued question of what a picture shows.
    pub async fn picture_question(&self) -> JobId {
        let model = ModelRef {
            id: "tiny".into(),
            hash: "h".into(),
        };
        let inputs = vec![InputPicture {
            key: "public/a.png".into(),
            sha256: "ab".into(),
            width: 8,
            height: 8,
        }];
        self.asked(RenderSpec::Describe(DescribeSpec { model, inputs }))
            .await
    }

    /// A queued job of four pictures that was quoted 8 credits.
    pub async fn job(&self) -> JobId {
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
            stop: 100,
            seamless: false,
        });
        self.asked(spec).await
    }

    async fn asked(&self, spec: RenderSpec) -> JobId {
        let (job, user) = (self.entropy.random_uuid(), self.entropy.random_uuid());
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

    pub fn node(&self) -> NodeBoot {
        NodeBoot {
            node: "gpu-1".parse().unwrap(),
            boot: BootId(self.entropy.random_uuid()),
        }
    }

    pub async fn lease(&self, job: JobId, node: &NodeBoot) -> Result<LeaseRef, StoreError> {
        let token = LeaseToken(self.entropy.random_uuid());
        self.store()
            .take_lease(&self.leadership, job, token, node, TERM)
            .await
            .map(|taken| taken.lease)
    }

    pub async fn state(&self, job: JobId) -> String {
        let connection = self.store().connection().await.unwrap();
        connection
            .query_one("SELECT state FROM jobs WHERE id = $1", &[&job])
            .await
            .unwrap()
            .get(0)
    }

    pub async fn number(&self, sql: &str) -> i64 {
        self.store()
            .connection()
            .await
            .unwrap()
            .query_one(sql, &[])
            .await
            .unwrap()
            .get(0)
    }

    pub fn completion(&self, lease: LeaseRef, outcomes: [PictureOutcome; 4]) -> Completion {
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
            answer: None,
        }
    }
}

pub fn claim(index: u32) -> FileClaim {
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
