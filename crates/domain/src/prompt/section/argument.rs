//! The value of one parameter: form and range.

use crate::prompt::number::{decimal, whole};
use crate::prompt::parameter::{ParameterRule, ValueForm};
use crate::prompt::params::Value;
use crate::prompt::problem::{Problem, Wanted, cut};
use crate::prompt::profile::PromptProfile;
use crate::prompt::span::{ErrorCode, ParseError, Span};
use crate::prompt::token::{Word, glued, is_colon, is_comma, separator, words};
use crate::prompt::value::{AspectRatio, Quality, Reference, ReferenceSource, picture_url};
use crate::prompt::weight::collapsed;

/// The largest weight of a reference.
const MAX_REFERENCE_WEIGHT: f64 = 1000.0;

/// A parameter with the words behind it.
pub(super) struct Argument<'a> {
    pub(super) rule: &'static ParameterRule,
    pub(super) name_span: Span,
    pub(super) text: &'a str,
    pub(super) values: &'a [Word<'a>],
    pub(super) profile: &'a PromptProfile,
}

impl Argument<'_> {
    pub(super) fn value(&self) -> Result<Value, ParseError> {
        let form = self.profile.form(self.rule.parameter);
        match form {
            ValueForm::Flag => self.no_text_behind(0).map(|()| Value::Flag),
            ValueForm::List => self.list(),
            ValueForm::Pictures | ValueForm::Styles => self.references(form == ValueForm::Styles),
            _ => {
                let word = *self.values.first().ok_or_else(|| self.missing())?;
                let value = self.single(form, word)?;
                self.no_text_behind(1)?;
                Ok(value)
            }
        }
    }

    fn single(&self, form: ValueForm, word: Word<'_>) -> Result<Value, ParseError> {
        self.read(form, word.text).map_err(|code| {
            let meant = unadorned(form, word.text).filter(|meant| self.read(form, meant).is_ok());
            self.error(code, word, self.wanted(form), meant)
        })
    }

    fn read(&self, form: ValueForm, typed: &str) -> Result<Value, ErrorCode> {
        use ErrorCode::{BadValue, OutOfRange};
        match form {
            ValueForm::Whole { min, max } => {
                let number = whole(typed).ok_or(BadValue)?.fitting();
                number
                    .filter(|number| (min..=max).contains(number))
                    .map(Value::Whole)
                    .ok_or(OutOfRange)
            }
            ValueForm::Decimal { min, max } => {
                let number = decimal(typed).ok_or(BadValue)?;
                // “-0” is 0, and is written as such.
                if (min..=max).contains(&number) {
                    Ok(Value::Decimal(number + 0.0))
                } else {
                    Err(OutOfRange)
                }
            }
            ValueForm::Quality => {
                let number = decimal(typed).ok_or(BadValue)?;
                let same = |quality: &&Quality| (quality.as_number() - number).abs() < 1e-9;
                self.profile
                    .qualities
                    .iter()
                    .find(same)
                    .map(|quality| Value::Quality(*quality))
                    .ok_or(OutOfRange)
            }
            ValueForm::Ratio => {
                let (width, height) = typed.split_once(is_colon).ok_or(BadValue)?;
                let width = whole(width).ok_or(BadValue)?.fitting();
                let height = whole(height).ok_or(BadValue)?.fitting();
                let limit = self.profile.ratio_limit;
                width
                    .zip(height)
                    .and_then(|(width, height)| AspectRatio::new(width, height))
                    .filter(|ratio| limit.is_none_or(|limit| ratio.within(limit)))
                    .map(Value::Ratio)
                    .ok_or(OutOfRange)
            }
            ValueForm::Word(words) => {
                let known = words.iter().find(|known| known.eq_ignore_ascii_case(typed));
                known
                    .map(|known| Value::Word((*known).to_owned()))
                    .ok_or(BadValue)
            }
            ValueForm::Version(versions) => {
                if versions.contains(&typed) {
                    Ok(Value::Word(typed.to_owned()))
                } else if decimal(typed).is_some() {
                    Err(OutOfRange)
                } else {
                    Err(BadValue)
                }
            }
            ValueForm::Flag | ValueForm::List | ValueForm::Pictures | ValueForm::Styles => {
                Err(BadValue)
            }
        }
    }

    fn list(&self) -> Result<Value, ParseError> {
        if let Some(word) = self
            .values
            .iter()
            .find(|word| separator(word.text).is_some())
        {
            return Err(self.error(ErrorCode::BadValue, *word, Wanted::Unweighted, None));
        }
        let span = self.values_span().ok_or_else(|| self.missing())?;
        let items: Vec<String> = span
            .of(self.text)
            .split(is_comma)
            .map(collapsed)
            .filter(|item| !item.is_empty())
            .collect();
        // Behind a parameter a bare “--” is one without a name, wherever it stands.
        let dashes = |word: &Word<'_>| word.name.is_some() || word.text == "--";
        let within = items.iter().find(|item| words(item).iter().any(dashes));
        let within = within.map(|item| (cut(item), span));
        // “dog,--ar 1:1” and “dog--ar 1:1”.
        let behind = || glued(self.values).map(|(at, _)| (cut(at.of(self.text)), at));
        if let Some((typed, span)) = within.or_else(behind) {
            let problem = Problem::GluedToList {
                parameter: self.rule.parameter,
                typed,
            };
            let error = ParseError::new(ErrorCode::BadValue, span, problem);
            return Err(error.parameter(self.rule.name).value(span.of(self.text)));
        }
        if items.is_empty() {
            Err(self.missing())
        } else {
            Ok(Value::List(items))
        }
    }

    fn references(&self, styles: bool) -> Result<Value, ParseError> {
        if self.values.is_empty() {
            return Err(self.missing());
        }
        self.values
            .iter()
            .map(|word| self.reference(*word, styles))
            .collect::<Result<_, _>>()
            .map(Value::References)
    }

    fn reference(&self, word: Word<'_>, styles: bool) -> Result<Reference, ParseError> {
        let (name, weight) = match word.text.rsplit_once("::") {
            Some((name, typed)) => {
                let wanted = Wanted::ReferenceWeight {
                    max: MAX_REFERENCE_WEIGHT,
                };
                let fail = |code| self.error(code, word, wanted, None);
                let weight = decimal(typed).ok_or_else(|| fail(ErrorCode::BadValue))?;
                if weight <= 0.0 || weight > MAX_REFERENCE_WEIGHT {
                    return Err(fail(ErrorCode::OutOfRange));
                }
                (name, weight)
            }
            None => (word.text, 1.0),
        };
        let source = if styles && name.eq_ignore_ascii_case("random") {
            ReferenceSource::Random
        } else if let Some(code) = whole(name).filter(|_| styles) {
            let too_large = || self.error(ErrorCode::OutOfRange, word, Wanted::StyleNumber, None);
            ReferenceSource::Code(code.fitting().ok_or_else(too_large)?)
        } else {
            ReferenceSource::Picture(picture_url(name).map_err(|fault| {
                let problem = Problem::Address {
                    parameter: Some(self.rule.parameter),
                    typed: cut(word.text),
                    fault,
                };
                ParseError::new(ErrorCode::BadUrl, word.span, problem)
                    .parameter(self.rule.name)
                    .value(word.text)
            })?)
        };
        Ok(Reference { source, weight })
    }

    /// What the parameter takes.
    fn wanted(&self, form: ValueForm) -> Wanted {
        match form {
            ValueForm::Whole { min, max } => Wanted::Whole { min, max },
            ValueForm::Decimal { min, max } => Wanted::Decimal { min, max },
            ValueForm::Quality => Wanted::Qualities(self.profile.qualities),
            ValueForm::Ratio => Wanted::Ratio {
                limit: self.profile.ratio_limit,
                profile: self.profile.name,
            },
            ValueForm::Word(words) => Wanted::Words(words),
            ValueForm::Version(versions) => Wanted::Versions(versions),
            ValueForm::Flag => Wanted::Nothing,
            ValueForm::List => Wanted::List,
            ValueForm::Pictures => Wanted::Pictures,
            ValueForm::Styles => Wanted::Styles,
        }
    }

    /// Text between or behind parameters belongs to none of them, and is never dropped.
    fn no_text_behind(&self, values: usize) -> Result<(), ParseError> {
        let Some(word) = self.values.get(values) else {
            return Ok(());
        };
        let problem = Problem::TextBehind {
            parameter: self.rule.parameter,
            takes_value: values > 0,
            typed: cut(word.text),
        };
        let error = ParseError::new(ErrorCode::BadValue, word.span, problem);
        Err(error.parameter(self.rule.name).value(word.text))
    }

    fn values_span(&self) -> Option<Span> {
        let (first, last) = (self.values.first()?, self.values.last()?);
        Some(Span::new(first.span.start, last.span.end))
    }

    fn missing(&self) -> ParseError {
        let problem = Problem::Missing {
            parameter: self.rule.parameter,
            wanted: self.wanted(self.profile.form(self.rule.parameter)),
        };
        ParseError::new(ErrorCode::MissingValue, self.name_span, problem).parameter(self.rule.name)
    }

    fn error(
        &self,
        code: ErrorCode,
        word: Word<'_>,
        wanted: Wanted,
        meant: Option<String>,
    ) -> ParseError {
        let problem = Problem::Unwanted {
            parameter: self.rule.parameter,
            wanted,
            typed: cut(word.text),
            meant,
        };
        ParseError::new(code, word.span, problem)
            .parameter(self.rule.name)
            .value(word.text)
    }
}

/// A value without the quotation marks, brackets and full stops that stick to it, and a shape with a colon in the place of
/// what else people write between its numbers, a version without its letter. Nothing where that is what was typed.
fn unadorned(form: ValueForm, typed: &str) -> Option<String> {
    const LONGEST: usize = 40;
    let sticks = |c: char| !(c.is_alphanumeric() || c == '-' || c == '.');
    let bare = typed.trim_matches(sticks).trim_end_matches(['.', '-']);
    let bare = bare.trim_end_matches(sticks);
    let meant = match form {
        ValueForm::Ratio => bare.replace(['x', 'X', '×', '/', '*', '-'], ":"),
        ValueForm::Version(_) => bare.trim_start_matches(['v', 'V']).to_owned(),
        _ => bare.to_owned(),
    };
    (meant != typed && meant.len() <= LONGEST).then_some(meant)
}
