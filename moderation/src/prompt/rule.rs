//! The form of list files.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::category::{Category, Severity};
use crate::list::{ListError, ListFile};

/// Which words a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AppliesTo {
    /// What the picture should show.
    #[default]
    Wanted,
    /// The words of `--no`: asking for no clothes asks for something too.
    Unwanted,
}

/// Terms that mean the same thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) id: Spanned<String>,
    pub(super) category: Category,
    pub(super) severity: Severity,
    #[serde(default)]
    pub(super) applies_to: AppliesTo,
    pub(super) terms: Vec<Spanned<String>>,
}

/// Categories that are worse together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Combination {
    pub(super) id: Spanned<String>,
    pub(super) all: Spanned<Vec<Category>>,
    pub(super) category: Category,
    pub(super) severity: Severity,
}

/// Phrases that mean no harm, though a term lies in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    pub(super) phrases: Vec<Spanned<String>>,
}

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lists {
    #[serde(default)]
    pub(super) rule: Vec<Rule>,
    #[serde(default)]
    pub(super) combination: Vec<Combination>,
    #[serde(default)]
    pub(super) allow: Vec<Allow>,
}

impl Lists {
    /// Reads a file and checks what TOML cannot: ids that are names, lists that are not empty.
    pub(super) fn read(file: &ListFile) -> Result<Self, ListError> {
        let lists: Self = file.parse()?;
        for rule in &lists.rule {
            check_id(file, &rule.id)?;
            if rule.terms.is_empty() {
                return Err(file.invalid(rule.id.span().start, "this rule has no terms"));
            }
        }
        for combination in &lists.combination {
            check_id(file, &combination.id)?;
            if combination.all.get_ref().len() < 2 {
                return Err(file.invalid(
                    combination.all.span().start,
                    "a combination needs at least two categories",
                ));
            }
        }
        Ok(lists)
    }
}

/// Ids go into decisions and metrics: they must not be able to carry a prompt.
fn check_id(file: &ListFile, id: &Spanned<String>) -> Result<(), ListError> {
    let Range { start, .. } = id.span();
    let name = id.get_ref();
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'));
    if name.is_empty() || name.len() > 64 || !plain {
        let problem = "an id is up to 64 characters of a-z, 0-9, “.”, “_” and “-”";
        return Err(file.invalid(start, problem));
    }
    Ok(())
}
