//! Pictures of a job, sent to somebody by direct message.

use easel_domain::clock::EntropyExt;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::mailing::{MailEnd, Mailing};
use easel_store::shard::ShardLease;
use uuid::Uuid;

use super::{Errands, REFUSALS};
use crate::live::decide::backoff;
use crate::live::picture::PictureError;
use crate::metric;
use crate::rest::{ApiMessage, MessagePayload, RestError, code};
use crate::text::Language;
use crate::view::mail::{MAIL_CLOSED, mail};

/// Failed tries to fetch its pictures that end a mailing: about an hour.
const MISSING: u32 = 60;
/// Messages looked through for one of our own after a restart.
const LOOK_BACK: u8 = 50;

/// How a try went.
enum Tried {
    Ended(MailEnd),
    Again,
}

impl Errands {
    /// Tries to send; the end, if that is one.
    pub(super) async fn send_mail(&self, id: Uuid) -> Result<Option<MailEnd>, StoreError> {
        let Some(row) = self.store.open_mailing(id).await? else {
            return Ok(None);
        };
        let Some(lease) = self.ownership.of(row.shard) else {
            return Ok(None);
        };
        let end = match self.try_mail(lease, &row).await {
            Ok(Tried::Ended(end)) => end,
            Ok(Tried::Again) => return Ok(None),
            Err(error) => match self.end_of(lease, &row, &error).await? {
                Some(end) => end,
                None => return Ok(None),
            },
        };
        metrics::counter!(metric::MAILINGS, "outcome" => word(end)).increment(1);
        let ended = self.store.end_mailing(lease, id, end, self.clock.now());
        match ended.await {
            // Another process has taken over; what it finds it knows by its own look.
            Err(error) if error.is_lost_race() => {}
            ended => ended?,
        }
        self.show_refusal(&row, end).await;
        Ok(Some(end))
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
