//! Bringing one message up to date.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::job::JobState;
use easel_domain::{Clock, DiscordId, Entropy, JobId};
use easel_store::delivery::{Delivery, Route};
use easel_store::shard::ShardLease;
use easel_store::show::JobSnapshot;
use easel_store::{Store, StoreError};

use super::decide::{
    DeliveryAction, Reaction, after_failure, backoff, edit_route, gives_up_picture,
    next_delivery_action,
};
use super::ownership::Ownership;
use super::picture::PictureSource;
use crate::metric;
use crate::rest::{MessagePayload, Rest, RestError};
use crate::view::{Live, Picture, view};

/// Messages looked through for one of our own after a restart.
const LOOK_BACK: u8 = 50;
/// Changes of route in one go; each one leads further down the list of routes.
const MAX_STEPS: u32 = 8;
const RETRY_STORE: Duration = Duration::from_secs(2);

/// What an edit needs. Clones share everything.
#[derive(Clone)]
pub(super) struct Editor {
    pub(super) rest: Rest,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) pictures: PictureSource,
    pub(super) ownership: Ownership,
}

/// What was read for an edit, kept for progress.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) job: Arc<JobSnapshot>,
    pub(super) delivery: Arc<Delivery>,
}

/// How it went.
#[derive(Debug)]
pub(super) enum Edited {
    /// The message shows the newest revision; the job goes on.
    Shown(Known, Option<Box<MessagePayload>>),
    /// The job has ended, and its message shows it or never will.
    Ended,
    /// Not now.
    Again(Duration),
    /// Not ours: another process renders this message, or there is none.
    NotOurs,
}

/// The picture cannot be had for now.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPicture;

/// A step that did not finish the work.
enum Step {
    /// Decide anew.
    Onward,
    /// Finished.
    Done(Edited),
}

impl Editor {
    /// Brings the message to the revision that its row wants.
    pub(super) async fn durable(&self, job: JobId, live: &Live) -> Edited {
        match self.try_durable(job, live).await {
            Ok(edited) => edited,
            Err(error) if error.is_lost_race() => Edited::NotOurs,
            Err(error) => {
                tracing::warn!(job.id = %job, "show job {job}: {error}");
                Edited::Again(RETRY_STORE)
            }
        }
    }

    async fn try_durable(&self, job: JobId, live: &Live) -> Result<Edited, StoreError> {
        for _ in 0..MAX_STEPS {
            // The row is read before the job: what it wants is at most what the job then shows.
            let Some(row) = self.store.delivery(job).await? else {
                return Ok(Edited::NotOurs);
            };
            let Some(lease) = self.ownership.of(row.shard) else {
                return Ok(Edited::NotOurs);
            };
            let Some(snapshot) = self.store.job_snapshot(job).await? else {
                return Ok(Edited::NotOurs);
            };
            let known = Known {
                job: Arc::new(snapshot),
                delivery: Arc::new(row),
            };
            if let Step::Done(edited) = self.step(lease, known, live).await? {
                return Ok(edited);
            }
        }
        Ok(Edited::Again(RETRY_STORE))
    }

    async fn step(&self, lease: ShardLease, known: Known, live: &Live) -> Result<Step, StoreError> {
        let (row, job) = (&known.delivery, &known.job);
        let ended = job.state.is_end();
        let action = next_delivery_action(row, ended, self.clock.now());
        let outcome = match action {
            DeliveryAction::Nothing => return Ok(Step::Done(self.nothing(&known))),
            DeliveryAction::Skip => {
                self.store
                    .record_shown(lease, row.job, row.desired_rev, None)
                    .await?;
                return Ok(Step::Done(finished(known, None)));
            }
            DeliveryAction::Switch(route) => return self.switch(lease, &known, route).await,
            DeliveryAction::Find => self.find(row).await,
            DeliveryAction::EditByToken | DeliveryAction::EditByBot(_) | DeliveryAction::Post => {
                let payload = match self.payload(&known, live).await {
                    Ok(payload) => payload,
                    Err(NoPicture) => return self.wait_for_picture(lease, row).await,
                };
                if action == DeliveryAction::Post {
                    self.store
                        .begin_post(lease, row.job, self.clock.now())
                        .await?;
                }
                self.send_fitting(&known, action, payload).await.map(Some)
            }
        };
        match outcome {
            Ok(Some((message, payload))) => {
                self.store
                    .record_shown(lease, row.job, row.desired_rev, Some(message))
                    .await?;
                self.measure(job);
                Ok(Step::Done(finished(known, Some(Box::new(payload)))))
            }
            // Looked for and not found: then it was never posted.
            Ok(None) => self.post_again(lease, known, live).await,
            Err(error) => self.react(lease, known, action, &error).await,
        }
    }

    fn nothing(&self, known: &Known) -> Edited {
        let row = &known.delivery;
        let wait = row
            .next_try_at
            .map(|at| at - self.clock.now())
            .filter(|wait| wait.is_positive());
        match wait {
            Some(wait) if row.shown_rev < row.desired_rev && row.undeliverable.is_none() => {
                Edited::Again(wait.unsigned_abs())
            }
            _ => finished(known.clone(), None),
        }
    }

    /// The whole message. A picture that cannot be had is waited for a few times; then it is left out, and the message
    /// says how to fetch it.
    pub(super) async fn payload(
        &self,
        known: &Known,
        live: &Live,
    ) -> Result<MessagePayload, NoPicture> {
        let (job, row) = (&known.job, &known.delivery);
        let picture = match self.pictures.of(job).await {
            Ok(picture) => picture,
            Err(error) => {
                tracing::warn!(job.id = %job.job, "{error}");
                if !gives_up_picture(row.failures) {
                    return Err(NoPicture);
                }
                Picture::Missing
            }
        };
        Ok(self.message(job, live, &picture).await)
    }

    async fn message(&self, job: &JobSnapshot, live: &Live, picture: &Picture) -> MessagePayload {
        let mut payload = view(job, &self.position(job, live).await, picture);
        payload.mentions = job.owner.into_iter().collect();
        payload
    }

    /// Sends the message; one that is too large for its channel goes with a smaller picture, or with none.
    async fn send_fitting(
        &self,
        known: &Known,
        action: DeliveryAction,
        payload: MessagePayload,
    ) -> Result<(DiscordId, MessagePayload), RestError> {
        let (row, job) = (&known.delivery, &known.job);
        let mut payload = payload;
        let mut error = match self.send(row, action, &payload).await {
            Ok(message) => return Ok((message, payload)),
            Err(error) if error.is_too_large() && !payload.files.is_empty() => error,
            Err(error) => return Err(error),
        };
        let small = self.pictures.small(job).await.ok();
        for picture in small.into_iter().chain([Picture::Missing]) {
            payload = self.message(job, &Live::Unknown, &picture).await;
            error = match self.send(row, action, &payload).await {
                Ok(message) => return Ok((message, payload)),
                Err(error) if error.is_too_large() => error,
                Err(error) => return Err(error),
            };
        }
        Err(error)
    }

    async fn wait_for_picture(
        &self,
        lease: ShardLease,
        row: &Delivery,
    ) -> Result<Step, StoreError> {
        let pause = backoff(row.failures, self.entropy.random_unit());
        self.store
            .record_delivery_failure(lease, row.job, self.clock.now() + pause)
            .await?;
        Ok(Step::Done(Edited::Again(pause)))
    }

    /// Until the dispatcher has said where a job stands in its queue, the rows tell.
    async fn position(&self, job: &JobSnapshot, live: &Live) -> Live {
        if job.state != JobState::Queued || *live != Live::Unknown {
            return live.clone();
        }
        match self.store.queue_position(job.job).await {
            Ok(Some(position)) => Live::Queued {
                position,
                eta: None,
            },
            Ok(None) | Err(_) => Live::Unknown,
        }
    }

    pub(super) async fn send(
        &self,
        row: &Delivery,
        action: DeliveryAction,
        payload: &MessagePayload,
    ) -> Result<DiscordId, RestError> {
        let sent = match (action, &row.token) {
            (DeliveryAction::EditByToken, Some(token)) => {
                self.rest
                    .edit_original(row.application, token, payload)
                    .await
            }
            (DeliveryAction::EditByBot(message), _) => {
                self.rest.edit_message(row.channel, message, payload).await
            }
            (_, _) => {
                self.rest
                    .create_message(row.channel, payload, &nonce(row.job))
                    .await
            }
        };
        sent.map(|message| message.id)
    }

    /// Looks for our own message after a restart, by the job's id in its buttons.
    async fn find(&self, row: &Delivery) -> Result<Option<(DiscordId, MessagePayload)>, RestError> {
        let messages = match self.rest.newest_messages(row.channel, LOOK_BACK).await {
            Ok(messages) => messages,
            Err(error) if error.is_transient() => return Err(error),
            // What may not be looked at is posted again: the nonce keeps it from standing there twice.
            Err(_) => Vec::new(),
        };
        let text = row.job.to_string();
        let own = messages
            .iter()
            .find(|message| message.was_posted_for(&text, row.superseded));
        Ok(own.map(|message| (message.id, MessagePayload::default())))
    }

    async fn post_again(
        &self,
        lease: ShardLease,
        known: Known,
        live: &Live,
    ) -> Result<Step, StoreError> {
        let row = &known.delivery;
        let payload = match self.payload(&known, live).await {
            Ok(payload) => payload,
            Err(NoPicture) => return self.wait_for_picture(lease, row).await,
        };
        match self
            .send_fitting(&known, DeliveryAction::Post, payload)
            .await
        {
            Ok((message, payload)) => {
                self.store
                    .record_shown(lease, row.job, row.desired_rev, Some(message))
                    .await?;
                self.measure(&known.job);
                Ok(Step::Done(finished(known, Some(Box::new(payload)))))
            }
            Err(error) => self.react(lease, known, DeliveryAction::Post, &error).await,
        }
    }

    async fn switch(
        &self,
        lease: ShardLease,
        known: &Known,
        route: Route,
    ) -> Result<Step, StoreError> {
        let row = &known.delivery;
        let channel = match (route, known.job.owner) {
            (Route::Interaction | Route::Channel, _) => row.channel,
            (Route::Direct, None) => {
                return self.give_up(lease, row.job, "its owner is unknown").await;
            }
            (Route::Direct, Some(owner)) => match self.rest.direct_channel(owner).await {
                Ok(channel) => channel,
                Err(error) if error.is_transient() => {
                    let pause = error.pause().unwrap_or(RETRY_STORE);
                    return Ok(Step::Done(Edited::Again(pause)));
                }
                Err(_) => return self.give_up(lease, row.job, "no direct messages").await,
            },
        };
        tracing::info!(job.id = %row.job, route = route.as_str(), "the message of job {} takes another route", row.job);
        self.store
            .change_route(lease, row.job, route, channel)
            .await?;
        Ok(Step::Onward)
    }

    async fn react(
        &self,
        lease: ShardLease,
        known: Known,
        action: DeliveryAction,
        error: &RestError,
    ) -> Result<Step, StoreError> {
        let (row, ended) = (&known.delivery, known.job.state.is_end());
        let jitter = self.entropy.random_unit();
        match after_failure(row, action, error, ended, jitter) {
            Reaction::Retry(pause) => {
                tracing::warn!(job.id = %row.job, "show job {}: {error}; again in {pause:?}", row.job);
                self.store
                    .record_delivery_failure(lease, row.job, self.clock.now() + pause)
                    .await?;
                Ok(Step::Done(Edited::Again(pause)))
            }
            Reaction::ForgetToken => {
                self.store.forget_token(lease, row.job).await?;
                Ok(Step::Onward)
            }
            Reaction::Switch(route) => self.switch(lease, &known, route).await,
            Reaction::Skip => {
                self.store
                    .record_shown(lease, row.job, row.desired_rev, None)
                    .await?;
                Ok(Step::Done(finished(known, None)))
            }
            Reaction::GiveUp(why) => {
                tracing::warn!(job.id = %row.job, "show job {}: {error}; giving up", row.job);
                self.give_up(lease, row.job, why).await
            }
        }
    }

    async fn give_up(
        &self,
        lease: ShardLease,
        job: JobId,
        why: &'static str,
    ) -> Result<Step, StoreError> {
        metrics::counter!(metric::UNDELIVERABLE, "reason" => why).increment(1);
        self.store.give_up_delivery(lease, job, why).await?;
        Ok(Step::Done(Edited::Ended))
    }

    /// Shows progress on what was read before. Nothing is written, nothing is repeated.
    pub(super) async fn progress(
        &self,
        known: &Known,
        live: &Live,
        shown: Option<&MessagePayload>,
    ) -> Edited {
        let row = &known.delivery;
        let Some(action) = edit_route(row, self.clock.now()) else {
            return Edited::Shown(known.clone(), None);
        };
        if self.ownership.of(row.shard).is_none() {
            return Edited::NotOurs;
        }
        let Ok(payload) = self.payload(known, live).await else {
            return Edited::Shown(known.clone(), None);
        };
        if shown == Some(&payload) {
            return Edited::Shown(known.clone(), None);
        }
        match self.send(row, action, &payload).await {
            Ok(_) => Edited::Shown(known.clone(), Some(Box::new(payload))),
            Err(error) if error.is_transient() => {
                Edited::Again(error.pause().unwrap_or(RETRY_STORE))
            }
            // The next durable change finds another route; until then there is nothing to count up.
            Err(_) => Edited::NotOurs,
        }
    }

    fn measure(&self, job: &JobSnapshot) {
        if let Some(ended) = job.ended_at {
            let seconds = (self.clock.now() - ended).as_seconds_f64().max(0.0);
            metrics::histogram!(metric::VISIBLE_SECONDS).record(seconds);
        }
    }
}

fn finished(known: Known, payload: Option<Box<MessagePayload>>) -> Edited {
    if known.job.state.is_end() {
        Edited::Ended
    } else {
        Edited::Shown(known, payload)
    }
}

/// At most 25 characters that belong to this job alone.
fn nonce(job: JobId) -> String {
    job.0.simple().to_string().chars().take(25).collect()
}
