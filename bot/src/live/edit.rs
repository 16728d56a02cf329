//! Bringing one message up to date.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::{Clock, DiscordId, Entropy, JobId};
use easel_service::chain;
use easel_store::delivery::{Delivery, PostIntent, Route};
use easel_store::shard::ShardLease;
use easel_store::show::JobSnapshot;
use easel_store::{Store, StoreError};

use super::compose::NoPicture;
use super::decide::{
    DeliveryAction, Reaction, after_failure, backoff, edit_route, next_delivery_action,
};
use super::ownership::Ownership;
use super::picture::PictureSource;
use crate::metric;
use crate::rest::{Permit, Rest, RestError};
use crate::view::Live;

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

impl Known {
    /// The same after it was shown in this message, so that progress can go on there.
    fn with_message(mut self, message: DiscordId) -> Self {
        if self.delivery.message.is_none() {
            Arc::make_mut(&mut self.delivery).message = Some(message);
        }
        self
    }
}

/// How it went.
#[derive(Debug)]
pub(super) enum Edited {
    /// The message shows the newest revision; the job goes on. With the print of what it shows, if that is known.
    Shown(Known, Option<u64>),
    /// The job has ended, and its message shows it or never will.
    Ended,
    /// Not now.
    Again(Duration),
    /// Not ours: another process renders this message, or there is none.
    NotOurs,
}

/// What a row wants.
#[derive(Debug)]
pub(super) enum Wanted {
    /// An edit or a new message, which needs a turn.
    Send(Known, DeliveryAction),
    /// Nothing (more).
    Nothing(Edited),
}

/// A step that did not finish the work.
enum Step {
    /// Decide anew.
    Onward,
    /// Finished.
    Done(Wanted),
}

fn done(edited: Edited) -> Step {
    Step::Done(Wanted::Nothing(edited))
}

impl Editor {
    /// Reads what the row of a message wants, and does what needs no turn.
    pub(super) async fn read(&self, job: JobId) -> Wanted {
        match self.try_read(job).await {
            Ok(wanted) => wanted,
            Err(error) => Wanted::Nothing(excuse(job, &error)),
        }
    }

    async fn try_read(&self, job: JobId) -> Result<Wanted, StoreError> {
        for _ in 0..MAX_STEPS {
            // The row is read before the job: what it wants is at most what the job then shows.
            let Some(row) = self.store.delivery(job).await? else {
                return Ok(Wanted::Nothing(Edited::NotOurs));
            };
            let Some(lease) = self.ownership.of(row.shard) else {
                return Ok(Wanted::Nothing(Edited::NotOurs));
            };
            let Some(snapshot) = self.store.job_snapshot(job).await? else {
                return Ok(Wanted::Nothing(Edited::NotOurs));
            };
            let known = Known {
                job: Arc::new(snapshot),
                delivery: Arc::new(row),
            };
            if let Step::Done(wanted) = self.step(lease, known).await? {
                return Ok(wanted);
            }
        }
        Ok(Wanted::Nothing(Edited::Again(RETRY_STORE)))
    }

    async fn step(&self, lease: ShardLease, known: Known) -> Result<Step, StoreError> {
        let row = &known.delivery;
        let action = next_delivery_action(row, known.job.state.is_end(), self.clock.now());
        match action {
            DeliveryAction::Nothing => Ok(done(self.nothing(&known))),
            DeliveryAction::Skip => {
                self.store
                    .record_shown(lease, row.job, row.desired_rev)
                    .await?;
                Ok(done(finished(known, None)))
            }
            DeliveryAction::Switch(route) => self.switch(lease, &known, route).await,
            DeliveryAction::Find => match self.find(row).await {
                Ok(Some(message)) => {
                    // It was posted with what the row wanted then; what it wants now is an edit.
                    self.store
                        .record_new_message(lease, row, row.shown_rev, message)
                        .await?;
                    Ok(Step::Onward)
                }
                // Looked for and not found: then it was never posted.
                Ok(None) => Ok(Step::Done(Wanted::Send(known, DeliveryAction::Post))),
                Err(error) => self.react(lease, known, action, &error).await,
            },
            DeliveryAction::EditByToken | DeliveryAction::EditByBot(_) | DeliveryAction::Post => {
                Ok(Step::Done(Wanted::Send(known, action)))
            }
        }
    }

    /// Sends what a row wants.
    pub(super) async fn send_wanted(
        &self,
        known: Known,
        action: DeliveryAction,
        live: &Live,
        permit: Permit,
    ) -> Edited {
        let job = known.job.job;
        match self.try_send(known, action, live, permit).await {
            Ok(Step::Done(Wanted::Nothing(edited))) => edited,
            // Another route is to be taken: the row is read again at once.
            Ok(Step::Onward | Step::Done(Wanted::Send(_, _))) => Edited::Again(Duration::ZERO),
            Err(error) => excuse(job, &error),
        }
    }

    async fn try_send(
        &self,
        known: Known,
        action: DeliveryAction,
        live: &Live,
        permit: Permit,
    ) -> Result<Step, StoreError> {
        let row = &known.delivery;
        let Some(lease) = self.ownership.of(row.shard) else {
            return Ok(done(Edited::NotOurs));
        };
        let payload = match self.payload(&known, live).await {
            Ok(payload) => payload,
            Err(NoPicture) => return self.wait_for_picture(lease, row).await,
        };
        if action == DeliveryAction::Post {
            let begun = self.store.begin_post(lease, row.job, self.clock.now());
            match begun.await? {
                // What was posted before was looked for, and is not there.
                PostIntent::Written | PostIntent::Before => {}
                PostIntent::Over => return Ok(Step::Onward),
            }
        }
        let sent = self
            .send_fitting(&known, action, payload, Some(permit))
            .await;
        match sent {
            Ok((message, payload)) => {
                if row.message == Some(message) {
                    self.store
                        .record_shown(lease, row.job, row.desired_rev)
                        .await?;
                } else {
                    self.store
                        .record_new_message(lease, row, row.desired_rev, message)
                        .await?;
                }
                self.measure(&known.job);
                Ok(done(finished(
                    known.with_message(message),
                    Some(payload.print()),
                )))
            }
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

    async fn wait_for_picture(
        &self,
        lease: ShardLease,
        row: &Delivery,
    ) -> Result<Step, StoreError> {
        let pause = backoff(row.failures, self.entropy.random_unit());
        self.store
            .record_delivery_failure(lease, row.job, self.clock.now() + pause)
            .await?;
        Ok(done(Edited::Again(pause)))
    }

    /// Looks for our own message after a restart, by the job's id in its buttons.
    async fn find(&self, row: &Delivery) -> Result<Option<DiscordId>, RestError> {
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
        Ok(own.map(|message| message.id))
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
                    return Ok(done(Edited::Again(pause)));
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
                tracing::warn!(job.id = %row.job, "show job {}: {error}; again in {pause:?}", row.job, error = chain(&error));
                self.store
                    .record_delivery_failure(lease, row.job, self.clock.now() + pause)
                    .await?;
                Ok(done(Edited::Again(pause)))
            }
            Reaction::ForgetToken => {
                self.store.forget_token(lease, row.job).await?;
                Ok(Step::Onward)
            }
            Reaction::Switch(route) => self.switch(lease, &known, route).await,
            Reaction::Skip => {
                self.store
                    .record_shown(lease, row.job, row.desired_rev)
                    .await?;
                Ok(done(finished(known, None)))
            }
            Reaction::GiveUp(why) => {
                tracing::warn!(job.id = %row.job, "show job {}: {error}; giving up", row.job, error = chain(&error));
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
        Ok(done(Edited::Ended))
    }

    /// How progress of a message is shown, if it can be.
    pub(super) fn progress_action(&self, known: &Known) -> Option<DeliveryAction> {
        edit_route(&known.delivery, self.clock.now())
    }

    /// Shows progress on what was read before. Nothing is written, nothing is repeated.
    pub(super) async fn progress(
        &self,
        known: Known,
        action: DeliveryAction,
        live: &Live,
        shown: Option<u64>,
        permit: Permit,
    ) -> Edited {
        let row = &known.delivery;
        if self.ownership.of(row.shard).is_none() {
            return Edited::NotOurs;
        }
        let Ok(payload) = self.payload(&known, live).await else {
            return Edited::Shown(known, None);
        };
        let print = payload.print();
        if shown == Some(print) {
            return Edited::Shown(known, None);
        }
        match self.send(row, action, &payload, Some(permit)).await {
            Ok(_) => Edited::Shown(known, Some(print)),
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

fn finished(known: Known, print: Option<u64>) -> Edited {
    if known.job.state.is_end() {
        Edited::Ended
    } else {
        Edited::Shown(known, print)
    }
}

fn excuse(job: JobId, error: &StoreError) -> Edited {
    if error.is_lost_race() {
        return Edited::NotOurs;
    }
    tracing::warn!(job.id = %job, "show job {job}: {error}", error = chain(&error));
    Edited::Again(RETRY_STORE)
}
