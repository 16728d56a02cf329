//! The lists, compiled, and the judgement by them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use easel_domain::spec::PromptText;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::age::mentions_minor_age;
use super::matcher::{Matcher, Meaning, pattern};
use super::rule::{AppliesTo, Combination, Lists};
use super::stream::{plain, readings};
use super::verdict::{Hit, PromptOutcome, PromptVerdict};
use crate::category::{Category, Severity};
use crate::list::{ListError, ListFile, version};

/// Id of the rule about ages, which is code and not a list.
const AGE_RULE: &str = "minors.age";

/// What a guild decides for itself. Nothing here reaches [`Severity::Critical`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuildPolicy {
    /// Sexual content below critical is drawn. To be set only where the guild allows it *and* the channel is age-gated.
    pub adult: bool,
    /// The severity from which a category is refused, where it is not [`Severity::Medium`].
    pub refuse_from: BTreeMap<Category, Severity>,
}

impl GuildPolicy {
    fn outcome(&self, hit: &Hit) -> PromptOutcome {
        if hit.negated {
            return PromptOutcome::Allow;
        }
        if hit.severity == Severity::Critical {
            return PromptOutcome::HardBlock;
        }
        if hit.category == Category::Sexual && self.adult {
            return PromptOutcome::Allow;
        }
        let refused_from = self
            .refuse_from
            .get(&hit.category)
            .copied()
            .unwrap_or(Severity::Medium);
        // A category cannot be refused for context alone: “child” and “kitchen knife” are ordinary words.
        if hit.severity > Severity::Context && hit.severity >= refused_from {
            PromptOutcome::Block
        } else {
            PromptOutcome::Allow
        }
    }
}

/// Judges prompts. Immutable: put it into a [`PolicyHolder`](crate::PolicyHolder) to exchange it.
#[derive(Debug)]
pub struct PromptPolicy {
    rules: Vec<CompiledRule>,
    combinations: Vec<Combination>,
    matcher: Matcher,
    version: String,
}

#[derive(Debug)]
struct CompiledRule {
    id: String,
    category: Category,
    severity: Severity,
    applies_to: AppliesTo,
}

impl PromptPolicy {
    /// Reads every `.toml` file of a directory.
    pub fn load(directory: &Path) -> Result<Self, ListError> {
        Self::from_files(&ListFile::read_directory(directory)?)
    }

    /// The lists that come with Easel.
    pub fn built_in() -> Result<Self, ListError> {
        let file = |name: &str, text: &str| ListFile {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        Self::from_files(&[
            file("allow.toml", include_str!("../../lists/allow.toml")),
            file("brands.toml", include_str!("../../lists/brands.toml")),
            file(
                "combinations.toml",
                include_str!("../../lists/combinations.toml"),
            ),
            file("gore.toml", include_str!("../../lists/gore.toml")),
            file("hate.toml", include_str!("../../lists/hate.toml")),
            file("minors.toml", include_str!("../../lists/minors.toml")),
            file(
                "real_persons.toml",
                include_str!("../../lists/real_persons.toml"),
            ),
            file("self_harm.toml", include_str!("../../lists/self_harm.toml")),
            file("sexual.toml", include_str!("../../lists/sexual.toml")),
        ])
    }

    /// Compiles lists. The first mistake found is returned.
    pub fn from_files(files: &[ListFile]) -> Result<Self, ListError> {
        let mut compiler = Compiler::default();
        for file in files {
            compiler.add(file)?;
        }
        let Compiler {
            rules,
            combinations,
            patterns,
            ..
        } = compiler;
        let matcher = Matcher::new(&patterns)?;
        Ok(Self {
            rules,
            combinations,
            matcher,
            version: version(files),
        })
    }

    /// SHA-256 in hex of the lists.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Judges by the platform's own policy.
    pub fn check(&self, text: &PromptText) -> PromptVerdict {
        self.check_for(text, &GuildPolicy::default())
    }

    /// Judges for a guild. `text.negative` holds the words of `--no`.
    pub fn check_for(&self, text: &PromptText, guild: &GuildPolicy) -> PromptVerdict {
        let mut hits = self.hits(&text.positive, AppliesTo::Wanted);
        hits.extend(self.hits(&text.negative, AppliesTo::Unwanted));
        if mentions_minor_age(&plain(&text.positive)) {
            hits.push(Hit {
                rule: AGE_RULE.to_owned(),
                category: Category::Minors,
                severity: Severity::Context,
                negated: false,
            });
        }
        let present: BTreeSet<Category> = hits
            .iter()
            .filter(|hit| !hit.negated)
            .map(|hit| hit.category)
            .collect();
        let combined = self.combinations.iter().filter(|combination| {
            combination
                .all
                .get_ref()
                .iter()
                .all(|category| present.contains(category))
        });
        hits.extend(combined.map(|combination| Hit {
            rule: combination.id.get_ref().clone(),
            category: combination.category,
            severity: combination.severity,
            negated: false,
        }));
        hits.sort_by_key(|hit| std::cmp::Reverse((guild.outcome(hit), hit.severity)));
        let outcome = hits
            .first()
            .map_or(PromptOutcome::Allow, |hit| guild.outcome(hit));
        PromptVerdict {
            outcome,
            hits,
            list_version: self.version.clone(),
        }
    }

    /// Hits in words that are wanted or, from `--no`, unwanted.
    fn hits(&self, words: &str, side: AppliesTo) -> Vec<Hit> {
        let found = self.matcher.rules_in(&readings(words));
        let rules = found.into_iter().filter_map(|index| self.rules.get(index));
        rules
            .filter_map(|rule| {
                let negated = match (rule.applies_to, side) {
                    (AppliesTo::Wanted, AppliesTo::Wanted)
                    | (AppliesTo::Unwanted, AppliesTo::Unwanted) => false,
                    (AppliesTo::Wanted, AppliesTo::Unwanted) => true,
                    (AppliesTo::Unwanted, AppliesTo::Wanted) => return None,
                };
                Some(Hit {
                    rule: rule.id.clone(),
                    category: rule.category,
                    severity: rule.severity,
                    negated,
                })
            })
            .collect()
    }
}

#[derive(Default)]
struct Compiler {
    rules: Vec<CompiledRule>,
    combinations: Vec<Combination>,
    patterns: Vec<(String, Meaning)>,
    ids: BTreeSet<String>,
}

impl Compiler {
    fn add(&mut self, file: &ListFile) -> Result<(), ListError> {
        let lists = Lists::read(file)?;
        for rule in lists.rule {
            self.take_id(file, &rule.id)?;
            let meaning = Meaning::Rule(self.rules.len());
            for term in &rule.terms {
                self.add_pattern(file, term, meaning)?;
            }
            self.rules.push(CompiledRule {
                id: rule.id.into_inner(),
                category: rule.category,
                severity: rule.severity,
                applies_to: rule.applies_to,
            });
        }
        for combination in lists.combination {
            self.take_id(file, &combination.id)?;
            self.combinations.push(combination);
        }
        for phrase in lists.allow.iter().flat_map(|allow| &allow.phrases) {
            self.add_pattern(file, phrase, Meaning::Allowed)?;
        }
        Ok(())
    }

    fn take_id(&mut self, file: &ListFile, id: &Spanned<String>) -> Result<(), ListError> {
        let name = id.get_ref();
        if name == AGE_RULE || !self.ids.insert(name.clone()) {
            return Err(file.invalid(id.span().start, format!("the id {name} is taken")));
        }
        Ok(())
    }

    fn add_pattern(
        &mut self,
        file: &ListFile,
        term: &Spanned<String>,
        meaning: Meaning,
    ) -> Result<(), ListError> {
        let pattern =
            pattern(term.get_ref()).map_err(|problem| file.invalid(term.span().start, problem))?;
        self.patterns.push((pattern, meaning));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
