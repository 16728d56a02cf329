//! What a member has chosen and has under way: `/settings`, its short cuts, `/info` and `/cancel`.

use std::time::Duration;

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::member::{MemberSettings, SettingsChange, SettingsChanged, Variation};
use uuid::Uuid;

use super::click::Refusal;
use super::{ALL_PICTURES, Intake, count};
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;
use crate::view::member::{change_of, choices, info, panel};

/// What `/cancel` takes for all of one's own jobs. No job has this id.
pub(crate) const ALL_JOBS: Uuid = Uuid::nil();
/// Choices that Discord shows, one of them for all jobs.
const OFFERED: u32 = 24;
/// Jobs under way that `/info` names.
const TOLD: u32 = 10;
/// Jobs that one `/cancel` stops at most; no tier lets so many wait.
const STOPPED: u32 = 100;
/// What comes before the first answer may not take longer.
pub(super) const READ_LIMIT: Duration = Duration::from_millis(800);
/// `/info` counts the jobs of so many days.
pub(crate) const LATELY_DAYS: i64 = 30;

impl Intake {
    /// `/settings`: the panel.
    pub(super) async fn settings(&self, arrival: &Arrival) {
        self.whispered(arrival, "settings", async || {
            let overview = self.overview(arrival).await?;
            Ok(panel(overview.settings, &overview.tier, arrival.language))
        })
        .await;
    }

    /// `/info`.
    pub(super) async fn info(&self, arrival: &Arrival) {
        self.whispered(arrival, "info", async || {
            let overview = self.overview(arrival).await?;
            let jobs = self.parts.store.unfinished_of(arrival.member, TOLD).await;
            let jobs = jobs.map_err(|error| unanswered(arrival.language, &error))?;
            Ok(info(&overview, &jobs, arrival.language))
        })
        .await;
    }

    /// `/turbo`, `/fast` and `/relax`.
    pub(super) async fn choose_speed(&self, arrival: &Arrival, class: ServiceClass) {
        self.whispered(arrival, "speed", async || {
            let language = arrival.language;
            match self
                .change(arrival, SettingsChange::Speed(Some(class)))
                .await?
            {
                SettingsChanged::Kept { .. } => Ok(MessagePayload::text(
                    language.speed_kept(language.lane(class)),
                )),
                SettingsChanged::Forbidden { tier, .. } => {
                    let own = language.lane(tier.service_class);
                    let words = language.speed_forbidden(tier.name, own, language.lane(class));
                    Err((words, "forbidden"))
                }
            }
        })
        .await;
    }

    /// A button of the panel.
    pub(super) async fn press_setting(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        let Some(change) = change_of(button.index) else {
            return self
                .whisper(arrival, language.unknown_button(), "unknown_button")
                .await;
        };
        let Some(answered) = self.begin(arrival, Callback::Noted).await else {
            return;
        };
        match self.change(arrival, change).await {
            Ok(
                SettingsChanged::Kept { settings, tier }
                | SettingsChanged::Forbidden { settings, tier },
            ) => {
                let payload = panel(settings, &tier, language);
                self.reply(arrival, answered, &payload, "settings").await;
            }
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }

    /// `/cancel`: one of one's own jobs, or all of them.
    pub(super) async fn cancel_typed(&self, arrival: &Arrival, typed: &str) {
        self.whispered(arrival, "cancel", async || {
            let language = arrival.language;
            let Ok(job) = typed.trim().trim_matches('`').parse::<JobId>() else {
                return Err((language.not_a_job_id().to_owned(), "bad_id"));
            };
            if job.0 != ALL_JOBS {
                self.stop(arrival, job, None).await?;
                return Ok(MessagePayload::text(language.cancel_asked()));
            }
            let jobs = self
                .parts
                .store
                .unfinished_of(arrival.member, STOPPED)
                .await;
            let jobs = jobs.map_err(|error| unanswered(language, &error))?;
            let mut stopped: u32 = 0;
            for unfinished in jobs {
                // One that has ended meanwhile needs no stopping.
                if self.stop(arrival, unfinished.job, None).await.is_ok() {
                    stopped += 1;
                }
            }
            Ok(MessagePayload::text(match stopped {
                0 => language.nothing_to_cancel().to_owned(),
                stopped => language.cancel_asked_all(stopped),
            }))
        })
        .await;
    }

    /// The choices of `/cancel` while it is typed. Whatever fails, there are none.
    pub(super) async fn offer_jobs(&self, arrival: &Arrival, typed: &str) {
        let read = self.parts.store.unfinished_of(arrival.member, OFFERED);
        let jobs = match tokio::time::timeout(READ_LIMIT, read).await {
            Ok(Ok(jobs)) => jobs,
            Ok(Err(error)) => {
                tracing::warn!("offer jobs: {error}", error = chain(&error));
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        count(arrival.request.kind(), "offered");
        let offered = Callback::Choices(choices(&jobs, typed, arrival.language));
        let _ = self.answer(arrival, &offered).await;
    }

    /// What V does for this member: his strength of variations.
    pub(super) async fn strength_of(
        &self,
        arrival: &Arrival,
        action: ButtonAction,
    ) -> ButtonAction {
        if action != ButtonAction::Vary {
            return action;
        }
        match self.chosen(arrival).await.variation {
            Variation::Subtle => ButtonAction::VarySubtle,
            Variation::Gentle => ButtonAction::Vary,
            Variation::Strong => ButtonAction::VaryStrong,
        }
    }

    /// The form that V and 🔄 open for a member who wants to be asked for other words.
    pub(super) async fn asks_for_words(
        &self,
        arrival: &Arrival,
        button: CustomId,
    ) -> Option<CustomId> {
        let index = match button.action {
            ButtonAction::Vary => button.index,
            ButtonAction::Reroll => ALL_PICTURES,
            _ => return None,
        };
        self.chosen(arrival).await.remix.then_some(CustomId {
            action: ButtonAction::Remix,
            index,
            ..button
        })
    }

    /// What the member has chosen; where it cannot be read in time, the job runs as for one who has chosen nothing.
    pub(super) async fn chosen(&self, arrival: &Arrival) -> MemberSettings {
        let read = self.parts.store.member_settings(arrival.member);
        match tokio::time::timeout(READ_LIMIT, read).await {
            Ok(Ok(settings)) => settings,
            Ok(Err(error)) => {
                tracing::warn!(
                    "read settings: {error}; the defaults hold",
                    error = chain(&error)
                );
                MemberSettings::default()
            }
            Err(_) => {
                tracing::warn!("settings were not read in time; the defaults hold");
                MemberSettings::default()
            }
        }
    }

    async fn overview(
        &self,
        arrival: &Arrival,
    ) -> Result<easel_store::member::MemberOverview, Refusal> {
        let since = self.parts.clock.now() - time::Duration::days(LATELY_DAYS);
        let tier = &self.parts.settings.default_tier;
        let read = self
            .parts
            .store
            .member_overview(arrival.member, tier, since);
        read.await
            .map_err(|error| unanswered(arrival.language, &error))
    }

    pub(super) async fn change(
        &self,
        arrival: &Arrival,
        change: SettingsChange,
    ) -> Result<SettingsChanged, Refusal> {
        let tier = &self.parts.settings.default_tier;
        let (store, fresh) = (&self.parts.store, self.new_user());
        let changed = store.change_settings(arrival.member, fresh, tier, change);
        changed
            .await
            .map_err(|error| unanswered(arrival.language, &error))
    }

    /// Answers with what only the member sees.
    pub(super) async fn whispered(
        &self,
        arrival: &Arrival,
        outcome: &'static str,
        make: impl AsyncFnOnce() -> Result<MessagePayload, Refusal>,
    ) {
        let thinking = Callback::Thinking { ephemeral: true };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        match make().await {
            Ok(payload) => self.reply(arrival, answered, &payload, outcome).await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }
}

fn unanswered(language: Language, error: &StoreError) -> Refusal {
    tracing::warn!("look a member up: {error}", error = chain(error));
    (language.not_accepted().to_owned(), "not_accepted")
}
