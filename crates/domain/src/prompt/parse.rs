//! From text to jobs.

use url::Url;

use super::misspelt::{Misspelt, misspelt};
use super::permutation::{Expansion, Template};
use super::problem::{Problem, cut};
use super::profile::PromptProfile;
use super::section::{self, Section, profile_named_in};
use super::span::{ErrorCode, ParseError, Span};
use super::token::{Word, glued, is_forbidden, words};
use super::value::picture_url;
use super::{Prompt, Request, weight};

/// A prompt has at most this many characters.
pub const MAX_CHARACTERS: usize = 5999;

/// Reads a prompt that may run as up to `max_jobs` jobs (0 counts as 1).
///
/// It is read by the rules of `profile`, or of the version that it names with `--v` or `--niji`. The number of jobs is
/// known before anything is expanded, so no text makes more work than the limit.
pub fn parse(text: &str, profile: &PromptProfile, max_jobs: u32) -> Result<Request, ParseError> {
    let max_jobs = u64::from(max_jobs.max(1));
    check_characters(text)?;
    let template = Template::read(text)?;
    if template.count() > max_jobs {
        let span = template.first_choice().unwrap_or(Span::whole(text));
        return Err(too_many_jobs(template.count(), max_jobs, span).value(span.of(text)));
    }
    let mut prompts = Vec::new();
    let mut jobs = 0_u64;
    for expansion in template.expand() {
        let (prompt, section) = read_prompt(text, &expansion, profile)
            .map_err(|error| ParseError {
                span: expansion.locate(error.span),
                ..error
            })
            .map_err(|error| whole_text_if_empty(error, text))?;
        if let (Some(relax), Some(choice)) = (
            section.relax,
            template.first_choice().filter(|_| template.count() > 1),
        ) {
            let span = expansion.locate(relax);
            let error = ParseError::new(ErrorCode::Conflict, span, Problem::RelaxedPermutations);
            return Err(error.parameter("relax").value(choice.of(text)));
        }
        jobs += u64::from(prompt.params.repeat);
        if jobs > max_jobs {
            let span = section
                .repeat
                .map_or(Span::whole(text), |span| expansion.locate(span));
            return Err(too_many_jobs(jobs, max_jobs, span)
                .parameter("repeat")
                .value(span.of(text)));
        }
        prompts.push(prompt);
    }
    let jobs = prompts
        .into_iter()
        .flat_map(|prompt| std::iter::repeat_n(prompt.clone(), prompt.params.repeat.into()))
        .collect();
    Ok(Request { jobs })
}

fn check_characters(text: &str) -> Result<(), ParseError> {
    let characters = text.chars().count();
    if characters > MAX_CHARACTERS {
        let problem = Problem::TooLong {
            characters,
            most: MAX_CHARACTERS,
        };
        let error = ParseError::new(ErrorCode::OutOfRange, Span::whole(text), problem);
        return Err(error.value(characters.to_string()));
    }
    match text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        Some((at, character)) => {
            let span = Span::new(at, at + character.len_utf8());
            let problem = Problem::ControlCharacter(character);
            Err(ParseError::new(ErrorCode::BadValue, span, problem).value(span.of(text)))
        }
        None => Ok(()),
    }
}

fn too_many_jobs(jobs: u64, max_jobs: u64, span: Span) -> ParseError {
    let problem = match max_jobs {
        1 => Problem::OneJobOnly,
        most => Problem::TooManyJobs {
            jobs: (jobs < u64::MAX).then_some(jobs),
            most,
        },
    };
    ParseError::new(ErrorCode::TooManyJobs, span, problem)
}

/// There is no place in a text for what is missing from it.
fn whole_text_if_empty(mut error: ParseError, text: &str) -> ParseError {
    if error.code == ErrorCode::EmptyPrompt {
        error.span = Span::whole(text);
    }
    error
}

fn read_prompt(
    typed: &str,
    expansion: &Expansion,
    profile: &PromptProfile,
) -> Result<(Prompt, Section), ParseError> {
    let text = expansion.text.as_str();
    let words = words(text);
    let first_parameter = words
        .iter()
        .position(|word| word.name.is_some())
        .unwrap_or(words.len());
    let (content, parameters) = words.split_at(first_parameter);
    let address = |word: &Word<'_>| is_address(word.text);
    let first_text = content
        .iter()
        .position(|word| !address(word))
        .unwrap_or(content.len());
    let (addresses, content) = content.split_at(first_text);
    let images = addresses
        .iter()
        .map(|word| image(*word))
        .collect::<Result<Vec<Url>, _>>()?;
    if let Some(word) = content.iter().find(|word| address(word)) {
        let problem = Problem::LateAddress(cut(word.text));
        return Err(ParseError::new(ErrorCode::BadUrl, word.span, problem).value(word.text));
    }
    if let Some((span, rule)) = glued(content) {
        let problem = Problem::GluedToPart(cut(span.of(text)));
        let error = ParseError::new(ErrorCode::BadValue, span, problem);
        return Err(error.parameter(rule.name).value(span.of(text)));
    }
    if let Some(Misspelt { span, name, rule }) = misspelt(content) {
        let problem = Problem::Misspelt {
            typed: cut(span.of(text)),
            name: name.to_lowercase(),
        };
        let error = ParseError::new(ErrorCode::UnknownParameter, span, problem);
        return Err(error.parameter(rule.name).value(span.of(text)));
    }
    let profile = &profile_named_in(parameters, profile);
    let section = section::read(text, parameters, profile)?;
    let parts = match (content.first(), content.last()) {
        (Some(first), Some(last)) => {
            weight::parts(text, Span::new(first.span.start, last.span.end), profile)?
        }
        _ => Vec::new(),
    };
    if parts.is_empty() && images.len() < 2 {
        let problem = match images.len() {
            0 => Problem::Empty,
            _ => Problem::OnePictureAlone,
        };
        let whole = Span::whole(typed);
        return Err(ParseError::new(ErrorCode::EmptyPrompt, whole, problem));
    }
    let prompt = Prompt {
        parts,
        negative: section.negative.clone(),
        images,
        params: section.params.clone(),
    };
    Ok((prompt, section))
}

/// What is meant as the address of something, whether or not it can be followed.
fn is_address(word: &str) -> bool {
    const INLINE: &str = "data:image/";
    let inline = word.get(..INLINE.len());
    word.contains("://") || inline.is_some_and(|start| start.eq_ignore_ascii_case(INLINE))
}

fn image(word: Word<'_>) -> Result<Url, ParseError> {
    picture_url(word.text).map_err(|fault| {
        let problem = Problem::Address {
            parameter: None,
            typed: cut(word.text),
            fault,
        };
        ParseError::new(ErrorCode::BadUrl, word.span, problem).value(word.text)
    })
}
