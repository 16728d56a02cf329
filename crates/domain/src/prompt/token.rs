//! Words, and which of them begin a parameter.

use super::parameter::{ParameterRule, ValueForm, rule_named};
use super::span::Span;

/// A run of characters that are not white space, without invisible marks at its ends; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    pub(super) span: Span,
    /// The part behind the dashes, if this word names a parameter.
    pub(super) name: Option<(&'t str, Span)>,
}

/// White space between words: phones and clipboards bring spaces without width along.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}' | '\u{feff}')
}

/// A control character that is not white space either. Discord sends none, and databases refuse the first of them.
pub(super) fn is_forbidden(character: char) -> bool {
    character.is_control() && !is_space(character)
}

/// Marks that nobody sees: soft hyphens, word joiners, directions of writing. Around a word they are left out, for they
/// would hide the dashes of a parameter.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// The words of a text in order.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let ends = text
        .char_indices()
        .map(|(at, character)| (at, is_space(character)))
        .chain([(text.len(), true)]);
    for (at, space) in ends {
        match (start, space) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                words.extend(word(text, Span::new(from, at)));
                start = None;
            }
            _ => {}
        }
    }
    name_lone_dashes(&mut words);
    words
}

/// Two hyphens by themselves are punctuation within text; at its end, and behind it, somebody forgot a name.
fn name_lone_dashes(words: &mut [Word<'_>]) {
    let parameters = words
        .iter()
        .position(|word| word.name.is_some())
        .unwrap_or(words.len());
    for word in words.iter_mut().skip(parameters.saturating_sub(1)) {
        if word.text == "--" {
            word.name = Some(("", word.span));
        }
    }
}

fn word(text: &str, run: Span) -> Option<Word<'_>> {
    let seen = run.of(text).trim_start_matches(is_invisible);
    let start = run.end - seen.len();
    let word = seen.trim_end_matches(is_invisible);
    let span = Span::new(start, start + word.len());
    let name =
        name_offset(word).map(|offset| (&word[offset..], Span::new(span.start + offset, span.end)));
    (!word.is_empty()).then_some(Word {
        text: word,
        span,
        name,
    })
}

/// Where the name begins, if the word is a parameter.
///
/// Two hyphens, or one of the dashes that phones make of them, then a letter. Two hyphens and a digit are meant as a
/// parameter too (and will be an unknown one), while `–5` is a number and a dash by itself is punctuation.
pub(super) fn name_offset(word: &str) -> Option<usize> {
    let name = word.trim_start_matches(|c| is_hyphen(c) || is_long_dash(c));
    let dashes = &word[..word.len() - name.len()];
    let first = name.chars().next()?;
    let long = dashes.chars().any(is_long_dash);
    let meant = match dashes.chars().count() {
        0 => false,
        1 => long && first.is_alphabetic(),
        _ => first.is_alphanumeric(),
    };
    meant.then_some(dashes.len())
}

/// Whether it is a colon; keyboards for Chinese and Japanese type the wide one.
pub(super) fn is_colon(character: char) -> bool {
    matches!(character, ':' | '\u{ff1a}')
}

/// Whether it is a comma, a wide one included.
pub(super) fn is_comma(character: char) -> bool {
    narrow(character) == ','
}

/// The narrow form of a wide brace or comma; any other character as it is.
pub(super) fn narrow(character: char) -> char {
    match character {
        '\u{ff5b}' => '{',
        '\u{ff5d}' => '}',
        '\u{ff0c}' => ',',
        other => other,
    }
}

/// The first two colons of one kind that stand together, in bytes.
pub(super) fn separator(text: &str) -> Option<Span> {
    let found = ["::", "\u{ff1a}\u{ff1a}"].map(|colons| {
        let start = text.find(colons)?;
        Some(Span::new(start, start + colons.len()))
    });
    found.into_iter().flatten().min_by_key(|span| span.start)
}

/// A parameter of the text's words that lacks the space before it, which would else be drawn: `a boat,--tile` or
/// `a boat--ar 16:9`. Behind a letter it takes a number to tell it from words such as `well--known`.
pub(super) fn glued(words: &[Word<'_>]) -> Option<(Span, &'static ParameterRule)> {
    words.iter().enumerate().find_map(|(index, word)| {
        let next = words.get(index + 1).map_or("", |next| next.text);
        let mut start = word.span.start;
        // Colons part the words, and are gone when these are drawn.
        word.text.split_inclusive(is_colon).find_map(|piece| {
            let at = start;
            start += piece.len();
            let text = piece.trim_end_matches(is_colon);
            let is_last = text.len() == piece.len();
            glued_in(text, at, if is_last { next } else { "" })
        })
    })
}

/// The same for text without colons that begins at `at`; `next` is the word behind it.
fn glued_in(text: &str, at: usize, next: &str) -> Option<(Span, &'static ParameterRule)> {
    let dash = |c| is_hyphen(c) || is_long_dash(c);
    let name = text[text.rfind(dash)?..].trim_start_matches(dash);
    let rule = rule_named(name)?;
    let before = text[..text.len() - name.len()].trim_end_matches(dash);
    let dashes = &text[before.len()..text.len() - name.len()];
    let long = dashes.chars().any(is_long_dash);
    // What stands behind `::` is told with the weights.
    let behind = before.chars().next_back()?;
    let numbered = next.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !matches!(rule.form, ValueForm::Flag | ValueForm::List);
    let meant = if long || dashes.chars().count() < 2 {
        long && numbered && name.len() > 1
    } else {
        numbered || (!behind.is_alphanumeric() && name.len() > 1)
    };
    meant.then_some((Span::new(at + before.len(), at + text.len()), rule))
}

/// What stands for one hyphen: it takes two of these. Keyboards for Chinese and Japanese type the wide ones.
pub(super) fn is_hyphen(character: char) -> bool {
    matches!(
        character,
        '-' | '\u{2010}' | '\u{2011}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}'
    )
}

/// What phones and word processors make of two hyphens: figure dash, en dash, em dash, horizontal bar.
pub(super) fn is_long_dash(character: char) -> bool {
    matches!(character, '\u{2012}'..='\u{2015}' | '\u{fe58}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        words(text)
            .into_iter()
            .filter_map(|word| word.name.map(|(name, _)| name))
            .collect()
    }

    #[test]
    fn every_dash_of_a_phone_begins_a_parameter() {
        assert_eq!(
            names("a --ar 1:1 –seed 5 —no x —-tile ―raw ‑‑fast －－draft −−iw ‒c"),
            [
                "ar", "seed", "no", "tile", "raw", "fast", "draft", "iw", "c"
            ]
        );
        assert_eq!(names("a ‑ar −5 －x"), Vec::<&str>::new());
    }

    #[test]
    fn punctuation_and_numbers_are_text() {
        assert_eq!(
            names("a - b -- c — d – e 2–3 neo–noir well-known -5 –5 a--b"),
            Vec::<&str>::new()
        );
        assert_eq!(names("--5"), ["5"]);
    }

    #[test]
    fn a_parameter_without_its_space_is_told_from_compound_words() {
        let glued = |text| glued(&words(text)).map(|(span, rule)| (span.of(text), rule.name));
        for (text, place, name) in [
            ("a boat,--ar 16:9", "--ar", "ar"),
            ("a boat--ar 16:9", "--ar", "ar"),
            ("a boat—ar 16:9", "—ar", "ar"),
            ("a boat.--TILE", "--TILE", "tile"),
            ("(boat)--no sails", "--no", "no"),
            ("a boat --- x,---v 6", "---v", "v"),
            ("a boat--chaos .5", "--chaos", "chaos"),
        ] {
            assert_eq!(glued(text), Some((place, name)), "{text}");
        }
        for text in [
            "well--known",
            "slow--fast",
            "neo–noir",
            "rain—no 5",
            "non-stop 5",
            "boat-ar 16:9",
            "stop--go 5",
            "a,--b",
            "a --",
            "--",
        ] {
            assert_eq!(glued(text), None, "{text}");
        }
    }

    #[test]
    fn words_lie_where_they_say() {
        let text = "\u{feff} häßlich\t—ar\u{200b} \u{200e}16:9\u{202c}\n \u{2060} ";
        for word in words(text) {
            assert_eq!(word.span.of(text), word.text);
        }
        let texts: Vec<_> = words(text).iter().map(|word| word.text).collect();
        assert_eq!(texts, ["häßlich", "—ar", "16:9"]);
    }

    #[test]
    fn invisible_marks_do_not_hide_a_parameter() {
        assert_eq!(names("a \u{200e}--ar 1:1 \u{200b}--tile"), ["ar", "tile"]);
    }

    #[test]
    fn dashes_without_a_name_are_text_within_text_only() {
        assert_eq!(names("a -- b"), Vec::<&str>::new());
        assert_eq!(names("a --"), [""]);
        assert_eq!(names("a -- --ar 1:1 -- x"), ["", "ar", ""]);
        assert_eq!(names("a —"), Vec::<&str>::new());
    }
}
