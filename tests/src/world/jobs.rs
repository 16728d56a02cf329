//! What the bot would do: submit, hint, ask to cancel.

use anyhow::{Result, bail};
use easel_broker::Message;
use easel_domain::clock::EntropyExt;
use easel_domain::ledger::Credits;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::picture::StorageClass;
use easel_domain::spec::{
    Action, DescribeSpec, GenerateSpec, InputPicture, Leeway, NoisePlan, Place, PromptText,
    RenderSpec, RepaintSpec, Repainted, Sampler, UpscaleSpec, WeighSpec,
};
use easel_domain::tier::ServiceClass;
use easel_domain::{Clock, DiscordId, Entropy, InteractionId, JobId, UserId};
use easel_service::SystemClock;
use easel_store::Store;
use easel_store::cancel::{CancelOutcome, CancelRequest};
use easel_store::removal::{Removal, Removed};
use easel_store::submit::{MessagePlace, Repetition, Submission, Submitted};
use secrecy::SecretString;
use time::Duration;

use super::{PURSE, World};

/// Credits that each job is quoted.
pub const QUOTE: i64 = 8;
/// Steps of each generation.
pub const STEPS: u32 = 4;

/// A job to ask for.
#[derive(Debug, Clone)]
pub struct Request {
    action: Action,
    parent: Option<(JobId, u32)>,
    spec: RenderSpec,
    leeway: Leeway,
    storage_class: StorageClass,
}

impl Request {
    /// The same in a size that nobody asked for.
    #[must_use]
    pub fn of_any_size(mut self) -> Self {
        self.leeway = Leeway { size: true };
        self
    }

    /// The same, with its pictures in another place.
    #[must_use]
    pub fn stored(mut self, class: StorageClass) -> Self {
        self.storage_class = class;
        self
    }
}

/// A member with some credits.
pub(super) async fn new_member(
    store: &Store,
    entropy: &dyn Entropy,
) -> Result<(DiscordId, UserId)> {
    let (discord, user) = (
        DiscordId(i64::from(entropy.random_u32())),
        UserId(entropy.random_uuid()),
    );
    let connection = store.connection().await?;
    connection
        .execute("INSERT INTO users (id) VALUES ($1)", &[&user])
        .await?;
    connection
        .execute(
            "INSERT INTO discord_users (user_id, discord_id) VALUES ($1, $2)",
            &[&user, &discord],
        )
        .await?;
    connection
        .execute(
            "INSERT INTO accounts (user_id, balance) VALUES ($1, $2)",
            &[&user, &PURSE],
        )
        .await?;
    Ok((discord, user))
}

impl World {
    /// The same as [`Self::grid`], of a model that has to be loaded first.
    pub fn grid_of_other(&self) -> Request {
        let mut request = self.grid();
        if let RenderSpec::Generate(spec) = &mut request.spec {
            spec.model.id = super::OTHER_MODEL.into();
            spec.model.hash = super::OTHER_MODEL.into();
        }
        request
    }

    /// Four pictures of 64 by 64 pixels in four steps.
    pub fn grid(&self) -> Request {
        let pictures = (0..4)
            .map(|_| NoisePlan::from_seed(self.entropy.random_u32()))
            .collect();
        let spec = GenerateSpec {
            model: self.model.clone(),
            width: 64,
            height: 64,
            steps: STEPS,
            guidance: 5.0,
            sampler: Sampler::Default,
            pictures,
            finish_scale: 1,
            stop: 100,
            seamless: false,
        };
        Request {
            action: Action::Imagine,
            parent: None,
            spec: RenderSpec::Generate(spec),
            leeway: Leeway::NONE,
            storage_class: StorageClass::Public,
        }
    }

    /// Which words count.
    pub fn question(&self) -> Request {
        Request {
            action: Action::Shorten,
            parent: None,
            spec: RenderSpec::Weigh(WeighSpec {
                model: self.model.clone(),
            }),
            leeway: Leeway::NONE,
            storage_class: StorageClass::Public,
        }
    }

    /// What a picture of a finished job shows.
    pub fn description(&self, of: JobId, input: InputPicture) -> Request {
        Request {
            action: Action::Describe,
            parent: Some((of, 0)),
            spec: RenderSpec::Describe(DescribeSpec {
                model: self.model.clone(),
                inputs: vec![input],
            }),
            leeway: Leeway::NONE,
            storage_class: StorageClass::Public,
        }
    }

    /// The first picture of a finished job, four times as large.
    pub fn upscale(&self, of: JobId, input: InputPicture) -> Request {
        let spec = UpscaleSpec {
            model: self.model.clone(),
            input,
            scale: 4,
            origin: NoisePlan::from_seed(1),
            seamless: false,
        };
        Request {
            action: Action::Upscale,
            parent: Some((of, 0)),
            spec: RenderSpec::Upscale(spec),
            leeway: Leeway::NONE,
            storage_class: StorageClass::Public,
        }
    }

    /// Four pictures around the first one of a finished job.
    pub fn zoom_out(&self, of: JobId, input: InputPicture) -> Request {
        let grid = self.grid();
        let RenderSpec::Generate(generate) = grid.spec else {
            unreachable!("a grid is generated")
        };
        let place = Place {
            left: generate.width / 4,
            top: generate.height / 4,
            width: generate.width / 2,
            height: generate.height / 2,
        };
        let spec = RepaintSpec {
            generate,
            inputs: vec![input],
            place,
            strength: 1.0,
            repainted: Repainted::Around,
        };
        Request {
            action: Action::ZoomOut,
            parent: Some((of, 0)),
            spec: RenderSpec::Repaint(spec),
            ..grid
        }
    }

    /// Commits a job and tells nobody.
    pub async fn commit(&self, request: Request) -> Result<JobId> {
        let submission = self.submission(request);
        let job = submission.job;
        match self.database.store.submit(submission).await? {
            Submitted::Accepted { .. } => Ok(job),
            other => bail!("the job was not accepted: {other:?}"),
        }
    }

    /// Commits a job and sends its hint, as the bot does.
    pub async fn submit(&self, request: Request) -> Result<JobId> {
        let submission = self.submission(request);
        let job = submission.job;
        match self.database.store.submit(submission).await? {
            Submitted::Accepted {
                queue, outbox_id, ..
            } => {
                let hint = JobHint {
                    job_id: job,
                    what: JobHintKind::Submitted,
                };
                self.broker
                    .publish(Message::new(self.names().stored(&queue), &hint)?)
                    .await?;
                self.database.store.mark_outbox_sent(&[outbox_id]).await?;
                Ok(job)
            }
            other => bail!("the job was not accepted: {other:?}"),
        }
    }

    /// Deletes the result of a job, as its owner can.
    pub async fn remove(&self, job: JobId) -> Result<()> {
        let removal = Removal {
            job,
            member: self.member.0,
            fresh_user: self.member.1,
            moderates: None,
            shard: 0,
            at: SystemClock.now(),
        };
        match self.database.store.remove_result(removal).await? {
            Removed::Done => Ok(()),
            other => bail!("the result was not deleted: {other:?}"),
        }
    }

    /// Asks for a job to be cancelled, as ❌ does.
    pub async fn cancel(&self, job: JobId) -> Result<()> {
        let request = CancelRequest {
            job,
            member: self.member.0,
            fresh_user: self.member.1,
            moderates: None,
        };
        let (lane, names) = (self.lane.clone(), self.names().clone());
        let queue = move |_: &str, _: &str, class| Some(names.storable(&names.jobs(&lane, class)));
        match self.database.store.request_cancel(request, queue).await? {
            CancelOutcome::Requested { class, .. } => {
                let hint = JobHint {
                    job_id: job,
                    what: JobHintKind::CancelRequested,
                };
                let target = self.names().jobs(&self.lane, class).target();
                Ok(self.broker.publish(Message::new(target, &hint)?).await?)
            }
            other => bail!("the cancel was not taken: {other:?}"),
        }
    }

    fn submission(&self, request: Request) -> Submission {
        let now = SystemClock.now();
        let names = self.names();
        Submission {
            job: JobId(self.entropy.ordered_uuid(now)),
            interaction: InteractionId(i64::from(self.entropy.random_u32())),
            member: self.member.0,
            fresh_user: self.member.1,
            default_tier: "standard".into(),
            place: MessagePlace {
                guild: None,
                channel: DiscordId(2),
                message: Some(DiscordId(3)),
            },
            shard: 0,
            application: DiscordId(1),
            token: SecretString::from("token"),
            token_expires_at: now + Duration::minutes(15),
            ephemeral: false,
            is_guest: false,
            file_limit: 10 << 20,
            locale: "en-US".to_owned(),
            action: request.action,
            parent: request.parent,
            repetition: Repetition::Allowed,
            region: self.lane.region.to_string(),
            pool: self.lane.pool.to_string(),
            lane: None,
            spec: request.spec,
            leeway: request.leeway,
            text: PromptText {
                positive: "a boat".into(),
                negative: String::new(),
            },
            shown: "a boat".into(),
            digest: String::new(),
            pictured: None,
            storage_class: request.storage_class,
            quote: Credits(QUOTE),
            submitted_at: now,
            moderation: serde_json::json!({ "outcome": "pass" }),
            queues: ServiceClass::ALL.map(|class| names.storable(&names.jobs(&self.lane, class))),
        }
    }
}
