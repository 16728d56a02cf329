//! Buttons. Who clicks pays and owns.

use std::time::Instant;

use easel_broker::Lane;
use easel_domain::clock::EntropyExt;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::picture::StorageClass;
use easel_domain::spec::{Action, GenerateSpec, RenderSpec};
use easel_store::cancel::{CancelOutcome, CancelRequest};
use easel_store::intake::IntakeEnd;
use easel_store::show::{JobSnapshot, JobWords};
use easel_store::submit::Repetition;

use super::answer::Answered;
use super::imagine::{blocked, decision};
use super::submit::Wish;
use super::{Intake, count, resolve};
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::live::LiveEvent;
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;

/// Why a click comes to nothing: a sentence, and a word for metrics.
type Refusal = (String, &'static str);

/// What a click makes.
struct Made {
    action: Action,
    /// The grid or picture that the new job descends from.
    parent: (easel_domain::JobId, u32),
    repetition: Repetition,
    spec: RenderSpec,
}

impl Intake {
    /// Answers a click and does what its button says.
    pub(super) async fn click(&self, arrival: &Arrival, custom_id: &str) {
        let Ok(button) = custom_id.parse::<CustomId>() else {
            return self
                .whisper(arrival, arrival.language.unknown_button(), "unknown_button")
                .await;
        };
        let within = self.parts.settings.same_click;
        match button.action {
            ButtonAction::Cancel => return self.cancel(arrival, button).await,
            ButtonAction::Fetch => return self.show_job(arrival, button.job).await,
            ButtonAction::Upscale
            | ButtonAction::Vary
            | ButtonAction::Reroll
            | ButtonAction::Again => {}
        }
        if !self
            .recent
            .is_first_press(arrival.member, custom_id, within, Instant::now())
        {
            count(arrival.request.kind(), "double_click");
            let _ = self.answer(arrival, &Callback::Noted).await;
            return;
        }
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

    async fn wish(&self, arrival: &Arrival, button: CustomId) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let job = self.snapshot(button.job, language).await?;
        if job.storage_class != StorageClass::Public && job.owner != Some(arrival.member) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        let Some(JobWords { shown, text: words }) = job.words.clone() else {
            return Err((language.words_erased().to_owned(), "erased"));
        };
        // Lists may have changed since the words were judged.
        let verdict = self.judge(&words);
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let made = self.make(&job, button, language).await?;
        Ok(Wish {
            action: made.action,
            parent: Some(made.parent),
            repetition: made.repetition,
            lane: None,
            spec: made.spec,
            text: words,
            shown,
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }

    async fn make(
        &self,
        job: &JobSnapshot,
        button: CustomId,
        language: Language,
    ) -> Result<Made, Refusal> {
        let model = self
            .newest_model()
            .ok_or_else(|| (language.no_model().to_owned(), "no_model"))?;
        let (model, seed) = (model.as_ref(), self.parts.entropy.random_u32());
        let same_click = Repetition::SameClick(self.parts.settings.same_click);
        let action = match (button.action, &job.spec) {
            (ButtonAction::Again, RenderSpec::Generate(_) | RenderSpec::Repaint(_)) => {
                ButtonAction::Reroll
            }
            (ButtonAction::Again, RenderSpec::Upscale(_)) => ButtonAction::Upscale,
            (action, _) => action,
        };
        match action {
            ButtonAction::Upscale => {
                // "Try again" under a picture that could not be enlarged means the grid's picture.
                let (grid, index) = self.grid(job, button.index, language).await?;
                let spec = resolve::upscale(&grid, index, &model.reference)
                    .ok_or_else(|| no_picture(language))?;
                Ok(Made {
                    action: Action::Upscale,
                    parent: (grid.job, index),
                    repetition: Repetition::Once,
                    spec,
                })
            }
            ButtonAction::Vary => {
                let (grid, index) = self.grid(job, button.index, language).await?;
                let spec = generated(&grid, language)?;
                if !resolve::usable(&grid, index) {
                    return Err(no_picture(language));
                }
                let spec = resolve::vary(spec, index, model, seed)
                    .ok_or_else(|| (language.too_varied().to_owned(), "too_varied"))?;
                Ok(Made {
                    action: Action::Vary,
                    parent: (grid.job, index),
                    repetition: same_click,
                    spec,
                })
            }
            ButtonAction::Reroll
            | ButtonAction::Again
            | ButtonAction::Cancel
            | ButtonAction::Fetch => {
                let spec = resolve::reroll(generated(job, language)?, model, seed);
                Ok(Made {
                    action: Action::Reroll,
                    parent: (job.job, 0),
                    repetition: same_click,
                    spec,
                })
            }
        }
    }

    /// The grid that a button means: the job itself, or for an enlarged picture the grid that it came from.
    async fn grid(
        &self,
        job: &JobSnapshot,
        index: u32,
        language: Language,
    ) -> Result<(JobSnapshot, u32), Refusal> {
        match resolve::grid_of(job) {
            Some((grid, index)) => Ok((self.snapshot(grid, language).await?, index)),
            None => Ok((job.clone(), index)),
        }
    }

    async fn snapshot(
        &self,
        job: easel_domain::JobId,
        language: Language,
    ) -> Result<JobSnapshot, Refusal> {
        match self.parts.store.job_snapshot(job).await {
            Ok(Some(snapshot)) => Ok(snapshot),
            Ok(None) => Err((language.unknown_job(&job.to_string()), "unknown_job")),
            Err(error) => {
                tracing::warn!(job.id = %job, "read job {job}: {error}");
                Err((language.not_accepted().to_owned(), "not_accepted"))
            }
        }
    }

    async fn cancel(&self, arrival: &Arrival, button: CustomId) {
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        let request = CancelRequest {
            job: button.job,
            member: arrival.member,
            fresh_user: self.new_user(),
            moderates: arrival.moderates,
        };
        let names = self.parts.broker.names().clone();
        let queue = move |region: &str, pool: &str, class| {
            Lane::new(region, pool)
                .ok()
                .map(|lane| names.jobs(&lane, class).name().to_owned())
        };
        let outcome = match self.parts.store.request_cancel(request, queue).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(job.id = %button.job, "cancel job {}: {error}", button.job);
                return self.not_accepted(arrival, answered).await;
            }
        };
        if let CancelOutcome::Requested {
            region,
            pool,
            class,
            outbox_id,
        } = &outcome
        {
            count(arrival.request.kind(), "cancel");
            self.close(arrival, IntakeEnd::Answered).await;
            self.parts.live.tell(LiveEvent::Due(button.job));
            if let Ok(lane) = Lane::new(region, pool) {
                let hint = JobHint {
                    job_id: button.job,
                    what: JobHintKind::CancelRequested,
                };
                self.send_hint(hint, &lane, *class, *outbox_id).await;
            }
        }
        if let Some((words, word)) = why_not(arrival.language, button.job, &outcome) {
            self.tell(arrival, answered, words, word).await;
        }
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

fn no_picture(language: Language) -> Refusal {
    (language.no_such_picture().to_owned(), "no_picture")
}

fn generated(job: &JobSnapshot, language: Language) -> Result<&GenerateSpec, Refusal> {
    job.spec.generated().ok_or_else(|| no_picture(language))
}
