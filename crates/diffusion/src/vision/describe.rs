//! Pictures in words: of each section of a vocabulary the phrases that are closest, and prompts made of them.

use std::path::Path;

use super::eyes::{Eyes, Placed};
use super::phrases::{Phrases, Section};
use crate::error::{LoadError, TaskError};
use crate::picture::Picture;

/// Of each section so many phrases are combined with those of the others.
const CLOSEST: usize = 4;

/// Combinations that are kept, the likeliest.
const KEPT: usize = 256;

/// A prompt that fits a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The prompt.
    pub text: String,
    /// How close the prompt as a whole is to the picture: a cosine, from -1 to 1.
    pub similarity: f32,
}

/// How close a section's phrases are to a picture, the closest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Places of phrases in the section, with their cosines, from -1 to 1, and shares of one.
    pub closest: Vec<Ranked>,
}

/// A phrase among the others of its section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The phrase's place in its section.
    pub phrase: usize,
    /// How close it is to the picture: a cosine, from -1 to 1.
    pub similarity: f32,
    /// Its share of one beside the others, by the model's own scale.
    pub share: f64,
}

/// Eyes that know the phrases of a vocabulary.
pub struct Describer {
    eyes: Eyes,
    phrases: Phrases,
    /// Where the phrases of each section lie.
    placed: Vec<Vec<Placed>>,
}

/// One phrase of each section so far, and the logarithm of how likely they are together.
#[derive(Clone)]
struct Choice {
    phrases: Vec<usize>,
    likelihood: f64,
}

impl Describer {
    /// Opens a model's directory and a vocabulary, and reads all of its phrases once.
    pub fn open(model: &Path, phrases: &Path) -> Result<Self, LoadError> {
        let eyes = Eyes::open(model)?;
        let phrases_read = Phrases::open(phrases)?;
        let read = |section: &Section| {
            let texts = section.phrases.iter();
            let texts: Vec<&str> = texts.map(|phrase| phrase.compared.as_str()).collect();
            eyes.read(&texts)
                .map_err(|error| LoadError::file(phrases, format!("[{}]: {error}", section.name)))
        };
        let sections = phrases_read.sections().iter();
        let placed = sections.map(read).collect::<Result<_, _>>()?;
        Ok(Self {
            eyes,
            phrases: phrases_read,
            placed,
        })
    }

    /// Memory that the weights take, in bytes.
    pub fn weight_bytes(&self) -> u64 {
        self.eyes.weight_bytes()
    }

    /// The vocabulary.
    pub fn phrases(&self) -> &Phrases {
        &self.phrases
    }

    /// How close the phrases of each section are to what the pictures show on the whole.
    pub fn rank(&self, pictures: &[Picture]) -> Result<Vec<Ranking>, TaskError> {
        Ok(self.rankings(&self.look(pictures)?))
    }

    /// So many prompts at most, the closest to the pictures first. They are the likeliest of which each differs from the
    /// others in two sections, or in one where there are no more.
    pub fn describe(
        &self,
        pictures: &[Picture],
        count: usize,
    ) -> Result<Vec<Description>, TaskError> {
        let seen = self.look(pictures)?;
        let choices = likeliest(&self.rankings(&seen));
        let mut texts: Vec<String> = Vec::new();
        let mut chosen: Vec<&Choice> = Vec::new();
        for apart in [2, 1] {
            for choice in &choices {
                let text = self.phrases.prompt(&choice.phrases);
                let is_new = chosen.iter().all(|other| distance(other, choice) >= apart);
                if texts.len() < count && is_new && !text.is_empty() && !texts.contains(&text) {
                    texts.push(text);
                    chosen.push(choice);
                }
            }
        }
        let read: Vec<&str> = texts.iter().map(String::as_str).collect();
        let placed = self.eyes.read(&read)?;
        let similarities = placed
            .iter()
            .map(|text| seen.similarity(text).clamp(-1.0, 1.0));
        let mut described: Vec<Description> = similarities
            .zip(&texts)
            .map(|(similarity, text)| Description {
                text: text.clone(),
                similarity,
            })
            .collect();
        described.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        Ok(described)
    }

    fn look(&self, pictures: &[Picture]) -> Result<Placed, TaskError> {
        let seen = pictures.iter().map(|picture| self.eyes.see(picture));
        let seen = seen.collect::<Result<Vec<_>, _>>()?;
        Placed::mean(&seen).ok_or_else(|| TaskError::bad("pictures", "there are none to look at"))
    }

    fn rankings(&self, seen: &Placed) -> Vec<Ranking> {
        let rank = |phrases: &Vec<Placed>| {
            let similarities = phrases.iter().map(|phrase| seen.similarity(phrase));
            ranking(&similarities.collect::<Vec<_>>(), self.eyes.scale())
        };
        self.placed.iter().map(rank).collect()
    }
}

fn ranking(similarities: &[f32], scale: f64) -> Ranking {
    let highest = similarities.iter().copied().fold(f32::MIN, f32::max);
    let weight = |similarity: f32| (scale * f64::from(similarity - highest)).exp();
    let all: f64 = similarities.iter().map(|one| weight(*one)).sum();
    let mut closest: Vec<Ranked> = similarities
        .iter()
        .enumerate()
        .map(|(phrase, similarity)| Ranked {
            phrase,
            similarity: *similarity,
            share: weight(*similarity) / all,
        })
        .collect();
    closest.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    Ranking { closest }
}

/// Combinations of the closest phrases, the likeliest first. What is among the likeliest of all sections is so among those of fewer,
/// so nothing is lost where only as many are kept at each section.
fn likeliest(rankings: &[Ranking]) -> Vec<Choice> {
    let mut choices = vec![Choice {
        phrases: Vec::new(),
        likelihood: 0.0,
    }];
    for ranking in rankings {
        let longer = choices.iter().flat_map(|choice| {
            ranking.closest.iter().take(CLOSEST).map(|ranked| {
                let mut choice = choice.clone();
                choice.phrases.push(ranked.phrase);
                choice.likelihood += ranked.share.max(f64::MIN_POSITIVE).ln();
                choice
            })
        });
        choices = longer.collect();
        choices.sort_by(|a, b| b.likelihood.total_cmp(&a.likelihood));
        choices.truncate(KEPT);
    }
    choices
}

/// In how many sections two differ.
fn distance(a: &Choice, b: &Choice) -> usize {
    let pairs = a.phrases.iter().zip(&b.phrases);
    pairs.filter(|(a, b)| a != b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_add_up_and_the_closest_comes_first() {
        let ranking = ranking(&[0.1, 0.3, 0.2], 10.0);
        let order: Vec<usize> = ranking.closest.iter().map(|ranked| ranked.phrase).collect();
        assert_eq!(order, [1, 2, 0]);
        let all: f64 = ranking.closest.iter().map(|ranked| ranked.share).sum();
        assert!((all - 1.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn combinations_come_by_likelihood_and_none_twice(
            sections in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 2..6), 1..5)) {
            let rankings: Vec<Ranking> = sections.iter().map(|section| ranking(section, 20.0)).collect();
            let found = likeliest(&rankings);
            let first: Vec<usize> = rankings.iter().map(|ranking| ranking.closest[0].phrase).collect();
            prop_assert_eq!(&found[0].phrases, &first);
            prop_assert!(found.windows(2).all(|pair| pair[0].likelihood >= pair[1].likelihood));
            let all: std::collections::HashSet<_> = found.iter().map(|choice| choice.phrases.clone()).collect();
            prop_assert_eq!(all.len(), found.len());
            let most: usize = sections.iter().map(|section| section.len().min(CLOSEST)).product();
            prop_assert_eq!(found.len(), most.min(KEPT));
        }
    }
}
