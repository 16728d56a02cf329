//! Forms: remix with other words, and a zoom by choice. The form is the first answer, so only one row is read before it.

use std::time::Duration;

use easel_domain::clock::EntropyExt;
use easel_domain::picture::StorageClass;
use easel_domain::prompt::Prompt;
use easel_domain::spec::{Action, Leeway};
use easel_store::show::JobSnapshot;
use easel_store::submit::Repetition;

use super::click::Refusal;
use super::imagine::{blocked, decision};
use super::made::no_picture;
use super::prefer::ReadPrompt;
use super::submit::Wish;
use super::{Intake, leeway, resolve};
use crate::arrival::{Arrival, form_id};
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::{Callback, Field, Form, MessagePayload};

/// Longest wait for the row before a form is shown.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(1);
/// Discord's limit for what stands in a field.
pub(super) const FIELD_CHARS: usize = 4_000;
/// The index of a remix button that means all pictures of a grid.
pub(crate) const ALL_PICTURES: u32 = 99;

/// Names of fields.
pub(super) const WORDS: &str = "words";
pub(super) const FACTOR: &str = "factor";

impl Intake {
    /// ✏️: a form with the words of the job.
    pub(super) async fn open_remix(&self, arrival: &Arrival, button: CustomId) {
        if let Some(words) = self.words_for_a_form(arrival, button).await {
            self.ask_for_words(arrival, button, &words).await;
        }
    }

    /// The words of the job as they were typed; or the member is told why there are none.
    pub(super) async fn words_for_a_form(
        &self,
        arrival: &Arrival,
        button: CustomId,
    ) -> Option<String> {
        let language = arrival.language;
        let read = tokio::time::timeout(READ_LIMIT, self.snapshot(button.job, language)).await;
        let words = match read {
            Ok(Ok(job)) => job
                .words
                .filter(|_| may_use(arrival, job.storage_class, job.owner))
                .ok_or_else(|| (language.words_erased().to_owned(), "erased")),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err((language.not_accepted().to_owned(), "not_accepted")),
        };
        match words {
            Ok(words) => Some(words.shown),
            Err((words, outcome)) => {
                self.whisper(arrival, &words, outcome).await;
                None
            }
        }
    }

    /// A form with words to change.
    pub(super) async fn ask_for_words(&self, arrival: &Arrival, button: CustomId, words: &str) {
        let language = arrival.language;
        let form = Form {
            custom_id: form_id(&button.to_string(), arrival.standing),
            title: language.form_remix(),
            fields: vec![Field {
                name: WORDS,
                label: language.form_words(),
                value: words.chars().take(FIELD_CHARS).collect(),
                is_long: true,
                max_length: FIELD_CHARS as u16,
            }],
        };
        let _ = self.answer(arrival, &Callback::Form(form)).await;
    }

    /// A form that was filled in.
    pub(super) async fn filled(
        &self,
        arrival: &Arrival,
        custom_id: &str,
        fields: &[(String, String)],
    ) {
        let language = arrival.language;
        let value = |name: &str| {
            let field = fields.iter().find(|(known, _)| known == name);
            field.map_or("", |(_, value)| value.trim())
        };
        match custom_id.parse::<CustomId>() {
            Ok(button) if button.action == ButtonAction::Remix => {
                self.remix(arrival, button, value(WORDS)).await;
            }
            Ok(button) if button.action == ButtonAction::ZoomForm => {
                self.zoom(arrival, button, value(FACTOR), value(WORDS))
                    .await;
            }
            Ok(button) if button.action == ButtonAction::Described => {
                self.imagine(arrival, value(WORDS), &[]).await;
            }
            Ok(_) | Err(_) => {
                self.whisper(arrival, language.unknown_button(), "unknown_button")
                    .await;
            }
        }
    }

    /// Other words for an old picture's noise.
    async fn remix(&self, arrival: &Arrival, button: CustomId, typed: &str) {
        let language = arrival.language;
        let ReadPrompt { text, request } = match self.read_prompt(arrival, typed, 1).await {
            Ok(read) => read,
            Err(words) => return self.whisper(arrival, &words, "parse_error").await,
        };
        let Some(asked) = request.jobs.into_iter().next() else {
            return self
                .whisper(arrival, language.not_accepted(), "parse_error")
                .await;
        };
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        match self.remixed(arrival, button, &asked, &text).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err((words, outcome)) => {
                self.refuse(arrival, answered, MessagePayload::text(words), outcome)
                    .await;
            }
        }
    }

    async fn remixed(
        &self,
        arrival: &Arrival,
        button: CustomId,
        asked: &Prompt,
        typed: &str,
    ) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let words = asked.words();
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let job = self.snapshot(button.job, language).await?;
        if !may_use(arrival, job.storage_class, job.owner) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        let model = self
            .newest_model()
            .ok_or_else(|| (language.no_model().to_owned(), "no_model"))?;
        let before = job.words.as_ref().map(|words| words.shown.clone());
        let (drawn, index) = self.remix_origin(job, button, arrival).await?;
        if asked.params.tile && resolve::paints_around(&drawn.spec) {
            return Err((language.nothing_around().to_owned(), "seamless"));
        }
        let seed = self.parts.entropy.random_u32();
        let spec = leeway::as_drawn(&drawn, resolve::imagine(asked, &model, seed));
        let spec = resolve::remix(spec, &drawn.spec, index, &model, seed)
            .ok_or_else(|| (language.too_varied().to_owned(), "too_varied"))?;
        let before = before.unwrap_or_default();
        let spec = self
            .with_other_pictures(arrival, spec, &before, asked)
            .await?;
        Ok(Wish {
            pictured: None,
            action: Action::Remix,
            parent: Some((drawn.job, index.unwrap_or(0))),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            lane: resolve::lane(asked),
            spec,
            // The noise is that of pictures of this size.
            leeway: Leeway::NONE,
            text: words,
            shown: typed.to_owned(),
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }

    /// The job whose noise is kept, and which of its pictures is meant.
    async fn remix_origin(
        &self,
        job: JobSnapshot,
        button: CustomId,
        arrival: &Arrival,
    ) -> Result<(JobSnapshot, Option<u32>), Refusal> {
        if button.index == ALL_PICTURES {
            let drawn = job.spec.generated().is_some();
            return if drawn {
                Ok((job, None))
            } else {
                Err(no_picture(arrival.language))
            };
        }
        let origin = self.origin(&job, button.index, arrival.language).await?;
        Ok((origin.drawn, Some(origin.index)))
    }
}

/// Whether somebody may go on with a job's pictures.
pub(super) fn may_use(
    arrival: &Arrival,
    class: StorageClass,
    owner: Option<easel_domain::DiscordId>,
) -> bool {
    class == StorageClass::Public || owner == Some(arrival.member)
}
