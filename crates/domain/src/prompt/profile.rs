//! What a model version makes of the parameters. Models name a profile; the table of parameters is shared.

use super::parameter::{Parameter, ValueForm};
use super::value::Quality;

/// Deviations of one model version from the table of parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PromptProfile {
    /// Its name: `easel`, `v6` and so on.
    pub name: &'static str,
    /// The qualities it takes, ascending.
    pub qualities: &'static [Quality],
    /// The largest `--iw`.
    pub image_weight_max: f64,
    /// The largest `--sv`.
    pub style_version_max: u32,
    /// The long side may be at most this many times the short one; `None` for any shape.
    pub ratio_limit: Option<u32>,
    /// Whether `a::2 b` is a prompt of two parts.
    pub multi_prompts: bool,
    /// Parameters that it does not know.
    pub absent: &'static [Parameter],
}

const UP_TO_ONE: &[Quality] = &[Quality(25), Quality(50), Quality(100)];
const FROM_ONE: &[Quality] = &[Quality(100), Quality(200), Quality(400)];

impl PromptProfile {
    /// Easel's own models.
    pub const EASEL: Self = Self {
        name: "easel",
        qualities: UP_TO_ONE,
        image_weight_max: 3.0,
        style_version_max: 4,
        ratio_limit: None,
        multi_prompts: true,
        absent: &[Parameter::OmniReference, Parameter::OmniWeight],
    };

    /// Every profile, Easel's own first.
    pub const ALL: [Self; 5] = [
        Self::EASEL,
        Self {
            name: "v4",
            image_weight_max: 2.0,
            ratio_limit: Some(2),
            absent: &[
                Parameter::Tile,
                Parameter::Weird,
                Parameter::StyleReference,
                Parameter::StyleWeight,
                Parameter::StyleVersion,
                Parameter::CharacterReference,
                Parameter::CharacterWeight,
                Parameter::OmniReference,
                Parameter::OmniWeight,
                Parameter::Experimental,
                Parameter::Draft,
            ],
            ..Self::EASEL
        },
        Self {
            name: "v5",
            image_weight_max: 2.0,
            absent: &[
                Parameter::StyleReference,
                Parameter::StyleWeight,
                Parameter::StyleVersion,
                Parameter::CharacterReference,
                Parameter::CharacterWeight,
                Parameter::OmniReference,
                Parameter::OmniWeight,
                Parameter::Experimental,
                Parameter::Draft,
            ],
            ..Self::EASEL
        },
        Self {
            name: "v6",
            absent: &[
                Parameter::OmniReference,
                Parameter::OmniWeight,
                Parameter::Experimental,
                Parameter::Draft,
            ],
            ..Self::EASEL
        },
        Self {
            name: "v7",
            qualities: FROM_ONE,
            style_version_max: 6,
            multi_prompts: false,
            absent: &[Parameter::CharacterReference, Parameter::CharacterWeight],
            ..Self::EASEL
        },
    ];

    /// The profile of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name.eq_ignore_ascii_case(name))
    }

    /// Whether the parameter exists here.
    pub fn knows(&self, parameter: Parameter) -> bool {
        !self.absent.contains(&parameter)
    }

    /// The form of the parameter's value here.
    pub(super) fn form(&self, parameter: Parameter) -> ValueForm {
        match (parameter, parameter.rule().form) {
            (Parameter::ImageWeight, ValueForm::Decimal { min, .. }) => ValueForm::Decimal {
                min,
                max: self.image_weight_max,
            },
            (Parameter::StyleVersion, ValueForm::Whole { min, .. }) => ValueForm::Whole {
                min,
                max: self.style_version_max,
            },
            (_, form) => form,
        }
    }
}

impl Default for PromptProfile {
    fn default() -> Self {
        Self::EASEL
    }
}
