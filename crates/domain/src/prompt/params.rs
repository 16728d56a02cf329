//! The resolved parameters of one job: every one with its value, typed or default.

use serde::{Deserialize, Serialize};

use super::number::is_one;
use super::parameter::{PARAMETERS, Parameter};
use super::profile::PromptProfile;
use super::value::{AspectRatio, Quality, Reference, Speed, Visibility};

/// Every parameter with its resolved value. Field order and names are those of `easel-bot parse --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Params {
    /// Shape of the picture.
    pub aspect_ratio: AspectRatio,
    /// How different the pictures of a grid are, 0–100.
    pub chaos: u8,
    /// How strongly the model's own taste applies, 0–1000.
    pub stylize: u16,
    /// How unusual the picture is, 0–3000.
    pub weird: u16,
    /// Share of the steps taken.
    pub quality: Quality,
    /// Percent of the way at which drawing ends, 10–100.
    pub stop: u8,
    /// Seed of the grid; `None` to have one drawn.
    pub seed: Option<u32>,
    /// Whether the picture repeats without a seam.
    pub tile: bool,
    /// How much image prompts count beside the text.
    pub image_weight: f64,
    /// How often the job is run; 1 unless asked for.
    pub repeat: u8,
    /// Whether the model's own taste is switched off.
    pub raw: bool,
    /// The named style: `raw`, or one of a version's own.
    pub style: Option<String>,
    /// The lane asked for.
    pub speed: Option<Speed>,
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// Where the style comes from.
    pub style_references: Vec<Reference>,
    /// How strongly the style applies, 0–1000.
    pub style_weight: u16,
    /// Which reading of styles is used.
    pub style_version: u8,
    /// Whose face and clothes are drawn.
    pub character_references: Vec<Reference>,
    /// How much of the character is kept, 0–100; 0 for the face alone.
    pub character_weight: u8,
    /// Which objects are drawn.
    pub omni_references: Vec<Reference>,
    /// How strongly the objects apply, 1–1000.
    pub omni_weight: u16,
    /// The model version asked for.
    pub version: Option<String>,
    /// The niji version asked for.
    pub niji: Option<String>,
    /// Strength of experimental looks, 0–100.
    pub experimental: u8,
    /// Whether a quick draft is enough.
    pub draft: bool,
    /// Whether a film of the drawing is wanted.
    pub video: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            aspect_ratio: AspectRatio::SQUARE,
            chaos: 0,
            stylize: 100,
            weird: 0,
            quality: Quality::FULL,
            stop: 100,
            seed: None,
            tile: false,
            image_weight: 1.0,
            repeat: 1,
            raw: false,
            style: None,
            speed: None,
            visibility: None,
            style_references: Vec::new(),
            style_weight: 100,
            style_version: 4,
            character_references: Vec::new(),
            character_weight: 100,
            omni_references: Vec::new(),
            omni_weight: 100,
            version: None,
            niji: None,
            experimental: 0,
            draft: false,
            video: false,
        }
    }
}

/// The style that every version has.
const RAW: &str = "raw";

/// A value of the right form and in range, not yet assigned.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Flag,
    Whole(u32),
    Decimal(f64),
    Quality(Quality),
    Ratio(AspectRatio),
    Word(String),
    List(Vec<String>),
    References(Vec<Reference>),
}

impl Value {
    /// The whole number. Ranges in the table keep it within the field's type; a test checks that.
    fn whole<T: TryFrom<u32>>(self) -> Option<T> {
        match self {
            Self::Whole(number) => T::try_from(number).ok(),
            _ => None,
        }
    }

    fn word(self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    fn references(self) -> Option<Vec<Reference>> {
        match self {
            Self::References(references) => Some(references),
            _ => None,
        }
    }
}

impl Params {
    /// Assigns a checked value; `None` if it is not of the parameter's form. `--no` is not held here.
    pub(super) fn set(&mut self, parameter: Parameter, value: Value) -> Option<()> {
        match (parameter, value) {
            (Parameter::AspectRatio, Value::Ratio(ratio)) => self.aspect_ratio = ratio,
            (Parameter::Quality, Value::Quality(quality)) => self.quality = quality,
            (Parameter::ImageWeight, Value::Decimal(weight)) => self.image_weight = weight,
            (Parameter::Tile, Value::Flag) => self.tile = true,
            (Parameter::Raw, Value::Flag) => self.set_style(RAW.to_owned()),
            (Parameter::Style, Value::Word(style)) => self.set_style(style),
            (Parameter::Fast, Value::Flag) => self.speed = Some(Speed::Fast),
            (Parameter::Relax, Value::Flag) => self.speed = Some(Speed::Relax),
            (Parameter::Turbo, Value::Flag) => self.speed = Some(Speed::Turbo),
            (Parameter::Stealth, Value::Flag) => self.visibility = Some(Visibility::Stealth),
            (Parameter::Public, Value::Flag) => self.visibility = Some(Visibility::Public),
            (Parameter::Draft, Value::Flag) => self.draft = true,
            (Parameter::Video, Value::Flag) => self.video = true,
            (Parameter::Chaos, value) => self.chaos = value.whole()?,
            (Parameter::Stylize, value) => self.stylize = value.whole()?,
            (Parameter::Weird, value) => self.weird = value.whole()?,
            (Parameter::Stop, value) => self.stop = value.whole()?,
            (Parameter::Seed, value) => self.seed = Some(value.whole()?),
            (Parameter::Repeat, value) => self.repeat = value.whole()?,
            (Parameter::StyleWeight, value) => self.style_weight = value.whole()?,
            (Parameter::StyleVersion, value) => self.style_version = value.whole()?,
            (Parameter::CharacterWeight, value) => self.character_weight = value.whole()?,
            (Parameter::OmniWeight, value) => self.omni_weight = value.whole()?,
            (Parameter::Experimental, value) => self.experimental = value.whole()?,
            (Parameter::Version, value) => self.version = Some(value.word()?),
            (Parameter::Niji, value) => self.niji = Some(value.word()?),
            (Parameter::StyleReference, value) => self.style_references = value.references()?,
            (Parameter::CharacterReference, value) => {
                self.character_references = value.references()?;
            }
            (Parameter::OmniReference, value) => self.omni_references = value.references()?,
            (_, _) => return None,
        }
        Some(())
    }

    /// `--raw` is `--style raw`.
    fn set_style(&mut self, style: String) {
        self.raw = style == RAW;
        self.style = Some(style);
    }

    /// How the parameter's value is typed (empty for a flag), or `None` while it has its default.
    pub(super) fn typed(&self, parameter: Parameter) -> Option<String> {
        let default = Self::default();
        let whole = |now: u32, before: u32| (now != before).then(|| now.to_string());
        let flag = |on: bool| on.then(String::new);
        let list = |references: &[Reference]| {
            let typed: Vec<_> = references.iter().map(Reference::to_string).collect();
            (!typed.is_empty()).then(|| typed.join(" "))
        };
        match parameter {
            Parameter::AspectRatio => {
                (self.aspect_ratio != default.aspect_ratio).then(|| self.aspect_ratio.to_string())
            }
            Parameter::Quality => {
                (self.quality != default.quality).then(|| self.quality.to_string())
            }
            Parameter::ImageWeight => {
                (!is_one(self.image_weight)).then(|| self.image_weight.to_string())
            }
            Parameter::Chaos => whole(self.chaos.into(), default.chaos.into()),
            Parameter::Stylize => whole(self.stylize.into(), default.stylize.into()),
            Parameter::Weird => whole(self.weird.into(), default.weird.into()),
            Parameter::Stop => whole(self.stop.into(), default.stop.into()),
            Parameter::Seed => self.seed.map(|seed| seed.to_string()),
            Parameter::Repeat => whole(self.repeat.into(), default.repeat.into()),
            Parameter::Tile => flag(self.tile),
            Parameter::Raw => flag(self.raw),
            Parameter::Fast => flag(self.speed == Some(Speed::Fast)),
            Parameter::Relax => flag(self.speed == Some(Speed::Relax)),
            Parameter::Turbo => flag(self.speed == Some(Speed::Turbo)),
            Parameter::Stealth => flag(self.visibility == Some(Visibility::Stealth)),
            Parameter::Public => flag(self.visibility == Some(Visibility::Public)),
            Parameter::Draft => flag(self.draft),
            Parameter::Video => flag(self.video),
            Parameter::StyleWeight => whole(self.style_weight.into(), default.style_weight.into()),
            Parameter::StyleVersion => {
                whole(self.style_version.into(), default.style_version.into())
            }
            Parameter::CharacterWeight => whole(
                self.character_weight.into(),
                default.character_weight.into(),
            ),
            Parameter::OmniWeight => whole(self.omni_weight.into(), default.omni_weight.into()),
            Parameter::Experimental => whole(self.experimental.into(), default.experimental.into()),
            Parameter::Version => self.version.clone(),
            Parameter::Niji => self.niji.clone(),
            Parameter::StyleReference => list(&self.style_references),
            Parameter::CharacterReference => list(&self.character_references),
            Parameter::OmniReference => list(&self.omni_references),
            Parameter::Style => self.style.clone().filter(|style| style != RAW),
            // Held beside the parts.
            Parameter::No => None,
        }
    }

    /// Parameters that differ from their defaults and that today's engine does not act on: the user is told.
    pub fn not_honoured(&self) -> Vec<Parameter> {
        PARAMETERS
            .iter()
            .filter(|rule| !rule.honoured && self.typed(rule.parameter).is_some())
            .map(|rule| rule.parameter)
            .collect()
    }

    /// Steps to take where the model takes `full`: `--quality` chooses its share, `--draft` a quarter of that.
    pub fn steps(&self, full: u32) -> u32 {
        let steps = self.quality.steps(full);
        if self.draft {
            steps.div_ceil(4).max(1)
        } else {
            steps
        }
    }

    /// The rules that the prompt was read by: those of the version that it names, or else `model`'s.
    pub fn profile(&self, model: &PromptProfile) -> PromptProfile {
        let version = self.version.as_deref().and_then(PromptProfile::of_version);
        let niji = self.niji.as_deref().and_then(PromptProfile::of_niji);
        version.or(niji).unwrap_or(*model)
    }
}
