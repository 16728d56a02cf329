//! The transaction, and what follows from its outcome.

use std::time::Duration;

use easel_broker::{Lane, Message, TraceContext};
use easel_domain::JobId;
use easel_domain::ledger::Credits;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::picture::StorageClass;
use easel_domain::spec::{Action, Leeway, PromptText, RenderSpec};
use easel_domain::tier::ServiceClass;
use easel_service::{Backoff, chain};
use easel_store::StoreError;
use easel_store::intake::IntakeEnd;
use easel_store::submit::{MessagePlace, Repetition, Submission, Submitted};
use time::OffsetDateTime;

use super::answer::Answered;
use super::{Intake, count};
use crate::arrival::Arrival;
use crate::live::LiveEvent;
use crate::metric;
use crate::rest::MessagePayload;
use crate::text::Language;
use crate::view::buttons::run_anyway;

/// What every job costs so far.
pub(super) const PRICE: Credits = Credits(0);
/// About eight seconds in all, which is less than an answered interaction may be left alone.
pub(super) const STORE_RETRIES: u32 = 10;

/// A job that is to be submitted.
pub(super) struct Wish {
    pub(super) action: Action,
    pub(super) parent: Option<(JobId, u32)>,
    pub(super) repetition: Repetition,
    pub(super) lane: Option<ServiceClass>,
    pub(super) spec: RenderSpec,
    /// What of that nobody asked for.
    pub(super) leeway: Leeway,
    pub(super) text: PromptText,
    pub(super) shown: String,
    /// Address of the picture that a question is about.
    pub(super) pictured: Option<String>,
    pub(super) digest: String,
    pub(super) moderation: serde_json::Value,
}

impl Intake {
    /// Submits a job for an interaction that was answered, and tells the member what became of it.
    pub(super) async fn submit(&self, arrival: &Arrival, answered: Answered, wish: Wish) {
        let submission = self.submission(arrival, answered, wish);
        let (job, repetition) = (submission.job, submission.repetition);
        match self.submit_patiently(submission).await {
            Ok(Submitted::Accepted {
                queue: _,
                outbox_id,
                class,
                tier,
                quoted,
            }) => {
                count(arrival.request.kind(), "accepted");
                let quoted_s = quoted.map(|wait| wait.as_secs());
                tracing::info!(job.id = %job, tier, class = class.as_str(), quoted_s, "job {job} is queued");
                // The message and the hint do not wait for each other.
                self.parts.live.tell(LiveEvent::Due(job));
                let hint = JobHint {
                    job_id: job,
                    what: JobHintKind::Submitted,
                };
                self.send_hint(hint, &self.parts.lane, class, outbox_id)
                    .await;
                let seconds = arrival.received.elapsed().as_secs_f64();
                metrics::histogram!(metric::CONFIRMED_SECONDS).record(seconds);
            }
            Ok(Submitted::Already { job }) => {
                count(arrival.request.kind(), "already");
                self.close(arrival, IntakeEnd::Accepted(job)).await;
                self.parts.live.tell(LiveEvent::Due(job));
            }
            Ok(Submitted::GivenUp) => {
                count(arrival.request.kind(), "given_up");
                tracing::warn!("an interaction took so long that its member was told to try again");
            }
            Ok(Submitted::Repeated { job, place }) => {
                let link = self.parts.links.message(&place);
                let payload = repeated(arrival.language, repetition, job, link);
                self.refuse(arrival, answered, payload, "repetition").await;
            }
            Ok(Submitted::QueueFull {
                unfinished,
                limit,
                tier,
            }) => {
                let words = arrival.language.queue_full(unfinished, limit, tier);
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, "queue_full").await;
            }
            Ok(Submitted::Crowded { wait, again, tier }) => {
                let now = self.parts.clock.now();
                let words = crowded(arrival.language, now, wait, again, &tier);
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, "crowded").await;
            }
            Ok(Submitted::TooDear { balance }) => {
                let language = arrival.language;
                let (price, left) = (language.price(PRICE), language.credits(balance));
                let payload = MessagePayload::text(language.too_dear(price, left));
                self.refuse(arrival, answered, payload, "too_dear").await;
            }
            Ok(Submitted::PicturesGone) => {
                let payload = MessagePayload::text(arrival.language.pictures_gone());
                self.refuse(arrival, answered, payload, "pictures_gone")
                    .await;
            }
            Err(error) => {
                tracing::error!("submit a job: {error}", error = chain(&error));
                self.not_accepted(arrival, answered).await;
            }
        }
    }

    pub(super) fn submission(
        &self,
        arrival: &Arrival,
        answered: Answered,
        wish: Wish,
    ) -> Submission {
        let names = self.parts.broker.names();
        Submission {
            job: self.new_job(),
            interaction: arrival.interaction,
            member: arrival.member,
            fresh_user: self.new_user(),
            default_tier: self.parts.settings.default_tier.clone(),
            place: MessagePlace {
                guild: arrival.guild,
                channel: arrival.channel,
                message: answered.message,
            },
            shard: arrival.shard,
            application: arrival.application,
            token: arrival.token.clone(),
            token_expires_at: self.token_expires_at(arrival),
            ephemeral: answered.whispered,
            is_guest: arrival.standing.is_guest(),
            file_limit: arrival.file_limit,
            locale: arrival.locale.clone(),
            action: wish.action,
            parent: wish.parent,
            repetition: wish.repetition,
            region: self.parts.settings.region.clone(),
            pool: self.parts.settings.pool.clone(),
            lane: wish.lane,
            spec: wish.spec,
            leeway: wish.leeway,
            text: wish.text,
            shown: wish.shown,
            pictured: wish.pictured,
            digest: wish.digest,
            storage_class: StorageClass::Public,
            quote: PRICE,
            submitted_at: self.parts.clock.now(),
            moderation: wish.moderation,
            queues: ServiceClass::ALL
                .map(|class| names.storable(&names.jobs(&self.parts.lane, class))),
        }
    }

    /// A database that comes back within seconds costs nobody his job; repeating is safe.
    async fn submit_patiently(&self, submission: Submission) -> Result<Submitted, StoreError> {
        let entropy = std::sync::Arc::clone(&self.parts.entropy);
        let mut pauses = Backoff::new(Duration::from_millis(300), Duration::from_secs(1), entropy)
            .limit(STORE_RETRIES);
        loop {
            match self.parts.store.submit(submission.clone()).await {
                Err(error) if error.is_transient() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                done => return done,
            }
        }
    }

    /// Sends the hint of a committed row. If it does not arrive, the dispatcher's relay sends it a little later.
    pub(super) async fn send_hint(
        &self,
        hint: JobHint,
        lane: &Lane,
        class: ServiceClass,
        outbox_id: i64,
    ) {
        let (broker, job) = (&self.parts.broker, hint.job_id);
        let target = broker.names().jobs(lane, class).target();
        let message = match Message::new(target, &hint) {
            Ok(message) => message.trace(TraceContext::root(self.parts.entropy.as_ref())),
            Err(error) => {
                tracing::error!(job.id = %job, "encode the hint of job {job}: {error}", error = chain(&error));
                return;
            }
        };
        match broker.publish(message).await {
            Ok(()) => self.parts.marks.sent(outbox_id),
            Err(error) => {
                tracing::warn!(job.id = %job, "send the hint of job {job}: {error}; the relay will", error = chain(&error));
            }
        }
    }
}

/// How long the wait is, and when asking again may help, as every member's Discord shows it in his own time.
pub(super) fn crowded(
    language: Language,
    now: OffsetDateTime,
    wait: Duration,
    again: Duration,
    tier: &str,
) -> String {
    // Rounded up: who asks a moment too early is refused again.
    let at = now + again + Duration::from_secs(1);
    let when = format!("<t:{}:R>", at.unix_timestamp());
    language.crowded(language.about(wait), when, tier)
}

fn repeated(
    language: Language,
    repetition: Repetition,
    job: JobId,
    link: Option<String>,
) -> MessagePayload {
    match repetition {
        Repetition::Once => MessagePayload::text(language.large_already(link)),
        Repetition::SameWords(_) => MessagePayload {
            components: vec![run_anyway(job, language)],
            ..MessagePayload::text(language.asked_before(link))
        },
        Repetition::SameClick(_) | Repetition::Allowed => {
            MessagePayload::text(language.asked_before(link))
        }
    }
}
