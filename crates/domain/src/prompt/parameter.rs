//! The table of parameters: names, aliases, forms, ranges and what Easel does with them. Everything that reads or
//! writes `--parameters` goes by this table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::profile::{NIJI, VERSIONS};

/// A parameter of the prompt language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described by its row in PARAMETERS")]
pub enum Parameter {
    AspectRatio,
    Chaos,
    Stylize,
    Weird,
    Quality,
    Stop,
    Seed,
    No,
    Tile,
    ImageWeight,
    Repeat,
    Style,
    Raw,
    Fast,
    Relax,
    Turbo,
    Stealth,
    Public,
    StyleReference,
    StyleWeight,
    StyleVersion,
    CharacterReference,
    CharacterWeight,
    OmniReference,
    OmniWeight,
    Version,
    Niji,
    Experimental,
    Draft,
    Video,
}

/// The form of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueForm {
    /// None: its presence says all.
    Flag,
    /// A whole number, bounds included.
    Whole {
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
    },
    /// A number with an optional fraction, bounds included.
    Decimal {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// One of the profile's qualities.
    Quality,
    /// Two whole numbers with a colon between.
    Ratio,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A model version such as `6` or `6.1`, of this family.
    Version(&'static [&'static str]),
    /// Words up to the next parameter, separated by commas.
    List,
    /// Picture addresses, each with an optional `::weight`.
    Pictures,
    /// Picture addresses, style numbers or `random`, each with an optional `::weight`.
    Styles,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ParameterRule {
    /// Which parameter.
    pub parameter: Parameter,
    /// Its main name, without dashes.
    pub name: &'static str,
    /// Its other names.
    pub aliases: &'static [&'static str],
    /// The form of its value.
    pub form: ValueForm,
    /// Whether today's engine acts on it. What it does not act on is parsed, checked, kept and reported to the user.
    pub honoured: bool,
    /// Parameters that cannot stand beside it.
    pub excludes: &'static [Parameter],
}

impl ParameterRule {
    const fn new(parameter: Parameter, name: &'static str, form: ValueForm) -> Self {
        Self {
            parameter,
            name,
            aliases: &[],
            form,
            honoured: false,
            excludes: &[],
        }
    }

    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn honoured(mut self) -> Self {
        self.honoured = true;
        self
    }

    const fn excludes(mut self, excludes: &'static [Parameter]) -> Self {
        self.excludes = excludes;
        self
    }

    /// Main name and aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

use Parameter as P;
use ValueForm::{Decimal, Flag, List, Pictures, Styles, Version, Whole, Word};

const fn rule(parameter: Parameter, name: &'static str, form: ValueForm) -> ParameterRule {
    ParameterRule::new(parameter, name, form)
}

/// Every parameter, in the order in which prompts are written out.
pub const PARAMETERS: &[ParameterRule] = &[
    rule(P::AspectRatio, "ar", ValueForm::Ratio)
        .alias(&["aspect"])
        .honoured(),
    rule(P::Chaos, "chaos", Whole { min: 0, max: 100 })
        .alias(&["c"])
        .honoured(),
    rule(P::Stylize, "stylize", Whole { min: 0, max: 1000 }).alias(&["s", "stylise"]),
    rule(P::Weird, "weird", Whole { min: 0, max: 3000 }).alias(&["w"]),
    rule(P::Quality, "quality", ValueForm::Quality)
        .alias(&["q"])
        .honoured(),
    rule(P::Stop, "stop", Whole { min: 10, max: 100 }).honoured(),
    rule(
        P::Seed,
        "seed",
        Whole {
            min: 0,
            max: u32::MAX,
        },
    )
    .honoured(),
    rule(P::No, "no", List).honoured(),
    rule(P::Tile, "tile", Flag).honoured(),
    rule(P::ImageWeight, "iw", Decimal { min: 0.0, max: 3.0 }),
    rule(P::Repeat, "repeat", Whole { min: 2, max: 40 })
        .alias(&["r"])
        .honoured()
        .excludes(&[P::Relax]),
    rule(P::Style, "style", Word(&["raw"])).excludes(&[P::Raw]),
    rule(P::Raw, "raw", Flag).excludes(&[P::Style]),
    rule(P::Fast, "fast", Flag)
        .honoured()
        .excludes(&[P::Relax, P::Turbo]),
    rule(P::Relax, "relax", Flag)
        .honoured()
        .excludes(&[P::Fast, P::Turbo, P::Repeat]),
    rule(P::Turbo, "turbo", Flag)
        .honoured()
        .excludes(&[P::Fast, P::Relax]),
    rule(P::Stealth, "stealth", Flag).excludes(&[P::Public]),
    rule(P::Public, "public", Flag)
        .honoured()
        .excludes(&[P::Stealth]),
    rule(P::StyleReference, "sref", Styles),
    rule(P::StyleWeight, "sw", Whole { min: 0, max: 1000 }),
    rule(P::StyleVersion, "sv", Whole { min: 1, max: 6 }),
    rule(P::CharacterReference, "cref", Pictures),
    rule(P::CharacterWeight, "cw", Whole { min: 0, max: 100 }),
    rule(P::OmniReference, "oref", Pictures),
    rule(P::OmniWeight, "ow", Whole { min: 1, max: 1000 }),
    rule(P::Version, "v", Version(VERSIONS))
        .alias(&["version"])
        .excludes(&[P::Niji]),
    rule(P::Niji, "niji", Version(NIJI)).excludes(&[P::Version]),
    rule(P::Experimental, "exp", Whole { min: 0, max: 100 }),
    rule(P::Draft, "draft", Flag).honoured(),
    rule(P::Video, "video", Flag),
];

/// Its main name, without dashes.
impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().name)
    }
}

impl Parameter {
    /// Its row in the table.
    pub fn rule(self) -> &'static ParameterRule {
        PARAMETERS
            .iter()
            .find(|rule| rule.parameter == self)
            .expect("a test checks that every parameter has a row")
    }
}

/// The row of a name or alias, whatever its case.
pub(super) fn rule_named(name: &str) -> Option<&'static ParameterRule> {
    PARAMETERS
        .iter()
        .find(|rule| rule.names().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The name that a misspelt one was probably meant to be: at most two edits away, and fewer than its length.
pub(super) fn nearest_name(
    typed: &str,
    allowed: impl Fn(Parameter) -> bool,
) -> Option<&'static str> {
    const LONGEST: usize = 24;
    let typed: Vec<char> = typed
        .chars()
        .take(LONGEST)
        .flat_map(char::to_lowercase)
        .collect();
    // Two edits would turn any two letters into any other two.
    let most = if typed.len() <= 3 { 1 } else { 2 };
    PARAMETERS
        .iter()
        .filter(|rule| allowed(rule.parameter))
        .flat_map(ParameterRule::names)
        .filter(|name| name.len() > 1)
        .map(|name| {
            (
                edit_distance(&typed, &name.chars().collect::<Vec<_>>()),
                name,
            )
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = i + j;
                continue;
            }
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_parameter() {
        let names: Vec<_> = PARAMETERS.iter().flat_map(ParameterRule::names).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), unique.len());
    }

    #[test]
    fn every_parameter_has_a_row_and_exclusions_are_mutual() {
        for rule in PARAMETERS {
            assert_eq!(rule.parameter.rule().name, rule.name);
            for other in rule.excludes {
                assert!(
                    other.rule().excludes.contains(&rule.parameter),
                    "{} and {}",
                    rule.name,
                    other.rule().name
                );
            }
        }
        // `Video` is the last variant, so a variant without a row would make these differ.
        assert_eq!(PARAMETERS.len(), P::Video as usize + 1);
    }

    #[test]
    fn misspelt_names_are_recognised() {
        let nearest = |name| nearest_name(name, |_| true);
        assert_eq!(nearest("aspct"), Some("aspect"));
        assert_eq!(nearest("sede"), Some("seed"));
        assert_eq!(nearest("arr"), Some("ar"));
        assert_eq!(nearest("Qualtiy"), Some("quality"));
        assert_eq!(nearest("wavelength"), None);
        assert_eq!(nearest(""), None);
    }
}
