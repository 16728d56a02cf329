//! What kind of harm, and how bad.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of content that has rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// People under eighteen. Alone they are ordinary subjects; with sexual content nothing is worse.
    Minors,
    /// Nudity and sexual acts.
    Sexual,
    /// Hatred of groups of people and its symbols.
    Hate,
    /// Mutilation and extreme violence.
    Gore,
    /// Suicide, self-injury, eating disorders.
    SelfHarm,
    /// Living people who can be recognised.
    RealPersons,
    /// Protected characters and brands.
    Brands,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 7] = [
        Self::Minors,
        Self::Sexual,
        Self::Hate,
        Self::Gore,
        Self::SelfHarm,
        Self::RealPersons,
        Self::Brands,
    ];

    /// The stored name, also the key of scores and of metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minors => "minors",
            Self::Sexual => "sexual",
            Self::Hate => "hate",
            Self::Gore => "gore",
            Self::SelfHarm => "self_harm",
            Self::RealPersons => "real_persons",
            Self::Brands => "brands",
        }
    }

    /// The category of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == name)
    }

    /// What a user is told that the prompt or picture seemed to be about.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Minors => "the protection of minors",
            Self::Sexual => "sexual content",
            Self::Hate => "hateful content",
            Self::Gore => "extreme violence",
            Self::SelfHarm => "self-harm",
            Self::RealPersons => "a real person",
            Self::Brands => "a protected character or brand",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad a hit is by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Harmless by itself; counts in combinations.
    Context,
    /// Worth recording, not worth refusing.
    Low,
    /// Refused unless a guild says otherwise.
    Medium,
    /// Refused unless an age-gated channel of a guild that allows it says otherwise.
    High,
    /// Refused everywhere, and the case is kept for the platform's moderators.
    Critical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_read_back_and_are_those_of_serde() {
        for category in Category::ALL {
            assert_eq!(Category::from_name(category.as_str()), Some(category));
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        }
    }
}
