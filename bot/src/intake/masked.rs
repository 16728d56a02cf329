//! `/vary-region`: a part of a picture painted anew, told by an uploaded mask. Discord has no canvas, and the grid of
//! toggles under a picture is coarse.

use easel_domain::JobId;
use easel_domain::clock::EntropyExt;
use easel_domain::spec::{Action, Leeway, Repainted};
use easel_store::submit::Repetition;
use url::Url;

use super::click::Refusal;
use super::form::may_use;
use super::imagine::{blocked, decision};
use super::made::no_picture;
use super::resolve::repaint::{Source, inside};
use super::submit::Wish;
use super::{Intake, NewestModel};
use crate::arrival::Arrival;
use crate::inputs::{self, Inputs};
use crate::rest::{Callback, MessagePayload};

impl Intake {
    /// Four proposals for what is white in the mask.
    pub(super) async fn vary_region(
        &self,
        arrival: &Arrival,
        typed: &str,
        picture: u32,
        mask: Option<&Url>,
    ) {
        let language = arrival.language;
        let Ok(job) = typed.trim().trim_matches('`').parse::<JobId>() else {
            let words = language.not_a_job_id();
            return self.whisper(arrival, words, "bad_id").await;
        };
        let (Some(masks), Some(mask)) = (&self.parts.masks, mask) else {
            let words = language.masks_not_taken();
            return self.whisper(arrival, words, "not_taken").await;
        };
        let Some(model) = self.newest_model() else {
            return self.whisper(arrival, language.no_model(), "no_model").await;
        };
        let thinking = Callback::Thinking { ephemeral: false };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        let made = self.masked(arrival, (job, picture), (masks, mask), &model);
        match made.await {
            Ok(wish) => self.submit(arrival, answered, wish).await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }

    async fn masked(
        &self,
        arrival: &Arrival,
        (job, picture): (JobId, u32),
        (masks, mask): (&Inputs, &Url),
        model: &NewestModel,
    ) -> Result<Wish, Refusal> {
        let language = arrival.language;
        let job = self.snapshot(job, language).await?;
        if !may_use(arrival, job.storage_class, job.owner) {
            return Err((language.private_picture().to_owned(), "private"));
        }
        let words = job.words.clone();
        let words = words.ok_or_else(|| (language.words_erased().to_owned(), "erased"))?;
        let verdict = self.judge(&words.text);
        if !verdict.allows() {
            return Err((blocked(language, &verdict), "blocked_words"));
        }
        let origin = self.origin(&job, picture, language).await?;
        let drawn = origin.drawn.spec.generated();
        let source = drawn
            .and_then(|spec| Source::new(&job, picture, spec, model))
            .ok_or_else(|| no_picture(language))?;
        // Nothing is fetched for a picture that is not there.
        let mask = masks.take_mask(mask, source.size()).await;
        let mask = mask.map_err(|error| inputs::refusal(language, &error))?;
        let seed = self.parts.entropy.random_u32();
        Ok(Wish {
            pictured: None,
            action: Action::VaryRegion,
            parent: Some((job.job, picture)),
            repetition: Repetition::Allowed,
            lane: None,
            spec: inside(&source, Repainted::Masked { mask }, seed),
            leeway: Leeway::NONE,
            text: words.text,
            shown: words.shown,
            digest: String::new(),
            moderation: decision(&verdict),
        })
    }
}
