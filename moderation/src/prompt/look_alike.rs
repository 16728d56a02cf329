//! Letters of other scripts that look like Latin ones, after compatibility decomposition has dealt with wide, circled,
//! mathematical and accented forms. Words really written in those scripts turn into gibberish that no list holds.

/// The Latin letter that `character` passes for, or itself.
pub(super) fn latin(character: char) -> char {
    TABLE
        .binary_search_by_key(&character, |(from, _)| *from)
        .map_or(character, |at| TABLE[at].1)
}

/// Sorted by the first column. Lower case only: folding comes before.
const TABLE: &[(char, char)] = &[
    ('æ', 'e'),
    ('ð', 'd'),
    ('ø', 'o'),
    ('þ', 'p'),
    ('đ', 'd'),
    ('ħ', 'h'),
    ('ı', 'i'),
    ('ł', 'l'),
    ('ŋ', 'n'),
    ('œ', 'e'),
    ('ŧ', 't'),
    ('ƀ', 'b'),
    ('ƒ', 'f'),
    ('ƙ', 'k'),
    ('ɑ', 'a'),
    ('ɓ', 'b'),
    ('ɗ', 'd'),
    ('ɡ', 'g'),
    ('ɢ', 'g'),
    ('ɩ', 'i'),
    ('ɪ', 'i'),
    ('ɴ', 'n'),
    ('ʀ', 'r'),
    ('ʏ', 'y'),
    ('ʙ', 'b'),
    ('ʜ', 'h'),
    ('ʟ', 'l'),
    ('α', 'a'),
    ('β', 'b'),
    ('γ', 'y'),
    ('ε', 'e'),
    ('η', 'n'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('μ', 'u'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('σ', 'o'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('ω', 'w'),
    ('а', 'a'),
    ('в', 'b'),
    ('е', 'e'),
    ('з', '3'),
    ('к', 'k'),
    ('м', 'm'),
    ('н', 'h'),
    ('о', 'o'),
    ('п', 'n'),
    ('р', 'p'),
    ('с', 'c'),
    ('т', 't'),
    ('у', 'y'),
    ('х', 'x'),
    ('ь', 'b'),
    ('ѕ', 's'),
    ('і', 'i'),
    ('ј', 'j'),
    ('һ', 'h'),
    ('ԁ', 'd'),
    ('ԍ', 'g'),
    ('ԛ', 'q'),
    ('ԝ', 'w'),
    ('ս', 'u'),
    ('օ', 'o'),
    ('ᴀ', 'a'),
    ('ᴄ', 'c'),
    ('ᴅ', 'd'),
    ('ᴇ', 'e'),
    ('ᴊ', 'j'),
    ('ᴋ', 'k'),
    ('ᴍ', 'm'),
    ('ᴏ', 'o'),
    ('ᴘ', 'p'),
    ('ᴛ', 't'),
    ('ᴜ', 'u'),
    ('ᴠ', 'v'),
    ('ᴡ', 'w'),
    ('ᴢ', 'z'),
    ('ꜰ', 'f'),
    ('ꜱ', 's'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(TABLE.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
