//! What is behind the bot, played by the tests: the dispatcher's rows and messages.

use std::sync::{Arc, Mutex, PoisonError};

use easel_broker::{Action, Broker, Lane, Message, Names, Subscription, Topology};
use easel_domain::JobId;
use easel_domain::message::{DeliveryHint, JobHint, ProgressNote, ProgressState};
use easel_domain::model::ModelProfile;
use easel_domain::spec::{Answer, Sampler};
use easel_domain::tier::ServiceClass;
use easel_service::SystemEntropy;
use easel_service::config::BrokerConfig;
use easel_store::Store;
use easel_store::show::JobSnapshot;
use tokio_postgres::types::{Json, ToSql};

use crate::setting::eventually;

pub struct Platform {
    pub store: Store,
    broker: Broker,
    hints: Arc<Mutex<Vec<JobHint>>>,
}

impl Platform {
    pub async fn connect(store: Store, url: &str, prefix: &str) -> Self {
        let mut config = BrokerConfig::new(url);
        config.prefix = prefix.to_owned();
        let names = Names::new(prefix).expect("a prefix");
        let lane = Lane::new("local", "main").expect("a lane");
        let topology = Topology::none().lane(&names, &lane).shard(&names, 0);
        let broker = Broker::connect(&config, "test", topology, Arc::new(SystemEntropy))
            .await
            .expect("a broker");
        let hints: Arc<Mutex<Vec<JobHint>>> = Arc::default();
        for class in ServiceClass::ALL {
            let heard = Arc::clone(&hints);
            let subscription = Subscription::new(names.jobs(&lane, class), 10);
            broker.consume(
                subscription,
                move |delivery: easel_broker::Delivery<JobHint>| {
                    heard
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(delivery.body);
                    async { Action::ack() }
                },
            );
        }
        Self {
            store,
            broker,
            hints,
        }
    }

    pub async fn close(&self) {
        self.broker.close().await;
    }

    async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> u64 {
        self.store
            .connection()
            .await
            .unwrap()
            .execute(sql, values)
            .await
            .unwrap()
    }

    pub async fn announce_model(&self) {
        let profile = ModelProfile {
            id: "easel-test".into(),
            native_width: 128,
            native_height: 128,
            max_side: 192,
            multiple: 16,
            default_steps: 20,
            default_guidance: 4.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 4,
            aliases: vec![],
        };
        self.execute(
            "INSERT INTO models (id, hash, profile) VALUES ('easel-test', 'aa', $1) ON CONFLICT DO NOTHING",
            &[&Json(&profile)],
        )
        .await;
    }

    /// How often a member of a tier may ask.
    pub async fn set_pace(&self, tier: &str, burst: u32, per_minute: u32) {
        let changed = self
            .execute(
                "UPDATE tiers SET request_burst = $2, requests_per_minute = $3 WHERE name = $1",
                &[&tier, &(burst as i32), &(per_minute as i32)],
            )
            .await;
        assert_eq!(changed, 1, "no such tier");
    }

    /// How often the members of a guild may ask; 0 is every guild.
    pub async fn set_guild_pace(&self, guild: i64, burst: u32, per_minute: u32) {
        self.execute(
            "INSERT INTO guild_limits VALUES ($1, $2, $3) ON CONFLICT (guild_id)
             DO UPDATE SET request_burst = excluded.request_burst, requests_per_minute = excluded.requests_per_minute",
            &[&guild, &(burst as i32), &(per_minute as i32)],
        )
        .await;
    }

    /// All jobs, oldest first.
    pub async fn jobs(&self) -> Vec<JobId> {
        self.listed("SELECT id FROM jobs ORDER BY id").await
    }

    /// Those that have not ended.
    pub async fn open_jobs(&self) -> Vec<JobId> {
        self.listed("SELECT id FROM jobs WHERE ended_at IS NULL ORDER BY id")
            .await
    }

    async fn listed(&self, sql: &str) -> Vec<JobId> {
        let connection = self.store.connection().await.unwrap();
        let rows = connection.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until there are so many jobs, and returns the newest.
    pub async fn job(&self, count: usize) -> JobId {
        eventually("a job", || async {
            let jobs = self.jobs().await;
            assert!(jobs.len() <= count, "more jobs than were asked for");
            jobs.last().copied().filter(|_| jobs.len() == count)
        })
        .await
    }

    pub async fn snapshot(&self, job: JobId) -> JobSnapshot {
        self.store
            .job_snapshot(job)
            .await
            .unwrap()
            .expect("the job exists")
    }

    /// Waits until the hint about a job has come through the broker.
    pub async fn hint(&self, wanted: &JobHint) {
        eventually("a job hint", || async {
            let heard = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
            heard.contains(wanted).then_some(())
        })
        .await;
    }

    async fn publish<T: serde::Serialize>(&self, target: easel_broker::Target, body: &T) {
        self.broker
            .publish(Message::new(target, body).unwrap())
            .await
            .unwrap();
    }

    pub async fn progress(&self, job: JobId, state: ProgressState) {
        let note = ProgressNote {
            job_id: job,
            channel_id: None,
            state,
        };
        self.publish(self.broker.names().progress(0).target(), &note)
            .await;
    }

    pub async fn hint_delivery(&self, job: JobId) {
        self.publish(
            self.broker.names().shard(0).target(),
            &DeliveryHint { job_id: job },
        )
        .await;
    }

    /// Ends a job with its pictures, without telling anybody.
    pub async fn complete_silently(&self, job: JobId) {
        let spec = self.snapshot(job).await.spec;
        let pictures = spec.picture_count() as u32;
        let files: Vec<(&str, u32)> = (0..pictures)
            .map(|n| ("full", n))
            .chain((pictures > 1).then_some(("grid", 0)))
            .collect();
        let (width, height) = spec.finished_size();
        for (role, index) in files {
            let key = format!("public/{job}-{role}-{index}.png");
            self.execute(
                "INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
                 VALUES ($1, 'public', 'ab', 1000, 'image/png', $2, $3)",
                &[&key, &(width as i32), &(height as i32)],
            )
            .await;
            self.execute(
                "INSERT INTO job_files (job_id, role, index, blob_key) VALUES ($1, $2, $3, $4)",
                &[&job, &role, &(index as i16), &key],
            )
            .await;
            if role == "full" {
                let seed = i64::from(spec.noise_plan(index as usize).unwrap().own_seed());
                self.execute(
                    "INSERT INTO pictures (id, job_id, index, seed, outcome, verdict)
                     VALUES (gen_random_uuid(), $1, $2, $3, 'pass', '{}')",
                    &[&job, &(index as i16), &seed],
                )
                .await;
            }
        }
        self.end(job, "completed", None).await;
    }

    /// A node says that it can tell what words count.
    pub async fn announce_weighing(&self) {
        self.execute("UPDATE models SET weighs = true", &[]).await;
    }

    /// A node says that it has eyes.
    pub async fn announce_eyes(&self) {
        self.execute("UPDATE models SET describes = true", &[])
            .await;
    }

    /// Ends a question with these influences.
    pub async fn answer(&self, job: JobId, of_words: &[f32]) {
        let of_words = of_words.to_vec();
        self.answer_with(job, Answer::Influences { of_words }).await;
    }

    pub async fn answer_with(&self, job: JobId, answer: Answer) {
        self.execute(
            "INSERT INTO job_answers (job_id, answer) VALUES ($1, $2)",
            &[&job, &Json(&answer)],
        )
        .await;
        self.end(job, "completed", None).await;
        self.hint_delivery(job).await;
    }

    pub async fn complete(&self, job: JobId) {
        self.complete_silently(job).await;
        self.hint_delivery(job).await;
    }

    pub async fn fail(&self, job: JobId, state: &str, reason: &str) {
        self.end(job, state, Some(reason)).await;
        self.hint_delivery(job).await;
    }

    async fn end(&self, job: JobId, state: &str, reason: Option<&str>) {
        let changed = self
            .execute(
                "UPDATE jobs SET state = $2, end_reason = $3, started_at = coalesce(started_at, now()), ended_at = now()
                 WHERE id = $1 AND ended_at IS NULL",
                &[&job, &state, &reason],
            )
            .await;
        assert_eq!(changed, 1, "the job had ended before");
        self.execute(
            "UPDATE deliveries SET desired_rev = desired_rev + 1 WHERE job_id = $1",
            &[&job],
        )
        .await;
    }

    /// Waits until the row says that the message is up to date.
    pub async fn shown(&self, job: JobId) {
        eventually("the message to be up to date", || async {
            let row = self.store.delivery(job).await.unwrap().expect("a delivery");
            (row.shown_rev == row.desired_rev).then_some(())
        })
        .await;
    }

    /// What the message should show, and what it shows.
    pub async fn revisions(&self, job: JobId) -> (i32, i32) {
        let row = self.store.delivery(job).await.unwrap().expect("a delivery");
        (row.desired_rev, row.shown_rev)
    }

    /// Takes every shard's messages from their owner, as another process does, and dies after `term`. How many shards had
    /// an owner.
    pub async fn take_over_shards(&self, term: std::time::Duration) -> u64 {
        self.execute(
            "UPDATE shard_owners SET epoch = epoch + 1, holder = gen_random_uuid(),
                                         expires_at = now() + make_interval(secs => $1)",
            &[&term.as_secs_f64()],
        )
        .await
    }

    pub async fn one<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str) -> T {
        self.store
            .connection()
            .await
            .unwrap()
            .query_one(sql, &[])
            .await
            .unwrap()
            .get(0)
    }
}
