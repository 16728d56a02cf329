//! `/history`: one's own jobs, page by page. A page carries nothing but the number of its search and a job at its edge.

use easel_domain::JobId;
use easel_domain::spec::{Action, RenderSpec};
use easel_service::chain;
use easel_store::StoreError;
use easel_store::history::{HistoryJob, HistoryPage, PageStart, Search};
use easel_store::show::JobSnapshot;
use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::click::Refusal;
use super::{FAVOURITES, Intake};
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;
use crate::view::Picture;
use crate::view::history::{ListedJob, Listing, Place, detail, list};

/// Jobs on a page: as many as there are buttons in a row.
pub(crate) const PAGE: u32 = 5;
/// Words of a search that count.
const WORDS: usize = 8;

/// What a job made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From words.
    Words,
    /// V and its like.
    Variations,
    /// U and its like.
    Large,
    /// Zoom, pan, square, region.
    Edited,
    /// Other words, or pictures mixed.
    Mixed,
}

impl Kind {
    fn of(action: Action) -> Self {
        match action {
            Action::Imagine | Action::Reroll | Action::Shorten => Self::Words,
            Action::Vary | Action::VaryStrong => Self::Variations,
            Action::Upscale | Action::UpscaleCreative => Self::Large,
            Action::VaryRegion | Action::ZoomOut | Action::Pan | Action::Square => Self::Edited,
            Action::Remix | Action::Blend | Action::Describe => Self::Mixed,
        }
    }
}

/// The options of `/history` as typed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Words that the prompt holds.
    pub search: String,
    /// What was made.
    pub kind: Option<Kind>,
    /// The model's name.
    pub model: Option<String>,
    /// First day.
    pub from: Option<String>,
    /// Last day.
    pub until: Option<String>,
}

impl Intake {
    /// The newest page of a new search.
    pub(super) async fn history(&self, arrival: &Arrival, query: &HistoryQuery) {
        let language = arrival.language;
        let Some(search) = search(query) else {
            return self.whisper(arrival, language.bad_day(), "bad_day").await;
        };
        let thinking = Callback::Thinking { ephemeral: true };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let opened = store
            .open_search(arrival.member, self.new_user(), &search, now)
            .await;
        let shown = match opened {
            Ok(number) => self.page(arrival, number, PageStart::Newest).await,
            Err(error) => Err(unanswered(language, &error)),
        };
        match shown {
            Ok(payload) => self.reply(arrival, answered, &payload, "history").await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }

    /// A button under a list of jobs, or under one of them.
    pub(super) async fn turn_page(&self, arrival: &Arrival, button: CustomId) {
        let (job, search) = (button.job, button.index);
        self.turned(arrival, async || match button.action {
            _ if search == FAVOURITES => self.turn_favourites(arrival, button).await,
            ButtonAction::Older => self.page(arrival, search, PageStart::OlderThan(job)).await,
            ButtonAction::Newer => self.page(arrival, search, PageStart::NewerThan(job)).await,
            ButtonAction::Listed => self.page(arrival, search, PageStart::At(job)).await,
            _ => self.one_of_history(arrival, job, search).await,
        })
        .await;
    }

    async fn page(
        &self,
        arrival: &Arrival,
        search: u32,
        start: PageStart,
    ) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let found = self
            .parts
            .store
            .history_page(arrival.member, search, start, PAGE)
            .await;
        let Some(page) = found.map_err(|error| unanswered(language, &error))? else {
            return Err((language.search_forgotten().to_owned(), "forgotten"));
        };
        let HistoryPage {
            jobs,
            has_newer,
            has_older,
        } = page;
        let mut listed = Vec::with_capacity(jobs.len());
        for job in jobs {
            let row = job.job;
            listed.push(self.listed(job, row).await);
        }
        let listing = Listing {
            number: search,
            title: language.history_title(),
            empty: language.history_empty(),
            has_newer,
            has_older,
        };
        Ok(list(&listed, &listing, language))
    }

    /// A job as it stands in a list whose buttons carry `row`.
    pub(super) async fn listed(&self, job: HistoryJob, row: JobId) -> ListedJob {
        let picture = match &job.thumbnail {
            Some((key, size)) => self.parts.pictures.thumbnail(job.job, key, *size).await,
            None => None,
        };
        let place = job.place.as_ref();
        let link = place.and_then(|place| self.parts.links.message(place));
        ListedJob {
            row,
            job,
            picture,
            link,
        }
    }

    /// The picture of a finished job, as a file of at most `limit` bytes, or that it cannot be had.
    pub(super) async fn picture_of(&self, job: &JobSnapshot, limit: u64) -> Picture {
        let picture = self.parts.pictures.of(job, limit).await;
        picture.unwrap_or_else(|error| {
            tracing::warn!(job.id = %job.job, "{error}", error = chain(&error));
            Picture::Missing
        })
    }

    /// One job of a list: its message with other buttons, and where it comes from.
    async fn one_of_history(
        &self,
        arrival: &Arrival,
        job: JobId,
        search: u32,
    ) -> Result<MessagePayload, Refusal> {
        let language = arrival.language;
        let snapshot = self.snapshot(job, language).await?;
        if snapshot.owner != Some(arrival.member) {
            return Err((language.not_your_job().to_owned(), "not_yours"));
        }
        let lineage = self.parts.store.lineage(job).await;
        let lineage = lineage.map_err(|error| unanswered(language, &error))?;
        let picture = self.picture_of(&snapshot, arrival.file_limit).await;
        let place = Place {
            number: search,
            row: job,
            is_own: true,
        };
        Ok(detail(&snapshot, &lineage, &picture, &place, language))
    }
}

/// What makes the very same pictures again, if the weights of then are those of now.
pub(super) fn exactly(job: &JobSnapshot, model: &super::NewestModel) -> Option<RenderSpec> {
    (*job.spec.model() == model.reference).then(|| job.spec.clone())
}

fn unanswered(language: Language, error: &StoreError) -> Refusal {
    tracing::warn!("look through a history: {error}", error = chain(error));
    (language.not_accepted().to_owned(), "not_accepted")
}

/// What is looked for; `None` where a day cannot be read.
fn search(query: &HistoryQuery) -> Option<Search> {
    let read = |typed: &Option<String>| match typed {
        None => Some(None),
        Some(typed) => day(typed).map(Some),
    };
    let (from, until) = (read(&query.from)?, read(&query.until)?);
    let words: Vec<&str> = query.search.split_whitespace().take(WORDS).collect();
    let model = query.model.as_deref().map(str::trim);
    let actions = query.kind.map(|kind| {
        let all = Action::ALL.into_iter();
        all.filter(|action| Kind::of(*action) == kind).collect()
    });
    Some(Search {
        words: words.join(" "),
        actions,
        model: model.filter(|model| !model.is_empty()).map(str::to_owned),
        from,
        until: until.and_then(|day| day.checked_add(Duration::days(1))),
    })
}

/// A day as people write it: `2026-11-25`, `25.11.2026` or `25/11/2026`; its first moment in UTC.
fn day(typed: &str) -> Option<OffsetDateTime> {
    let typed = typed.trim();
    let parts: Vec<&str> = typed.split(['-', '.', '/']).collect();
    let [first, month, last] = parts[..] else {
        return None;
    };
    let (year, day) = if first.len() == 4 {
        (first, last)
    } else {
        (last, first)
    };
    if year.len() != 4 {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    Some(date.with_time(Time::MIDNIGHT).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_is_read_as_people_write_it() {
        let christmas = Some(datetime!(2026-12-24 00:00 UTC));
        for typed in ["2026-12-24", " 24.12.2026 ", "24/12/2026"] {
            assert_eq!(day(typed), christmas, "{typed}");
        }
        for typed in [
            "",
            "yesterday",
            "2026-13-01",
            "30.02.2026",
            "24.12.26",
            "1-2-3-4",
            "-1-1-1",
        ] {
            assert_eq!(day(typed), None, "{typed}");
        }
    }

    #[test]
    fn the_last_day_is_part_of_a_search_and_a_day_that_cannot_be_read_is_none() {
        let query = HistoryQuery {
            search: "  a   boat ".into(),
            kind: Some(Kind::Large),
            model: Some(" ".into()),
            until: Some("2026-12-24".into()),
            ..HistoryQuery::default()
        };
        let found = search(&query).unwrap();
        assert_eq!((found.words.as_str(), found.model), ("a boat", None));
        assert_eq!(found.until, Some(datetime!(2026-12-25 00:00 UTC)));
        assert_eq!(
            found.actions.unwrap(),
            [Action::Upscale, Action::UpscaleCreative]
        );
        let bad = HistoryQuery {
            from: Some("soon".into()),
            ..query
        };
        assert_eq!(search(&bad), None);
    }
}
