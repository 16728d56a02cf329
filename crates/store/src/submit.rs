//! Submitting a job: limits, reservation, job, words, message and hint in one transaction.

pub mod batch;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use easel_domain::ledger::Credits;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::picture::StorageClass;
use easel_domain::spec::{Action, PromptText, RenderSpec};
use easel_domain::tier::{Admission, ServiceClass};
use easel_domain::{DiscordId, GuildKey, InteractionId, JobId, UserId};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio_postgres::types::Json;

use crate::account::{LockedAccount, lock_account, unfinished_jobs};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::intake::{IntakeEnd, settle_intake};
use crate::outbox;
use crate::pool::Store;
use crate::user::resolve_user;
use rows::{insert_delivery, insert_job, insert_words, reserve};

/// When a request counts as one that was made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// Never.
    Allowed,
    /// The same member asked for the same words in the same channel this short a time ago, and that job still runs.
    SameWords(Duration),
    /// The same member pressed the same button this short a time ago.
    SameClick(Duration),
    /// The same member pressed the same button ever, and that job did not fail.
    Once,
}

/// Where the message of a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// Null in direct messages.
    pub guild: Option<GuildKey>,
    /// Its channel.
    pub channel: DiscordId,
    /// The message, once Discord has told it.
    pub message: Option<DiscordId>,
}

/// One request for a job, with everything that is decided before the transaction.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Key of the job, if it is accepted.
    pub job: JobId,
    /// What it is submitted by: a second submission by the same interaction changes nothing.
    pub interaction: InteractionId,
    /// Who asks.
    pub member: DiscordId,
    /// Key of the member, if he is new.
    pub fresh_user: UserId,
    /// Tier of an account that is new.
    pub default_tier: String,
    /// Where the answer is.
    pub place: MessagePlace,
    /// The gateway shard whose process renders the message.
    pub shard: u32,
    /// Needed to edit the answer.
    pub application: DiscordId,
    /// Credential of the answer.
    pub token: SecretString,
    /// When the token dies, less a margin.
    pub token_expires_at: OffsetDateTime,
    /// Whether only the token can edit the answer.
    pub ephemeral: bool,
    /// The member's language as Discord named it.
    pub locale: String,
    /// What the member did.
    pub action: Action,
    /// The picture whose button was pressed: the job, and the picture counted from 0.
    pub parent: Option<(JobId, u32)>,
    /// When it counts as a repetition.
    pub repetition: Repetition,
    /// Where it is to run.
    pub region: String,
    /// Which nodes may run it.
    pub pool: String,
    /// The lane asked for; granted if it is no more urgent than the tier's.
    pub lane: Option<ServiceClass>,
    /// What to make.
    pub spec: RenderSpec,
    /// The words.
    pub text: PromptText,
    /// The words as the member wrote them.
    pub shown: String,
    /// SHA-256 in hex of the canonical words; empty where repetitions do not matter.
    pub digest: String,
    /// Where its pictures will lie.
    pub storage_class: StorageClass,
    /// Credits to reserve.
    pub quote: Credits,
    /// When the member asked.
    pub submitted_at: OffsetDateTime,
    /// What moderation said about the words, never the words themselves.
    pub moderation: serde_json::Value,
    /// Name of the job queue of each class, in the order of [`ServiceClass::ALL`].
    pub queues: [String; 4],
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// The job is durable.
    Accepted {
        /// Its lane.
        class: ServiceClass,
        /// Tier of the member.
        tier: String,
        /// Queue of the hint that is to be sent now.
        queue: String,
        /// The hint's outbox row, to be marked when the broker has confirmed it.
        outbox_id: i64,
    },
    /// The interaction had its job already.
    Already {
        /// That job.
        job: JobId,
    },
    /// The same was asked for before.
    Repeated {
        /// The job of then.
        job: JobId,
        /// Its message.
        place: MessagePlace,
    },
    /// Too many jobs of the member are under way.
    QueueFull {
        /// How many.
        unfinished: u32,
        /// How many may be.
        limit: u32,
        /// His tier.
        tier: String,
    },
    /// The member has fewer credits than the job costs.
    TooDear {
        /// What he has.
        balance: Credits,
    },
}

impl Store {
    /// Submits a job, or says why not. Safe to repeat: an interaction has one job at most.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, StoreError> {
        let submission = Arc::new(submission);
        self.run("submit", move |tx| {
            let submission = Arc::clone(&submission);
            Box::pin(async move { submit(tx, &submission).await })
        })
        .await
    }

    /// The model of new jobs: the active one that was announced last.
    pub async fn newest_model(&self) -> Result<Option<(ModelRef, ModelProfile)>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- submit::newest_model\n\
                 SELECT id, hash, profile FROM models WHERE state = 'active' ORDER BY announced_at DESC, id LIMIT 1",
                &[],
            )
            .await?;
        row.map(|row| {
            let (id, hash): (String, String) = (row.get(0), row.get(1));
            let Json(profile) =
                row.try_get::<_, Json<ModelProfile>>(2)
                    .map_err(|_| StoreError::Corrupt {
                        what: "model profile",
                        value: id.clone(),
                    })?;
            Ok((ModelRef { id, hash }, profile))
        })
        .transpose()
    }

    /// Notes what moderation said about words that came to no job.
    pub async fn record_prompt_decision(
        &self,
        interaction: InteractionId,
        decision: &serde_json::Value,
    ) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- submit::record_prompt_decision\n\
                 INSERT INTO moderation_decisions (interaction_id, subject, decision) VALUES ($1, 'prompt', $2)",
                &[/* interaction */ &interaction, /* decision */ decision],
            )
            .await?;
        Ok(())
    }
}

async fn submit(tx: &Transaction<'_>, new: &Submission) -> Result<Submitted, StoreError> {
    if let Some(job) = job_of_interaction(tx, new.interaction).await? {
        return Ok(Submitted::Already { job });
    }
    let user = resolve_user(tx, new.member, new.fresh_user).await?;
    let account = lock_account(tx, user, &new.default_tier).await?;
    // Again under the lock: the same interaction may have been dispatched twice at once.
    if let Some(job) = job_of_interaction(tx, new.interaction).await? {
        return Ok(Submitted::Already { job });
    }
    if let Some((job, place)) = earlier(tx, new, &account).await? {
        return Ok(Submitted::Repeated { job, place });
    }
    let unfinished = unfinished_jobs(tx, &account).await?;
    if let Admission::QueueFull { unfinished, limit } = account.tier.admit(unfinished) {
        let tier = account.tier.name;
        return Ok(Submitted::QueueFull {
            unfinished,
            limit,
            tier,
        });
    }
    if account.balance < new.quote && new.quote > Credits(0) {
        return Ok(Submitted::TooDear {
            balance: account.balance,
        });
    }
    // `ServiceClass` is ordered from most to least urgent.
    let own = account.tier.service_class;
    let class = new.lane.map_or(own, |asked| asked.max(own));
    insert_job(tx, new, &account, class, None).await?;
    let queue = new.queues[class as usize].clone();
    let hint = JobHint {
        job_id: new.job,
        what: JobHintKind::Submitted,
    };
    // What refers to the job and to nothing else travels together.
    let ((), (), (), outbox_id, ()) = tokio::try_join!(
        insert_words(tx, new, user),
        reserve(tx, new, user),
        insert_delivery(tx, new),
        outbox::enqueue(tx, &queue, &hint),
        settle_intake(tx, new.interaction, IntakeEnd::Accepted(new.job)),
    )?;
    Ok(Submitted::Accepted {
        class,
        tier: account.tier.name,
        queue,
        outbox_id,
    })
}

async fn job_of_interaction(
    tx: &Transaction<'_>,
    interaction: InteractionId,
) -> Result<Option<JobId>, StoreError> {
    let row = tx
        .query_opt(
            "-- submit::job_of_interaction\n\
             SELECT id FROM jobs WHERE interaction_id = $1 ORDER BY ordinal LIMIT 1",
            &[/* interaction */ &interaction],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// The key under which a picture is enlarged once for each member.
fn dedupe_key(new: &Submission, user: UserId) -> Option<String> {
    match (new.repetition, new.parent) {
        (Repetition::Once, Some((job, index))) => {
            Some(format!("{}:{job}:{index}:{user}", new.action.as_str()))
        }
        (
            Repetition::Once
            | Repetition::Allowed
            | Repetition::SameWords(_)
            | Repetition::SameClick(_),
            _,
        ) => None,
    }
}

async fn earlier(
    tx: &Transaction<'_>,
    new: &Submission,
    account: &LockedAccount,
) -> Result<Option<(JobId, MessagePlace)>, StoreError> {
    let user = account.user;
    let row = match new.repetition {
        Repetition::Allowed => None,
        Repetition::SameWords(within) => {
            tx.query_opt(
                "-- submit::earlier (words)\n\
                 SELECT j.id, d.guild_id, d.channel_id, d.message_id
                 FROM jobs j JOIN prompts p ON p.job_id = j.id JOIN deliveries d ON d.job_id = j.id
                 WHERE j.user_id = $1 AND j.ended_at IS NULL AND j.submitted_at > $2 AND d.channel_id = $3
                   AND p.digest = $4 ORDER BY j.id DESC LIMIT 1",
                &[
                    /* user */ &user,
                    /* after */ &(new.submitted_at - within),
                    /* channel */ &new.place.channel,
                    /* digest */ &new.digest,
                ],
            )
            .await?
        }
        Repetition::SameClick(within) => {
            let (parent, index) = parent_columns(new);
            tx.query_opt(
                "-- submit::earlier (click)\n\
                 SELECT j.id, d.guild_id, d.channel_id, d.message_id
                 FROM jobs j JOIN deliveries d ON d.job_id = j.id
                 WHERE j.user_id = $1 AND j.submitted_at > $2 AND j.action = $3
                   AND j.parent_job_id = $4 AND j.parent_index IS NOT DISTINCT FROM $5 ORDER BY j.id DESC LIMIT 1",
                &[
                    /* user */ &user,
                    /* after */ &(new.submitted_at - within),
                    /* action */ &new.action.as_str(),
                    /* parent */ &parent,
                    /* index */ &index,
                ],
            )
            .await?
        }
        Repetition::Once => {
            tx.query_opt(
                "-- submit::earlier (once)\n\
                 SELECT j.id, d.guild_id, d.channel_id, d.message_id
                 FROM jobs j JOIN deliveries d ON d.job_id = j.id
                 WHERE j.dedupe_key = $1 AND j.state NOT IN ('failed', 'cancelled', 'rejected', 'shed')",
                &[/* key */ &dedupe_key(new, user)],
            )
            .await?
        }
    };
    Ok(row.map(|row| {
        let place = MessagePlace {
            guild: row.get(1),
            channel: row.get(2),
            message: row.get(3),
        };
        (row.get(0), place)
    }))
}

fn parent_columns(new: &Submission) -> (Option<JobId>, Option<i16>) {
    match new.parent {
        Some((job, index)) => (Some(job), i16::try_from(index).ok()),
        None => (None, None),
    }
}
