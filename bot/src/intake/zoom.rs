//! Custom Zoom: a form that asks by how much, and for the words and the shape of what appears around the picture.

use easel_domain::clock::EntropyExt;
use easel_domain::prompt::{Prompt, picture_size};
use easel_domain::spec::{Action, Canvas, Leeway, RenderSpec};
use easel_store::submit::Repetition;

use super::click::Refusal;
use super::form::{FACTOR, FIELD_CHARS, WORDS, may_use};
use super::imagine::{blocked, decision};
use super::made::no_picture;
use super::prefer::ReadPrompt;
use super::resolve::repaint;
use super::submit::Wish;
use super::{Intake, resolve};
use crate::arrival::{Arrival, form_id};
use crate::custom_id::CustomId;
use crate::rest::{Callback, Field, Form, MessagePayload};

/// What is proposed, in percent.
const ZOOM: u32 = 150;

impl Intake {
    /// A form that asks by how much to zoom out, with the words of the job.
    pub(super) async fn open_zoom(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        let Some(words) = self.words_for_a_form(arrival, button).await else {
            return;
        };
        let factor = Field {
            name: FACTOR,
            label: language.form_factor(),
            value: format!("{}.{}", ZOOM / 100, ZOOM % 100 / 10),
            is_long: false,
            max_length: 8,
        };
        let words = Field {
            name: WORDS,
            label: language.form_words(),
            value: in_field(&words),
            is_long: true,
            max_length: FIELD_CHARS as u16,
        };
        let form = Form {
            custom_id: form_id(&button.to_string(), arrival.standing),
            title: language.form_zoom(),
            fields: vec![factor, words],
        };
        let _ = self.answer(arrival, &Callback::Form(form)).await;
    }

    /// The form as it was filled in.
    pub(super) async fn zoom(
        &self,
        arrival: &Arrival,
        button: CustomId,
        factor: &str,
        typed: &str,
    ) {
        let language = arrival.language;
        let Some(index) = percent(factor) else {
            let words = language.bad_factor();
            return self.whisper(arrival, words, "bad_factor").await;
        };
        let button = CustomId { index, ..button };
        if typed.is_empty() {
            return self.press(arrival, button).await;
        }
        let ReadPrompt { text, request } = match self.read_prompt(arrival, typed, 1).await {
            Ok(read) => read,
            Err(words) => return self.whisper(arrival, &words, "parse_error").await,
        };
        let Some(asked) = request.jobs.into_iter().next() else {
            let words = language.not_accepted();
            return self.whisper(arrival, words, "parse_error").await;
        };
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        match self.zoomed(arrival, button, &asked, &text).await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }

    async fn zoomed(
        &self,
        arrival: &Arrival,
        button: CustomId,
        asked: &Prompt,
        typed: &str,
    ) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let job = self.snapshot(button.job, language).await?;
        if !may_use(arrival, job.storage_class, job.owner) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        let before = job.words.as_ref().map(|words| words.shown.clone());
        let before = before.ok_or_else(|| (language.words_erased().to_owned(), "erased"))?;
        if in_field(&before).trim() == typed {
            return self.wish(arrival, button).await;
        }
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let model = self
            .newest_model()
            .ok_or_else(|| (language.no_model().to_owned(), "no_model"))?;
        let source = self.source(&job, &model, language).await?;
        if asked.params.tile || source.is_seamless() {
            return Err((language.nothing_around().to_owned(), "seamless"));
        }
        // Words that cannot be read any more said nothing of a shape that could be compared.
        let before = self.read_prompt(arrival, &before, 1).await.ok();
        let before = before.and_then(|read| read.request.jobs.into_iter().next());
        let (shape, size) = (asked.params.aspect_ratio, source.size());
        let canvas = if before.is_none_or(|before| before.params.aspect_ratio == shape) {
            Canvas::zoomed_out(size.0, size.1, button.index)
        } else {
            Canvas::reshaped(size, picture_size(shape, &model.profile), button.index)
        };
        let drawn = resolve::imagine(asked, &model, self.parts.entropy.random_u32());
        let RenderSpec::Generate(drawn) = drawn else {
            return Err(no_picture(language));
        };
        Ok(Wish {
            pictured: None,
            action: Action::ZoomOut,
            parent: Some((job.job, 0)),
            repetition: Repetition::SameClick(self.parts.settings.same_click),
            lane: resolve::lane(asked),
            spec: repaint::around_by(&source, canvas, drawn),
            leeway: Leeway::NONE,
            text: asked.words(),
            shown: typed.to_owned(),
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }
}

/// As much of the words as stands in a field.
fn in_field(words: &str) -> String {
    words.chars().take(FIELD_CHARS).collect()
}

/// A factor from 1 to 2, as people type it, in percent.
fn percent(typed: &str) -> Option<u32> {
    let typed = typed.trim_end_matches(['x', 'X', '×']).replace(',', ".");
    let factor: f64 = typed.trim().parse().ok()?;
    (1.0..=2.0)
        .contains(&factor)
        .then(|| (factor * 100.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_factor_is_read_as_people_type_it() {
        let read = ["1.5", "1,8x", " 2 ", "1", "2.1", "0.5", "much", "NaN", ""].map(percent);
        let wanted = [
            Some(150),
            Some(180),
            Some(200),
            Some(100),
            None,
            None,
            None,
            None,
            None,
        ];
        assert_eq!(read, wanted);
    }
}
