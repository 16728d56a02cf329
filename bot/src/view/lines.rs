//! The text of a message.

use easel_domain::job::JobState;
use easel_domain::picture::PictureOutcome;
use easel_domain::prompt::{self, PromptProfile};
use easel_domain::spec::{Action, RenderSpec};
use easel_store::show::JobSnapshot;

use super::Live;
use crate::text;

/// At most this many characters of the prompt are shown, so that the escaped text fits a message.
const PROMPT_CHARS: usize = 700;
const BAR_CELLS: u32 = 10;

/// All lines.
pub(super) fn content(job: &JobSnapshot, live: &Live) -> String {
    let mut lines = vec![heading(job)];
    match job.state {
        JobState::Queued | JobState::Leased => lines.push(under_way(job, live)),
        JobState::Finishing => lines.push("📦 Drawn; the pictures are being stored".into()),
        JobState::Held => {
            lines.push("🔎 A moderator looks at the pictures before they are shown".into());
        }
        JobState::Completed => lines.extend(withheld(job)),
        JobState::Failed | JobState::Cancelled | JobState::Rejected | JobState::Shed => {
            lines.push(text::end(job.state, job.end_reason).into());
        }
    }
    if !job.state.is_end() {
        lines.extend(without_effect(job));
    }
    lines.push(small_print(job));
    lines.join("\n")
}

fn heading(job: &JobSnapshot) -> String {
    let words = job.words.as_ref().map_or("(erased)".to_owned(), |words| {
        text::escape_markdown(&text::shortened(words.shown.trim(), PROMPT_CHARS))
    });
    let owner = job
        .owner
        .map(|owner| format!(" — <@{owner}>"))
        .unwrap_or_default();
    let picture = job
        .parent
        .and_then(|(_, index)| index)
        .map(|index| index + 1);
    let action = match (job.action, picture) {
        (Action::Imagine, _) => String::new(),
        (Action::Reroll, _) => " · once more".into(),
        (Action::Vary, Some(n)) => format!(" · variations of picture {n}"),
        (Action::Vary, None) => " · variations".into(),
        (Action::Upscale, Some(n)) => format!(" · picture {n} in large"),
        (Action::Upscale, None) => " · in large".into(),
    };
    format!("**{words}**{owner}{action}")
}

/// The row says whether a node has the job; what the dispatcher said since may be newer.
fn under_way(job: &JobSnapshot, live: &Live) -> String {
    if job.cancel_requested {
        return "🛑 Cancelling…".into();
    }
    match (job.state, live) {
        (_, Live::Running { percent: 0, .. }) | (JobState::Leased, Live::Unknown) => {
            "🎨 Generation started".into()
        }
        (_, Live::Running { percent, .. }) => format!("🎨 {} {percent} %", bar(*percent)),
        (_, Live::Unknown | Live::Queued { .. }) => waiting(job, live),
    }
}

fn waiting(job: &JobSnapshot, live: &Live) -> String {
    let mut parts = Vec::new();
    if let Live::Queued { position, eta } = live {
        parts.push(format!("⏳ Queued: position {position}"));
        parts.extend(eta.map(|eta| format!("starts in about {}", text::about(eta))));
    } else {
        parts.push("⏳ Queued".to_owned());
    }
    parts.push(text::price(job.quote));
    if job.attempt > 1 {
        parts.push(format!("try {}", job.attempt));
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
    (blocked > 0).then(|| {
        format!("⚠️ The image check withheld {blocked} of {all} pictures; they cost nothing.")
    })
}

/// Parameters that are understood and do nothing so far.
fn without_effect(job: &JobSnapshot) -> Option<String> {
    let words = job
        .words
        .as_ref()
        .filter(|_| job.action == Action::Imagine)?;
    let request = prompt::parse(&words.shown, &PromptProfile::EASEL, 1).ok()?;
    let names: Vec<String> = request
        .jobs
        .first()?
        .params
        .not_honoured()
        .iter()
        .map(|parameter| format!("`--{}`", parameter.rule().name))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "-# understood, but without effect so far: {}",
            names.join(", ")
        )
    })
}

fn small_print(job: &JobSnapshot) -> String {
    let mut parts = Vec::new();
    if job.state == JobState::Completed {
        let (width, height) = job.spec.finished_size();
        parts.push(format!("{width}×{height}"));
        if let Some(plan) = job.spec.noise_plan(0) {
            parts.push(format!("seed {}", plan.own_seed()));
        }
        if let RenderSpec::Generate(spec) = &job.spec {
            parts.push(format!("{} steps", spec.steps));
        }
        if let (Some(started), Some(ended)) = (job.started_at, job.ended_at) {
            let seconds = (ended - started).as_seconds_f64().max(0.0);
            parts.push(format!("{seconds:.1} s"));
        }
    }
    parts.push(text::job_id(job.job));
    format!("-# {}", parts.join(" · "))
}
