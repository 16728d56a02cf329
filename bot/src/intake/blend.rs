//! Jobs that start from members' pictures: `/blend`, and pictures in or beside a prompt.

use easel_domain::clock::EntropyExt;
use easel_domain::prompt::{AspectRatio, Prompt};
use easel_domain::spec::{Action, Leeway, MAX_INPUTS, PromptText, RenderSpec};
use easel_store::submit::Repetition;
use url::Url;

use super::click::Refusal;
use super::imagine::decision;
use super::submit::Wish;
use super::{Intake, NewestModel, resolve};
use crate::arrival::Arrival;
use crate::inputs;
use crate::rest::{Callback, MessagePayload};

impl Intake {
    /// Four pictures from the mean of others, without words.
    /// `typed` are addresses that nobody vouches for.
    pub(super) async fn blend(
        &self,
        arrival: &Arrival,
        pictures: &[Url],
        typed: &[Url],
        shape: Option<AspectRatio>,
    ) {
        let language = arrival.language;
        let Some(inputs) = &self.parts.inputs else {
            return self
                .whisper(arrival, language.pictures_not_taken(), "not_taken")
                .await;
        };
        let Some(model) = self.newest_model() else {
            return self.whisper(arrival, language.no_model(), "no_model").await;
        };
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        let taken = match inputs.take(pictures, typed).await {
            Ok(taken) => taken,
            Err(error) => {
                let (words, outcome) = inputs::refusal(language, &error);
                let payload = MessagePayload::text(words);
                return self.refuse(arrival, answered, payload, outcome).await;
            }
        };
        let text = PromptText::default();
        let wish = Wish {
            pictured: None,
            action: Action::Blend,
            parent: None,
            repetition: Repetition::Allowed,
            lane: None,
            shown: vec!["🖼️"; taken.len()].join(" + "),
            spec: resolve::blend(
                shape.unwrap_or_default(),
                taken,
                &model,
                self.parts.entropy.random_u32(),
            ),
            leeway: Leeway {
                size: shape.is_none(),
            },
            moderation: decision(&self.judge(&text)),
            text,
            digest: String::new(),
        };
        self.submit(arrival, answered, wish).await;
    }

    /// Four pictures from those of a message: its files, and what it shows by address.
    pub(super) async fn blend_message(&self, arrival: &Arrival, uploads: &[Url], embedded: &[Url]) {
        let language = arrival.language;
        let count = uploads.len() + embedded.len();
        if !(2..=MAX_INPUTS).contains(&count) {
            let words = language.blend_needs_pictures(count, MAX_INPUTS);
            return self.whisper(arrival, &words, "count").await;
        }
        // Our own pictures are vouched for like what Discord holds.
        let is_ours = |address: &&Url| self.parts.pictures.is_ours(address);
        let (ours, others): (Vec<_>, Vec<_>) = embedded.iter().partition(is_ours);
        let known: Vec<Url> = uploads.iter().chain(ours).cloned().collect();
        let typed: Vec<Url> = others.into_iter().cloned().collect();
        self.blend(arrival, &known, &typed, None).await;
    }

    /// What a prompt makes with the pictures in it and beside it. Where members' pictures are not taken those in it do not
    /// act, and the message says so; those beside it were refused before.
    pub(super) async fn with_pictures(
        &self,
        arrival: &Arrival,
        asked: &Prompt,
        beside: &[Url],
        model: &NewestModel,
    ) -> Result<RenderSpec, Refusal> {
        let seed = self.parts.entropy.random_u32();
        let count = beside.len() + asked.images.len();
        let inputs = self.parts.inputs.as_ref();
        let Some(inputs) = inputs.filter(|_| count > 0) else {
            return Ok(resolve::imagine(asked, model, seed));
        };
        if count > MAX_INPUTS {
            let words = arrival.language.too_many_pictures(MAX_INPUTS);
            return Err((words, "too_many_pictures"));
        }
        let taken = inputs.take(beside, &asked.images).await;
        let taken = taken.map_err(|error| inputs::refusal(arrival.language, &error))?;
        Ok(resolve::from_pictures(asked, taken, model, seed))
    }

    /// A remix where its words name other pictures, or give them another weight, than those that it comes from.
    pub(super) async fn with_other_pictures(
        &self,
        arrival: &Arrival,
        spec: RenderSpec,
        before: &str,
        asked: &Prompt,
    ) -> Result<RenderSpec, Refusal> {
        // Words that cannot be read any more named no pictures that could be read now.
        let before = self.read_prompt(arrival, before, 1).await.ok();
        let Some(before) = before.and_then(|read| read.request.jobs.into_iter().next()) else {
            return Ok(spec);
        };
        let spec = resolve::reweighed(spec, &before, asked);
        // What is painted anew around or inside of a picture keeps that one.
        let others = before.images != asked.images && !resolve::has_fixed_canvas(&spec);
        let Some(fetched_by) = self.parts.inputs.as_ref().filter(|_| others) else {
            return Ok(spec);
        };
        // Those that came beside the words stay: they stand before those that the words named.
        let mut inputs = match &spec {
            RenderSpec::Repaint(repaint) => repaint.inputs.clone(),
            RenderSpec::Generate(_)
            | RenderSpec::Upscale(_)
            | RenderSpec::Weigh(_)
            | RenderSpec::Describe(_) => Vec::new(),
        };
        inputs.truncate(inputs.len().saturating_sub(before.images.len()));
        if inputs.len() + asked.images.len() > MAX_INPUTS {
            let words = arrival.language.too_many_pictures(MAX_INPUTS);
            return Err((words, "too_many_pictures"));
        }
        let taken = fetched_by.take(&[], &asked.images).await;
        inputs.extend(taken.map_err(|error| inputs::refusal(arrival.language, &error))?);
        Ok(resolve::started_over(&spec, inputs, asked).unwrap_or(spec))
    }
}
