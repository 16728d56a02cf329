//! `/prefer`, and prompts with what their author keeps for them.

use std::borrow::Cow;

use easel_domain::prompt::shorthand::{
    MAX_KEPT_CHARACTERS, MAX_NAME_CHARACTERS, MAX_NAMES, NameProblem, expand, kept_name,
    kept_parameters, with_suffix,
};
use easel_domain::prompt::{self, ErrorCode, PromptProfile, Request};
use easel_service::chain;
use easel_store::StoreError;
use easel_store::member::{SettingsChange, SettingsChanged, Variation};
use easel_store::preference::{OptionSet, Preferences};

use super::click::Refusal;
use super::imagine::MAX_JOBS;
use super::member::READ_LIMIT;
use super::{Intake, count};
use crate::arrival::{Arrival, Preference};
use crate::rest::{Callback, MessagePayload};
use crate::text::{Language, escape_markdown};
use crate::view::prefer::{listed, offered};

/// A prompt that was read, and the text that it is: what was typed, with what its author's names stand for.
pub(super) struct ReadPrompt<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) request: Request,
}

/// A setting with two states.
#[derive(Debug, Clone, Copy)]
enum Switch {
    /// Whether results are sent.
    AutoDm,
    /// Whether V asks for words.
    Remix,
    /// Whether V changes a lot or a little; what lies in between is chosen in the panel.
    Variability,
}

impl Intake {
    /// Reads a prompt. Only where it names a parameter that there is none of are its author's own names looked up, so that
    /// nothing else waits for that.
    pub(super) async fn read_prompt<'t>(
        &self,
        arrival: &Arrival,
        typed: &'t str,
        max_jobs: u32,
    ) -> Result<ReadPrompt<'t>, String> {
        let language = arrival.language;
        let error = match prompt::parse(typed, &PromptProfile::EASEL, max_jobs) {
            Ok(request) => {
                let text = Cow::Borrowed(typed);
                return Ok(ReadPrompt { text, request });
            }
            Err(error) => error,
        };
        if error.code != ErrorCode::UnknownParameter {
            return Err(language.parse_error(typed, &error));
        }
        let kept = self.kept_in_time(arrival).await;
        let text = expand(typed, &kept.options);
        match prompt::parse(&text, &PromptProfile::EASEL, max_jobs) {
            Ok(request) => Ok(ReadPrompt { text, request }),
            Err(error) => Err(language.parse_error(&text, &error)),
        }
    }

    /// The prompt with its author's suffix behind it, for an interaction that was answered.
    pub(super) async fn with_own_suffix(
        &self,
        arrival: &Arrival,
        text: &str,
        request: Request,
    ) -> Result<ReadPrompt<'static>, Refusal> {
        let language = arrival.language;
        let kept = self.parts.store.preferences(arrival.member).await;
        let kept = kept.map_err(|error| unanswered(language, &error))?;
        let Some(suffix) = kept.suffix else {
            let text = Cow::Owned(text.to_owned());
            return Ok(ReadPrompt { text, request });
        };
        let whole = with_suffix(text, &suffix, &PromptProfile::EASEL, MAX_JOBS);
        let whole = whole.map_err(|error| {
            let shown = format!("{} {suffix}", text.trim_end());
            let words = language.parse_error(&shown, &error);
            (format!("{words}\n{}", language.suffix_hint()), "suffix")
        })?;
        let request = prompt::parse(&whole, &PromptProfile::EASEL, MAX_JOBS)
            .map_err(|error| (language.parse_error(&whole, &error), "suffix"))?;
        let text = Cow::Owned(whole);
        Ok(ReadPrompt { text, request })
    }

    /// What the member keeps; where it cannot be read in time, nothing is known of his names.
    async fn kept_in_time(&self, arrival: &Arrival) -> Preferences {
        let read = self.parts.store.preferences(arrival.member);
        match tokio::time::timeout(READ_LIMIT, read).await {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => {
                tracing::warn!("read preferences: {error}", error = chain(&error));
                Preferences::default()
            }
            Err(_) => {
                tracing::warn!("preferences were not read in time");
                Preferences::default()
            }
        }
    }

    /// `/prefer`.
    pub(super) async fn prefer(&self, arrival: &Arrival, preference: &Preference) {
        self.whispered(arrival, "prefer", async || match preference {
            Preference::Option { name, value } => self.prefer_option(arrival, name, value).await,
            Preference::List => self.preferred(arrival).await,
            Preference::Suffix { value } => self.prefer_suffix(arrival, value).await,
            Preference::AutoDm => self.switch(arrival, Switch::AutoDm).await,
            Preference::Remix => self.switch(arrival, Switch::Remix).await,
            Preference::Variability => self.switch(arrival, Switch::Variability).await,
        })
        .await;
    }

    async fn prefer_option(
        &self,
        arrival: &Arrival,
        name: &str,
        value: &str,
    ) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let name = kept_name(name).map_err(|problem| match problem {
            NameProblem::Form => (language.option_name_form(MAX_NAME_CHARACTERS), "bad_name"),
            NameProblem::Taken => (language.option_name_taken().to_owned(), "bad_name"),
        })?;
        let value = kept_value(language, value)?;
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let set = store
            .set_option(
                arrival.member,
                self.new_user(),
                &name,
                value.as_deref(),
                now,
            )
            .await;
        let set = set.map_err(|error| unanswered(language, &error))?;
        let shown = escape_markdown(&value.unwrap_or_default());
        let name = escape_markdown(&name);
        match set {
            OptionSet::Kept => Ok(MessagePayload::text(language.option_kept(name, shown))),
            OptionSet::Removed => Ok(MessagePayload::text(language.option_removed(name))),
            OptionSet::NotThere => Err((language.option_not_there(name), "not_there")),
            OptionSet::Full => Err((language.options_full(MAX_NAMES), "full")),
        }
    }

    async fn prefer_suffix(
        &self,
        arrival: &Arrival,
        value: &str,
    ) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let value = kept_value(language, value)?;
        let set = self
            .parts
            .store
            .set_suffix(arrival.member, self.new_user(), value.as_deref());
        set.await.map_err(|error| unanswered(language, &error))?;
        Ok(MessagePayload::text(match value {
            Some(value) => language.suffix_kept(escape_markdown(&value)),
            None => language.suffix_removed().to_owned(),
        }))
    }

    async fn preferred(&self, arrival: &Arrival) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let store = &self.parts.store;
        let (kept, settings) = tokio::join!(
            store.preferences(arrival.member),
            store.member_settings(arrival.member)
        );
        let kept = kept.map_err(|error| unanswered(language, &error))?;
        let settings = settings.map_err(|error| unanswered(language, &error))?;
        Ok(listed(&kept, settings, language))
    }

    /// The other way round than it was.
    async fn switch(&self, arrival: &Arrival, switch: Switch) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let settings = self.parts.store.member_settings(arrival.member).await;
        let settings = settings.map_err(|error| unanswered(language, &error))?;
        let change = match switch {
            Switch::AutoDm => SettingsChange::AutoDm(!settings.auto_dm),
            Switch::Remix => SettingsChange::Remix(!settings.remix),
            Switch::Variability => SettingsChange::Variation(match settings.variation {
                Variation::Strong => Variation::Subtle,
                Variation::Subtle | Variation::Gentle => Variation::Strong,
            }),
        };
        let (SettingsChanged::Kept { settings, .. } | SettingsChanged::Forbidden { settings, .. }) =
            self.change(arrival, change).await?;
        let words = match switch {
            Switch::AutoDm if settings.auto_dm => language.auto_dm_is_on(),
            Switch::AutoDm => language.auto_dm_is_off(),
            Switch::Remix if settings.remix => language.remix_is_on(),
            Switch::Remix => language.remix_is_off(),
            Switch::Variability if settings.variation == Variation::Strong => {
                language.variability_is_high()
            }
            Switch::Variability => language.variability_is_low(),
        };
        Ok(MessagePayload::text(words))
    }

    /// The member's names while one is typed. Whatever fails, there are none.
    pub(super) async fn offer_options(&self, arrival: &Arrival, typed: &str) {
        let kept = self.kept_in_time(arrival).await;
        count(arrival.request.kind(), "offered");
        let choices = Callback::Choices(offered(&kept, typed));
        let _ = self.answer(arrival, &choices).await;
    }
}

/// The parameters as they are kept; `None` where nothing was typed.
fn kept_value(language: Language, typed: &str) -> Result<Option<String>, Refusal> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    // A typed text is bounded by Discord's client alone.
    let cut: String = typed.chars().take(MAX_KEPT_CHARACTERS * 4).collect();
    let kept = kept_parameters(&cut, &PromptProfile::EASEL);
    kept.map(Some)
        .map_err(|error| (language.parse_error(&cut, &error), "parse_error"))
}

fn unanswered(language: Language, error: &StoreError) -> Refusal {
    tracing::warn!("look preferences up: {error}", error = chain(error));
    (language.not_accepted().to_owned(), "not_accepted")
}
