//! What members keep for their prompts: parameters under a name of their own (`--mine`), and parameters for every prompt.
//!
//! Both are made text before a prompt is read, so whatever comes of it is read, shown, kept and remade like what was typed,
//! and a mistake is pointed at in the text that came of it. They hold parameters and nothing else: no text, no braces, no
//! `--repeat`, and none of each other.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::parameter::{Parameter, ValueForm, rule_named};
use super::parse::parse;
use super::permutation::{Template, is_escapable};
use super::problem::{Problem, cut};
use super::profile::PromptProfile;
use super::retired::is_retired;
use super::span::{ErrorCode, ParseError, Span};
use super::token::{Word, is_comma, is_space, name_offset, narrow, words};

/// Names that a member may keep.
pub const MAX_NAMES: usize = 20;
/// Characters that a name may have.
pub const MAX_NAME_CHARACTERS: usize = 32;
/// Characters of what a name stands for, and of what is put behind every prompt.
pub const MAX_KEPT_CHARACTERS: usize = 200;
/// What stands before the parameters while they are looked at by themselves.
const SUBJECT: &str = "x ";

/// Why a name cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameProblem {
    /// It has other characters than small letters, digits, `-` and `_`, does not begin with a letter, or is too long.
    Form,
    /// It is that of a parameter.
    Taken,
}

/// The name as it is kept: without dashes before it, in small letters.
pub fn kept_name(typed: &str) -> Result<String, NameProblem> {
    let name = typed.trim().trim_start_matches('-').to_ascii_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let begins = name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    if !begins || name.len() > MAX_NAME_CHARACTERS || !name.chars().all(fits) {
        return Err(NameProblem::Form);
    }
    if rule_named(&name).is_some() || is_retired(&name) {
        return Err(NameProblem::Taken);
    }
    Ok(name)
}

/// The parameters as they are kept, with single spaces between them; by the rules of `profile`, or of the version that they
/// name. Errors point at places in `typed`.
pub fn kept_parameters(typed: &str, profile: &PromptProfile) -> Result<String, ParseError> {
    let whole = Span::whole(typed);
    let characters = typed.trim().chars().count();
    if characters > MAX_KEPT_CHARACTERS {
        let most = MAX_KEPT_CHARACTERS;
        let problem = Problem::TooMuchKept { characters, most };
        return Err(ParseError::new(ErrorCode::OutOfRange, whole, problem));
    }
    if let Some((at, brace)) = typed
        .char_indices()
        .find(|(_, c)| matches!(narrow(*c), '{' | '}' | '\\'))
    {
        return Err(no_parameter(Span::new(at, at + brace.len_utf8()), typed));
    }
    let words = words(typed);
    match words.first() {
        None => {
            return Err(ParseError::new(
                ErrorCode::EmptyPrompt,
                whole,
                Problem::NoName,
            ));
        }
        Some(word) if word.name.is_none() => return Err(no_parameter(word.span, typed)),
        Some(_) => {}
    }
    let repeats = |word: &&Word<'_>| named(word) == Some(Parameter::Repeat);
    if let Some(word) = words.iter().find(repeats) {
        let problem = Problem::NotKept(Parameter::Repeat);
        return Err(ParseError::new(ErrorCode::Conflict, word.span, problem).parameter("repeat"));
    }
    parse(&format!("{SUBJECT}{typed}"), profile, 1).map_err(|error| {
        let back = |at: usize| at.saturating_sub(SUBJECT.len()).min(typed.len());
        let span = Span::new(back(error.span.start), back(error.span.end));
        ParseError { span, ..error }
    })?;
    let kept: Vec<&str> = words.iter().map(|word| word.text).collect();
    Ok(kept.join(" "))
}

fn no_parameter(span: Span, typed: &str) -> ParseError {
    let problem = Problem::NoParameter(cut(span.of(typed)));
    ParseError::new(ErrorCode::BadValue, span, problem).value(span.of(typed))
}

fn named(word: &Word<'_>) -> Option<Parameter> {
    let (name, _) = word.name?;
    rule_named(name).map(|rule| rule.parameter)
}

/// The text with what each of a member's names stands for in its place. Names stand where parameters do, in any case, also
/// within braces.
pub fn expand<'t>(typed: &'t str, options: &BTreeMap<String, String>) -> Cow<'t, str> {
    let mut scan = Scan::new(typed);
    let mut text = String::with_capacity(typed.len());
    let mut copied = 0;
    while let Some(run) = scan.next_run() {
        let word = run.of(typed);
        // A brace or an escape right behind a name makes it another one.
        let goes_on = typed[run.end..].starts_with(|c| matches!(narrow(c), '{' | '\\'));
        let meant = name_offset(word)
            .filter(|_| !goes_on)
            .and_then(|offset| options.get(&word[offset..].to_ascii_lowercase()));
        if let Some(kept) = meant {
            text.push_str(&typed[copied..run.start]);
            if scan.is_within_braces() {
                text.push_str(&kept.replace(',', "\\,").replace('，', "\\，"));
            } else {
                text.push_str(kept);
            }
            copied = run.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(typed);
    }
    text.push_str(&typed[copied..]);
    Cow::Owned(text)
}

/// Finds the runs of characters that a word of some expansion may begin with.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// Whether a word would begin here.
    begins: bool,
    /// For each open brace, whether a word would begin at it.
    braces: Vec<bool>,
    /// Whether nothing but spaces stood since a brace or a comma: they are dropped.
    fresh: bool,
}

impl<'t> Scan<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            begins: true,
            braces: Vec::new(),
            fresh: false,
        }
    }

    fn is_within_braces(&self) -> bool {
        !self.braces.is_empty()
    }

    /// The next run, up to the space, brace or comma behind it.
    fn next_run(&mut self) -> Option<Span> {
        loop {
            let character = self.text[self.at..].chars().next()?;
            if self.begins && !self.is_mark(character) && !is_space(character) && character != '\\'
            {
                let end = self.text[self.at..]
                    .find(|c| self.is_mark(c) || is_space(c) || c == '\\')
                    .map_or(self.text.len(), |length| self.at + length);
                let run = Span::new(self.at, end);
                self.at = end;
                (self.begins, self.fresh) = (false, false);
                return Some(run);
            }
            self.pass(character);
        }
    }

    fn is_mark(&self, character: char) -> bool {
        matches!(narrow(character), '{' | '}') || is_comma(character) && self.is_within_braces()
    }

    fn pass(&mut self, character: char) {
        self.at += character.len_utf8();
        match narrow(character) {
            '\\' => {
                let escaped = self.text[self.at..].chars().next();
                self.at += escaped
                    .filter(|c| is_escapable(*c))
                    .map_or(0, char::len_utf8);
                (self.begins, self.fresh) = (false, false);
            }
            '{' => {
                self.braces.push(self.begins);
                self.fresh = true;
            }
            ',' if self.is_within_braces() => {
                self.begins = self.braces.last().copied().unwrap_or(false);
                self.fresh = true;
            }
            '}' => {
                self.braces.pop();
                (self.begins, self.fresh) = (false, false);
            }
            space if is_space(space) => self.begins |= !self.fresh,
            _ => (self.begins, self.fresh) = (false, false),
        }
    }
}

/// The parameters that a text names itself, also where it gives them the values that they have anyhow.
///
/// What it names in one of its expansions counts for all of them.
///
/// # Errors
///
/// The text is no prompt.
pub fn given(
    typed: &str,
    profile: &PromptProfile,
    max_jobs: u32,
) -> Result<BTreeSet<Parameter>, ParseError> {
    // Also bounds how much is expanded below.
    parse(typed, profile, max_jobs)?;
    let mut given = BTreeSet::new();
    for expansion in Template::read(typed)?.expand() {
        given.extend(words(&expansion.text).iter().filter_map(named));
    }
    Ok(given)
}

/// The text with the parameters of `suffix` behind it, except those that it names itself or that cannot stand beside those.
///
/// What the text names in one of its expansions counts for all of them.
///
/// # Errors
///
/// The text, or the text with the suffix, is no prompt.
pub fn with_suffix(
    typed: &str,
    suffix: &str,
    profile: &PromptProfile,
    max_jobs: u32,
) -> Result<String, ParseError> {
    let given = given(typed, profile, max_jobs)?;
    let words = words(suffix);
    let mut text = typed.trim_end().to_owned();
    let mut wanted = false;
    for word in &words {
        if let Some(parameter) = named(word) {
            let rule = parameter.rule();
            let joins = rule.form == ValueForm::List;
            let barred = rule.excludes.iter().any(|other| given.contains(other));
            wanted = !barred && (joins || !given.contains(&parameter));
        } else if word.name.is_some() {
            // A name that no parameter has any more is an error that is shown.
            wanted = true;
        }
        if wanted {
            text.push(' ');
            text.push_str(word.text);
        }
    }
    parse(&text, profile, max_jobs)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
