//! `/shorten`: which words of a prompt count for the model, and shorter prompts that come to nearly the same.
//!
//! This process has no model: a node reads the prompt without each of its words, as a job of its own.

use easel_domain::prompt::{self, Prompt, PromptProfile, WeightedText};
use easel_domain::spec::{
    Action, Answer, DescribeSpec, Leeway, MAX_WEIGHED_WORDS, Question, RenderSpec, WeighSpec,
    shortened, words_to_weigh,
};
use easel_service::chain;
use easel_store::show::JobSnapshot;
use easel_store::submit::Repetition;
use sha2::{Digest, Sha256};

use super::click::Refusal;
use super::form::may_use;
use super::imagine::{blocked, decision};
use super::made::{Made, no_picture};
use super::submit::Wish;
use super::{Intake, NewestModel, leeway, resolve};
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;

impl Intake {
    /// Has the words of a prompt weighed.
    pub(super) async fn shorten(&self, arrival: &Arrival, typed: &str) {
        let language = arrival.language;
        let read = match self.read_prompt(arrival, typed, 1).await {
            Ok(read) => read,
            Err(words) => return self.whisper(arrival, &words, "parse_error").await,
        };
        let asked = read.request.jobs.first();
        let Some((asked, text)) = asked.and_then(|asked| Some((asked, plain_words(asked)?))) else {
            let words = language.shorten_one_part();
            return self.whisper(arrival, words, "parts").await;
        };
        let count = words_to_weigh(&text).len();
        if !(2..=MAX_WEIGHED_WORDS).contains(&count) {
            let words = language.shorten_count(count, MAX_WEIGHED_WORDS);
            return self.whisper(arrival, &words, "word_count").await;
        }
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return self.whisper_blocked(arrival, &verdict).await;
        }
        let Some(model) = self.newest_model() else {
            return self.whisper(arrival, language.no_model(), "no_model").await;
        };
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        let here = self.can_answer(&model, Question::Words, language).await;
        if let Err((words, outcome)) = here {
            let payload = MessagePayload::text(words);
            return self.refuse(arrival, answered, payload, outcome).await;
        }
        let wish = Wish {
            pictured: None,
            action: Action::Shorten,
            parent: None,
            repetition: Repetition::SameWords(self.parts.settings.same_words),
            lane: resolve::lane(asked),
            spec: weigh(&model),
            leeway: Leeway::NONE,
            text: easel_domain::spec::PromptText {
                positive: text,
                negative: String::new(),
            },
            shown: read.text.trim().to_owned(),
            // Never that of pictures of the same words.
            digest: hex::encode(Sha256::digest(format!(
                "shorten {}",
                asked.canonical_text()
            ))),
            moderation: decision(&verdict),
        };
        self.submit(arrival, answered, wish).await;
    }

    /// Whether any node could answer this beside this model: nobody is left waiting for one that cannot.
    pub(super) async fn can_answer(
        &self,
        model: &NewestModel,
        question: Question,
        language: Language,
    ) -> Result<(), Refusal> {
        match (
            self.parts.store.answers(&model.reference, question).await,
            question,
        ) {
            (Ok(true), _) => Ok(()),
            (Ok(false), Question::Words) => {
                Err((language.shorten_not_here().to_owned(), "no_weighing"))
            }
            (Ok(false), Question::Pictures) => {
                Err((language.describe_not_here().to_owned(), "no_describe"))
            }
            (Err(error), _) => {
                tracing::warn!("look a model up: {error}", error = chain(&error));
                Err((language.not_accepted().to_owned(), "not_accepted"))
            }
        }
    }

    /// "Try again" under a question that could not be answered. None of the buttons of pictures makes anything of it.
    pub(super) fn ask_again(
        &self,
        job: &JobSnapshot,
        button: CustomId,
        model: &NewestModel,
        language: Language,
    ) -> Result<Made, Refusal> {
        match button.action {
            ButtonAction::Again | ButtonAction::Exact | ButtonAction::Reroll => Ok(Made {
                action: job.action,
                parent: (job.job, 0),
                repetition: Repetition::SameClick(self.parts.settings.same_click),
                spec: match &job.spec {
                    RenderSpec::Describe(old) => RenderSpec::Describe(DescribeSpec {
                        model: model.reference.clone(),
                        inputs: old.inputs.clone(),
                    }),
                    _ => weigh(model),
                },
                leeway: Leeway::NONE,
            }),
            _ => Err(no_picture(language)),
        }
    }

    /// A number under weighed words: draws that shorter prompt.
    pub(super) async fn draw_shorter(&self, arrival: &Arrival, button: CustomId) {
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        match self.shorter(arrival, button).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }

    async fn shorter(&self, arrival: &Arrival, button: CustomId) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let job = self.snapshot(button.job, language).await?;
        if !may_use(arrival, job.storage_class, job.owner) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        let Some(words) = &job.words else {
            return Err((language.words_erased().to_owned(), "erased"));
        };
        let asked = proposal(&job, button.index)
            .ok_or_else(|| (language.unknown_button().to_owned(), "unknown_button"))?;
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let model = self
            .newest_model()
            .ok_or_else(|| (language.no_model().to_owned(), "no_model"))?;
        Ok(Wish {
            pictured: None,
            action: Action::Imagine,
            // Each number is a button of its own.
            parent: Some((job.job, button.index)),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            lane: resolve::lane(&asked),
            spec: self.with_pictures(arrival, &asked, &[], &model).await?,
            leeway: leeway::of_prompt(&words.shown),
            text: asked.words(),
            shown: asked.to_string(),
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }
}

fn weigh(model: &NewestModel) -> RenderSpec {
    RenderSpec::Weigh(WeighSpec {
        model: model.reference.clone(),
    })
}

/// The words that are weighed: those of a prompt of one part, without their weights.
fn plain_words(asked: &Prompt) -> Option<String> {
    match asked.parts.as_slice() {
        [part] if part.weight > 0.0 => Some(asked.words().spoken().positive),
        _ => None,
    }
}

/// The shorter prompt of this number, with the parameters of the whole one.
fn proposal(job: &JobSnapshot, number: u32) -> Option<Prompt> {
    let words = job.words.as_ref()?;
    let Some(Answer::Influences { of_words }) = &job.answer else {
        return None;
    };
    let text = shortened(&words.text.positive, of_words)?.shorter;
    let text = text.get(number as usize)?.clone();
    let asked = prompt::parse(&words.shown, &PromptProfile::EASEL, 1).ok()?;
    let asked = asked.jobs.into_iter().next()?.once();
    Some(Prompt {
        parts: vec![WeightedText { text, weight: 1.0 }],
        ..asked
    })
}
