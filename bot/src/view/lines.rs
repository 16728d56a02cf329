//! The text of a message.

use easel_domain::job::JobState;
use easel_domain::picture::PictureOutcome;
use easel_domain::prompt::{self, AspectRatio, Parameter, PromptProfile, has_shape};
use easel_domain::spec::{Action, Question, RenderSpec};
use easel_store::show::{JobSnapshot, MOST_COUNTED};

use super::{Live, Picture, language};
use crate::text::{self, Language};

/// At most this many characters of the prompt are shown, so that the escaped text fits a message.
const PROMPT_CHARS: usize = 700;
const BAR_CELLS: u32 = 10;
/// Whatever the tier, so that a prompt that was accepted is read again.
const MAX_JOBS: u32 = 40;
/// Parameters without effect that get a line each; the others are only named.
const EXPLAINED: usize = 3;

/// All lines.
pub(super) fn content(job: &JobSnapshot, live: &Live, picture: &Picture) -> String {
    let mut lines = vec![heading(job)];
    match job.state {
        JobState::Queued | JobState::Leased => {
            lines.push(under_way(job, live));
            lines.extend(quote(job, live).map(|quote| format!("-# {quote}")));
        }
        JobState::Finishing => lines.push(language(job).storing().into()),
        JobState::Held => lines.push(language(job).held().into()),
        JobState::Completed => {
            lines.extend(withheld(job));
            lines.extend(match picture {
                Picture::Missing => Some(language(job).picture_missing().to_owned()),
                Picture::Lighter(_) => Some(language(job).picture_lighter().to_owned()),
                Picture::None | Picture::Link(_) | Picture::File(_) => None,
            });
        }
        JobState::Failed | JobState::Cancelled | JobState::Rejected | JobState::Shed => {
            lines.push(language(job).end(job.state, job.end_reason).into());
        }
    }
    lines.extend(drawn_smaller(job));
    if !job.state.is_end() {
        lines.extend(notes(job).into_iter().map(|note| format!("-# {note}")));
    }
    lines.push(small_print(job));
    lines.join("\n")
}

/// What a lack of memory has made of the size, unless nothing came of the job at all.
fn drawn_smaller(job: &JobSnapshot) -> Option<String> {
    let (before, now) = job.shrunk()?;
    match job.state {
        JobState::Queued
        | JobState::Leased
        | JobState::Finishing
        | JobState::Held
        | JobState::Completed => Some(language(job).drawn_smaller(size(now), size(before))),
        JobState::Failed | JobState::Cancelled | JobState::Rejected | JobState::Shed => None,
    }
}

/// Width and height as they are shown.
pub(super) fn size((width, height): (u32, u32)) -> String {
    format!("{width}×{height}")
}

fn heading(job: &JobSnapshot) -> String {
    let language = language(job);
    let words = job
        .words
        .as_ref()
        .map_or(language.erased().to_owned(), |words| {
            text::escape_markdown(&text::shortened(words.shown.trim(), PROMPT_CHARS))
        });
    let owner = job
        .owner
        .map(|owner| format!(" — <@{owner}>"))
        .unwrap_or_default();
    let picture = job.parent.and_then(|(_, index)| index);
    let action = done(job.action, picture, language)
        .map(|action| format!(" · {action}"))
        .unwrap_or_default();
    format!("**{words}**{owner}{action}")
}

/// What was done to the picture counted from 0, in words; `None` where it was drawn from words alone.
fn done(action: Action, picture: Option<u32>, language: Language) -> Option<String> {
    let picture = picture.map(|index| index + 1);
    match (action, picture) {
        (Action::Imagine, _) => None,
        (Action::Reroll, _) => Some(language.once_more().to_owned()),
        (Action::Vary, Some(n)) => Some(language.variations_of(n)),
        (Action::Vary, None) => Some(language.variations().to_owned()),
        (Action::Upscale, Some(n)) => Some(language.picture_in_large(n)),
        (Action::Upscale, None) => Some(language.in_large().to_owned()),
        (Action::VaryStrong, _) => Some(language.strong_variations().to_owned()),
        (Action::VaryRegion, _) => Some(language.part_anew().to_owned()),
        (Action::UpscaleCreative, _) => Some(language.new_details().to_owned()),
        (Action::ZoomOut, _) => Some(language.zoomed_out().to_owned()),
        (Action::Pan, _) => Some(language.continued().to_owned()),
        (Action::Square, _) => Some(language.made_square().to_owned()),
        (Action::Remix, _) => Some(language.remixed().to_owned()),
        (Action::Blend, _) => Some(language.blended().to_owned()),
        (Action::Shorten, _) => Some(language.weighed().to_owned()),
        (Action::Describe, _) => Some(language.described().to_owned()),
    }
}

/// What was done, always in words.
pub(super) fn action(action: Action, picture: Option<u32>, language: Language) -> String {
    done(action, picture, language).unwrap_or_else(|| language.from_words().to_owned())
}

/// The row says whether a node has the job; what the dispatcher said since may be newer.
fn under_way(job: &JobSnapshot, live: &Live) -> String {
    let language = language(job);
    if job.cancel_requested {
        return language.cancelling().into();
    }
    match (job.state, live) {
        (_, Live::Running { percent: 0, .. }) | (JobState::Leased, Live::Unknown)
            if let Some(question) = job.spec.question() =>
        {
            match question {
                Question::Words => language.weighing().into(),
                Question::Pictures => language.describing().into(),
            }
        }
        (_, Live::Running { percent: 0, .. }) | (JobState::Leased, Live::Unknown) => {
            language.generation_started().into()
        }
        (_, Live::Running { percent, .. }) => language.progress(bar(*percent), percent),
        (_, Live::Unknown | Live::Queued { .. }) => waiting(job, live),
    }
}

/// What its member was told of its wait, as long as it waits.
fn quote(job: &JobSnapshot, live: &Live) -> Option<String> {
    let waits = match live {
        Live::Unknown | Live::Queued { .. } => job.state == JobState::Queued,
        Live::Running { .. } => false,
    };
    let wait = job.quoted_wait.filter(|_| waits)?;
    let language = language(job);
    Some(language.quoted(language.about(wait)))
}

fn waiting(job: &JobSnapshot, live: &Live) -> String {
    let (mut parts, language) = (Vec::new(), language(job));
    if let Live::Queued { position, eta } = live {
        parts.push(if *position < MOST_COUNTED {
            language.queued_at(position)
        } else {
            language.queued_at(format_args!("{MOST_COUNTED}+"))
        });
        parts.extend(eta.map(|eta| language.starts_in(language.about(eta))));
    } else {
        parts.push(language.queued().to_owned());
    }
    parts.push(language.price(job.price));
    if job.attempt > 1 {
        parts.push(language.try_number(job.attempt));
    }
    parts.join(" · ")
}

fn bar(percent: u8) -> String {
    let full = (u32::from(percent.min(100)) * BAR_CELLS / 100) as usize;
    format!(
        "{}{}",
        "▰".repeat(full),
        "▱".repeat(BAR_CELLS as usize - full)
    )
}

/// What the image check kept back.
fn withheld(job: &JobSnapshot) -> Option<String> {
    let all = job.pictures.len();
    let blocked = job
        .pictures
        .iter()
        .filter(|picture| {
            matches!(
                picture.outcome,
                PictureOutcome::Block | PictureOutcome::Hold
            )
        })
        .count();
    (blocked > 0).then(|| language(job).withheld(blocked, all))
}

/// What was asked for and will be different, before the pictures are there.
fn notes(job: &JobSnapshot) -> Vec<String> {
    let words = job.words.as_ref().filter(|_| job.action == Action::Imagine);
    let request =
        words.and_then(|words| prompt::parse(&words.shown, &PromptProfile::EASEL, MAX_JOBS).ok());
    let Some(asked) = request.and_then(|request| request.jobs.into_iter().next()) else {
        return Vec::new();
    };
    let language = language(job);
    let mut notes: Vec<String> = nearest_shape(asked.params.aspect_ratio, job)
        .into_iter()
        .collect();
    if !asked.images.is_empty() && !matches!(job.spec, RenderSpec::Repaint(_)) {
        notes.push(language.pictures_lost().to_owned());
    }
    let acts = |parameter: &Parameter| {
        *parameter == Parameter::ImageWeight && matches!(job.spec, RenderSpec::Repaint(_))
    };
    let mut idle = asked.without_effect(&PromptProfile::EASEL);
    idle.retain(|parameter| !acts(parameter));
    let (explained, others) = idle.split_at(idle.len().min(EXPLAINED));
    notes.extend(explained.iter().filter_map(|parameter| {
        let instead = language.instead(*parameter)?;
        Some(language.no_effect(parameter, instead))
    }));
    if !others.is_empty() {
        let names: Vec<_> = others.iter().map(|name| format!("`--{name}`")).collect();
        notes.push(language.without_effect(names.join(", ")));
    }
    notes
}

/// The shape that is drawn, where it is not the one asked for.
fn nearest_shape(asked: AspectRatio, job: &JobSnapshot) -> Option<String> {
    let (width, height) = job.spec.finished_size();
    let ratio = AspectRatio::new(width, height)?.reduced();
    let note = || language(job).nearest_shape(format!("{width}×{height}"), ratio, asked);
    (!has_shape(asked, width, height)).then(note)
}

fn small_print(job: &JobSnapshot) -> String {
    let (mut parts, language) = (Vec::new(), language(job));
    if job.state == JobState::Completed {
        if !job.spec.is_question() {
            let (width, height) = job.spec.finished_size();
            parts.push(format!("{width}×{height}"));
        }
        if let Some(plan) = job.spec.noise_plan(0) {
            parts.push(language.seed(plan.own_seed()));
        }
        if let RenderSpec::Generate(spec) = &job.spec {
            parts.push(language.steps(spec.steps));
        }
        if let (Some(started), Some(ended)) = (job.started_at, job.ended_at) {
            let seconds = (ended - started).as_seconds_f64().max(0.0);
            parts.push(language.seconds(language.tenths(seconds)));
        }
    }
    parts.push(language.job_id(job.job));
    format!("-# {}", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::view::tests::queued;

    #[test]
    fn a_position_that_nobody_counted_to_its_end_says_so() {
        let at = |position| {
            let live = Live::Queued {
                position,
                eta: None,
            };
            waiting(&queued(), &live)
        };
        assert!(at(999).contains("position 999 "), "{}", at(999));
        assert!(at(1000).contains("position 1000+ "), "{}", at(1000));
    }

    #[test]
    fn a_job_that_starts_later_than_promised_says_so_as_long_as_it_waits() {
        let late = JobSnapshot {
            quoted_wait: Some(Duration::from_mins(10)),
            ..queued()
        };
        let text = |job: &JobSnapshot, live: &Live| content(job, live, &Picture::None);
        let waiting = text(&late, &Live::Unknown);
        let quote =
            "\n-# There is much to do: when this was asked for, it was to start in about 10 min,";
        assert!(waiting.contains(quote), "{waiting}");
        let running = Live::Running {
            percent: 5,
            preview: None,
        };
        let leased = JobSnapshot {
            state: JobState::Leased,
            ..late.clone()
        };
        for begun in [text(&late, &running), text(&leased, &Live::Unknown)] {
            assert!(!begun.contains("promises"), "{begun}");
        }
    }
}
