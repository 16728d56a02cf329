//! Several jobs from one prompt: proposed with their price, run when their author has agreed.

mod note;
mod pictures;

use std::sync::Arc;
use std::time::Duration;

use easel_domain::BatchId;
use easel_domain::clock::EntropyExt;
use easel_domain::ledger::Credits;
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::prompt::{self, Prompt, PromptProfile, Request};
use easel_domain::spec::{Action, Leeway};
use easel_service::{Backoff, chain};
use easel_store::StoreError;
use easel_store::intake::IntakeEnd;
use easel_store::proposal::{NewProposal, Proposal, ProposalState, Proposed, ProposedPicture};
use easel_store::submit::batch::{BatchJob, BatchSubmission, BatchSubmitted};
use easel_store::submit::{Repetition, Submission};
use url::Url;

use super::answer::Answered;
use super::imagine::{MAX_JOBS, blocked, decision};
use super::prefer::ReadPrompt;
use super::submit::{PRICE, STORE_RETRIES, Wish};
use super::{Intake, NewestModel, count, leeway, resolve};
use crate::arrival::Arrival;
use crate::custom_id::CustomId;
use crate::live::LiveEvent;
use crate::metric;
use crate::rest::{Callback, MessagePayload};
use crate::view::several::{SeveralJobs, several};
use note::{Note, no_room, not_yours, settled, unanswered};
use pictures::{begun_from, digest_beside};

/// A snapshot of the lane that is older tells nothing.
const FRESH_S: f64 = 10.0;

impl Intake {
    /// Proposes the jobs of one prompt, or says why they cannot be had.
    pub(super) async fn propose(
        &self,
        arrival: &Arrival,
        typed: &str,
        request: Request,
        beside: &[Url],
    ) {
        let language = arrival.language;
        if arrival.standing.is_guest() {
            // Each job has a message of its own, and there the token may send no more than five.
            let words = language.several_not_as_a_guest();
            return self.whisper(arrival, words, "guest").await;
        }
        for asked in &request.jobs {
            if self.lacks_words(asked, beside) {
                return self
                    .whisper(arrival, language.words_needed(), "no_words")
                    .await;
            }
            let verdict = self.judge(&asked.judged_words());
            if !verdict.allows() {
                return self.whisper_blocked(arrival, &verdict).await;
            }
        }
        let Some(model) = self.newest_model() else {
            return self.whisper(arrival, language.no_model(), "no_model").await;
        };
        let thinking = Callback::Thinking { ephemeral: true };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        let read = self.with_pictures_taken(arrival, typed, request, beside);
        let (ReadPrompt { text, request }, pictures) = match read.await {
            Ok(read) => read,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                return self.refuse(arrival, answered, payload, outcome).await;
            }
        };
        let begun_from = pictures.len();
        let new = self.new_proposal(arrival, &text, &request, &model, pictures);
        let (id, expires_at) = (new.id, new.expires_at);
        match self.parts.store.propose(new).await {
            Ok(Proposed::Open { quoted }) => {
                let prompts: Vec<String> = request.jobs.iter().map(own_words).collect();
                let shown = SeveralJobs {
                    id,
                    prompts: &prompts,
                    begun_from,
                    pictures: prompts.len() * resolve::GRID as usize,
                    price: price(prompts.len()),
                    time: self.time_of(&model, prompts.len()).await,
                    quoted,
                    expires_at,
                };
                self.reply(arrival, answered, &several(&shown, language), "proposed")
                    .await;
            }
            Ok(Proposed::Refused(why)) => {
                let (words, outcome) =
                    no_room(language, self.parts.clock.now(), request.jobs.len(), &why);
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
            Err(error) => {
                tracing::error!("propose several jobs: {error}", error = chain(&error));
                self.not_accepted(arrival, answered).await;
            }
        }
    }

    fn new_proposal(
        &self,
        arrival: &Arrival,
        typed: &str,
        request: &Request,
        model: &NewestModel,
        pictures: Vec<ProposedPicture>,
    ) -> NewProposal {
        let now = self.parts.clock.now();
        NewProposal {
            id: BatchId(self.parts.entropy.ordered_uuid(now)),
            interaction: arrival.interaction,
            member: arrival.member,
            fresh_user: self.new_user(),
            default_tier: self.parts.settings.default_tier.clone(),
            guild: arrival.guild,
            channel: arrival.channel,
            words: typed.to_owned(),
            pictures,
            region: self.parts.settings.region.clone(),
            pool: self.parts.settings.pool.clone(),
            // What the seeds are does not matter yet.
            jobs: (request.jobs.iter())
                .map(|asked| (resolve::lane(asked), resolve::imagine(asked, model, 0)))
                .collect(),
            price: price(request.jobs.len()),
            created_at: now,
            expires_at: now + self.parts.settings.proposal_life,
        }
    }

    /// How long so many jobs take together after what waits already, as far as that is known.
    async fn time_of(&self, model: &NewestModel, jobs: usize) -> Option<Duration> {
        let (store, settings) = (&self.parts.store, &self.parts.settings);
        let weights = &model.reference;
        let action = Action::Imagine.as_str();
        let usual = store.usual_seconds(&weights.id, &weights.hash, action);
        let (usual, lanes) = tokio::join!(usual, store.snapshots());
        let usual = usual.ok().flatten()?;
        let lanes = lanes.ok()?;
        let lane = lanes
            .iter()
            .find(|lane| lane.region == settings.region && lane.pool == settings.pool)
            .filter(|lane| lane.age_s < FRESH_S && lane.snapshot.nodes > 0)?;
        let seconds = lane.snapshot.backlog_gpu_s + usual * jobs as f64;
        Duration::try_from_secs_f64(seconds / f64::from(lane.snapshot.nodes)).ok()
    }

    /// Puts a message in the place of "thinking", or of the message that was clicked.
    pub(super) async fn reply(
        &self,
        arrival: &Arrival,
        answered: Answered,
        payload: &MessagePayload,
        outcome: &'static str,
    ) {
        count(arrival.request.kind(), outcome);
        let (application, token) = (arrival.application, &arrival.token);
        let shown = self
            .parts
            .rest
            .edit_original(application, token, payload, None)
            .await;
        if let Err(error) = shown {
            tracing::warn!("answer a member: {error}", error = chain(&error));
            return self.not_accepted(arrival, answered).await;
        }
        self.close(arrival, IntakeEnd::Answered).await;
    }

    /// Runs what was proposed.
    pub(super) async fn run_several(&self, arrival: &Arrival, button: CustomId) {
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        let (id, language) = (BatchId(button.job.0), arrival.language);
        let jobs = match self.batch(arrival, id).await {
            Ok(jobs) => jobs,
            Err(note) => return self.note(arrival, answered, note).await,
        };
        let total = jobs.len();
        match self.submit_together(id, jobs).await {
            Ok(BatchSubmitted::Accepted { jobs }) => self.started(arrival, &jobs).await,
            Ok(BatchSubmitted::Settled(state)) => {
                self.note(arrival, answered, settled(language, state)).await;
            }
            Ok(BatchSubmitted::GivenUp) => {
                count(arrival.request.kind(), "given_up");
                tracing::warn!("an interaction took so long that its member was told to try again");
            }
            Ok(BatchSubmitted::Unknown) => {
                self.note(arrival, answered, not_yours(language)).await;
            }
            Ok(BatchSubmitted::Refused(why)) => {
                let (words, outcome) = no_room(language, self.parts.clock.now(), total, &why);
                self.note(arrival, answered, Note::beside(words, outcome))
                    .await;
            }
            Err(error) => {
                tracing::error!("submit several jobs: {error}", error = chain(&error));
                self.not_accepted(arrival, answered).await;
            }
        }
    }

    /// Takes a proposal back.
    pub(super) async fn drop_several(&self, arrival: &Arrival, button: CustomId) {
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        let (id, language) = (BatchId(button.job.0), arrival.language);
        let note = match self.open_proposal(arrival, id).await {
            Err(note) => note,
            Ok(_) => match self.parts.store.decline_proposal(id).await {
                Ok(true) => settled(language, ProposalState::Declined),
                // Settled between the two: the next press says how.
                Ok(false) => Note::beside(language.not_accepted(), "not_accepted"),
                Err(error) => unanswered(language, &error),
            },
        };
        self.note(arrival, answered, note).await;
    }

    /// The proposal of this member, if it is still open; else what he is told.
    async fn open_proposal(
        &self,
        arrival: &Arrival,
        id: BatchId,
    ) -> Result<(String, Vec<ProposedPicture>), Note> {
        let language = arrival.language;
        let found = self.parts.store.proposal(id).await;
        let proposal = found.map_err(|error| unanswered(language, &error))?;
        match proposal {
            Some(Proposal {
                owner,
                words,
                pictures,
                state,
                expires_at,
            }) if owner == Some(arrival.member) => match (state, words) {
                (ProposalState::Open, Some(words)) if expires_at > self.parts.clock.now() => {
                    Ok((words, pictures))
                }
                (ProposalState::Open, _) => Err(settled(language, ProposalState::Expired)),
                (state, _) => Err(settled(language, state)),
            },
            Some(_) | None => Err(not_yours(language)),
        }
    }

    /// The jobs of a proposal as they are submitted, read and judged anew: lists and models may have changed.
    async fn batch(&self, arrival: &Arrival, id: BatchId) -> Result<Vec<Submission>, Note> {
        let language = arrival.language;
        let (typed, pictures) = self.open_proposal(arrival, id).await?;
        let request = prompt::parse(&typed, &PromptProfile::EASEL, MAX_JOBS)
            .map_err(|error| Note::beside(language.parse_error(&typed, &error), "parse_error"))?;
        let model = self
            .newest_model()
            .ok_or_else(|| Note::beside(language.no_model(), "no_model"))?;
        let leeway = leeway::of_prompt(&typed);
        let mut jobs = (request.jobs.iter())
            .map(|asked| self.member_of_batch(arrival, asked, &pictures, leeway, &model))
            .collect::<Result<Vec<_>, _>>()?;
        // Ids of one moment are in no order, and queues go by ids.
        let mut ids: Vec<_> = jobs.iter().map(|job| job.job).collect();
        ids.sort_unstable();
        for (job, id) in jobs.iter_mut().zip(ids) {
            job.job = id;
        }
        Ok(jobs)
    }

    fn member_of_batch(
        &self,
        arrival: &Arrival,
        asked: &Prompt,
        pictures: &[ProposedPicture],
        leeway: Leeway,
        model: &NewestModel,
    ) -> Result<Submission, Note> {
        let verdict = self.judge(&asked.judged_words());
        if !verdict.allows() {
            let words = blocked(arrival.language, &verdict);
            return Err(Note::beside(words, "blocked_words"));
        }
        let inputs = begun_from(asked, pictures);
        let inputs =
            inputs.ok_or_else(|| Note::beside(arrival.language.not_accepted(), "picture_lost"))?;
        let seed = self.parts.entropy.random_u32();
        let wish = Wish {
            pictured: None,
            action: Action::Imagine,
            parent: None,
            repetition: Repetition::Allowed,
            lane: resolve::lane(asked),
            spec: resolve::from_pictures(asked, inputs, model, seed),
            leeway,
            text: asked.words(),
            shown: own_words(asked),
            digest: digest_beside(asked, pictures),
            moderation: decision(&verdict),
        };
        let answered = Answered {
            message: None,
            waits: false,
            whispered: false,
        };
        Ok(self.submission(arrival, answered, wish))
    }

    /// A database that comes back within seconds costs nobody his jobs; repeating is safe.
    async fn submit_together(
        &self,
        proposal: BatchId,
        jobs: Vec<Submission>,
    ) -> Result<BatchSubmitted, StoreError> {
        let batch = BatchSubmission {
            proposal,
            jobs,
            at: self.parts.clock.now(),
        };
        let entropy = Arc::clone(&self.parts.entropy);
        let mut pauses = Backoff::new(Duration::from_millis(300), Duration::from_secs(1), entropy)
            .limit(STORE_RETRIES);
        loop {
            match self.parts.store.submit_batch(batch.clone()).await {
                Err(error) if error.is_transient() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                done => return done,
            }
        }
    }

    /// Shows the jobs, sends their hints, and takes the buttons away.
    async fn started(&self, arrival: &Arrival, jobs: &[BatchJob]) {
        count(arrival.request.kind(), "accepted_several");
        tracing::info!("{} jobs of one prompt are queued", jobs.len());
        for BatchJob { job, .. } in jobs {
            self.parts.live.tell(LiveEvent::Due(*job));
        }
        let payload = MessagePayload::text(arrival.language.several_started(jobs.len()));
        let (application, token) = (arrival.application, &arrival.token);
        let rest = &self.parts.rest;
        // Whether the buttons are gone is of no consequence: a second press finds the jobs.
        let (_, ()) = tokio::join!(
            rest.edit_original(application, token, &payload, None),
            async {
                for job in jobs {
                    let hint = JobHint {
                        job_id: job.job,
                        what: JobHintKind::Submitted,
                    };
                    self.send_hint(hint, &self.parts.lane, job.class, job.outbox_id)
                        .await;
                }
            }
        );
        let seconds = arrival.received.elapsed().as_secs_f64();
        metrics::histogram!(metric::CONFIRMED_SECONDS).record(seconds);
    }

    /// Tells what became of a press: in place of the proposal where that is settled, else beside it.
    async fn note(&self, arrival: &Arrival, answered: Answered, note: Note) {
        let payload = MessagePayload::text(note.words);
        if note.replaces {
            self.reply(arrival, answered, &payload, note.outcome).await;
        } else {
            self.refuse(arrival, answered, payload, note.outcome).await;
        }
    }
}

/// The prompt of one of several jobs by itself.
fn own_words(asked: &Prompt) -> String {
    asked.once().to_string()
}

fn price(jobs: usize) -> Credits {
    Credits(
        PRICE
            .0
            .saturating_mul(i64::try_from(jobs).unwrap_or(i64::MAX)),
    )
}
