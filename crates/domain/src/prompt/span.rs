//! Places in a prompt, and the one error that names them.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

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

/// What kind of mistake it is. Programs branch on this; people read [`ParseError::message`].
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
#[derive(Clone, PartialEq, Eq, Error, Serialize)]
#[error("{message}")]
pub struct ParseError {
    /// The kind of mistake.
    pub code: ErrorCode,
    /// The parameter meant: its main name, or the name as typed when there is none such.
    pub parameter: Option<String>,
    /// The value as typed.
    pub value: Option<String>,
    /// One sentence for the user.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub span: Span,
}

impl ParseError {
    pub(super) fn new(code: ErrorCode, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            parameter: None,
            value: None,
            message: message.into(),
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

/// Leaves out the message and the value, which quote the prompt: prompts are never logged.
impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseError")
            .field("code", &self.code)
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// `text` in quotation marks, cut to a length that fits a sentence.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("“{shown}”")
}
