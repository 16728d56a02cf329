//! Words, and which of them begin a parameter.

use super::span::Span;

/// A run of characters that are neither white space nor control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    pub(super) span: Span,
    /// The part behind the dashes, if this word names a parameter.
    pub(super) name: Option<(&'t str, Span)>,
}

/// White space between words: phones and clipboards bring control characters along.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || character.is_control()
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
                words.push(word(text, Span::new(from, at)));
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str, span: Span) -> Word<'_> {
    let word = span.of(text);
    let name =
        name_offset(word).map(|offset| (&word[offset..], Span::new(span.start + offset, span.end)));
    Word {
        text: word,
        span,
        name,
    }
}

/// Where the name begins, if the word is a parameter.
///
/// Two hyphens, or one of the dashes that phones make of them, then a letter. Two hyphens and a digit are meant as a
/// parameter too (and will be an unknown one), while `–5` is a number and a dash by itself is punctuation.
fn name_offset(word: &str) -> Option<usize> {
    let name = word.trim_start_matches(is_dash);
    let dashes = &word[..word.len() - name.len()];
    let first = name.chars().next()?;
    let long = dashes.chars().any(|dash| dash != '-');
    let meant = match dashes.chars().count() {
        0 => false,
        1 => long && first.is_alphabetic(),
        _ => first.is_alphanumeric(),
    };
    meant.then_some(dashes.len())
}

/// Hyphen, en dash, em dash, horizontal bar.
fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2013}' | '\u{2014}' | '\u{2015}')
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
            names("a --ar 1:1 –seed 5 —no x —-tile ―raw"),
            ["ar", "seed", "no", "tile", "raw"]
        );
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
    fn words_lie_where_they_say() {
        let text = "\u{0} häßlich\t—ar  16:9\n";
        for word in words(text) {
            assert_eq!(word.span.of(text), word.text);
        }
        assert_eq!(words(text).len(), 3);
    }
}
