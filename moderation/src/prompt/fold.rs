//! One form for all the ways in which the same letters can be written.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::look_alike::latin;

/// Lower case, compatibility decomposed, without marks and invisible characters, look-alikes made Latin. Punctuation,
/// digits and white space stay: what they stand for is decided later.
pub(super) fn folded(text: &str) -> String {
    text.nfkd()
        .filter(|character| !is_combining_mark(*character) && !is_invisible(*character))
        .flat_map(char::to_lowercase)
        // Lowering can produce marks again, as from “İ”.
        .filter(|character| !is_combining_mark(*character))
        .map(latin)
        .collect()
}

/// Characters that take no room: they hide letters from word lists but not from text encoders' users.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn disguises_fall_off() {
        for disguised in [
            "naked",
            "NAKED",
            "ｎａｋｅｄ",
            "𝓷𝓪𝓴𝓮𝓭",
            "nаkеd",
            "ná̈ked",
            "n\u{200b}a\u{ad}ked",
            "\u{202e}naked",
            "ⓝⓐⓚⓔⓓ",
            "ɴᴀᴋᴇᴅ",
        ] {
            assert_eq!(folded(disguised), "naked", "{disguised}");
        }
        assert_eq!(folded("İstanbul, 5%"), "istanbul, 5%");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in any::<String>()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }
    }
}
