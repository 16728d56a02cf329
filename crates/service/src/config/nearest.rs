//! What a misspelt key was probably meant to be.

/// The field closest to `key` by edit distance, if it is close enough to be a slip.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let (distance, best) = known
        .iter()
        .map(|field| (edit_distance(key, field), *field))
        .min()?;
    (distance <= 1 + key.len() / 4).then_some(best)
}

/// Levenshtein distance in bytes, one row at a time.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_key_and_another_word_finds_none() {
        let known = ["listen", "filter", "pool_size"];
        assert_eq!(nearest("listne", &known), Some("listen"));
        assert_eq!(nearest("poolsize", &known), Some("pool_size"));
        assert_eq!(nearest("elephant", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
