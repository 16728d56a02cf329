//! From an interaction to a durable job, or to a text that says why not.
//!
//! Pure work first picks the kind of answer. The answer comes before any other work; only an intake row is written before
//! it, and is waited for no longer than `intake.note_first`. Then one transaction; then the hint to the dispatcher and the first edit of the message.

mod answer;
mod blend;
mod click;
mod delete;
mod describe;
mod details;
mod favourites;
mod form;
pub mod history;
mod imagine;
mod leeway;
mod made;
mod mail;
mod masked;
mod member;
mod pace;
mod prefer;
pub mod reactions;
mod recent;
mod region;
pub mod resolve;
mod several;
mod shorten;
mod show;
mod submit;
mod zoom;

use std::sync::{Arc, RwLock};

use easel_broker::{Broker, Lane};
use easel_domain::clock::EntropyExt;
use easel_domain::model::{ModelProfile, ModelRef};
use easel_domain::{Clock, Entropy, JobId, UserId};
use easel_moderation::PromptPolicy;
use easel_service::{Shutdown, chain};
use easel_store::Store;
use easel_store::marks::Marks;
use governor::clock::MonotonicClock;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::arrival::{Arrival, Request};
use crate::config::IntakeConfig;
use crate::inputs::Inputs;
use crate::link::WebLinks;
use crate::live::{ErrandHandle, LiveHandle, PictureSource};
use crate::metric;
use crate::rest::{Callback, MessagePayload, Rest};
use crate::rights::Rights;
pub(crate) use favourites::FAVOURITES;
pub(crate) use form::ALL_PICTURES;
pub(crate) use member::{ALL_JOBS, LATELY_DAYS};
use pace::{Pace, TooFast};
use recent::Recent;
pub(crate) use region::OPENS;

/// What intake is made of.
pub struct IntakeParts {
    /// Discord.
    pub rest: Rest,
    /// The database.
    pub store: Store,
    /// The broker.
    pub broker: Broker,
    /// Where hints that the broker has confirmed are marked.
    pub marks: Marks,
    /// What may be drawn.
    pub policy: PromptPolicy,
    /// Members' pictures, where they are taken.
    pub inputs: Option<Inputs>,
    /// The shapes of members' masks, where there is a place to keep them.
    pub masks: Option<Inputs>,
    /// Finished pictures, for `/show`.
    pub pictures: PictureSource,
    /// The owner of the messages.
    pub live: LiveHandle,
    /// Who hears of pictures to be sent and messages to be deleted.
    pub errands: ErrandHandle,
    /// Addresses of messages.
    pub links: WebLinks,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Lane of new jobs.
    pub lane: Lane,
    /// Section `intake`.
    pub settings: IntakeConfig,
    /// How long a token is used.
    pub token_life: std::time::Duration,
    /// Owner of the handlers.
    pub tracker: TaskTracker,
}

/// Takes interactions. Clones share everything.
#[derive(Clone)]
pub struct Intake {
    parts: Arc<IntakeParts>,
    model: Arc<RwLock<Option<Arc<NewestModel>>>>,
    permits: Arc<Semaphore>,
    recent: Recent,
    rights: Rights,
    pace: Arc<Pace>,
}

/// The model of new jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct NewestModel {
    /// Which weights.
    pub reference: ModelRef,
    /// What they can do.
    pub profile: ModelProfile,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

/// How often the newest model is looked up.
const MODEL_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

impl Intake {
    /// Ready to take interactions.
    pub fn new(parts: IntakeParts) -> Self {
        let permits = Arc::new(Semaphore::new(parts.settings.concurrency));
        let rights = Rights::new(parts.rest.clone());
        let pace = Pace::new(MonotonicClock, &parts.settings.default_tier);
        Self {
            parts: Arc::new(parts),
            rights,
            model: Arc::default(),
            permits,
            recent: Recent::default(),
            pace: Arc::new(pace),
        }
    }

    /// Takes one interaction and returns at once; a repeated dispatch is ignored.
    pub fn take(&self, arrival: Arrival) {
        if !self.recent.is_new(arrival.interaction) {
            count(arrival.request.kind(), "repeated_dispatch");
            return;
        }
        let intake = self.clone();
        let span = tracing::info_span!("interaction", interaction.id = %arrival.interaction, kind = arrival.request.kind());
        let is_typing = matches!(arrival.request, Request::Typing { .. });
        // Before anything is read or made of it. Choices for what is being typed are asked for by the client, at each letter.
        let paced = if is_typing {
            Ok(())
        } else {
            self.pace.check(arrival.member, arrival.paced())
        };
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let handled = async move {
            if let Err(too_fast) = paced {
                intake.hold_back(&arrival, &too_fast).await;
            } else if let Ok(permit) = permit {
                intake.handle(arrival).await;
                drop(permit);
            } else if is_typing {
                // The next letter asks again.
                count(arrival.request.kind(), "busy");
            } else {
                let words = arrival.language.busy();
                intake.whisper(&arrival, words, "busy").await;
            }
        };
        self.parts.tracker.spawn(handled.instrument(span));
    }

    /// Keeps the model of new jobs up to date until draining.
    pub async fn follow_models(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(MODEL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft().cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            self.look_up_model().await;
        }
    }

    /// Looks up the model of new jobs once; before the gateway is connected, so that nobody is told there is none.
    pub async fn look_up_model(&self) {
        match self.parts.store.newest_model().await {
            Ok(found) => self.learn_model(found),
            Err(error) => {
                tracing::warn!("look up the newest model: {error}", error = chain(&error));
            }
        }
    }

    fn learn_model(&self, found: Option<(ModelRef, ModelProfile)>) {
        let found = found.map(|(reference, profile)| Arc::new(NewestModel { reference, profile }));
        let mut model = self
            .model
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *model != found {
            if let Some(new) = &found {
                let id = &new.reference.id;
                tracing::info!(model = id, "new jobs use model {id}");
            } else {
                tracing::warn!("no model is announced: nothing can be drawn");
            }
            *model = found;
        }
    }

    fn newest_model(&self) -> Option<Arc<NewestModel>> {
        self.model
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Says how long to wait.
    async fn hold_back(&self, arrival: &Arrival, too_fast: &TooFast) {
        let (words, outcome) = too_fast.told(arrival.language);
        self.whisper(arrival, &words, outcome).await;
    }

    async fn handle(&self, arrival: Arrival) {
        match &arrival.request {
            Request::Imagine { prompt, pictures } => {
                self.imagine(&arrival, prompt, pictures).await;
            }
            Request::Blend { pictures, shape } => {
                self.blend(&arrival, pictures, &[], *shape).await;
            }
            Request::BlendMessage { uploads, embedded } => {
                self.blend_message(&arrival, uploads, embedded).await;
            }
            Request::Shorten { prompt } => self.shorten(&arrival, prompt).await,
            Request::VaryRegion { job, picture, mask } => {
                self.vary_region(&arrival, job, *picture, mask.as_ref())
                    .await;
            }
            Request::Describe { picture } => self.describe(&arrival, picture.as_ref()).await,
            Request::DescribeMessage {
                job,
                uploads,
                embedded,
            } => {
                self.describe_message(&arrival, *job, uploads, embedded)
                    .await;
            }
            Request::History { query } => self.history(&arrival, query).await,
            Request::Favourites => self.favourites(&arrival).await,
            Request::Show { job } => self.show(&arrival, job).await,
            Request::Details { job } => self.details(&arrival, *job).await,
            Request::Settings => self.settings(&arrival).await,
            Request::Prefer(preference) => self.prefer(&arrival, preference).await,
            Request::Info => self.info(&arrival).await,
            Request::Speed(class) => self.choose_speed(&arrival, *class).await,
            Request::Visibility { is_public: true } => {
                let words = arrival.language.public_already();
                self.whisper(&arrival, words, "public").await;
            }
            Request::Visibility { is_public: false } => {
                let words = arrival.language.stealth_not_here();
                self.whisper(&arrival, words, "no_stealth").await;
            }
            Request::Cancel { job } => self.cancel_typed(&arrival, job).await,
            Request::Typing { command, typed } if command == "prefer" => {
                self.offer_options(&arrival, typed).await;
            }
            Request::Typing { typed, .. } => self.offer_jobs(&arrival, typed).await,
            Request::Help => {
                self.whisper(&arrival, &arrival.language.help(), "help")
                    .await;
            }
            Request::Click {
                custom_id,
                whispered,
            } => self.click(&arrival, custom_id, *whispered).await,
            Request::Filled { custom_id, fields } => {
                self.filled(&arrival, custom_id, fields).await;
            }
        }
    }

    /// Answers with a text that only the member sees, and is done.
    async fn whisper(&self, arrival: &Arrival, words: &str, outcome: &'static str) {
        count(arrival.request.kind(), outcome);
        let answer = Callback::Message(MessagePayload::whisper(words));
        // Whether it arrived is counted with the answer; there is nothing else to do about it.
        let _ = self.answer(arrival, &answer).await;
    }

    fn new_job(&self) -> JobId {
        JobId(self.parts.entropy.ordered_uuid(self.parts.clock.now()))
    }

    fn new_user(&self) -> UserId {
        UserId(self.parts.entropy.random_uuid())
    }
}

fn count(kind: &'static str, outcome: &'static str) {
    metrics::counter!(metric::INTERACTIONS, "kind" => kind, "outcome" => outcome).increment(1);
}
