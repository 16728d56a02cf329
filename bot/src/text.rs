//! Every sentence that a member reads, in one place, in every language.
//!
//! Texts are written in the files of this module, each next to its translations:
//! `answers` to commands and clicks, the `message` of a job, `buttons` and forms, `help`, moderation's `category` names,
//! what is wrong with a prompt (`problem`) or with a member's picture (`pictures`), `several` jobs at once, lists of jobs (`history`), `favourites`, what is kept for prompts (`prefer`), results sent or deleted (`keeping`), the words that count (`shorten`), the `details` of one, a `member`'s settings and limits, and what to do in place of
//! parameters without effect (`instead`). Names and descriptions of commands are in [`commands`].
//!
//! To add a text: put a block with `en`, `de` and `fr` into the file that it belongs to, and say it with
//! `language.its_name(…)`. The language of an interaction is `arrival.language`; that of a job's message is
//! `Language::of_locale(&job.locale)`, the language of whoever started the job. A language that is missing does not
//! compile; the tests below find placeholders that one leaves out, texts too long for a message, and commands that are
//! called by a name that they do not have in that language. Whatever a member typed goes through [`escape_markdown`]
//! before it is put into a text.

mod answers;
mod buttons;
mod category;
pub mod commands;
mod details;
mod favourites;
mod help;
mod history;
mod instead;
mod keeping;
mod language;
mod member;
mod message;
mod pictures;
mod prefer;
mod problem;
mod several;
mod shorten;
mod table;

use std::time::Duration;

use easel_domain::job::{EndReason, JobState};
use easel_domain::ledger::Credits;
use easel_domain::prompt::ParseError;

pub use language::Language;

impl Language {
    /// The job of a button or of `/show` is not there.
    pub fn unknown_job(self, id: &str) -> String {
        let id: String = id
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == '-')
            .take(48)
            .collect();
        self.no_such_job(id)
    }

    /// ❌ on a job that has ended.
    pub fn already_ended(self, state: JobState) -> &'static str {
        match state {
            JobState::Completed => self.late_finished(),
            JobState::Failed => self.late_failed(),
            JobState::Cancelled => self.late_cancelled(),
            JobState::Rejected => self.late_rejected(),
            JobState::Shed => self.late_dropped(),
            JobState::Queued | JobState::Leased | JobState::Finishing | JobState::Held => {
                self.late_moved_on()
            }
        }
    }

    /// A prompt that cannot be read: the sentence, and the place with a mark under it.
    pub fn parse_error(self, prompt: &str, error: &ParseError) -> String {
        let (line, mark) = excerpt(prompt, error.span.start, error.span.end);
        let problem = capitalised(&self.problem(&error.problem));
        self.unreadable_prompt(escape_markdown(&problem), line, mark)
    }

    /// The same was asked for a moment ago.
    pub fn asked_before(self, link: Option<String>) -> String {
        match link {
            Some(link) => self.repeated_there(link),
            None => self.repeated().to_owned(),
        }
    }

    /// The picture was enlarged before.
    pub fn large_already(self, link: Option<String>) -> String {
        match link {
            Some(link) => self.enlarged_there(link),
            None => self.enlarged_before().to_owned(),
        }
    }

    /// `/show` of a job that still runs.
    pub fn under_way(self, link: Option<String>) -> String {
        match link {
            Some(link) => self.still_running_there(link),
            None => self.still_running().to_owned(),
        }
    }

    /// Why a job ended without its pictures.
    pub fn end(self, state: JobState, reason: Option<EndReason>) -> &'static str {
        match (state, reason) {
            (JobState::Cancelled, _) => self.cancelled(),
            (JobState::Rejected, Some(EndReason::PicturesBlocked)) => self.pictures_blocked(),
            (JobState::Rejected, _) => self.rejected(),
            (JobState::Shed, _) => self.dropped(),
            (_, Some(EndReason::AttemptsExhausted)) => self.attempts_exhausted(),
            (_, Some(EndReason::Unrenderable)) => self.unrenderable(),
            (_, Some(EndReason::ModelGone)) => self.model_gone(),
            (_, Some(EndReason::NodesDied)) => self.nodes_died(),
            (_, Some(EndReason::OutOfMemory)) => self.out_of_memory(),
            (_, _) => self.failed(),
        }
    }

    /// Credits as a price.
    pub fn price(self, quote: Credits) -> String {
        match quote.0 {
            0 => self.free().to_owned(),
            _ => self.credits(quote),
        }
    }

    /// Credits as an amount.
    pub fn credits(self, amount: Credits) -> String {
        match amount.0 {
            1 => self.one_credit().to_owned(),
            n => self.several_credits(n),
        }
    }

    /// A length of time, roughly.
    pub fn about(self, time: Duration) -> String {
        match time.as_secs() {
            0..=1 => self.a_second().to_owned(),
            s @ 2..=90 => self.seconds(s),
            s @ 91..=5_400 => self.minutes((s + 30) / 60),
            s => self.hours((s + 1_800) / 3_600),
        }
    }

    /// A factor that is given in percent: 2, or 1.5.
    pub fn factor(self, percent: u32) -> String {
        if percent.is_multiple_of(100) {
            (percent / 100).to_string()
        } else {
            self.tenths(f64::from(percent) / 100.0)
        }
    }

    /// A number with two digits behind the decimal mark.
    pub fn hundredths(self, number: f64) -> String {
        format!("{number:.2}").replace('.', &self.decimal_mark().to_string())
    }

    /// A number with one digit behind the decimal mark.
    pub fn tenths(self, number: f64) -> String {
        format!("{number:.1}").replace('.', &self.decimal_mark().to_string())
    }
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

/// Text that stands for itself, whatever it holds: no formatting, no mentions, no line breaks, and no links, which
/// Discord would show the picture or the invitation behind.
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            // Letters written the other way round would hide what follows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => escaped.push(' '),
            c => {
                if is_markup(c) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
        }
    }
    escaped
}

/// Whether Discord gives the character a meaning within a line. The slash is what makes a link of an address.
fn is_markup(character: char) -> bool {
    matches!(
        character,
        '*' | '_' | '~' | '`' | '|' | '\\' | '<' | '>' | '[' | ']' | '(' | ')' | '#' | '@' | '/'
    )
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
mod tests;
