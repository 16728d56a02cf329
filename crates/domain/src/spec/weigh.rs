//! How much each word of a prompt counts, and what is left of it without those that count least.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Question;
use super::describe::{self, Description};
use crate::model::ModelRef;

/// Words that are weighed at once: each is one more reading of the prompt.
pub const MAX_WEIGHED_WORDS: usize = 100;

/// Shorter prompts leave out the weakest words that together make up so much of all influence, one of them the weak words.
const LEFT_OUT: [f64; 5] = [0.1, 0.2, 0.35, 0.5, 0.65];

/// As many are proposed at most.
const PROPOSALS: usize = 5;

/// A word is weak that counts less than so much of what the stronger half counts on average.
const WEAK: f64 = 0.5;

/// How much each word of a prompt counts for what a model is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeighSpec {
    /// The model whose text encoder reads it.
    pub model: ModelRef,
}

/// What a job without pictures results in. Words that a member typed stay in their own erasable row, and what is found here goes
/// with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Answer {
    /// How far what the model is told moves without each of the words, in their order, as a share of how far the whole
    /// prompt has moved it from no words: from 0 to 2.
    Influences {
        /// One for each of [`words_to_weigh`].
        of_words: Vec<f32>,
    },
    /// Prompts that fit the pictures, the closest first.
    Descriptions {
        /// At most [`super::MAX_DESCRIPTIONS`].
        prompts: Vec<Description>,
    },
}

impl Answer {
    /// Whether it can be what a node has found: finite numbers, not too many.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Influences { of_words } => {
                let sound = |influence: &f32| (0.0..=2.0).contains(influence);
                (1..=MAX_WEIGHED_WORDS).contains(&of_words.len()) && of_words.iter().all(sound)
            }
            Self::Descriptions { prompts } => describe::are_sound(prompts),
        }
    }

    /// What it answers.
    pub fn question(&self) -> Question {
        match self {
            Self::Influences { .. } => Question::Words,
            Self::Descriptions { .. } => Question::Pictures,
        }
    }
}

/// The words of a prompt as they are weighed: what stands between spaces.
pub fn words_to_weigh(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// How much a word counts beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Hardly.
    Weak,
    /// As most do.
    Middle,
    /// As much as the stronger half on average, or more.
    Strong,
}

/// A prompt with its words weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortened {
    /// One for each word.
    pub weights: Vec<Weight>,
    /// Shorter prompts, at most five, each shorter than the one before; none where no word can be left out.
    pub shorter: Vec<String>,
}

/// What is left of a prompt without its weakest words; `None` where the influences are not those of its words.
pub fn shortened(text: &str, influences: &[f32]) -> Option<Shortened> {
    let words = words_to_weigh(text);
    let influences: Vec<f64> = influences.iter().map(|one| f64::from(*one)).collect();
    let total: f64 = influences.iter().sum();
    if words.len() != influences.len() || !total.is_finite() || total <= 0.0 {
        return None;
    }
    let mut weakest_first: Vec<usize> = (0..words.len()).collect();
    weakest_first.sort_by(|a, b| influences[*a].total_cmp(&influences[*b]));
    let stronger = &weakest_first[words.len() / 2..];
    let strong: f64 = stronger.iter().map(|at| influences[*at]).sum();
    let strong = strong / stronger.len() as f64;
    let weight = |influence: &f64| {
        if *influence < WEAK * strong {
            Weight::Weak
        } else if *influence < strong {
            Weight::Middle
        } else {
            Weight::Strong
        }
    };
    let weights: Vec<Weight> = influences.iter().map(weight).collect();
    let weak = weights.iter().filter(|weight| **weight == Weight::Weak);
    let mut left_out = BTreeSet::from([weak.count()]);
    left_out.extend(LEFT_OUT.map(|share| {
        let mut sum = 0.0;
        let within = |at: &&usize| {
            sum += influences[**at];
            sum <= share * total
        };
        weakest_first.iter().take_while(within).count()
    }));
    // The strongest word always stays.
    let counts = left_out
        .into_iter()
        .filter(|count| (1..words.len()).contains(count));
    let mut shorter: Vec<String> = Vec::new();
    for count in counts {
        let proposal = without(&words, &weakest_first[..count]);
        if !proposal.is_empty()
            && shorter
                .last()
                .is_none_or(|last| proposal.len() < last.len())
        {
            shorter.push(proposal);
        }
    }
    let surplus = shorter.len().saturating_sub(PROPOSALS);
    shorter.drain(..surplus);
    Some(Shortened { weights, shorter })
}

/// The words but some, without commas that hang over.
fn without(words: &[&str], left_out: &[usize]) -> String {
    let kept = words.iter().enumerate();
    let kept = kept.filter(|(at, _)| !left_out.contains(at));
    let kept: Vec<&str> = kept.map(|(_, word)| *word).collect();
    let kept = kept.join(" ");
    kept.trim_matches([',', ';', ':', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::Weight::{Middle, Strong, Weak};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_weakest_words_are_left_out_first_and_the_order_stays() {
        // As the shipped model weighs them.
        let text = "a  red sailboat, on the sea at sunset";
        let influences = [0.120, 0.264, 0.279, 0.121, 0.118, 0.292, 0.122, 0.313];
        let found = shortened(text, &influences).unwrap();
        assert_eq!(
            found.weights,
            [Weak, Middle, Middle, Weak, Weak, Strong, Weak, Strong]
        );
        assert_eq!(
            found.shorter,
            [
                "a red sailboat, on sea at sunset",
                "red sailboat, on sea at sunset",
                "red sailboat, sea sunset",
                "sailboat, sea sunset",
                "sea sunset"
            ]
        );
    }

    #[test]
    fn commas_do_not_hang_over() {
        let found = shortened("boat, in rain", &[0.9, 0.01, 0.02]).unwrap();
        assert_eq!(found.shorter, ["boat"]);
    }

    #[test]
    fn a_single_word_and_strange_numbers_lead_to_no_proposal() {
        assert_eq!(
            shortened("boat", &[0.4]).unwrap().shorter,
            Vec::<String>::new()
        );
        for influences in [vec![0.0, 0.0], vec![0.1], vec![f32::NAN, 1.0]] {
            assert_eq!(shortened("a boat", &influences), None);
        }
    }

    #[test]
    fn only_numbers_that_can_be_true_are_an_answer() {
        let sound = |of_words| Answer::Influences { of_words }.is_sound();
        assert!(sound(vec![0.0, 0.5, 2.0]));
        for strange in [
            vec![],
            vec![-0.1],
            vec![f32::NAN],
            vec![3.0],
            vec![0.1; MAX_WEIGHED_WORDS + 1],
        ] {
            assert!(!sound(strange));
        }
    }

    proptest! {
        #[test]
        fn every_proposal_is_part_of_the_prompt_and_shorter_than_the_one_before(
            words in prop::collection::vec(("[a-z,]{1,6}", 0.0_f32..1.0), 1..40),
        ) {
            let text: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
            let influences: Vec<f32> = words.iter().map(|(_, influence)| *influence).collect();
            let text = text.join(" ");
            if let Some(found) = shortened(&text, &influences) {
                prop_assert!(found.shorter.len() <= 5);
                let mut before = text.len();
                for shorter in &found.shorter {
                    prop_assert!(shorter.len() < before);
                    before = shorter.len();
                    let mut rest = text.chars();
                    prop_assert!(shorter.chars().all(|c| rest.any(|other| other == c)));
                }
            }
        }
    }
}
