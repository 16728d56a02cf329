//! Answering: the first I/O of every interaction, and taking it back.

use easel_domain::DiscordId;
use easel_service::chain;
use easel_store::intake::{IntakeEnd, NewIntake};
use time::OffsetDateTime;
use tracing::Instrument as _;

use super::{Intake, count};
use crate::arrival::{Arrival, Standing};
use crate::metric;
use crate::rest::{ApiMessage, Callback, MessagePayload, RestError, code};

/// An interaction that was answered with "thinking" or a silent nod, and what it made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// The message that says "thinking", if Discord told it.
    pub(super) message: Option<DiscordId>,
    /// Whether there is such a message.
    pub(super) waits: bool,
    /// Whether nobody but the member sees it.
    pub(super) whispered: bool,
}

impl Intake {
    /// Sends the answer and measures it. `Err` means that nothing may be done for this interaction.
    pub(super) async fn answer(
        &self,
        arrival: &Arrival,
        answer: &Callback,
    ) -> Result<Option<ApiMessage>, RestError> {
        let seconds = || arrival.received.elapsed().as_secs_f64();
        metrics::histogram!(metric::ANSWER_SECONDS, "kind" => answer.kind()).record(seconds());
        let result = self
            .parts
            .rest
            .answer(arrival.interaction, &arrival.token, answer)
            .await;
        metrics::histogram!(metric::ANSWERED_SECONDS, "kind" => answer.kind()).record(seconds());
        if let Err(error) = &result {
            let outcome = match error.code() {
                Some(code::ALREADY_ANSWERED) => "answered_elsewhere",
                Some(code::UNKNOWN_INTERACTION) => "too_late",
                _ => "unanswered",
            };
            count(arrival.request.kind(), outcome);
            if outcome != "answered_elsewhere" {
                tracing::warn!("answer an interaction: {error}", error = chain(&error));
            }
        }
        result
    }

    /// Answers with "thinking" (or a nod) and writes the intake row before it. `None` means that the answer did not
    /// arrive or was given by another process: then nothing may be done.
    pub(super) async fn begin(&self, arrival: &Arrival, answer: Callback) -> Option<Answered> {
        let waits = matches!(answer, Callback::Thinking { .. });
        let row = NewIntake {
            interaction: arrival.interaction,
            application: arrival.application,
            token: arrival.token.clone(),
            token_expires_at: self.token_expires_at(arrival),
            received_at: self.parts.clock.now(),
            kind: arrival.request.kind(),
            shard: arrival.shard,
            waits,
            locale: arrival.locale.clone(),
        };
        let (answered, noted) = self.answer_noted(arrival, &answer, row).await;
        match answered {
            Ok(message) => {
                let foreseen = matches!(answer, Callback::Thinking { ephemeral: true })
                    || arrival.standing == Standing::Guest { whispers: true };
                let told = message.as_ref().map(ApiMessage::is_ephemeral);
                Some(Answered {
                    message: message.map(|message| message.id),
                    waits,
                    // Discord makes some answers ephemeral that were not asked to be.
                    whispered: waits && told.unwrap_or(foreseen),
                })
            }
            Err(error) => {
                // A row of another process that answered stays as it is. So does one whose answer may have arrived after
                // all, only its replies did not: the sweep then tells the member that nothing was started.
                let answered_elsewhere = error.code() == Some(code::ALREADY_ANSWERED);
                if !answered_elsewhere && !error.is_transient() && noted {
                    self.close(arrival, IntakeEnd::Abandoned).await;
                }
                None
            }
        }
    }

    /// Answers once the row is there: what dies between the two leaves a row that somebody comes back to, and never a
    /// "thinking" that nobody knows of. A row that is late is written beside the answer. The second value tells whether the
    /// row is there and is new.
    async fn answer_noted(
        &self,
        arrival: &Arrival,
        answer: &Callback,
        row: NewIntake,
    ) -> (Result<Option<ApiMessage>, RestError>, bool) {
        let store = self.parts.store.clone();
        let note = async move { store.open_intake(&row).await };
        let mut noting = self.parts.tracker.spawn(note.in_current_span());
        let in_time = tokio::time::timeout(self.parts.settings.note_first, &mut noting).await;
        let (answered, noted) = if let Ok(noted) = in_time {
            (self.answer(arrival, answer).await, noted)
        } else {
            metrics::counter!(metric::ANSWERED_UNNOTED).increment(1);
            tokio::join!(self.answer(arrival, answer), noting)
        };
        let is_new = match noted {
            Ok(Ok(is_new)) => is_new,
            Ok(Err(error)) => {
                tracing::warn!("note an interaction: {error}", error = chain(&error));
                false
            }
            Err(panic) => {
                tracing::error!("note an interaction: {panic}");
                false
            }
        };
        (answered, is_new)
    }

    /// When the token of this interaction is no longer used.
    pub(super) fn token_expires_at(&self, arrival: &Arrival) -> OffsetDateTime {
        arrival.created_at() + self.parts.token_life
    }

    /// Takes a "thinking" back: it is deleted, and the member alone is told why.
    pub(super) async fn refuse(
        &self,
        arrival: &Arrival,
        answered: Answered,
        payload: MessagePayload,
        outcome: &'static str,
    ) {
        count(arrival.request.kind(), outcome);
        let (rest, application, token) = (&self.parts.rest, arrival.application, &arrival.token);
        let payload = MessagePayload {
            ephemeral: true,
            ..payload
        };
        // The follow-up would replace the "thinking" message, and could not be hidden then: first away with it.
        let told = if answered.waits && rest.delete_original(application, token).await.is_err() {
            rest.edit_original(application, token, &payload, None).await
        } else {
            rest.follow_up(application, token, &payload).await
        };
        if let Err(error) = told {
            tracing::warn!("tell a member why not: {error}", error = chain(&error));
        }
        self.close(arrival, IntakeEnd::Answered).await;
    }

    /// Says that nothing was accepted, in place of "thinking".
    pub(super) async fn not_accepted(&self, arrival: &Arrival, answered: Answered) {
        self.refuse(
            arrival,
            answered,
            MessagePayload::text(arrival.language.not_accepted()),
            "not_accepted",
        )
        .await;
    }

    /// Settles the intake row.
    pub(super) async fn close(&self, arrival: &Arrival, end: IntakeEnd) {
        if let Err(error) = self
            .parts
            .store
            .close_intake(arrival.interaction, end)
            .await
        {
            tracing::warn!("settle an interaction: {error}", error = chain(&error));
        }
    }
}
