//! Every sentence that a member reads, in one place.

use std::time::Duration;

use easel_domain::JobId;
use easel_domain::job::{EndReason, JobState};
use easel_domain::ledger::Credits;
use easel_domain::prompt::ParseError;
use easel_store::submit::MessagePlace;

/// What `/help` says.
pub const HELP: &str = "\
**Easel draws what you describe.**
`/imagine` a red sailboat on the sea at sunset `--ar 16:9` — four pictures in one message, which counts up as they appear.
**U1–U4** make one picture larger, **V1–V4** draw variations of one, 🔄 draws four new ones, ❌ stops a job that still runs. \
Whoever presses a button owns (and pays for) what comes of it.
`/show` brings one of your jobs back by its id, with working buttons.
**Parameters** stand last: `--ar 3:2` shape · `--seed 7` the same start again · `--no clouds` leave something out · \
`--quality .5` fewer steps.";

/// Too many requests at once for this process.
pub const BUSY: &str = "Too much is going on here at this moment. Nothing was started; please try again in a few seconds.";

/// No model is known yet.
pub const NO_MODEL: &str = "No GPU node has announced a model yet, so nothing can be drawn. Please try again in a minute; nothing was started.";

/// The database or another part does not answer.
pub const NOT_ACCEPTED: &str = "Something behind the bot does not answer at the moment. Nothing was started or charged; please try again in a minute.";

/// A bot died between its answer and the commit.
pub const INTERRUPTED: &str = "The bot was restarted before it could take this on. Nothing was started or charged; please try again.";

/// A button that no job of ours belongs to.
pub const UNKNOWN_BUTTON: &str =
    "This button belongs to an older version of the bot and does nothing any more.";

/// The job of a button or of `/show` is not there.
pub fn unknown_job(id: &str) -> String {
    let id: String = id
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '-')
        .take(48)
        .collect();
    format!(
        "There is no job `{id}`. A job's id is the last thing in its message, such as `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`."
    )
}

/// Text that cannot be a job id.
pub const NOT_A_JOB_ID: &str = "That is not a job id. A job's id is the last thing in its message, such as `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.";

/// `/show` of somebody else's job.
pub const NOT_YOUR_JOB: &str =
    "This job belongs to somebody else; `/show` brings back only your own.";

/// A button on a private picture.
pub const PRIVATE_PICTURE: &str =
    "These pictures are private; only their owner can go on with them.";

/// ❌ on somebody else's job.
pub const NOT_YOURS_TO_CANCEL: &str =
    "Only the member who started this job, or a moderator here, can cancel it.";

/// ❌ twice.
pub const ALREADY_CANCELLING: &str = "This job is being cancelled already.";

/// The picture of a button is not there (any more).
pub const NO_SUCH_PICTURE: &str =
    "This picture cannot be used: it was withheld, or it is no longer kept.";

/// The words of a job were erased.
pub const WORDS_ERASED: &str = "The words of this job were erased, so it cannot be drawn again.";

/// A chain of variations is too long.
pub const TOO_VARIED: &str = "This picture has been varied so often that its next variation cannot be described. Start a new one with `/imagine`.";

/// ❌ on a job that has ended.
pub fn already_ended(state: JobState) -> String {
    format!("Too late: this job has {} already.", ended_as(state))
}

fn ended_as(state: JobState) -> &'static str {
    match state {
        JobState::Completed => "finished",
        JobState::Failed => "failed",
        JobState::Cancelled => "been cancelled",
        JobState::Rejected => "been rejected",
        JobState::Shed => "been dropped",
        JobState::Queued | JobState::Leased | JobState::Finishing | JobState::Held => "moved on",
    }
}

/// A prompt that cannot be read: the sentence, and the place with a mark under it.
pub fn parse_error(prompt: &str, error: &ParseError) -> String {
    let (line, mark) = excerpt(prompt, error.span.start, error.span.end);
    let message = capitalised(&error.to_string());
    format!(
        "❌ {}.\n```\n{line}\n{mark}\n```Nothing was started.",
        escape_markdown(message.trim_end_matches('.'))
    )
}

/// At most this many characters of a prompt are quoted in an error.
const EXCERPT: usize = 56;

/// The part of the text around `start..end` on one line, and a line of marks under the place.
fn excerpt(text: &str, start: usize, end: usize) -> (String, String) {
    let plain: Vec<(usize, char)> = text
        .char_indices()
        .map(|(at, c)| (at, if c.is_control() || c == '`' { ' ' } else { c }))
        .collect();
    let first = plain
        .iter()
        .position(|(at, _)| *at >= start)
        .unwrap_or(plain.len());
    let last = plain
        .iter()
        .position(|(at, _)| *at >= end)
        .unwrap_or(plain.len());
    let from = first.saturating_sub(EXCERPT / 2);
    let to = (from + EXCERPT).min(plain.len());
    let before = if from > 0 { "…" } else { "" };
    let after = if to < plain.len() { "…" } else { "" };
    let middle: String = plain[from..to].iter().map(|(_, c)| c).collect();
    let marked = last.min(to).saturating_sub(first).max(1);
    let pad = first - from + before.chars().count();
    (
        format!("{before}{middle}{after}"),
        format!("{}{}", " ".repeat(pad), "^".repeat(marked)),
    )
}

/// Words that policy does not draw.
pub fn blocked_words(category: &str) -> String {
    format!(
        "❌ This prompt was not accepted: it asks for something that is not drawn here ({category}). Nothing was started."
    )
}

/// Too many jobs under way.
pub fn queue_full(unfinished: u32, limit: u32, tier: &str) -> String {
    format!(
        "Your queue is full: {unfinished} of {limit} jobs are under way on the {tier} tier. Wait for one to finish, or cancel one with ❌. Nothing was started."
    )
}

/// Not enough credits.
pub fn too_dear(balance: Credits, quote: Credits) -> String {
    format!(
        "This costs {}, and you have {} left. Nothing was started.",
        price(quote),
        credits(balance)
    )
}

/// The same was asked for a moment ago.
pub fn repeated(place: &MessagePlace) -> String {
    match message_link(place) {
        Some(link) => format!("You asked for this a moment ago, and it is under way: {link}"),
        None => "You asked for this a moment ago, and it is under way.".into(),
    }
}

/// The picture was enlarged before.
pub fn enlarged_before(place: &MessagePlace) -> String {
    match message_link(place) {
        Some(link) => format!("You have this picture in large already: {link}"),
        None => "You have this picture in large already.".into(),
    }
}

/// `/show` of a job that still runs.
pub fn still_running(place: Option<&MessagePlace>) -> String {
    match place.and_then(message_link) {
        Some(link) => format!("This job is still under way; its message counts up here: {link}"),
        None => "This job is still under way; its message will show it.".into(),
    }
}

/// A link to a message.
pub fn message_link(place: &MessagePlace) -> Option<String> {
    let message = place.message?;
    let guild = place
        .guild
        .map_or_else(|| "@me".to_owned(), |guild| guild.to_string());
    Some(format!(
        "https://discord.com/channels/{guild}/{}/{message}",
        place.channel
    ))
}

/// Why a job ended without its pictures.
pub fn end(state: JobState, reason: Option<EndReason>) -> &'static str {
    match (state, reason) {
        (JobState::Cancelled, _) => "🛑 Cancelled. Nothing was charged.",
        (JobState::Rejected, Some(EndReason::PicturesBlocked)) => {
            "🚫 The image check withheld every picture. Nothing was charged."
        }
        (JobState::Rejected, _) => "🚫 Rejected by moderation. Nothing was charged.",
        (JobState::Shed, _) => {
            "🌊 Dropped, because too much was waiting before it. Nothing was charged; you can try again."
        }
        (_, Some(EndReason::AttemptsExhausted)) => {
            "❌ Failed: every try went wrong. Nothing was charged."
        }
        (_, Some(EndReason::Unrenderable)) => {
            "❌ Failed: the model cannot draw this. Nothing was charged."
        }
        (_, Some(EndReason::ModelGone)) => {
            "❌ Failed: the model is not served any more. Nothing was charged."
        }
        (_, _) => "❌ Failed. Nothing was charged.",
    }
}

/// Credits as a price.
pub fn price(quote: Credits) -> String {
    match quote.0 {
        0 => "free".into(),
        _ => credits(quote),
    }
}

fn credits(amount: Credits) -> String {
    match amount.0 {
        1 => "1 credit".into(),
        n => format!("{n} credits"),
    }
}

/// A length of time, roughly.
pub fn about(time: Duration) -> String {
    match time.as_secs() {
        0..=1 => "a second".into(),
        s @ 2..=90 => format!("{s} s"),
        s @ 91..=5_400 => format!("{} min", (s + 30) / 60),
        s => format!("{} h", (s + 1_800) / 3_600),
    }
}

/// The id as the last thing in a message.
pub fn job_id(job: JobId) -> String {
    format!("job `{job}`")
}

/// Text that stands for itself, whatever it holds: no formatting, no links, no mentions, no line breaks.
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '*' | '_' | '~' | '`' | '|' | '\\' | '<' | '>' | '[' | ']' | '#' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The first `limit` characters, with an ellipsis where something is missing.
pub fn shortened(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().take(limit).collect();
    if text.chars().nth(limit).is_some() {
        short.push('…');
    }
    short
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::prompt::{PromptProfile, parse};
    use proptest::prelude::*;

    #[test]
    fn an_error_points_at_its_place() {
        let prompt = "a castle --ar 16:nine";
        let error = parse(prompt, &PromptProfile::EASEL, 1).unwrap_err();
        let text = parse_error(prompt, &error);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "a castle --ar 16:nine");
        assert_eq!(lines[3], "              ^^^^^^^");
        assert!(lines[0].starts_with("❌ "), "{text}");
    }

    #[test]
    fn a_long_prompt_is_quoted_around_the_place() {
        let prompt = format!("{} --sead 4", "word ".repeat(300));
        let error = parse(&prompt, &PromptProfile::EASEL, 1).unwrap_err();
        let text = parse_error(&prompt, &error);
        assert!(
            text.chars().count() < 600 && text.contains("--sead") && text.contains('…'),
            "{text}"
        );
    }

    #[test]
    fn times_are_rounded_for_people() {
        let texts: Vec<_> = [1, 12, 91, 600, 7_200]
            .map(|s| about(Duration::from_secs(s)))
            .into();
        assert_eq!(texts, ["a second", "12 s", "2 min", "10 min", "2 h"]);
    }

    proptest! {
        #[test]
        fn an_excerpt_of_any_place_in_any_text_has_its_mark_inside(text in "\\PC{0,200}", a in 0_usize..220, b in 0_usize..220) {
            let (line, mark) = excerpt(&text, a.min(b), a.max(b));
            prop_assert!(mark.chars().count() <= line.chars().count() + 1);
        }

        #[test]
        fn escaped_text_has_no_line_breaks(text in ".{0,80}") {
            prop_assert!(!escape_markdown(&text).contains('\n'));
        }
    }
}
