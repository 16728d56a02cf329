//! `/show`: one of your jobs again, with working buttons.

use easel_domain::JobId;
use easel_service::chain;
use easel_store::favourite::Learnt;
use easel_store::intake::IntakeEnd;
use easel_store::renewal::Renewal;

use super::answer::Answered;
use super::{Intake, count};
use crate::arrival::Arrival;
use crate::live::LiveEvent;
use crate::rest::{ApiMessage, Callback, MessagePayload};
use crate::view::{Live, view};

impl Intake {
    /// Shows a finished job in a new message; a running one is linked to.
    pub(super) async fn show(&self, arrival: &Arrival, typed: &str) {
        let Ok(job) = typed.trim().trim_matches('`').parse::<JobId>() else {
            let words = arrival.language.not_a_job_id();
            return self.whisper(arrival, words, "bad_id").await;
        };
        self.show_job(arrival, job).await;
    }

    /// Fetch under a message that only a token reaches: the press brings a new token for that very message, which is kept up
    /// to date by it from now on.
    pub(super) async fn renew(&self, arrival: &Arrival, job: JobId) {
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        let renewal = Renewal {
            job,
            shard: arrival.shard,
            channel: arrival.channel,
            token: arrival.token.clone(),
            token_expires_at: self.token_expires_at(arrival),
        };
        let language = arrival.language;
        let (words, outcome) = match self.parts.store.renew_token(&renewal).await {
            Ok(true) => {
                count(arrival.request.kind(), "renewed");
                self.parts.live.tell(LiveEvent::Due(job));
                return self.close(arrival, IntakeEnd::Answered).await;
            }
            Ok(false) => (language.result_deleted(), "deleted"),
            Err(error) => {
                tracing::warn!(job.id = %job, "renew the token of job {job}: {error}", error = chain(&error));
                (language.not_accepted(), "not_accepted")
            }
        };
        let payload = MessagePayload::text(words);
        self.refuse(arrival, answered, payload, outcome).await;
    }

    /// Shows a finished job in a new message, for `/show` and for a press on Fetch.
    pub(super) async fn show_job(&self, arrival: &Arrival, job: JobId) {
        let Some(answered) = self
            .begin(arrival, Callback::Thinking { ephemeral: false })
            .await
        else {
            return;
        };
        match self.shown(arrival, job).await {
            Ok(payload) => self.reveal(arrival, job, &payload).await,
            Err((words, outcome)) => {
                self.refuse(arrival, answered, MessagePayload::text(words), outcome)
                    .await;
            }
        }
    }

    async fn shown(
        &self,
        arrival: &Arrival,
        job: JobId,
    ) -> Result<MessagePayload, (String, &'static str)> {
        let language = arrival.language;
        let unavailable = |error: &dyn std::error::Error| {
            tracing::warn!(job.id = %job, "show job {job}: {error}", error = chain(&error));
            (language.not_accepted().to_owned(), "not_accepted")
        };
        let found = self
            .parts
            .store
            .job_snapshot(job)
            .await
            .map_err(|error| unavailable(&error))?;
        let snapshot =
            found.ok_or_else(|| (language.unknown_job(&job.to_string()), "unknown_job"))?;
        if snapshot.removed {
            return Err((language.result_deleted().to_owned(), "deleted"));
        }
        if snapshot.owner != Some(arrival.member) {
            return Err((language.not_your_job().to_owned(), "not_yours"));
        }
        if !snapshot.state.is_end() {
            let place = snapshot.place.as_ref();
            let link = place.and_then(|place| self.parts.links.message(place));
            return Err((language.under_way(link), "still_running"));
        }
        let picture = self
            .parts
            .pictures
            .of(&snapshot, arrival.file_limit)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(view(&snapshot, &Live::Unknown, &picture))
    }

    async fn reveal(&self, arrival: &Arrival, job: JobId, payload: &MessagePayload) {
        count(arrival.request.kind(), "shown");
        let shown = self
            .parts
            .rest
            .edit_original(arrival.application, &arrival.token, payload, None)
            .await;
        match shown {
            // Where the bot is a guest it hears no reactions and may delete nothing.
            Ok(_) if arrival.standing.is_guest() => {}
            Ok(message) => self.remember_copy(arrival, job, &message).await,
            Err(error) => {
                tracing::warn!("show a job: {error}", error = chain(&error));
                let answered = Answered {
                    message: None,
                    waits: true,
                    whispered: false,
                };
                return self.not_accepted(arrival, answered).await;
            }
        }
        self.close(arrival, IntakeEnd::Answered).await;
    }

    /// So that the copy takes reactions, and goes when the result is deleted, or was meanwhile.
    async fn remember_copy(&self, arrival: &Arrival, job: JobId, message: &ApiMessage) {
        let store = &self.parts.store;
        let noted = store.learn_job_message(message.channel_id, message.id, job, arrival.shard);
        match noted.await {
            Ok(Learnt::Doomed) => self.parts.errands.doomed(),
            Ok(Learnt::Shows | Learnt::NoJob) => {}
            Err(error) => {
                tracing::warn!(job.id = %job, "remember a copy: {error}", error = chain(&error));
            }
        }
    }
}
