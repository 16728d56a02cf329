//! Buttons. Who clicks pays and owns.

use std::time::Instant;

use easel_broker::Lane;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::picture::StorageClass;
use easel_domain::{DiscordId, GuildKey};
use easel_service::chain;
use easel_store::StoreError;
use easel_store::cancel::{CancelOutcome, CancelRequest};
use easel_store::intake::IntakeEnd;
use easel_store::show::{JobSnapshot, JobWords};

use super::answer::Answered;
use super::imagine::{blocked, decision};
use super::submit::Wish;
use super::{Intake, count};
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::live::LiveEvent;
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;
use crate::view::fleeting::RENEWS;

/// Why a click comes to nothing: a sentence, and a word for metrics.
pub(super) type Refusal = (String, &'static str);

impl Intake {
    /// Answers a click and does what its button says. A forged one turns no message that others see into one's own.
    pub(super) async fn click(&self, arrival: &Arrival, custom_id: &str, whispered: bool) {
        let known = custom_id.parse::<CustomId>().ok();
        let Some(button) = known.filter(|button| whispered || !button.turns_a_whisper()) else {
            return self
                .whisper(arrival, arrival.language.unknown_button(), "unknown_button")
                .await;
        };
        match button.action {
            ButtonAction::Cancel => return self.cancel(arrival, button).await,
            ButtonAction::Fetch if button.index == RENEWS => {
                return self.renew(arrival, button.job).await;
            }
            ButtonAction::Fetch => return self.show_job(arrival, button.job).await,
            ButtonAction::Region => return self.choose_region(arrival, button).await,
            ButtonAction::Remix => return self.open_remix(arrival, button).await,
            ButtonAction::ZoomForm => return self.open_zoom(arrival, button).await,
            ButtonAction::RunSeveral => return self.run_several(arrival, button).await,
            ButtonAction::DropSeveral => return self.drop_several(arrival, button).await,
            ButtonAction::Setting => return self.press_setting(arrival, button).await,
            ButtonAction::Star => return self.press_star(arrival, button).await,
            ButtonAction::Unstar => return self.press_unstar(arrival, button).await,
            ButtonAction::Mail => return self.press_mail(arrival, button).await,
            ButtonAction::Mailed => return self.press_mailed(arrival, button).await,
            ButtonAction::Delete => return self.press_delete(arrival, button).await,
            ButtonAction::Shorter => return self.draw_shorter(arrival, button).await,
            ButtonAction::Described => return self.press_described(arrival, button).await,
            ButtonAction::DescribedAll => return self.draw_all_described(arrival, button).await,
            ButtonAction::Older
            | ButtonAction::Newer
            | ButtonAction::Detail
            | ButtonAction::Listed => return self.turn_page(arrival, button).await,
            ButtonAction::Upscale
            | ButtonAction::UpscaleCreative
            | ButtonAction::Vary
            | ButtonAction::VarySubtle
            | ButtonAction::VaryStrong
            | ButtonAction::Reroll
            | ButtonAction::Zoom
            | ButtonAction::Pan
            | ButtonAction::Square
            | ButtonAction::RegionDraw
            | ButtonAction::Exact
            | ButtonAction::Again => {}
        }
        if !self.is_first(arrival, custom_id).await {
            return;
        }
        if let Some(form) = self.asks_for_words(arrival, button).await {
            return self.open_remix(arrival, form).await;
        }
        self.press(arrival, button).await;
    }

    /// Whether the member has not pressed the same a moment ago; a second press is nodded at.
    async fn is_first(&self, arrival: &Arrival, custom_id: &str) -> bool {
        let within = self.parts.settings.same_click;
        let first = self
            .recent
            .is_first_press(arrival.member, custom_id, within, Instant::now());
        if !first {
            count(arrival.request.kind(), "double_click");
            let _ = self.answer(arrival, &Callback::Noted).await;
        }
        first
    }

    /// Answers, and submits what the button makes.
    pub(super) async fn press(&self, arrival: &Arrival, button: CustomId) {
        let Some(answered) = self
            .begin(arrival, Callback::Thinking { ephemeral: false })
            .await
        else {
            return;
        };
        match self.wish(arrival, button).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err((words, outcome)) => {
                self.refuse(arrival, answered, MessagePayload::text(words), outcome)
                    .await;
            }
        }
    }

    pub(super) async fn wish(&self, arrival: &Arrival, button: CustomId) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let job = self.snapshot(button.job, language).await?;
        if job.storage_class != StorageClass::Public && job.owner != Some(arrival.member) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        let Some(JobWords {
            shown,
            text: words,
            pictured,
        }) = job.words.clone()
        else {
            return Err((language.words_erased().to_owned(), "erased"));
        };
        // Lists may have changed since the words were judged.
        let verdict = self.judge(&words);
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let action = self.strength_of(arrival, button.action).await;
        let button = CustomId { action, ..button };
        let made = self.make(&job, button, language).await?;
        Ok(Wish {
            action: made.action,
            parent: Some(made.parent),
            repetition: made.repetition,
            lane: None,
            spec: made.spec,
            leeway: made.leeway,
            text: words,
            shown,
            pictured,
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }

    /// A job that was not deleted.
    pub(super) async fn snapshot(
        &self,
        job: easel_domain::JobId,
        language: Language,
    ) -> Result<JobSnapshot, Refusal> {
        let snapshot = self.any_snapshot(job, language).await?;
        if snapshot.removed {
            return Err((language.result_deleted().to_owned(), "deleted"));
        }
        Ok(snapshot)
    }

    /// A job, whatever became of its result.
    pub(super) async fn any_snapshot(
        &self,
        job: easel_domain::JobId,
        language: Language,
    ) -> Result<JobSnapshot, Refusal> {
        match self.parts.store.job_snapshot(job).await {
            Ok(Some(snapshot)) => Ok(snapshot),
            Ok(None) => Err((language.unknown_job(&job.to_string()), "unknown_job")),
            Err(error) => {
                tracing::warn!(job.id = %job, "read job {job}: {error}", error = chain(&error));
                Err((language.not_accepted().to_owned(), "not_accepted"))
            }
        }
    }

    async fn cancel(&self, arrival: &Arrival, button: CustomId) {
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        match self.stop(arrival, button.job, arrival.moderated()).await {
            Ok(()) => {
                count(arrival.request.kind(), "cancel");
                self.close(arrival, IntakeEnd::Answered).await;
            }
            Err((words, word)) => self.tell(arrival, answered, words, word).await,
        }
    }

    /// Asks for a job to be stopped, for an interaction that was answered.
    pub(super) async fn stop(
        &self,
        arrival: &Arrival,
        job: easel_domain::JobId,
        moderates: Option<GuildKey>,
    ) -> Result<(), Refusal> {
        let asked = self.request_stop(arrival.member, job, moderates).await;
        let outcome = asked.map_err(|error| {
            tracing::warn!(job.id = %job, "cancel job {job}: {error}", error = chain(&error));
            (arrival.language.not_accepted().to_owned(), "not_accepted")
        })?;
        why_not(arrival.language, job, &outcome).map_or(Ok(()), Err)
    }

    /// Asks for a job to be stopped, and tells the dispatcher.
    pub(super) async fn request_stop(
        &self,
        member: DiscordId,
        job: easel_domain::JobId,
        moderates: Option<GuildKey>,
    ) -> Result<CancelOutcome, StoreError> {
        let request = CancelRequest {
            job,
            member,
            fresh_user: self.new_user(),
            moderates,
        };
        let names = self.parts.broker.names().clone();
        let queue = move |region: &str, pool: &str, class| {
            Lane::new(region, pool)
                .ok()
                .map(|lane| names.storable(&names.jobs(&lane, class)))
        };
        let outcome = self.parts.store.request_cancel(request, queue).await?;
        if let CancelOutcome::Requested {
            region,
            pool,
            class,
            outbox_id,
        } = &outcome
        {
            self.parts.live.tell(LiveEvent::Due(job));
            if let Ok(lane) = Lane::new(region, pool) {
                let hint = JobHint {
                    job_id: job,
                    what: JobHintKind::CancelRequested,
                };
                self.send_hint(hint, &lane, *class, *outbox_id).await;
            }
        }
        Ok(outcome)
    }

    async fn tell(
        &self,
        arrival: &Arrival,
        answered: Answered,
        words: String,
        outcome: &'static str,
    ) {
        self.refuse(arrival, answered, MessagePayload::text(words), outcome)
            .await;
    }
}

/// Why a job is not cancelled by this click, if it is not.
fn why_not(
    language: Language,
    job: easel_domain::JobId,
    outcome: &CancelOutcome,
) -> Option<Refusal> {
    match outcome {
        CancelOutcome::Requested { .. } => None,
        CancelOutcome::AlreadyRequested => {
            Some((language.already_cancelling().to_owned(), "cancel_again"))
        }
        CancelOutcome::AlreadyEnded(state) => {
            Some((language.already_ended(*state).to_owned(), "cancel_late"))
        }
        CancelOutcome::NotYours => Some((language.not_yours_to_cancel().to_owned(), "not_yours")),
        CancelOutcome::Unknown => Some((language.unknown_job(&job.to_string()), "unknown_job")),
    }
}
