//! What a model version makes of the parameters, as data. The table of parameters is shared.
//!
//! | profile | for | differs from Easel's own in |
//! |---|---|---|
//! | `easel` | Easel's models | knows every parameter |
//! | `v3` | `--v 1` to `3` | no `--weird`, references, `--exp`, `--draft` |
//! | `v4` | `--v 4` | like `v3`; no `--tile`; `--ar` from 1:2 to 2:1; `--iw` to 2 |
//! | `v5` | `--v 5` to `5.2` | no references, `--exp`, `--draft`; `--iw` to 2 |
//! | `v6` | `--v 6`, `6.1` | no `--oref`, `--ow`, `--exp`, `--draft` |
//! | `v7` | `--v 7` to `8.1` | `--q` 1, 2, 4; `--sv` to 6; no `--cref`, `--cw`; no parts (`::`) |
//! | `niji4`, `niji5`, `niji6` | `--niji` | like `v4`, `v5`, `v6`; `niji5` has styles of its own |
//! | `lcm` | few-step models (LCM, Turbo) | `--no` is without effect, because they run without guidance |

use super::parameter::{Parameter, ValueForm};
use super::value::Quality;

/// Deviations of one model version from the table of parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PromptProfile {
    /// Its name: `easel`, `v6` and so on.
    pub name: &'static str,
    /// The values of `--v` that select it.
    pub versions: &'static [&'static str],
    /// The values of `--niji` that select it.
    pub niji: &'static [&'static str],
    /// The qualities it takes, ascending.
    pub qualities: &'static [Quality],
    /// The largest `--iw`.
    pub image_weight_max: f64,
    /// The largest `--sv`.
    pub style_version_max: u32,
    /// The values of `--style`.
    pub styles: &'static [&'static str],
    /// The long side may be at most this many times the short one; `None` for any shape.
    pub ratio_limit: Option<u32>,
    /// Whether `a::2 b` is a prompt of two parts.
    pub multi_prompts: bool,
    /// Parameters that it does not know.
    pub absent: &'static [Parameter],
    /// Parameters that it knows and that change nothing.
    pub idle: &'static [Parameter],
}

use Parameter as P;

const UP_TO_ONE: &[Quality] = &[Quality(25), Quality(50), Quality(100)];
const FROM_ONE: &[Quality] = &[Quality(100), Quality(200), Quality(400)];
const RAW: &[&str] = &["raw"];

/// What came with version 7.
const SEVENTH: &[Parameter] = &[P::OmniReference, P::OmniWeight, P::Experimental, P::Draft];
/// The same, and what came with version 6.
const SIXTH: &[Parameter] = &[
    P::StyleReference,
    P::StyleWeight,
    P::StyleVersion,
    P::CharacterReference,
    P::CharacterWeight,
    P::OmniReference,
    P::OmniWeight,
    P::Experimental,
    P::Draft,
];
/// The same, and what came with version 5.
const FIFTH: &[Parameter] = &[
    P::Weird,
    P::StyleReference,
    P::StyleWeight,
    P::StyleVersion,
    P::CharacterReference,
    P::CharacterWeight,
    P::OmniReference,
    P::OmniWeight,
    P::Experimental,
    P::Draft,
];
/// The same, and what version 4 alone could not do.
const FOURTH: &[Parameter] = &[
    P::Tile,
    P::Weird,
    P::StyleReference,
    P::StyleWeight,
    P::StyleVersion,
    P::CharacterReference,
    P::CharacterWeight,
    P::OmniReference,
    P::OmniWeight,
    P::Experimental,
    P::Draft,
];

impl PromptProfile {
    /// Easel's own models.
    pub const EASEL: Self = Self {
        name: "easel",
        versions: &[],
        niji: &[],
        qualities: UP_TO_ONE,
        image_weight_max: 3.0,
        style_version_max: 4,
        styles: RAW,
        ratio_limit: None,
        multi_prompts: true,
        absent: &[],
        idle: &[],
    };

    const V3: Self = Self {
        name: "v3",
        versions: &["1", "2", "3"],
        absent: FIFTH,
        ..Self::EASEL
    };

    const V4: Self = Self {
        name: "v4",
        versions: &["4"],
        image_weight_max: 2.0,
        ratio_limit: Some(2),
        absent: FOURTH,
        ..Self::EASEL
    };

    const V5: Self = Self {
        name: "v5",
        versions: &["5", "5.0", "5.1", "5.2"],
        image_weight_max: 2.0,
        absent: SIXTH,
        ..Self::EASEL
    };

    const V6: Self = Self {
        name: "v6",
        versions: &["6", "6.0", "6.1"],
        absent: SEVENTH,
        ..Self::EASEL
    };

    const V7: Self = Self {
        name: "v7",
        versions: &["7", "7.0", "8", "8.0", "8.1"],
        qualities: FROM_ONE,
        style_version_max: 6,
        multi_prompts: false,
        absent: &[P::CharacterReference, P::CharacterWeight],
        ..Self::EASEL
    };

    /// Every profile, Easel's own first.
    pub const ALL: [Self; 10] = [
        Self::EASEL,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V7,
        Self {
            name: "niji4",
            versions: &[],
            niji: &["4"],
            ..Self::V4
        },
        Self {
            name: "niji5",
            versions: &[],
            niji: &["5"],
            styles: &["raw", "cute", "expressive", "original", "scenic"],
            ..Self::V5
        },
        Self {
            name: "niji6",
            versions: &[],
            niji: &["6"],
            ..Self::V6
        },
        Self {
            name: "lcm",
            idle: &[P::No],
            ..Self::EASEL
        },
    ];

    /// The profile of this name, or of the version it begins with: `v6`, `V6.1`, `6`, `niji 5`.
    pub fn named(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(|character| character.is_alphanumeric() || *character == '.')
            .flat_map(char::to_lowercase)
            .collect();
        let known = Self::ALL.into_iter().find(|profile| profile.name == plain);
        known.or_else(|| match plain.strip_prefix("niji") {
            Some("") => Self::of_niji("6"),
            Some(version) => Self::of_niji(version),
            None => Self::of_version(plain.strip_prefix('v').unwrap_or(&plain)),
        })
    }

    /// The profile that `--v` selects.
    pub fn of_version(version: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.versions.contains(&version))
    }

    /// The profile that `--niji` selects.
    pub fn of_niji(version: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.niji.contains(&version))
    }

    /// Whether the parameter exists here.
    pub fn knows(&self, parameter: Parameter) -> bool {
        !self.absent.contains(&parameter)
    }

    /// The form of the parameter's value here.
    pub fn form(&self, parameter: Parameter) -> ValueForm {
        match (parameter, parameter.rule().form) {
            (Parameter::ImageWeight, ValueForm::Decimal { min, .. }) => ValueForm::Decimal {
                min,
                max: self.image_weight_max,
            },
            (Parameter::StyleVersion, ValueForm::Whole { min, .. }) => ValueForm::Whole {
                min,
                max: self.style_version_max,
            },
            (Parameter::Style, ValueForm::Word(_)) => ValueForm::Word(self.styles),
            (_, form) => form,
        }
    }
}

impl Default for PromptProfile {
    fn default() -> Self {
        Self::EASEL
    }
}

/// Every value of `--v`, oldest first.
pub(super) const VERSIONS: &[&str] = &[
    "1", "2", "3", "4", "5", "5.0", "5.1", "5.2", "6", "6.0", "6.1", "7", "7.0", "8", "8.0", "8.1",
];
/// Every value of `--niji`, oldest first.
pub(super) const NIJI: &[&str] = &["4", "5", "6"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_one_profile() {
        let count = |list: fn(&PromptProfile) -> &'static [&'static str]| {
            let all: Vec<_> = PromptProfile::ALL.iter().flat_map(list).collect();
            let unique: std::collections::BTreeSet<_> = all.iter().collect();
            assert_eq!(all.len(), unique.len());
            all.len()
        };
        assert_eq!(count(|profile| profile.versions), VERSIONS.len());
        assert_eq!(count(|profile| profile.niji), NIJI.len());
        assert!(
            VERSIONS
                .iter()
                .all(|v| PromptProfile::of_version(v).is_some())
        );
        assert!(NIJI.iter().all(|v| PromptProfile::of_niji(v).is_some()));
    }

    #[test]
    fn a_profile_is_found_by_the_names_that_people_use() {
        for (name, profile) in [
            ("easel", "easel"),
            ("V6", "v6"),
            ("v6.1", "v6"),
            ("5.2", "v5"),
            ("niji 5", "niji5"),
            ("Niji-6", "niji6"),
            ("niji", "niji6"),
            ("v8.1", "v7"),
            ("LCM", "lcm"),
        ] {
            assert_eq!(PromptProfile::named(name).unwrap().name, profile, "{name}");
        }
        for name in ["v99", "", "niji9", "v", "6.5"] {
            assert_eq!(PromptProfile::named(name), None, "{name}");
        }
    }
}
