//! Ages below eighteen, written as numbers or words: `a 12-year-old`, `aged twelve`, `15yo`.

const NUMBERS: [&str; 18] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
];

/// Whether the plain reading of a text mentions an age below eighteen.
pub(super) fn mentions_minor_age(plain: &str) -> bool {
    let words: Vec<&str> = plain.split_whitespace().collect();
    (0..words.len()).any(|at| {
        is_minor_age(
            &words[at..],
            at.checked_sub(1)
                .and_then(|before| words.get(before))
                .copied(),
        )
    })
}

/// `words[0]` is the number.
fn is_minor_age(words: &[&str], before: Option<&str>) -> bool {
    let Some(first) = words.first() else {
        return false;
    };
    let digits = first.trim_end_matches(char::is_alphabetic);
    let suffix = &first[digits.len()..];
    let minor = match digits {
        "" => NUMBERS.contains(first),
        digits => digits.parse::<u32>().is_ok_and(|age| age < 18),
    };
    if !minor {
        return false;
    }
    let next = |index: usize| words.get(index).copied().unwrap_or_default();
    let year = |word: &str| matches!(word, "year" | "years" | "yr" | "yrs" | "month" | "months");
    let glued = !digits.is_empty() && matches!(suffix, "yo" | "yrold" | "yearold");
    let of_age = matches!(before, Some("aged" | "age")) && (digits.is_empty() || suffix.is_empty());
    glued
        || of_age
        || next(1) == "yo"
        || (year(next(1)) && next(2) == "old")
        || (next(1) == "y" && next(2) == "o")
}

#[cfg(test)]
mod tests {
    use super::super::stream::plain;
    use super::*;

    #[test]
    fn ages_below_eighteen_are_found() {
        for text in [
            "a 12-year-old",
            "twelve years old",
            "15yo",
            "aged 9",
            "age ten",
            "17 y/o",
            "8 months old",
        ] {
            assert!(mentions_minor_age(&plain(text)), "{text}");
        }
        for text in [
            "a 30-year-old",
            "18 yo",
            "12 apples",
            "1980s",
            "",
            "99999999999 years old",
            "stone age",
            "4k",
        ] {
            assert!(!mentions_minor_age(&plain(text)), "{text}");
        }
    }
}
