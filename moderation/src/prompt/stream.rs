//! The readings of a text. A trick of writing has one reading that undoes it; every list is searched in every reading.

use super::fold::folded;

/// Words between single spaces, with a space before the first and behind the last.
pub(super) type Stream = String;

/// The plain reading of a text: its words as they are. Terms and phrases of lists are kept in this form.
pub(super) fn plain(text: &str) -> Stream {
    joined(&split_words(&folded(text)))
}

/// All readings of a text that differ, the plain one first.
pub(super) fn readings(text: &str) -> Vec<Stream> {
    let folded = folded(text);
    let mut readings: Vec<Stream> = vec![joined(&split_words(&folded))];
    let respaced = unspaced(&folded);
    for one in [None, Some('i'), Some('l')] {
        let decoded = |text: &str| one.map_or_else(|| text.to_owned(), |one| unleeted(text, one));
        for words in [
            split_words(&decoded(&folded)),
            glued_words(&decoded(&respaced)),
        ] {
            for keep in [1, 2] {
                let reading = joined(
                    &words
                        .iter()
                        .map(|word| unstretched(word, keep))
                        .collect::<Vec<_>>(),
                );
                if !readings.contains(&reading) {
                    readings.push(reading);
                }
            }
        }
    }
    readings
}

fn joined(words: &[String]) -> Stream {
    let mut stream = String::from(" ");
    for word in words {
        stream.push_str(word);
        stream.push(' ');
    }
    stream
}

/// Everything that is neither letter nor digit parts words.
fn split_words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Only white space parts words, so that `w.o.r.d` is one.
fn glued_words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|chunk| {
            chunk
                .chars()
                .filter(|character| character.is_alphanumeric())
                .collect()
        })
        .filter(|word: &String| !word.is_empty())
        .collect()
}

/// The text with characters that stand alone drawn together where there are at least three in a row: `w o r d`.
fn unspaced(text: &str) -> String {
    const SPELLED_OUT: usize = 3;
    let chunks: Vec<&str> = text.split_whitespace().collect();
    let mut result = String::with_capacity(text.len());
    for run in chunks.chunk_by(|a, b| stands_alone(a) && stands_alone(b)) {
        let space = if run.len() >= SPELLED_OUT { "" } else { " " };
        result.push_str(&run.join(space));
        result.push(' ');
    }
    result
}

fn stands_alone(chunk: &str) -> bool {
    trimmed(chunk).chars().count() == 1
}

/// A word without the punctuation of the sentence around it.
fn trimmed(chunk: &str) -> &str {
    chunk.trim_matches([
        '.', ',', '!', '?', ';', ':', '"', '\'', '(', ')', '[', ']', '{', '}',
    ])
}

/// Digits and signs read as the letters they resemble, in words that also hold a letter. `1`, `!` and `|` are read as
/// `one`, because they stand for two letters.
fn unleeted(text: &str, one: char) -> String {
    let mut decoded = String::with_capacity(text.len());
    for chunk in text.split_whitespace() {
        let word = trimmed(chunk);
        if word.chars().any(char::is_alphabetic) {
            decoded.extend(word.chars().map(|character| letter_for(character, one)));
        } else {
            decoded.push_str(word);
        }
        decoded.push(' ');
    }
    decoded
}

fn letter_for(character: char, one: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '2' => 'z',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '6' | '9' => 'g',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    }
}

/// Letters that stand three times or more in a row, `keep` times. Two in a row are ordinary spelling.
fn unstretched(word: &str, keep: usize) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    runs.flat_map(|run| &run[..if run.len() >= 3 { keep } else { run.len() }])
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_trick_has_a_reading_that_undoes_it() {
        for written in [
            "naked!",
            "n4ked",
            "n@k3d",
            "naaaaked",
            "n.a.k.e.d",
            "n a k e d",
            "n-a-k-e-d",
            "n_a_k_e_d",
            "N A K 3 D,",
            "na*ked",
        ] {
            let readings = readings(written);
            assert!(
                readings.iter().any(|reading| reading == " naked "),
                "{written}: {readings:?}"
            );
        }
        assert!(readings("k1ll").contains(&" kill ".to_owned()));
        assert!(readings("1ove").contains(&" love ".to_owned()));
    }

    #[test]
    fn ordinary_spelling_is_left_alone() {
        assert_eq!(readings("a good book"), [" a good book "]);
        assert_eq!(plain("Child's play"), " child s play ");
        assert_eq!(plain(""), " ");
    }

    proptest! {
        #[test]
        fn any_text_has_a_few_bounded_readings(text in any::<String>()) {
            let readings = readings(&text);
            prop_assert!((1..=12).contains(&readings.len()));
            prop_assert!(readings.iter().all(|reading| reading.starts_with(' ') && reading.ends_with(' ')));
        }
    }
}
