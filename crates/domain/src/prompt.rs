//! The prompt language: what people type after `/imagine`.
//!
//! ```text
//! request    = { permutation | piece }                  expanded first; each expansion is read as a prompt
//! permutation= "{" [request] { "," [request] } "}"      alternatives, nested at will, spaces around them dropped
//! piece      = any characters; \{ \} \, \\ stand for { } , \
//!
//! prompt     = { url } text { parameter }               fewer than 6000 characters
//! url        = http or https address of a .png .gif .webp .jpg .jpeg file, at the very beginning
//! text       = part { "::" [weight] part } [ "::" [weight] ]
//! weight     = [ "-" ] ( digits [ "." { digit } ] | "." digits ) [ "," ]   right behind "::"; 1 where there is none
//! parameter  = dash name { value }                      names in any case
//! dash       = "--", or one em dash, en dash, figure dash or horizontal bar as phones type them; wide hyphens count
//! value      = a word; for lists, all words up to the next parameter
//! ```
//!
//! A word is what stands between spaces. A dash begins a parameter only where a word begins and a letter follows, so
//! `neo–noir`, `2–3` and a dash by itself within text are text. [`PARAMETERS`] holds every
//! parameter with its aliases and range, [`PromptProfile`] what a model version changes in them.
//!
//! `--v` and `--niji` choose the rules that the rest of the prompt is read by; without them they are the model's. Marks
//! that nobody sees are dropped at the ends of words, other control characters are refused.
//!
//! Nothing is guessed: whatever does not fit is a [`ParseError`] with a code, a [`Problem`] that can be said in any
//! language, and the bytes meant. With `--no`, which may be given more than once, the lists are joined; any other
//! repetition is an error. Weights are kept as typed; they must add up to more than zero, the words of `--no` not
//! counted. `docs/prompt-language.md` has the same for people who type prompts.

mod misspelt;
mod number;
mod parameter;
mod params;
mod parse;
mod permutation;
pub mod problem;
mod profile;
mod retired;
mod section;
pub mod shorthand;
pub mod size;
mod span;
mod token;
mod value;
mod wanted;
mod weight;
mod words;

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use url::Url;

pub use parameter::{PARAMETERS, Parameter, ParameterRule, ValueForm};
pub use params::Params;
pub use parse::{MAX_CHARACTERS, parse};
pub use problem::Problem;
pub use profile::PromptProfile;
pub use size::{has_shape, picture_size};
pub use span::{ErrorCode, ParseError, Span};
pub use value::{AspectRatio, Quality, Reference, ReferenceSource, Speed, Visibility};

/// Text with its share of the picture.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedText {
    /// Words, single spaces between them; never empty.
    pub text: String,
    /// As typed: finite, and negative for what should be avoided.
    pub weight: f64,
}

/// What one job is to draw.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// At least one, unless two or more pictures stand for them.
    pub parts: Vec<WeightedText>,
    /// The items of `--no`.
    pub negative: Vec<String>,
    /// Image prompts.
    pub images: Vec<Url>,
    /// Every parameter with its value.
    pub params: Params,
}

/// What a text asks for: at least one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// One for each permutation and repetition, in the order of reading.
    pub jobs: Vec<Prompt>,
}

impl Request {
    /// More than one job runs only after its author has seen the count and agreed.
    pub fn needs_confirmation(&self) -> bool {
        self.jobs.len() > 1
    }
}

impl Prompt {
    /// Parameters that were given and change nothing on a model of this profile: the user is told.
    pub fn without_effect(&self, model: &PromptProfile) -> Vec<Parameter> {
        let mut idle = self.params.not_honoured();
        if model.idle.contains(&Parameter::No) && !self.negative.is_empty() {
            idle.push(Parameter::No);
        }
        idle
    }

    /// The same prompt for one job, whatever its `--repeat`: what a button on one of its pictures runs again.
    #[must_use]
    pub fn once(&self) -> Self {
        let mut prompt = self.clone();
        prompt.params.repeat = 1;
        prompt
    }

    /// Equal for prompts that ask for the same picture: aliases, order of parameters, case, spaces and the numbers in
    /// which a shape is given make no difference. For finding repetitions, not for reading back.
    pub fn canonical_text(&self) -> String {
        let mut prompt = self.clone();
        prompt.params.aspect_ratio = prompt.params.aspect_ratio.reduced();
        for part in &mut prompt.parts {
            part.text = part.text.to_lowercase();
        }
        prompt.negative = prompt
            .negative
            .iter()
            .map(|item| item.to_lowercase())
            .collect();
        prompt.negative.sort_unstable();
        prompt.negative.dedup();
        prompt.to_string()
    }
}

/// Writes a text that [`parse()`] reads as this very prompt, in a profile that knows its parameters.
impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for url in &self.images {
            write!(text, "{url} ")?;
        }
        for part in &self.parts {
            if self.parts.len() == 1 && number::is_one(part.weight) {
                write!(text, "{} ", part.text)?;
            } else {
                // A colon at the end of the words must not join those of the separator.
                let space = if part.text.ends_with(':') { " " } else { "" };
                write!(text, "{}{space}::{} ", part.text, part.weight)?;
            }
        }
        for rule in PARAMETERS {
            let value = match rule.parameter {
                Parameter::No => (!self.negative.is_empty()).then(|| self.negative.join(", ")),
                parameter => self.params.typed(parameter),
            };
            match value {
                Some(value) if value.is_empty() => write!(text, "--{} ", rule.name)?,
                Some(value) => write!(text, "--{} {value} ", rule.name)?,
                None => {}
            }
        }
        for character in text.trim_end().chars() {
            if matches!(token::narrow(character), '{' | '}' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}

/// Prompts are never logged, not even by accident.
impl fmt::Debug for WeightedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "WeightedText({} bytes, {})",
            self.text.len(),
            self.weight
        )
    }
}

/// Prompts are never logged, not even by accident.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, items, images) = (self.parts.len(), self.negative.len(), self.images.len());
        write!(
            f,
            "Prompt({parts} parts, {items} negative items, {images} images)"
        )
    }
}

#[cfg(test)]
mod tests;
