//! `/imagine`.

use easel_domain::prompt::Prompt;
use easel_domain::spec::{Action, PromptText};
use easel_moderation::PromptVerdict;
use easel_service::chain;
use easel_store::submit::Repetition;
use sha2::{Digest, Sha256};
use url::Url;

use super::click::Refusal;
use super::prefer::ReadPrompt;
use super::submit::Wish;
use super::{Intake, NewestModel, leeway, resolve};
use crate::arrival::Arrival;
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;

/// Jobs that one prompt may make on any tier; the member's own tier is asked before they are proposed.
pub(super) const MAX_JOBS: u32 = 40;

impl Intake {
    /// Reads, judges and resolves the prompt before the first answer, then submits the job.
    pub(super) async fn imagine(&self, arrival: &Arrival, typed: &str, pictures: &[Url]) {
        let language = arrival.language;
        let ReadPrompt { text, request } = match self.read_prompt(arrival, typed, MAX_JOBS).await {
            Ok(read) => read,
            Err(words) => return self.whisper(arrival, &words, "parse_error").await,
        };
        if self.parts.inputs.is_none() && !pictures.is_empty() {
            // Nobody's upload is left out without a word.
            let words = language.pictures_not_taken();
            return self.whisper(arrival, words, "picture").await;
        }
        if request.needs_confirmation() {
            return self.propose(arrival, &text, request, pictures).await;
        }
        let Some(asked) = request.jobs.first() else {
            return self
                .whisper(arrival, language.not_accepted(), "parse_error")
                .await;
        };
        if self.lacks_words(asked, pictures) {
            return self
                .whisper(arrival, language.words_needed(), "no_words")
                .await;
        }
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return self.whisper_blocked(arrival, &verdict).await;
        }
        let Some(model) = self.newest_model() else {
            return self.whisper(arrival, language.no_model(), "no_model").await;
        };
        let Some(answered) = self
            .begin(arrival, Callback::Thinking { ephemeral: false })
            .await
        else {
            return;
        };
        let read = ReadPrompt { text, request };
        match self.imagined(arrival, read, pictures, &model).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }

    /// The job that a prompt makes with its author's suffix, whose words are judged with the others.
    async fn imagined(
        &self,
        arrival: &Arrival,
        read: ReadPrompt<'_>,
        pictures: &[Url],
        model: &NewestModel,
    ) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let ReadPrompt { text, request } = self
            .with_own_suffix(arrival, &read.text, read.request)
            .await?;
        let asked = request.jobs.into_iter().next();
        let asked = asked.ok_or_else(|| (language.not_accepted().to_owned(), "parse_error"))?;
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let spec = self.with_pictures(arrival, &asked, pictures, model).await?;
        // Two uploads are never known to be the same, and no words alone are the same as words with one.
        let within = Repetition::SameWords(self.parts.settings.same_words);
        let (repetition, digest) = match pictures {
            [] => (within, digest(&asked)),
            _ => (Repetition::Allowed, String::new()),
        };
        Ok(Wish {
            pictured: None,
            action: Action::Imagine,
            parent: None,
            repetition,
            lane: resolve::lane(&asked),
            spec,
            leeway: leeway::of_prompt(&text),
            text: asked.words(),
            shown: text.trim().to_owned(),
            digest,
            moderation: decision(&verdict),
        })
    }

    /// Whether nothing says what to draw: neither words nor a picture that acts.
    pub(super) fn lacks_words(&self, asked: &Prompt, beside: &[Url]) -> bool {
        let pictured = !(beside.is_empty() && asked.images.is_empty());
        asked.words().positive.is_empty() && !(pictured && self.parts.inputs.is_some())
    }

    /// What policy says about the words.
    pub(super) fn judge(&self, words: &PromptText) -> PromptVerdict {
        self.parts.policy.check(&words.spoken())
    }

    pub(super) async fn whisper_blocked(&self, arrival: &Arrival, verdict: &PromptVerdict) {
        self.whisper(
            arrival,
            &blocked(arrival.language, verdict),
            "blocked_words",
        )
        .await;
        let noted = self
            .parts
            .store
            .record_prompt_decision(arrival.interaction, &decision(verdict))
            .await;
        if let Err(error) = noted {
            tracing::warn!("note a moderation decision: {error}", error = chain(&error));
        }
    }
}

/// The sentence for a refusal.
pub(super) fn blocked(language: Language, verdict: &PromptVerdict) -> String {
    language.blocked_words(language.category(verdict.category()))
}

/// The verdict as it is stored: rules and categories, never words.
pub(super) fn decision(verdict: &PromptVerdict) -> serde_json::Value {
    serde_json::to_value(verdict).unwrap_or_default()
}

pub(super) fn digest(prompt: &Prompt) -> String {
    hex::encode(Sha256::digest(prompt.canonical_text()))
}
