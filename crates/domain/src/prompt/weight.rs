//! `a::2 b::-.5`: text in parts.

use super::WeightedText;
use super::problem::{Problem, cut};
use super::profile::PromptProfile;
use super::span::{ErrorCode, ParseError, Span};
use super::token::{is_colon, is_space, separator, words};

/// The largest weight, either way.
const MAX_WEIGHT: f64 = 1000.0;
/// What adds up to less than this is nothing: `a::.1 b::.2 c::-.3` in binary fractions.
const LEAST_SUM: f64 = 1e-9;

/// Parts of `text[region]`, which begins and ends with a word. Spans are places in `text`.
pub(super) fn parts(
    text: &str,
    region: Span,
    profile: &PromptProfile,
) -> Result<Vec<WeightedText>, ParseError> {
    let mut parts = Vec::new();
    let mut start = region.start;
    while let Some(found) = separator(Span::new(start, region.end).of(text)) {
        let separator = Span::new(start + found.start, start + found.end);
        if !profile.multi_prompts {
            let problem = Problem::NoParts {
                profile: profile.name,
            };
            return Err(
                ParseError::new(ErrorCode::Conflict, separator, problem).value(separator.of(text))
            );
        }
        let part = words_of(text, Span::new(start, separator.start))?;
        if part.is_empty() {
            let problem = Problem::PartWithoutText;
            return Err(
                ParseError::new(ErrorCode::BadValue, separator, problem).value(separator.of(text))
            );
        }
        let (weight, end) = weight(text, Span::new(separator.end, region.end))?;
        parts.push(WeightedText { text: part, weight });
        start = end;
    }
    let last = words_of(text, Span::new(start, region.end))?;
    if !last.is_empty() {
        parts.push(WeightedText {
            text: last,
            weight: 1.0,
        });
    }
    let sum: f64 = parts.iter().map(|part| part.weight).sum();
    if !parts.is_empty() && sum < LEAST_SUM {
        let error = ParseError::new(ErrorCode::WeightsNotPositive, region, Problem::WeightSum);
        return Err(error.value(region.of(text)));
    }
    Ok(parts)
}

/// The weight at the beginning of `rest`, and where it ends: behind a comma that sets the next part apart.
fn weight(text: &str, rest: Span) -> Result<(f64, usize), ParseError> {
    let word = rest.of(text).split(is_space).next().unwrap_or_default();
    let word = separator(word).map_or(word, |end| &word[..end.start]);
    let numeric = |character: char| {
        character.is_ascii_digit() || matches!(character, '.' | '-' | '+' | '−' | '–' | '—')
    };
    // A third colon, as in “hot:::2”, is a slip and no text.
    let slip = word
        .strip_prefix(is_colon)
        .is_some_and(|rest| rest.starts_with(numeric));
    if !(slip || word.starts_with(numeric))
        || !word.contains(|character: char| character.is_ascii_digit())
    {
        // “hot::dog” and “hot::…”: no weight, and the word belongs to the next part.
        return Ok((1.0, rest.start));
    }
    let number = word.trim_end_matches([',', ';', '，', '；']);
    let span = Span::new(rest.start, rest.start + number.len());
    let Some(weight) = super::number::decimal(number) else {
        let problem = Problem::WeightForm(cut(number));
        return Err(ParseError::new(ErrorCode::BadValue, span, problem).value(number));
    };
    if weight.abs() > MAX_WEIGHT {
        let problem = Problem::WeightRange {
            typed: cut(number),
            most: MAX_WEIGHT,
        };
        return Err(ParseError::new(ErrorCode::OutOfRange, span, problem).value(number));
    }
    // “-0” is 0, and is written as such.
    Ok((weight + 0.0, rest.start + word.len()))
}

/// The words of one part. A parameter glued to `::` is taken for a mistake, not for text.
fn words_of(text: &str, part: Span) -> Result<String, ParseError> {
    match words(part.of(text))
        .into_iter()
        .find(|word| word.name.is_some())
    {
        Some(word) => {
            let span = Span::new(part.start + word.span.start, part.start + word.span.end);
            let problem = Problem::GluedToPart(cut(word.text));
            Err(ParseError::new(ErrorCode::BadValue, span, problem).value(word.text))
        }
        None => Ok(collapsed(part.of(text))),
    }
}

/// Words with single spaces between them.
pub(super) fn collapsed(text: &str) -> String {
    let words: Vec<&str> = words(text).into_iter().map(|word| word.text).collect();
    words.join(" ")
}
