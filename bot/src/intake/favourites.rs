//! ⭐: favourites, by reaction and by button, and the list of them.

use easel_domain::JobId;
use easel_domain::clock::EntropyExt;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::favourite::{Favoured, MOST, NewFavourite};
use easel_store::history::PageStart;
use easel_store::show::JobSnapshot;
use uuid::Uuid;

use super::Intake;
use super::click::Refusal;
use super::history::PAGE;
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::reaction::Reaction;
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;
use crate::view::favourites::{forgotten, kept};
use crate::view::history::{Listing, Place, detail, list};

/// The number of a list that shows favourites; that of a search is never 0.
pub(crate) const FAVOURITES: u32 = 0;

impl Intake {
    /// The star of a reaction is set.
    pub(super) async fn star(
        &self,
        reaction: &Reaction,
        job: JobId,
    ) -> Result<&'static str, StoreError> {
        let Some(snapshot) = self.parts.store.job_snapshot(job).await? else {
            return Ok("no_job");
        };
        let favoured = self.favour(reaction.member, &snapshot).await?;
        Ok(word(favoured))
    }

    /// The star of a reaction is taken back.
    pub(super) async fn unstar(
        &self,
        reaction: &Reaction,
        job: JobId,
    ) -> Result<&'static str, StoreError> {
        let store = &self.parts.store;
        let Some(snapshot) = store.job_snapshot(job).await? else {
            return Ok("no_job");
        };
        let meant = meant(&snapshot);
        let removed = store.remove_favourite(reaction.member, job, meant).await?;
        Ok(if removed { "removed" } else { "no_star" })
    }

    async fn favour(
        &self,
        member: easel_domain::DiscordId,
        job: &JobSnapshot,
    ) -> Result<Favoured, StoreError> {
        if job.spec.is_question() {
            // There is no picture to mark.
            return Ok(Favoured::Nothing);
        }
        let now = self.parts.clock.now();
        let new = NewFavourite {
            id: self.parts.entropy.ordered_uuid(now),
            member,
            fresh_user: self.new_user(),
            job: job.job,
            picture: meant(job),
            at: now,
        };
        self.parts.store.add_favourite(new).await
    }

    /// The button ⭐ under a message.
    pub(super) async fn press_star(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        self.whispered(arrival, "star", async || {
            let job = self.snapshot(button.job, language).await?;
            let favoured = self.favour(arrival.member, &job).await;
            match favoured.map_err(|error| unanswered(language, &error))? {
                Favoured::Kept => Ok(kept(language.favourite_kept(), job.job, language)),
                Favoured::Already => Ok(kept(language.favourite_already(), job.job, language)),
                Favoured::Full => Err((language.favourites_full(MOST), "full")),
                Favoured::Private => Err((language.private_picture().to_owned(), "private")),
                Favoured::Nothing => Err((language.no_such_picture().to_owned(), "no_picture")),
            }
        })
        .await;
    }

    /// The button that takes a star back: in its note, and in the list of favourites.
    pub(super) async fn press_unstar(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        self.turned(arrival, async || {
            let job = self.snapshot(button.job, language).await?;
            let store = &self.parts.store;
            let removed = store.remove_favourite(arrival.member, job.job, meant(&job));
            removed
                .await
                .map_err(|error| unanswered(language, &error))?;
            Ok(forgotten(language))
        })
        .await;
    }

    /// `/favourites`: the newest page.
    pub(super) async fn favourites(&self, arrival: &Arrival) {
        self.whispered(arrival, "favourites", async || {
            self.favourites_from(arrival, PageStart::Newest).await
        })
        .await;
    }

    /// What a button under the list of favourites, or under one of them, leads to.
    pub(super) async fn turn_favourites(
        &self,
        arrival: &Arrival,
        button: CustomId,
    ) -> Result<MessagePayload, Refusal> {
        let row = button.job;
        let start = match button.action {
            ButtonAction::Older => PageStart::OlderThan(row),
            ButtonAction::Newer => PageStart::NewerThan(row),
            ButtonAction::Listed => PageStart::At(row),
            _ => return self.one_favourite(arrival, row.0).await,
        };
        self.favourites_from(arrival, start).await
    }

    async fn favourites_from(
        &self,
        arrival: &Arrival,
        start: PageStart,
    ) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let store = &self.parts.store;
        let page = store.favourites_page(arrival.member, start, PAGE).await;
        let page = page.map_err(|error| unanswered(language, &error))?;
        let mut listed = Vec::with_capacity(page.favourites.len());
        for mark in page.favourites {
            listed.push(self.listed(mark.job, JobId(mark.id)).await);
        }
        let listing = Listing {
            number: FAVOURITES,
            title: language.favourites_title(),
            empty: language.favourites_empty(),
            has_newer: page.has_newer,
            has_older: page.has_older,
        };
        Ok(list(&listed, &listing, language))
    }

    async fn one_favourite(&self, arrival: &Arrival, row: Uuid) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let found = self.parts.store.favourite_job(arrival.member, row).await;
        let found = found.map_err(|error| unanswered(language, &error))?;
        let job = found.ok_or_else(|| (language.favourite_gone().to_owned(), "no_star"))?;
        let snapshot = self.snapshot(job, language).await?;
        let lineage = self.parts.store.lineage(job).await;
        let lineage = lineage.map_err(|error| unanswered(language, &error))?;
        let picture = self.picture_of(&snapshot, arrival.file_limit).await;
        let place = Place {
            number: FAVOURITES,
            row: JobId(row),
            is_own: snapshot.owner == Some(arrival.member),
        };
        Ok(detail(&snapshot, &lineage, &picture, &place, language))
    }
}

/// The picture that a star on the message of this job means: the one that it shows, or all of a grid.
fn meant(job: &JobSnapshot) -> Option<u32> {
    (job.spec.picture_count() == 1).then_some(0)
}

fn word(favoured: Favoured) -> &'static str {
    match favoured {
        Favoured::Kept => "kept",
        Favoured::Already => "already",
        Favoured::Full => "full",
        Favoured::Private => "private",
        Favoured::Nothing => "no_picture",
    }
}

fn unanswered(language: Language, error: &StoreError) -> Refusal {
    tracing::warn!("look at favourites: {error}", error = chain(error));
    (language.not_accepted().to_owned(), "not_accepted")
}

impl Intake {
    /// Answers a button of a message that only its member sees: the message becomes another one.
    pub(super) async fn turned(
        &self,
        arrival: &Arrival,
        make: impl AsyncFnOnce() -> Result<MessagePayload, Refusal>,
    ) {
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        match make().await {
            Ok(payload) => self.reply(arrival, answered, &payload, "turned").await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }
}
