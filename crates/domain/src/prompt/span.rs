//! Places in a prompt, and the one error that names them.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::problem::Problem;

/// Bytes `start..end` of the text that the user typed; both lie on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The whole of `text`.
    pub fn whole(text: &str) -> Self {
        Self::new(0, text.len())
    }

    /// The text at this place; empty if the span belongs to another text.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// What kind of mistake it is. Programs branch on this; people read the sentence of [`ParseError::problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No parameter has this name in this profile.
    UnknownParameter,
    /// The parameter needs a value and has none.
    MissingValue,
    /// The value is not of the right form.
    BadValue,
    /// The value has the right form and is too small, too large or not among those allowed.
    OutOfRange,
    /// The parameter was given twice.
    Duplicate,
    /// Nothing to draw.
    EmptyPrompt,
    /// The weights of all parts add up to zero or less.
    WeightsNotPositive,
    /// `{` without `}`, or `}` without `{`.
    UnclosedBrace,
    /// Permutations and repeats make more jobs than allowed.
    TooManyJobs,
    /// An address that cannot be a picture, or stands in the wrong place.
    BadUrl,
    /// Two things that exclude each other.
    Conflict,
}

/// Why a prompt cannot be used, and where in it.
#[derive(Clone, PartialEq, Error)]
#[error("{problem}")]
pub struct ParseError {
    /// The kind of mistake.
    pub code: ErrorCode,
    /// The parameter meant: its main name, or the name as typed when there is none such.
    pub parameter: Option<String>,
    /// The value as typed.
    pub value: Option<String>,
    /// What is wrong, for a sentence in any language.
    pub problem: Box<Problem>,
    /// Where.
    pub span: Span,
}

impl ParseError {
    pub(super) fn new(code: ErrorCode, span: Span, problem: Problem) -> Self {
        Self {
            code,
            parameter: None,
            value: None,
            problem: Box::new(problem),
            span,
        }
    }

    pub(super) fn parameter(mut self, name: impl Into<String>) -> Self {
        self.parameter = Some(name.into());
        self
    }

    pub(super) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }
}

/// With its sentence as `message` and its place as `start` and `end`.
impl Serialize for ParseError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ParseError", 6)?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("parameter", &self.parameter)?;
        fields.serialize_field("value", &self.value)?;
        fields.serialize_field("message", &self.problem.to_string())?;
        fields.serialize_field("start", &self.span.start)?;
        fields.serialize_field("end", &self.span.end)?;
        fields.end()
    }
}

/// Leaves out the problem and the value, which quote the prompt: prompts are never logged.
impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseError")
            .field("code", &self.code)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}
