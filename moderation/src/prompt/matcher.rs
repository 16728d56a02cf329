//! Finding the terms of all lists at once.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;

use super::stream::{Stream, plain};

/// What a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A term of the rule with this index.
    Rule(usize),
    /// A phrase that takes the harm out of terms inside it.
    Allowed,
}

/// A term may begin or end inside a word (`behead*`) only if it is at least this long.
const SHORTEST_OPEN_TERM: usize = 4;

/// The pattern for a term of a list, or what is wrong with the term. A star at an end lets a word go on there.
pub(super) fn pattern(term: &str) -> Result<Stream, &'static str> {
    let (opened, open_start) = term
        .strip_prefix('*')
        .map_or((term, false), |rest| (rest, true));
    let (bare, open_end) = opened
        .strip_suffix('*')
        .map_or((opened, false), |rest| (rest, true));
    if bare.contains('*') {
        return Err("a star may stand only at the ends of a term");
    }
    let whole = plain(bare);
    let words = whole.trim();
    if words.is_empty() {
        return Err("this term has neither letters nor digits");
    }
    if (open_start || open_end) && words.chars().count() < SHORTEST_OPEN_TERM {
        return Err(
            "a term with a star needs at least four letters, or it is found in ordinary words",
        );
    }
    let from = usize::from(open_start);
    let to = whole.len() - usize::from(open_end);
    Ok(whole[from..to].to_owned())
}

/// Every pattern of every list.
#[derive(Debug)]
pub(super) struct Matcher {
    automaton: AhoCorasick,
    meanings: Vec<Meaning>,
}

impl Matcher {
    /// Compiles patterns with their meanings.
    pub(super) fn new(patterns: &[(Stream, Meaning)]) -> Result<Self, aho_corasick::BuildError> {
        let automaton = AhoCorasick::new(patterns.iter().map(|(pattern, _)| pattern))?;
        Ok(Self {
            automaton,
            meanings: patterns.iter().map(|(_, meaning)| *meaning).collect(),
        })
    }

    /// Indices of the rules that have a term in any reading, outside that reading's allowed phrases.
    pub(super) fn rules_in(&self, readings: &[Stream]) -> BTreeSet<usize> {
        let mut rules = BTreeSet::new();
        for reading in readings {
            let mut allowed = Vec::new();
            let mut found = Vec::new();
            for hit in self.automaton.find_overlapping_iter(reading.as_str()) {
                match self.meanings[hit.pattern().as_usize()] {
                    Meaning::Allowed => allowed.push(hit.range()),
                    Meaning::Rule(rule) => found.push((rule, hit.range())),
                }
            }
            let harmless = |range: &std::ops::Range<usize>| {
                allowed
                    .iter()
                    .any(|phrase| phrase.start <= range.start && range.end <= phrase.end)
            };
            rules.extend(
                found
                    .into_iter()
                    .filter(|(_, range)| !harmless(range))
                    .map(|(rule, _)| rule),
            );
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::readings;
    use super::*;

    fn rules(text: &str) -> Vec<usize> {
        let patterns = [
            ("sex", Meaning::Rule(0)),
            ("behead*", Meaning::Rule(1)),
            ("white power", Meaning::Rule(2)),
            ("power", Meaning::Rule(3)),
            ("solar power", Meaning::Allowed),
        ]
        .map(|(term, meaning)| (pattern(term).unwrap(), meaning));
        Matcher::new(&patterns)
            .unwrap()
            .rules_in(&readings(text))
            .into_iter()
            .collect()
    }

    #[test]
    fn terms_are_found_as_words_only() {
        assert_eq!(rules("Essex, sextant, unisex"), Vec::<usize>::new());
        assert_eq!(rules("sex"), [0]);
        assert_eq!(rules("a beheading"), [1]);
        assert_eq!(rules("white power sex"), [0, 2, 3]);
    }

    #[test]
    fn a_phrase_allows_what_lies_inside_it_and_nothing_else() {
        assert_eq!(rules("solar power"), Vec::<usize>::new());
        assert_eq!(rules("solar power, white power"), [2, 3]);
    }

    #[test]
    fn terms_that_cannot_work_are_refused() {
        for term in ["", "*", "!!", "ab*", "a*b", "*a*b"] {
            assert!(pattern(term).is_err(), "{term}");
        }
    }
}
