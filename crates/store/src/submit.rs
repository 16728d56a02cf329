//! Submitting a job: limits, reservation, job, words, message and hint in one transaction.

pub(crate) mod admit;
pub mod batch;
mod earlier;
mod members;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use easel_domain::ledger::Credits;
use easel_domain::picture::StorageClass;
use easel_domain::spec::{Action, Leeway, PromptText, RenderSpec};
use easel_domain::tier::{Admission, ServiceClass, Tier};
use easel_domain::{DiscordId, GuildKey, InteractionId, JobId, UserId};
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::input::hold_inputs;
use crate::pool::Store;
use admit::{Asked, Crowded, Outlooks, Terms};
use earlier::earlier;
use members::{Account, Known};
use rows::Accepted;

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
    /// Whether only the member sees the answer: then nothing but the token can edit it.
    pub ephemeral: bool,
    /// Whether the bot is no member there: the guild's limits do not count, and nothing but the token reaches the answer.
    pub is_guest: bool,
    /// Bytes that one file may have there.
    pub file_limit: u64,
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
    /// What of that nobody asked for.
    pub leeway: Leeway,
    /// The words.
    pub text: PromptText,
    /// The words as the member wrote them.
    pub shown: String,
    /// Address of the picture that a question is about.
    pub pictured: Option<String>,
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

impl Submission {
    /// The guild that it counts for: where the bot is a guest, none.
    pub(crate) fn counted_guild(&self) -> Option<GuildKey> {
        self.place.guild.filter(|_| !self.is_guest)
    }
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
        /// Until it should start, where that is later than his tier promises.
        quoted: Option<Duration>,
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
    /// The member was told that nothing came of the interaction: this process was taken for dead.
    GivenUp,
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
    /// The job would hardly start before it is dropped for having waited too long.
    Crowded {
        /// Until it should start.
        wait: Duration,
        /// From now on until asking again may help.
        again: Duration,
        /// The member's tier.
        tier: String,
    },
    /// The member has fewer credits than the job costs.
    TooDear {
        /// What he has.
        balance: Credits,
    },
    /// A picture that the job would begin from is kept no longer.
    PicturesGone,
}

impl Store {
    /// Submits a job, or says why not. Safe to repeat: an interaction has one job at most.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, StoreError> {
        let all = self.submit_all(vec![submission]).await?;
        all.into_iter().next().ok_or(StoreError::Guard {
            statement: "submit",
            expected: 1,
            actual: 0,
        })
    }

    /// Submits jobs that have nothing to do with each other in one transaction. Each is decided as if it had come alone,
    /// after those before it: the outcomes are in the same order, and one that is refused refuses no other.
    pub async fn submit_all(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Submitted>, StoreError> {
        let submissions = Arc::<[Submission]>::from(submissions);
        self.run("submit", move |tx| {
            let submissions = Arc::clone(&submissions);
            Box::pin(async move { submit_all(tx, &submissions).await })
        })
        .await
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

/// Decides in order; what is accepted is written together.
async fn submit_all(
    tx: &Transaction<'_>,
    submissions: &[Submission],
) -> Result<Vec<Submitted>, StoreError> {
    let Known {
        mut accounts,
        mut jobs,
        given_up,
        outlooks,
    } = members::read(tx, submissions).await?;
    let mut outcomes = Vec::with_capacity(submissions.len());
    // Accepted and not yet written, each with the place of its outcome.
    let mut accepted: Vec<Taken> = Vec::new();
    for (place, new) in submissions.iter().enumerate() {
        if new.repetition != Repetition::Allowed {
            write(tx, submissions, &mut accepted, &mut outcomes, false).await?;
        }
        let account = accounts.get_mut(&new.member).ok_or(StoreError::Guard {
            statement: "submit",
            expected: 1,
            actual: 0,
        })?;
        let (outcome, terms) = match jobs.get(&new.interaction) {
            Some(job) => (Submitted::Already { job: *job }, Terms::default()),
            None if given_up.contains(&new.interaction) => (Submitted::GivenUp, Terms::default()),
            None => decide(tx, new, account, &outlooks).await?,
        };
        if let Submitted::Accepted { class, tier, .. } = &outcome {
            account.shares.take(&asked(new, *class), terms);
            accepted.push(Taken {
                place,
                user: account.user,
                class: *class,
                tier: tier.clone(),
                terms,
            });
            account.unfinished += 1;
            account.balance = Credits(account.balance.0 - new.quote.0);
            jobs.insert(new.interaction, new.job);
        }
        outcomes.push(outcome);
    }
    write(tx, submissions, &mut accepted, &mut outcomes, true).await?;
    Ok(outcomes)
}

/// A submission that is accepted and not yet written.
struct Taken {
    place: usize,
    user: UserId,
    class: ServiceClass,
    tier: String,
    terms: Terms,
}

/// Writes what was accepted, and fills in the outbox rows. The last time, it commits as well.
async fn write(
    tx: &Transaction<'_>,
    submissions: &[Submission],
    accepted: &mut Vec<Taken>,
    outcomes: &mut [Submitted],
    commits: bool,
) -> Result<(), StoreError> {
    let rows: Vec<Accepted<'_>> = accepted
        .iter()
        .map(|taken| Accepted {
            new: &submissions[taken.place],
            user: taken.user,
            tier: &taken.tier,
            class: taken.class,
            terms: taken.terms,
            member: None,
        })
        .collect();
    let ids = rows::write(tx, &rows, commits).await?;
    for (taken, id) in accepted.drain(..).zip(ids) {
        if let Some(Submitted::Accepted { outbox_id, .. }) = outcomes.get_mut(taken.place) {
            *outbox_id = id;
        }
    }
    Ok(())
}

/// What becomes of a submission whose interaction has no job. The outbox row of an accepted one is not written yet.
async fn decide(
    tx: &Transaction<'_>,
    new: &Submission,
    account: &Account,
    outlooks: &Outlooks,
) -> Result<(Submitted, Terms), StoreError> {
    let nothing = Terms::default();
    if let Some((job, place)) = earlier(tx, new, account.user).await? {
        return Ok((Submitted::Repeated { job, place }, nothing));
    }
    let tier = account.tier.name.clone();
    if let Admission::QueueFull { unfinished, limit } = account.tier.admit(account.unfinished) {
        let full = Submitted::QueueFull {
            unfinished,
            limit,
            tier,
        };
        return Ok((full, nothing));
    }
    let balance = account.balance;
    if balance < new.quote && new.quote > Credits(0) {
        return Ok((Submitted::TooDear { balance }, nothing));
    }
    let class = granted_lane(new.lane, &account.tier, account.speed);
    let asked = asked(new, class);
    let terms = match outlooks.decide(&asked, &account.tier, account.promise, &account.shares) {
        Ok(terms) => terms,
        Err(Crowded { wait, again }) => {
            return Ok((Submitted::Crowded { wait, again, tier }, nothing));
        }
    };
    if !hold_inputs(tx, &new.spec, new.submitted_at).await? {
        return Ok((Submitted::PicturesGone, nothing));
    }
    let accepted = Submitted::Accepted {
        class,
        tier,
        quoted: terms.quoted,
        queue: new.queues[class as usize].clone(),
        outbox_id: 0,
    };
    Ok((accepted, terms))
}

/// A submission as the rule of admission sees it.
fn asked(new: &Submission, class: ServiceClass) -> Asked<'_> {
    Asked {
        region: &new.region,
        pool: &new.pool,
        class,
        guild: new.counted_guild(),
        spec: &new.spec,
        at: new.submitted_at,
    }
}

/// The lane asked for, or else the one that the member has chosen; the tier's own where that is less urgent.
pub(crate) fn granted_lane(
    asked: Option<ServiceClass>,
    tier: &Tier,
    chosen: Option<ServiceClass>,
) -> ServiceClass {
    // `ServiceClass` is ordered from most to least urgent.
    let own = tier.service_class;
    asked.or(chosen).map_or(own, |asked| asked.max(own))
}
