//! Parameters that are nearly ones: `-ar 16:9`, `-- ar 16:9`. They would be drawn as words, and nobody would know why.

use super::parameter::{ParameterRule, ValueForm, rule_named};
use super::span::Span;
use super::token::{Word, is_colon, is_hyphen, is_long_dash};

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Misspelt<'t> {
    /// Dashes and name.
    pub(super) span: Span,
    /// The name as it was typed.
    pub(super) name: &'t str,
    /// What it names.
    pub(super) rule: &'static ParameterRule,
}

/// The first in words of which none begins a parameter.
///
/// Hyphens are punctuation, too. So it takes a known name with a value that fits it and nothing behind but more dashes, or
/// `-no` with words: `a well -known man`, `sign -stop 50 feet ahead` and `a race -- fast` stay text.
pub(super) fn misspelt<'t>(words: &[Word<'t>]) -> Option<Misspelt<'t>> {
    words.iter().enumerate().find_map(|(at, word)| {
        let name = word.text.trim_start_matches(is_dash);
        if name.len() == word.text.len() {
            return None;
        }
        let apart = name.is_empty();
        let (last, value) = if apart {
            (at + 1, at + 2)
        } else {
            (at, at + 1)
        };
        let named = words.get(last)?;
        let name = if apart { named.text } else { name };
        let rule = rule_named(name)?;
        let meant = match rule.form {
            // Behind dashes that stand alone these are words as well.
            ValueForm::Flag => !apart && name.len() > 1 && ends(words, value),
            ValueForm::List => !apart && words.len() > value,
            form => {
                let typed = words.get(value).map_or("", |word| word.text);
                fits(form, typed) && ends(words, value + 1)
            }
        };
        let span = Span::new(word.span.start, named.span.end);
        meant.then_some(Misspelt { span, name, rule })
    })
}

fn is_dash(character: char) -> bool {
    is_hyphen(character) || is_long_dash(character)
}

/// Whether the text ends here, or another of them may follow.
fn ends(words: &[Word<'_>], at: usize) -> bool {
    let next = words.get(at);
    next.is_none_or(|word| word.text.starts_with(is_dash))
}

fn fits(form: ValueForm, typed: &str) -> bool {
    let number = |text: &str| {
        let text = text.strip_prefix('.').unwrap_or(text);
        text.starts_with(|c: char| c.is_ascii_digit())
    };
    match form {
        // These are no single value; and an address behind text is a mistake of its own.
        ValueForm::Flag | ValueForm::List | ValueForm::Pictures => false,
        ValueForm::Word(words) => words.iter().any(|word| word.eq_ignore_ascii_case(typed)),
        ValueForm::Ratio => number(typed) && typed.contains(is_colon),
        ValueForm::Styles => number(typed) || typed.eq_ignore_ascii_case("random"),
        ValueForm::Quality
        | ValueForm::Version(_)
        | ValueForm::Whole { .. }
        | ValueForm::Decimal { .. } => number(typed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::token::words;

    fn found(text: &str) -> Option<(&str, &'static str)> {
        let words = words(text);
        let content = words.iter().position(|word| word.name.is_some());
        let content = &words[..content.unwrap_or(words.len())];
        misspelt(content).map(|found| (found.span.of(text), found.rule.name))
    }

    #[test]
    fn a_name_with_its_value_behind_the_wrong_dashes_is_found() {
        for (text, place, name) in [
            ("a cat -ar 16:9", "-ar", "ar"),
            ("a cat -AR 16:9 --tile", "-AR", "ar"),
            ("a cat -- ar 16:9", "-- ar", "ar"),
            ("a cat — ar 16:9", "— ar", "ar"),
            ("a cat - seed 7 -v 6", "- seed", "seed"),
            ("a cat -s 250 -tile", "-s", "stylize"),
            ("a cat -tile", "-tile", "tile"),
            ("a cat −q .5", "−q", "quality"),
            ("a cat -style raw", "-style", "style"),
            ("a cat -sref random", "-sref", "sref"),
            ("a street -no people, cars", "-no", "no"),
        ] {
            assert_eq!(found(text), Some((place, name)), "{text}");
        }
    }

    #[test]
    fn prose_with_hyphens_stays_text() {
        for text in [
            "a well -known man",
            "sign -stop 50 feet ahead",
            "a race -- fast",
            "a race - fast and wild",
            "-5 degrees",
            "two -- no, three cats",
            "a street - no people",
            "a firm -no",
            "a plan - c is better",
            "rain -- aspect unknown",
            "vitamin -c 500 mg",
            "non-stop 5",
            "well-ar 16:9",
            "-",
            "- --",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
