//! What is done beside the messages of jobs: pictures sent by direct message, and messages of deleted results taken away.
//!
//! The rows are the truth. Each is looked for by the process that owns its shard; who has just written one says so, to
//! save the wait for the next look.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::{Clock, Entropy};
use easel_service::{Shutdown, chain};
use easel_store::mailing::{MailEnd, Mailing};
use easel_store::removal::DoomedMessage;
use easel_store::shard::ShardLease;
use easel_store::{Store, StoreError};
use futures::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::decide::backoff;
use super::ownership::Ownership;
use super::picture::{PictureError, PictureSource};
use crate::link::WebLinks;
use crate::metric;
use crate::rest::{ApiMessage, MessagePayload, Rest, RestError, code};
use crate::text::Language;
use crate::view::mail::{MAIL_CLOSED, mail};

/// Rows of each kind taken at one look.
const BATCH: u32 = 100;
/// Messages sent at once.
const AT_ONCE: usize = 4;
/// What is refused so often is not tried any more.
const REFUSALS: u32 = 5;

/// Failed tries to fetch its pictures that end a mailing: about an hour.
const MISSING: u32 = 60;
/// Messages looked through for one of our own after a restart.
const LOOK_BACK: u8 = 50;
/// Hints that may wait; more are found by the look.
const HINTS: usize = 256;

/// Says that a row was written. Clones share the way.
#[derive(Debug, Clone)]
pub struct ErrandHandle {
    sender: mpsc::Sender<Hint>,
}

#[derive(Debug)]
enum Hint {
    Mail(Uuid, Option<oneshot::Sender<MailEnd>>),
    Doomed,
}

impl ErrandHandle {
    /// These pictures are to be sent.
    pub fn mail(&self, id: Uuid) {
        // What does not fit is found by the next look.
        let _ = self.sender.try_send(Hint::Mail(id, None));
    }

    /// These pictures are to be sent, and somebody waits for how it ends; the receiver fails where that is not now.
    pub fn mail_and_tell(&self, id: Uuid) -> oneshot::Receiver<MailEnd> {
        let (tell, told) = oneshot::channel();
        let _ = self.sender.try_send(Hint::Mail(id, Some(tell)));
        told
    }

    /// Messages are to be deleted.
    pub fn doomed(&self) {
        let _ = self.sender.try_send(Hint::Doomed);
    }
}

/// What it is made of.
pub struct Errands {
    /// The rows.
    pub store: Store,
    /// Discord.
    pub rest: Rest,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The pictures.
    pub pictures: PictureSource,
    /// Addresses of messages.
    pub links: WebLinks,
    /// Which rows are ours.
    pub ownership: Ownership,
    /// How often to look.
    pub every: Duration,
}

impl std::fmt::Debug for Errands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errands")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// A way for hints, and where they come out.
pub fn errand_hints() -> (ErrandHandle, ErrandHints) {
    let (sender, hints) = mpsc::channel(HINTS);
    (ErrandHandle { sender }, ErrandHints(hints))
}

/// Where hints come out.
#[derive(Debug)]
pub struct ErrandHints(mpsc::Receiver<Hint>);

/// How a try went.
enum Tried {
    Ended(MailEnd),
    Again,
}

impl Errands {
    /// Runs errands until draining.
    ///
    /// # Errors
    ///
    /// Never: what fails is tried again.
    pub async fn run(self, hints: ErrandHints, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut hints = hints.0;
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let hint = tokio::select! {
                () = shutdown.soft().cancelled() => return Ok(()),
                _ = ticks.tick() => None,
                hint = hints.recv() => match hint {
                    Some(hint) => Some(hint),
                    None => return Ok(()),
                },
            };
            let done = match hint {
                None => self.look().await,
                Some(Hint::Doomed) => self.delete_messages().await,
                Some(Hint::Mail(id, tell)) => self.send_one(id, tell).await,
            };
            if let Err(error) = done {
                tracing::warn!("run errands: {error}", error = chain(&error));
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        self.delete_messages().await?;
        for lease in self.ownership.all() {
            let now = self.clock.now();
            let due = self.store.due_mailings(lease.shard(), now, BATCH).await?;
            let mut sent = futures::stream::iter(due)
                .map(|id| self.send_one(id, None))
                .buffer_unordered(AT_ONCE);
            while let Some(one) = sent.next().await {
                one?;
            }
        }
        Ok(())
    }

    async fn send_one(
        &self,
        id: Uuid,
        tell: Option<oneshot::Sender<MailEnd>>,
    ) -> Result<(), StoreError> {
        let Some(row) = self.store.open_mailing(id).await? else {
            return Ok(());
        };
        let Some(lease) = self.ownership.of(row.shard) else {
            return Ok(());
        };
        let end = match self.try_mail(lease, &row).await {
            Ok(Tried::Ended(end)) => end,
            Ok(Tried::Again) => return Ok(()),
            Err(error) => match self.end_of(lease, &row, &error).await? {
                Some(end) => end,
                None => return Ok(()),
            },
        };
        metrics::counter!(metric::MAILINGS, "outcome" => word(end)).increment(1);
        let ended = self.store.end_mailing(lease, id, end, self.clock.now());
        match ended.await {
            // Another process has taken over; what it finds it knows by its own look.
            Err(error) if error.is_lost_race() => {}
            ended => ended?,
        }
        if let Some(tell) = tell {
            // Nobody may be waiting any more.
            let _ = tell.send(end);
        }
        self.show_refusal(&row, end).await;
        Ok(())
    }

    async fn try_mail(&self, lease: ShardLease, row: &Mailing) -> Result<Tried, MailError> {
        let Some(job) = self.store.job_snapshot(row.job).await? else {
            return Ok(Tried::Ended(MailEnd::Void("no job")));
        };
        if !job.state.is_end() {
            return Ok(Tried::Again);
        }
        let Some(member) = row.member else {
            return Ok(Tried::Ended(MailEnd::Void("nobody to send it to")));
        };
        let channel = self.rest.direct_channel(member).await?;
        if row.may_be_posted
            && let Some(found) = self.find(row).await?
        {
            return Ok(Tried::Ended(MailEnd::Sent(found)));
        }
        let pictures = self.pictures.each(&job).await?;
        if pictures.is_empty() {
            return Ok(Tried::Ended(MailEnd::Void("no pictures")));
        }
        let language = Language::of_locale(&row.locale);
        let place = job.place.as_ref();
        let link = place.and_then(|place| self.links.message(place));
        let payload = mail(&job, &pictures, row.id, link, language);
        let begun = self.clock.now();
        self.store
            .begin_mailing(lease, row.id, channel, begun)
            .await?;
        let message = self.post(channel, &payload, row.id).await?;
        Ok(Tried::Ended(MailEnd::Sent(message.id)))
    }

    async fn post(
        &self,
        channel: easel_domain::DiscordId,
        payload: &MessagePayload,
        id: Uuid,
    ) -> Result<ApiMessage, RestError> {
        let nonce: String = id.simple().to_string().chars().take(25).collect();
        self.rest
            .create_message(channel, payload, &nonce, None)
            .await
    }

    /// The message that was posted before a restart, by its button.
    async fn find(&self, row: &Mailing) -> Result<Option<easel_domain::DiscordId>, RestError> {
        let Some(channel) = row.channel else {
            return Ok(None);
        };
        let text = row.id.to_string();
        let messages = self.rest.newest_messages(channel, LOOK_BACK).await?;
        let own = messages.iter().find(|message| message.has_custom_id(&text));
        Ok(own.map(|message| message.id))
    }

    /// The end that a failure is; `None` where it is tried again.
    async fn end_of(
        &self,
        lease: ShardLease,
        row: &Mailing,
        error: &MailError,
    ) -> Result<Option<MailEnd>, StoreError> {
        let error = match error {
            MailError::Store(error) if error.is_lost_race() => return Ok(None),
            // A store of pictures that is away comes back; what it has lost for good it does not say.
            MailError::Picture(_) if row.failures + 1 >= MISSING => {
                return Ok(Some(MailEnd::Void("no pictures")));
            }
            MailError::Store(_) | MailError::Picture(_) => None,
            MailError::Rest(error) => Some(error),
        };
        let refused = error.filter(|error| !error.is_transient());
        if refused.and_then(RestError::code).is_some_and(is_closed) {
            return Ok(Some(MailEnd::Refused("direct messages are closed")));
        }
        if refused.is_some() && row.failures + 1 >= REFUSALS {
            return Ok(Some(MailEnd::Refused("refused")));
        }
        let pause = backoff(row.failures, self.entropy.random_unit())
            .max(error.and_then(RestError::pause).unwrap_or_default());
        let again = self.clock.now() + pause;
        self.store.mailing_failed(lease, row.id, again).await?;
        Ok(None)
    }

    /// Who reacted is told by a reaction that his direct messages are closed: there is no other way.
    async fn show_refusal(&self, row: &Mailing, end: MailEnd) {
        if !matches!(end, MailEnd::Refused(_)) {
            return;
        }
        let Some((channel, message)) = row.reacted_to else {
            return;
        };
        let shown = self.rest.react(channel, message, MAIL_CLOSED).await;
        if let Err(error) = shown {
            tracing::debug!(job.id = %row.job, "react to a message: {error}", error = chain(&error));
        }
    }

    async fn delete_messages(&self) -> Result<(), StoreError> {
        for lease in self.ownership.all() {
            let now = self.clock.now();
            for doomed in self
                .store
                .doomed_messages(lease.shard(), now, BATCH)
                .await?
            {
                self.delete_message(lease, doomed).await?;
            }
        }
        Ok(())
    }

    async fn delete_message(
        &self,
        lease: ShardLease,
        doomed: DoomedMessage,
    ) -> Result<(), StoreError> {
        let DoomedMessage {
            channel,
            message,
            failures,
        } = doomed;
        let (store, now) = (&self.store, self.clock.now());
        let Err(error) = self.rest.delete_message(channel, message).await else {
            return store.end_doomed(lease, message, None, now).await;
        };
        if matches!(
            error.code(),
            Some(code::UNKNOWN_MESSAGE | code::UNKNOWN_CHANNEL)
        ) {
            return store.end_doomed(lease, message, None, now).await;
        }
        if !error.is_transient() && failures + 1 >= REFUSALS {
            tracing::warn!(
                "delete a message of a deleted result: {error}; giving up",
                error = chain(&error)
            );
            return store.end_doomed(lease, message, Some("refused"), now).await;
        }
        let pause =
            backoff(failures, self.entropy.random_unit()).max(error.pause().unwrap_or_default());
        store.doomed_failed(lease, message, now + pause).await
    }
}

/// Why a try failed.
#[derive(Debug, thiserror::Error)]
enum MailError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rest(#[from] RestError),
    #[error(transparent)]
    Picture(#[from] PictureError),
}

fn is_closed(code: u32) -> bool {
    matches!(
        code,
        code::CLOSED_DMS | code::NO_MUTUAL_GUILD | code::MISSING_ACCESS | code::UNKNOWN_CHANNEL
    )
}

fn word(end: MailEnd) -> &'static str {
    match end {
        MailEnd::Sent(_) => "sent",
        MailEnd::Refused(_) => "refused",
        MailEnd::Void(_) => "void",
    }
}
