//! `a::2 b::-.5`: text in parts.

use super::WeightedText;
use super::profile::PromptProfile;
use super::span::{ErrorCode, ParseError, Span, quoted};
use super::token::{is_space, words};

/// The largest weight, either way.
const MAX_WEIGHT: f64 = 1000.0;

/// Parts of `text[region]`, which begins and ends with a word. Spans are places in `text`.
pub(super) fn parts(
    text: &str,
    region: Span,
    profile: &PromptProfile,
) -> Result<Vec<WeightedText>, ParseError> {
    let mut parts = Vec::new();
    let mut start = region.start;
    while let Some(at) = Span::new(start, region.end)
        .of(text)
        .find("::")
        .map(|at| start + at)
    {
        let separator = Span::new(at, at + 2);
        if !profile.multi_prompts {
            let message = format!(
                "prompts of several parts (“::”) do not exist in {}",
                profile.name
            );
            return Err(ParseError::new(ErrorCode::Conflict, separator, message).value("::"));
        }
        let part = words_of(text, Span::new(start, at))?;
        if part.is_empty() {
            let message = "“::” needs text before it, as in “hot::2 dog::1”";
            return Err(ParseError::new(ErrorCode::BadValue, separator, message).value("::"));
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
    if !parts.is_empty() && parts.iter().map(|part| part.weight).sum::<f64>() <= 0.0 {
        let message = "the weights of all parts must add up to more than 0";
        return Err(
            ParseError::new(ErrorCode::WeightsNotPositive, region, message).value(region.of(text)),
        );
    }
    Ok(parts)
}

/// The weight at the beginning of `rest`, and where it ends.
fn weight(text: &str, rest: Span) -> Result<(f64, usize), ParseError> {
    let word = rest.of(text).split(is_space).next().unwrap_or_default();
    let word = word.find("::").map_or(word, |end| &word[..end]);
    let numeric = |character: char| {
        character.is_ascii_digit() || matches!(character, '.' | '-' | '+' | '−' | '–')
    };
    if !word.starts_with(numeric) || !word.contains(|character: char| character.is_ascii_digit()) {
        // “hot::dog” and “hot::…”: no weight, and the word belongs to the next part.
        return Ok((1.0, rest.start));
    }
    let span = Span::new(rest.start, rest.start + word.len());
    let Some(weight) = super::number::decimal(word) else {
        let message = format!(
            "the weight behind “::” is {}; write a number such as 2 or -.5, then a space before more text",
            quoted(word)
        );
        return Err(ParseError::new(ErrorCode::BadValue, span, message).value(word));
    };
    if weight.abs() > MAX_WEIGHT {
        let message = format!(
            "weights go from -{MAX_WEIGHT} to {MAX_WEIGHT}, not {}",
            quoted(word)
        );
        return Err(ParseError::new(ErrorCode::OutOfRange, span, message).value(word));
    }
    Ok((weight, span.end))
}

/// The words of one part. A parameter glued to `::` is taken for a mistake, not for text.
fn words_of(text: &str, part: Span) -> Result<String, ParseError> {
    match words(part.of(text))
        .into_iter()
        .find(|word| word.name.is_some())
    {
        Some(word) => {
            let span = Span::new(part.start + word.span.start, part.start + word.span.end);
            let message = format!("put a space before {}", quoted(word.text));
            Err(ParseError::new(ErrorCode::BadValue, span, message).value(word.text))
        }
        None => Ok(collapsed(part.of(text))),
    }
}

/// Words with single spaces between them.
pub(super) fn collapsed(text: &str) -> String {
    let words: Vec<&str> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}
