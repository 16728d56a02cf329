//! ✉️: the pictures of a job by direct message, by reaction and by button.

use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::{DiscordId, JobId};
use easel_service::chain;
use easel_store::StoreError;
use easel_store::mailing::{MailAsked, MailEnd, NewMailing};

use super::Intake;
use crate::arrival::Arrival;
use crate::custom_id::CustomId;
use crate::reaction::Reaction;
use crate::rest::MessagePayload;
use crate::view::details::details;

/// What was sent within this time is not sent again.
const SAME_MAIL: Duration = Duration::from_mins(10);
/// Whoever pressed the button is told how it ended within this time, or that it is under way.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

impl Intake {
    /// ✉️ as a reaction.
    pub(super) async fn envelope(
        &self,
        reaction: &Reaction,
        job: JobId,
    ) -> Result<&'static str, StoreError> {
        let new = NewMailing {
            reacted_to: Some((reaction.channel, reaction.message)),
            ..self.mailing(reaction.member, job, reaction.shard)
        };
        Ok(match self.parts.store.ask_mailing(new).await? {
            MailAsked::Open(id) => {
                self.parts.errands.mail(id);
                "asked"
            }
            MailAsked::SentBefore => "sent_before",
            MailAsked::Private => "private",
            MailAsked::Nothing => "no_picture",
        })
    }

    /// ✉️ as a button.
    pub(super) async fn press_mail(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        self.whispered(arrival, "mail", async || {
            let new = NewMailing {
                locale: Some(arrival.locale.clone()),
                ..self.mailing(arrival.member, button.job, arrival.shard)
            };
            let asked = self.parts.store.ask_mailing(new).await;
            let asked = asked.map_err(|error| {
                tracing::warn!("ask for pictures: {error}", error = chain(&error));
                (language.not_accepted().to_owned(), "not_accepted")
            })?;
            let id = match asked {
                MailAsked::Open(id) => id,
                MailAsked::SentBefore => {
                    return Ok(MessagePayload::text(language.mail_sent_before()));
                }
                MailAsked::Private => {
                    return Err((language.private_picture().to_owned(), "private"));
                }
                MailAsked::Nothing => {
                    return Err((language.mail_nothing().to_owned(), "no_picture"));
                }
            };
            let told = self.parts.errands.mail_and_tell(id);
            match tokio::time::timeout(TOLD_WITHIN, told).await {
                Ok(Ok(MailEnd::Sent(_))) => Ok(MessagePayload::text(language.mail_sent())),
                Ok(Ok(MailEnd::Refused(_))) => Err((language.mail_refused().to_owned(), "closed")),
                Ok(Ok(MailEnd::Void(_))) => Err((language.mail_nothing().to_owned(), "no_picture")),
                // Another process sends them, or it takes its time.
                Ok(Err(_)) | Err(_) => Ok(MessagePayload::text(language.mail_under_way())),
            }
        })
        .await;
    }

    /// What was sent, under its message.
    pub(super) async fn press_mailed(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        self.whispered(arrival, "details", async || {
            let found = self.parts.store.mailed_job(button.job.0).await;
            let found = found.map_err(|error| {
                tracing::warn!("look up what was sent: {error}", error = chain(&error));
                (language.not_accepted().to_owned(), "not_accepted")
            })?;
            let job = found.ok_or_else(|| (language.no_job_here().to_owned(), "no_job"))?;
            let job = self.snapshot(job, language).await?;
            Ok(details(&job, language))
        })
        .await;
    }

    fn mailing(&self, member: DiscordId, job: JobId, shard: u32) -> NewMailing {
        let now = self.parts.clock.now();
        NewMailing {
            id: self.parts.entropy.random_uuid(),
            job,
            member,
            fresh_user: self.new_user(),
            shard,
            locale: None,
            reacted_to: None,
            at: now,
            same_within: SAME_MAIL,
        }
    }
}
