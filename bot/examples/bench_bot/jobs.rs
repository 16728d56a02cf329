//! The platform behind the bot, played by rows and messages.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use easel_broker::{Action, Broker, Lane, Message, Names, Subscription, Topology};
use easel_domain::message::{DeliveryHint, JobHint, ProgressNote, ProgressState};
use easel_domain::model::ModelProfile;
use easel_domain::spec::Sampler;
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, JobId};
use easel_service::SystemEntropy;
use easel_service::config::BrokerConfig;
use easel_store::Store;
use tokio_postgres::types::Json;

/// Bytes of a preview as nodes send them.
const PREVIEW_BYTES: usize = 3_000;

/// A job and where its message is.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub id: JobId,
    pub channel: DiscordId,
}

/// The dispatcher's side. Clones share everything.
#[derive(Clone)]
pub struct Jobs {
    store: Store,
    broker: Broker,
    preview: String,
}

impl Jobs {
    pub async fn connect(store: Store, url: &str, prefix: &str) -> Result<Self> {
        let mut config = BrokerConfig::new(url);
        prefix.clone_into(&mut config.prefix);
        let names = Names::new(prefix)?;
        let lane = Lane::new("local", "main")?;
        let topology = Topology::none().lane(&names, &lane).shard(&names, 0);
        let broker = Broker::connect(&config, "bench", topology, Arc::new(SystemEntropy)).await?;
        for class in ServiceClass::ALL {
            let hints = Subscription::new(names.jobs(&lane, class), 200);
            broker.consume(hints, |_: easel_broker::Delivery<JobHint>| async {
                Action::ack()
            });
        }
        let jobs = Self {
            store,
            broker,
            preview: base64::engine::general_purpose::STANDARD.encode(vec![7; PREVIEW_BYTES]),
        };
        jobs.prepare().await?;
        Ok(jobs)
    }

    pub async fn close(&self) {
        self.broker.close().await;
    }

    async fn prepare(&self) -> Result<()> {
        let profile = ModelProfile {
            id: "bench".into(),
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
        let connection = self.store.connection().await?;
        connection
            .execute(
                "INSERT INTO models (id, hash, profile) VALUES ('bench', 'aa', $1)",
                &[&Json(&profile)],
            )
            .await?;
        connection
            .batch_execute(
                "UPDATE tiers SET running_limit = 100000, waiting_limit = 100000,
                                  request_burst = 1000000, requests_per_minute = 1000000;
                 UPDATE guild_limits SET request_burst = 1000000, requests_per_minute = 1000000;
                 INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
                 VALUES ('public/bench.png', 'public', 'ab', 1000, 'image/png', 512, 512);
                 -- A tenth of all messages is past the life of its token.
                 CREATE FUNCTION old_token() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     IF random() < 0.1 THEN NEW.token_expires_at = '2020-01-01'; END IF;
                     RETURN NEW;
                 END $$;
                 CREATE TRIGGER old_token BEFORE INSERT ON deliveries
                     FOR EACH ROW EXECUTE FUNCTION old_token();",
            )
            .await?;
        Ok(())
    }

    /// Jobs that were accepted after this one, each with its message and whether that is edited by token.
    pub async fn accepted(&self, after: Option<JobId>) -> Result<Vec<(Job, u64, bool)>> {
        let rows = self
            .store
            .connection()
            .await?
            .query(
                "SELECT j.id, d.channel_id, d.message_id, d.token_expires_at > now()
                 FROM jobs j JOIN deliveries d ON d.job_id = j.id
                 WHERE d.message_id IS NOT NULL AND ($1::uuid IS NULL OR j.id > $1) ORDER BY j.id",
                &[&after],
            )
            .await?;
        let job = |row: &tokio_postgres::Row| {
            let (id, channel) = (row.get(0), row.get(1));
            let message: DiscordId = row.get(2);
            (Job { id, channel }, message.as_u64(), row.get(3))
        };
        Ok(rows.iter().map(job).collect())
    }

    /// Tells the bot how far a job has come.
    pub async fn progress(&self, job: &Job, percent: u8) -> Result<()> {
        let note = ProgressNote {
            job_id: job.id,
            channel_id: Some(job.channel),
            state: ProgressState::Running {
                percent,
                preview: Some(self.preview.clone()),
            },
        };
        let target = self.broker.names().progress(0).target();
        self.broker.publish(Message::new(target, &note)?).await?;
        Ok(())
    }

    /// Ends jobs with their pictures, and tells the bot.
    pub async fn complete(&self, jobs: &[JobId]) -> Result<()> {
        self.end(jobs).await?;
        for job in jobs {
            let target = self.broker.names().shard(0).target();
            let hint = DeliveryHint { job_id: *job };
            self.broker.publish(Message::new(target, &hint)?).await?;
        }
        Ok(())
    }

    /// Ends jobs without telling anybody.
    pub async fn end(&self, jobs: &[JobId]) -> Result<()> {
        let mut connection = self.store.connection().await?;
        let transaction = connection.transaction().await?;
        for statement in [
            "INSERT INTO pictures (id, job_id, index, seed, outcome, verdict)
             SELECT gen_random_uuid(), job, n, n, 'pass', '{}' FROM unnest($1::uuid[]) job, generate_series(0, 3) n",
            "INSERT INTO job_files (job_id, role, index, blob_key)
             SELECT job, CASE WHEN n = 4 THEN 'grid' ELSE 'full' END, n % 4, 'public/bench.png'
             FROM unnest($1::uuid[]) job, generate_series(0, 4) n",
            "UPDATE jobs SET state = 'completed', started_at = now(), ended_at = now() WHERE id = ANY($1)",
            "UPDATE deliveries SET desired_rev = desired_rev + 1 WHERE job_id = ANY($1)",
        ] {
            transaction.execute(statement, &[&jobs]).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Copies of a job, each with a message that is given.
    pub async fn copies(&self, of: JobId, places: &[(DiscordId, DiscordId)]) -> Result<Vec<JobId>> {
        let (channels, messages): (Vec<i64>, Vec<i64>) = places
            .iter()
            .map(|(channel, message)| (channel.0, message.0))
            .unzip();
        let mut connection = self.store.connection().await?;
        let transaction = connection.transaction().await?;
        let statements = [
            "CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
             SELECT gen_random_uuid() AS id, p.channel, p.message, p.n
             FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS p (channel, message, n) WHERE $1::uuid IS NOT NULL",
            "INSERT INTO jobs (id, interaction_id, user_id, guild_id, action, region, pool, service_class, tier, model_id,
                               model_hash, spec, storage_class, quote, submitted_at)
             SELECT c.id, -c.n - (SELECT count(*) FROM jobs), j.user_id, j.guild_id, j.action, j.region, j.pool,
                    j.service_class, j.tier, j.model_id, j.model_hash, j.spec, j.storage_class, j.quote, now()
             FROM copies c, jobs j WHERE j.id = $1 AND $2::bigint[] IS NOT NULL AND $3::bigint[] IS NOT NULL",
            "INSERT INTO prompts (job_id, shown, positive, negative)
             SELECT c.id, p.shown, p.positive, p.negative FROM copies c, prompts p
             WHERE p.job_id = $1 AND $2::bigint[] IS NOT NULL AND $3::bigint[] IS NOT NULL",
            "INSERT INTO deliveries (job_id, shard, application_id, guild_id, channel_id, message_id, token_expires_at,
                                     desired_rev, shown_rev)
             SELECT c.id, 0, d.application_id, d.guild_id, c.channel, c.message, '2020-01-01', 1, 1
             FROM copies c, deliveries d
             WHERE d.job_id = $1 AND $2::bigint[] IS NOT NULL AND $3::bigint[] IS NOT NULL",
        ];
        for statement in statements {
            transaction
                .execute(statement, &[&of, &channels, &messages])
                .await
                .with_context(|| statement.to_owned())?;
        }
        let rows = transaction
            .query("SELECT id FROM copies ORDER BY n", &[])
            .await?;
        let ids = rows.iter().map(|row| row.get(0)).collect();
        transaction.commit().await?;
        Ok(ids)
    }

    /// How many messages are out of date.
    pub async fn undelivered(&self) -> Result<i64> {
        let row = self
            .store
            .connection()
            .await?
            .query_one(
                "SELECT count(*) FROM deliveries WHERE shown_rev < desired_rev",
                &[],
            )
            .await?;
        Ok(row.get(0))
    }
}
