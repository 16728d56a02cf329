//! What looks at finished pictures before anybody else does (M2).
//!
//! A node has one checker for all its models (`node.checker`), or uses those that its checkpoints bring. Either speaks in
//! labels of its own; [`Labels`] says which category of the policy each of them means.

#[cfg(feature = "torch")]
pub mod network;

use std::collections::BTreeMap;
use std::sync::Arc;

use easel_moderation::Category;

use crate::engine::Picture;

/// Probability by category, each from 0 to 1.
pub type Scores = BTreeMap<Category, f32>;

/// Something that can tell what is in a picture.
pub trait Checker: Send + Sync {
    /// Its name in verdicts.
    fn id(&self) -> &str;

    /// How sure it is of each category that it knows. Computes on the caller's thread, for up to a second on a CPU.
    ///
    /// # Errors
    ///
    /// It could not tell, and why.
    fn scores(&self, picture: &Picture) -> Result<Scores, String>;
}

/// Who checks the pictures of which model.
#[derive(Clone, Default)]
pub struct Checkers {
    for_all: Option<Arc<dyn Checker>>,
    own: BTreeMap<String, Arc<dyn Checker>>,
}

impl Checkers {
    /// One for whatever the node draws.
    pub fn for_all(checker: Arc<dyn Checker>) -> Self {
        Self {
            for_all: Some(checker),
            own: BTreeMap::new(),
        }
    }

    /// Those that came with checkpoints, by the hash of the weights.
    pub fn own(own: BTreeMap<String, Arc<dyn Checker>>) -> Self {
        Self { for_all: None, own }
    }

    /// The one for the pictures of these weights.
    pub fn of(&self, hash: &str) -> Option<&Arc<dyn Checker>> {
        self.for_all.as_ref().or_else(|| self.own.get(hash))
    }
}

/// Parts of labels, and what they mean unless the operator says otherwise.
const WORDS: [(&str, Category); 13] = [
    ("nsfw", Category::Sexual),
    ("porn", Category::Sexual),
    ("hentai", Category::Sexual),
    ("sexy", Category::Sexual),
    ("sexual", Category::Sexual),
    ("explicit", Category::Sexual),
    ("nud", Category::Sexual),
    ("unsafe", Category::Sexual),
    ("gore", Category::Gore),
    ("violen", Category::Gore),
    ("blood", Category::Gore),
    ("hate", Category::Hate),
    ("suicid", Category::SelfHarm),
];

/// Labels that begin like this name the opposite.
const NEGATIONS: [&str; 3] = ["not", "non", "no_"];

/// What an operator writes for a label that means no harm.
const HARMLESS: &str = "none";

/// Which category each label of a network belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(Vec<Option<Category>>);

impl Labels {
    /// By what the operator says of a label (`told`: a category's name, or `none`), else by the words in it.
    ///
    /// # Errors
    ///
    /// A label that the network does not have, a category that does not exist, or no label that means harm.
    pub fn new(labels: &[String], told: &BTreeMap<String, String>) -> Result<Self, String> {
        let known = labels.join(", ");
        if let Some(label) = told.keys().find(|label| !labels.contains(label)) {
            return Err(format!("has no label {label:?}; it has {known}"));
        }
        let meaning = |label: &String| match told.get(label).map(String::as_str) {
            Some(HARMLESS) => Ok(None),
            Some(name) => Category::from_name(name).map(Some).ok_or_else(|| {
                let names = Category::ALL.map(Category::as_str).join(", ");
                format!("{name:?} is no category; there are {names}, and none")
            }),
            None => Ok(usual_meaning(label)),
        };
        let found = labels.iter().map(meaning).collect::<Result<Vec<_>, _>>()?;
        if found.iter().all(Option::is_none) {
            return Err(format!(
                "none of its labels ({known}) is known to mean harm: say in `node.checker.labels` what they mean"
            ));
        }
        Ok(Self(found))
    }

    /// Adds the shares of labels up by category. A share that is no number makes its category's score one too, which the
    /// policy takes for 1.
    pub fn scores(&self, shares: impl IntoIterator<Item = f64>) -> Scores {
        let mut scores = Scores::new();
        for (category, share) in self.0.iter().zip(shares) {
            if let Some(category) = category {
                *scores.entry(*category).or_default() += share as f32;
            }
        }
        scores
    }
}

fn usual_meaning(label: &str) -> Option<Category> {
    let label = label.to_lowercase();
    if NEGATIONS.iter().any(|word| label.starts_with(word)) {
        return None;
    }
    let mut words = WORDS.iter();
    words
        .find(|(word, _)| label.contains(word))
        .map(|(_, category)| *category)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    fn told(said: &[(&str, &str)]) -> BTreeMap<String, String> {
        let said = said.iter();
        said.map(|(label, name)| ((*label).to_owned(), (*name).to_owned()))
            .collect()
    }

    #[test]
    fn shares_of_labels_add_up_by_category() {
        let network = owned(&["drawings", "hentai", "neutral", "porn", "gore"]);
        let labels = Labels::new(&network, &BTreeMap::new()).unwrap();
        let scores = labels.scores([0.25, 0.25, 0.25, 0.125, 0.125]);
        let wanted = Scores::from([(Category::Sexual, 0.375), (Category::Gore, 0.125)]);
        assert_eq!(scores, wanted);
    }

    #[test]
    fn what_the_operator_says_of_a_label_goes_first() {
        let network = owned(&["LABEL_0", "LABEL_1", "gore"]);
        let said = told(&[("LABEL_1", "sexual"), ("gore", "none")]);
        let labels = Labels::new(&network, &said).unwrap();
        assert_eq!(
            labels.scores([0.5, 0.25, 0.25]),
            Scores::from([(Category::Sexual, 0.25)])
        );
    }

    #[test]
    fn labels_that_could_clear_everything_are_refused() {
        let refused =
            |labels: &[&str], said: &[(&str, &str)]| Labels::new(&owned(labels), &told(said));
        let nothing = refused(&["cat", "not_nsfw"], &[]).unwrap_err();
        assert!(nothing.contains("node.checker.labels"), "{nothing}");
        let unknown = refused(&["nsfw"], &[("porn", "sexual")]).unwrap_err();
        assert!(unknown.contains("\"porn\""), "{unknown}");
        let category = refused(&["nsfw"], &[("nsfw", "bad")]).unwrap_err();
        assert!(category.contains("self_harm"), "{category}");
        assert!(refused(&["nsfw"], &[("nsfw", "none")]).is_err());
    }

    #[test]
    fn a_share_that_is_no_number_does_not_vanish() {
        let labels = Labels::new(&owned(&["nsfw", "porn"]), &BTreeMap::new()).unwrap();
        assert!(labels.scores([f64::NAN, 0.1])[&Category::Sexual].is_nan());
    }
}
