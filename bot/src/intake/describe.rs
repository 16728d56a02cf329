//! `/describe`: prompts that fit a picture, found by a node that can look at it, as a job of its own.
//!
//! A member's picture is taken on the same terms as for drawing from it. A result of ours was checked before it was shown.

use easel_domain::JobId;
use easel_domain::prompt::{self, Prompt, PromptProfile, WeightedText};
use easel_domain::spec::{
    Action, Answer, DescribeSpec, InputPicture, Leeway, MAX_DESCRIBED, PromptText, Question,
    RenderSpec,
};
use easel_store::show::JobSnapshot;
use easel_store::submit::Repetition;
use sha2::{Digest, Sha256};
use url::Url;

use super::answer::Answered;
use super::click::Refusal;
use super::form::{READ_LIMIT, may_use};
use super::imagine::{MAX_JOBS, blocked, decision};
use super::submit::Wish;
use super::{Intake, NewestModel, leeway, resolve};
use crate::arrival::Arrival;
use crate::custom_id::CustomId;
use crate::inputs;
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;
use crate::view::{described_shape, hides};

/// Discord's limit for addresses in a message.
const LONGEST_ADDRESS: usize = 2_048;

/// A picture that is to be described.
enum Asked<'a> {
    /// Uploaded, or shown by us.
    Known(&'a Url),
    /// At an address that somebody typed.
    Typed(&'a Url),
    /// The pictures of a result.
    Result(JobId, Option<&'a Url>),
}

impl Intake {
    /// Has an uploaded picture described.
    pub(super) async fn describe(&self, arrival: &Arrival, picture: Option<&Url>) {
        let Some(picture) = picture else {
            let words = arrival.language.describe_nothing();
            return self.whisper(arrival, words, "no_picture").await;
        };
        self.ask_about(arrival, Asked::Known(picture)).await;
    }

    /// Has the picture of a message described: of one of ours the result, of others the one that they show.
    pub(super) async fn describe_message(
        &self,
        arrival: &Arrival,
        job: Option<JobId>,
        uploads: &[Url],
        embedded: &[Url],
    ) {
        let shown = || uploads.iter().chain(embedded);
        if let Some(job) = job {
            return self
                .ask_about(arrival, Asked::Result(job, shown().next()))
                .await;
        }
        match (uploads, embedded) {
            ([one], []) => self.ask_about(arrival, Asked::Known(one)).await,
            // Our own pictures are vouched for like what Discord holds.
            ([], [one]) if self.parts.pictures.is_ours(one) => {
                self.ask_about(arrival, Asked::Known(one)).await;
            }
            ([], [one]) => self.ask_about(arrival, Asked::Typed(one)).await,
            _ => {
                let language = arrival.language;
                let words = match shown().count() {
                    0 => language.describe_nothing().to_owned(),
                    count => language.describe_one(count),
                };
                self.whisper(arrival, &words, "count").await;
            }
        }
    }

    async fn ask_about(&self, arrival: &Arrival, asked: Asked<'_>) {
        let language = arrival.language;
        let is_members = !matches!(asked, Asked::Result(..));
        if is_members && self.parts.inputs.is_none() {
            let words = language.pictures_not_taken();
            return self.whisper(arrival, words, "not_taken").await;
        }
        let Some(model) = self.newest_model() else {
            return self.whisper(arrival, language.no_model(), "no_model").await;
        };
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        match self.described(arrival, asked, &model).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err(refusal) => self.refuse_described(arrival, answered, refusal).await,
        }
    }

    async fn refuse_described(&self, arrival: &Arrival, answered: Answered, refusal: Refusal) {
        let (words, outcome) = refusal;
        let payload = MessagePayload::text(words);
        self.refuse(arrival, answered, payload, outcome).await;
    }

    /// The job that finds words for what was asked about.
    async fn described(
        &self,
        arrival: &Arrival,
        asked: Asked<'_>,
        model: &NewestModel,
    ) -> Result<Wish, Refusal> {
        let language = arrival.language;
        self.can_answer(model, Question::Pictures, language).await?;
        let (parent, taken, address) = match asked {
            Asked::Result(job, shown) => {
                let job = self.snapshot(job, language).await?;
                let pictures = results(arrival, &job)?;
                // What stands behind a spoiler is not shown beside its description either.
                let shown = shown.filter(|_| !hides(&job));
                (Some((job.job, 0)), pictures, shown)
            }
            Asked::Known(one) => (
                None,
                self.taken(std::slice::from_ref(one), &[], language).await?,
                Some(one),
            ),
            Asked::Typed(one) => (
                None,
                self.taken(&[], std::slice::from_ref(one), language).await?,
                Some(one),
            ),
        };
        let text = PromptText::default();
        let digest = digest(&taken);
        Ok(Wish {
            action: Action::Describe,
            parent,
            repetition: Repetition::SameWords(self.parts.settings.same_words),
            lane: None,
            spec: RenderSpec::Describe(DescribeSpec {
                model: model.reference.clone(),
                inputs: taken,
            }),
            leeway: Leeway::NONE,
            moderation: decision(&self.judge(&text)),
            text,
            shown: "🖼️".to_owned(),
            pictured: address
                .map(Url::to_string)
                .filter(|address| address.len() <= LONGEST_ADDRESS),
            digest,
        })
    }

    async fn taken(
        &self,
        known: &[Url],
        typed: &[Url],
        language: Language,
    ) -> Result<Vec<InputPicture>, Refusal> {
        let inputs = self.parts.inputs.as_ref();
        let inputs =
            inputs.ok_or_else(|| (language.pictures_not_taken().to_owned(), "not_taken"))?;
        let taken = inputs.take(known, typed).await;
        taken.map_err(|error| inputs::refusal(language, &error))
    }

    /// A number under described pictures: draws that prompt, or asks whoever wants to be asked for other words.
    pub(super) async fn press_described(&self, arrival: &Arrival, button: CustomId) {
        if !self.chosen(arrival).await.remix {
            return self.draw_described(arrival, button).await;
        }
        let found = match self.found_in_time(arrival, button).await {
            Ok(found) => found,
            Err((words, outcome)) => return self.whisper(arrival, &words, outcome).await,
        };
        let Some(asked) = found.get(button.index as usize) else {
            let words = arrival.language.unknown_button();
            return self.whisper(arrival, words, "unknown_button").await;
        };
        let words = asked.to_string();
        self.ask_for_words(arrival, button, &words).await;
    }

    async fn draw_described(&self, arrival: &Arrival, button: CustomId) {
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        match self.one_described(arrival, button).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err(refusal) => self.refuse_described(arrival, answered, refusal).await,
        }
    }

    async fn one_described(&self, arrival: &Arrival, button: CustomId) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let mut found = self.found(arrival, button).await?.into_iter();
        let asked = found
            .nth(button.index as usize)
            .ok_or_else(|| (language.unknown_button().to_owned(), "unknown_button"))?;
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let model = self
            .newest_model()
            .ok_or_else(|| (language.no_model().to_owned(), "no_model"))?;
        Ok(Wish {
            action: Action::Imagine,
            // Each number is a button of its own.
            parent: Some((button.job, button.index)),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            lane: resolve::lane(&asked),
            spec: self.with_pictures(arrival, &asked, &[], &model).await?,
            leeway: leeway::of_prompt(&asked.to_string()),
            text: asked.words(),
            shown: asked.to_string(),
            pictured: None,
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }

    /// All prompts at once: proposed with their price, like those of braces.
    pub(super) async fn draw_all_described(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        let typed = match self.found_in_time(arrival, button).await {
            Ok(found) => together(&found),
            Err((words, outcome)) => return self.whisper(arrival, &words, outcome).await,
        };
        match prompt::parse(&typed, &PromptProfile::EASEL, MAX_JOBS) {
            Ok(request) if request.jobs.len() > 1 => {
                self.propose(arrival, &typed, request, &[]).await;
            }
            Ok(_) | Err(_) => {
                let words = language.unknown_button();
                self.whisper(arrival, words, "unknown_button").await;
            }
        }
    }

    /// [`Self::found`], before anything was answered.
    async fn found_in_time(
        &self,
        arrival: &Arrival,
        button: CustomId,
    ) -> Result<Vec<Prompt>, Refusal> {
        let late = |_| (arrival.language.not_accepted().to_owned(), "not_accepted");
        let found = tokio::time::timeout(READ_LIMIT, self.found(arrival, button)).await;
        found.map_err(late)?
    }

    /// The prompts under whose message the button is.
    async fn found(&self, arrival: &Arrival, button: CustomId) -> Result<Vec<Prompt>, Refusal> {
        let language = arrival.language;
        let job = self.snapshot(button.job, language).await?;
        if !may_use(arrival, job.storage_class, job.owner) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        if job.words.is_none() {
            return Err((language.words_erased().to_owned(), "erased"));
        }
        Ok(prompts(&job))
    }
}

/// The pictures of a result that whoever asks may use.
fn results(arrival: &Arrival, job: &JobSnapshot) -> Result<Vec<InputPicture>, Refusal> {
    let language = arrival.language;
    if !may_use(arrival, job.storage_class, job.owner) {
        return Err((language.private_picture().to_owned(), "private"));
    }
    let pictures = resolve::results(job);
    if pictures.is_empty() {
        return Err((language.describe_nothing().to_owned(), "no_picture"));
    }
    Ok(pictures.into_iter().take(MAX_DESCRIBED).collect())
}

/// The prompts that were found, in the shape of the picture.
fn prompts(job: &JobSnapshot) -> Vec<Prompt> {
    let (RenderSpec::Describe(spec), Some(Answer::Descriptions { prompts })) =
        (&job.spec, &job.answer)
    else {
        return Vec::new();
    };
    let shape = described_shape(&spec.inputs).unwrap_or_default();
    // The words of a vocabulary are taken as they are: nothing in them is a parameter.
    let typed = format!("picture --ar {shape}");
    let asked = prompt::parse(&typed, &PromptProfile::EASEL, 1)
        .or_else(|_| prompt::parse("picture", &PromptProfile::EASEL, 1));
    let Some(asked) = asked
        .ok()
        .and_then(|request| request.jobs.into_iter().next())
    else {
        return Vec::new();
    };
    let of_words = |text: &str| Prompt {
        parts: vec![WeightedText {
            text: text.to_owned(),
            weight: 1.0,
        }],
        ..asked.once()
    };
    prompts
        .iter()
        .map(|prompt| of_words(&prompt.text))
        .collect()
}

/// One prompt with braces that makes all of them.
fn together(prompts: &[Prompt]) -> String {
    let each = prompts.iter().map(|prompt| {
        // Braces are escaped by then, and commas are not.
        prompt.to_string().replace(',', "\\,")
    });
    format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
}

/// The same for the same pictures, and never that of words.
fn digest(pictures: &[InputPicture]) -> String {
    let mut hash = Sha256::new();
    hash.update("describe");
    for picture in pictures {
        hash.update(" ");
        hash.update(&picture.sha256);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str) -> Prompt {
        let request = prompt::parse("picture --ar 3:2", &PromptProfile::EASEL, 1).unwrap();
        Prompt {
            parts: vec![WeightedText {
                text: text.to_owned(),
                weight: 1.0,
            }],
            ..request.jobs[0].clone()
        }
    }

    #[test]
    fn all_prompts_together_are_read_as_what_they_are_each() {
        let own = [
            prompt("red boat on the sea, oil painting"),
            prompt("blue {cat}, neon"),
            prompt("a tree"),
        ];
        let typed = together(&own);
        let read = prompt::parse(&typed, &PromptProfile::EASEL, 10).unwrap();
        let read: Vec<String> = read.jobs.iter().map(|job| job.once().to_string()).collect();
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        assert_eq!(read, own, "{typed}");
    }

    #[test]
    fn the_same_pictures_have_the_same_digest_in_their_order_alone() {
        let picture = |sha256: &str| InputPicture {
            key: "k".into(),
            sha256: sha256.into(),
            width: 1,
            height: 1,
        };
        let (a, b) = (picture("a"), picture("b"));
        assert_eq!(
            digest(std::slice::from_ref(&a)),
            digest(std::slice::from_ref(&a))
        );
        assert_ne!(digest(&[a.clone(), b.clone()]), digest(&[b, a]));
    }
}
