//! The parameters of one prompt: names, values, ranges, repetitions and exclusions.

use super::number::{decimal, whole};
use super::parameter::{Parameter, ParameterRule, ValueForm, nearest_name, rule_named};
use super::params::{Params, Value};
use super::profile::PromptProfile;
use super::span::{ErrorCode, ParseError, Span, quoted};
use super::token::{Word, words};
use super::value::{AspectRatio, Quality, Reference, ReferenceSource, picture_url};

/// What the parameters say.
pub(super) struct Section {
    pub(super) params: Params,
    pub(super) negative: Vec<String>,
    /// Where the value of `--repeat` stands.
    pub(super) repeat: Option<Span>,
    /// Where `--relax` stands.
    pub(super) relax: Option<Span>,
}

/// Reads `words`, the first of which names a parameter. Spans are places in `text`.
pub(super) fn read(
    text: &str,
    words: &[Word<'_>],
    profile: &PromptProfile,
) -> Result<Section, ParseError> {
    let mut section = Section {
        params: Params::default(),
        negative: Vec::new(),
        repeat: None,
        relax: None,
    };
    let mut seen: Vec<Parameter> = Vec::new();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let values = after.iter().take_while(|word| word.name.is_none()).count();
        let (values, next) = after.split_at(values);
        rest = next;
        // Every word up to the next name was taken, so this one has a name.
        let Some((name, name_span)) = word.name else {
            continue;
        };
        let rule = known(name, name_span, profile)?;
        check_company(rule, name_span, &seen)?;
        seen.push(rule.parameter);
        let argument = Argument {
            rule,
            name_span,
            text,
            values,
            profile,
        };
        match argument.value()? {
            Value::List(items) => section.negative.extend(items),
            value => {
                section
                    .params
                    .set(rule.parameter, value)
                    .ok_or_else(|| argument.bad("cannot be used here"))?;
            }
        }
        match rule.parameter {
            Parameter::Repeat => section.repeat = values.first().map(|word| word.span),
            Parameter::Relax => section.relax = Some(name_span),
            _ => {}
        }
    }
    Ok(section)
}

fn known(
    name: &str,
    span: Span,
    profile: &PromptProfile,
) -> Result<&'static ParameterRule, ParseError> {
    let unknown = |message: String| {
        ParseError::new(ErrorCode::UnknownParameter, span, message).parameter(name)
    };
    match rule_named(name) {
        Some(rule) if profile.knows(rule.parameter) => Ok(rule),
        Some(rule) => Err(unknown(format!(
            "--{} does not exist in {}",
            rule.name, profile.name
        ))),
        None => {
            let letters = name
                .split(|character: char| !character.is_ascii_alphabetic())
                .next()
                .unwrap_or_default();
            let glued = rule_named(letters).filter(|rule| profile.knows(rule.parameter));
            let nearest = nearest_name(name, |parameter| profile.knows(parameter));
            let hint = match (glued, nearest) {
                (Some(_), _) => format!("; put a space after --{letters}"),
                (None, Some(nearest)) => format!("; did you mean --{nearest}?"),
                (None, None) => String::new(),
            };
            Err(unknown(format!(
                "there is no parameter {}{hint}",
                quoted(&format!("--{name}"))
            )))
        }
    }
}

fn check_company(rule: &ParameterRule, span: Span, seen: &[Parameter]) -> Result<(), ParseError> {
    if seen.contains(&rule.parameter) && rule.form != ValueForm::List {
        let message = format!("--{} is given twice", rule.name);
        return Err(ParseError::new(ErrorCode::Duplicate, span, message).parameter(rule.name));
    }
    if let Some(other) = seen.iter().find(|other| rule.excludes.contains(other)) {
        let message = format!(
            "--{} and --{} exclude each other",
            other.rule().name,
            rule.name
        );
        return Err(ParseError::new(ErrorCode::Conflict, span, message).parameter(rule.name));
    }
    Ok(())
}

/// A parameter with the words behind it.
struct Argument<'a> {
    rule: &'static ParameterRule,
    name_span: Span,
    text: &'a str,
    values: &'a [Word<'a>],
    profile: &'a PromptProfile,
}

impl Argument<'_> {
    fn value(&self) -> Result<Value, ParseError> {
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
        let bad = || self.error(ErrorCode::BadValue, word, &self.expectation(form));
        let out = || self.error(ErrorCode::OutOfRange, word, &self.expectation(form));
        match form {
            ValueForm::Whole { min, max } => {
                let number = whole(word.text).ok_or_else(bad)?.fitting();
                number
                    .filter(|number| (min..=max).contains(number))
                    .map(Value::Whole)
                    .ok_or_else(out)
            }
            ValueForm::Decimal { min, max } => {
                let number = decimal(word.text).ok_or_else(bad)?;
                // “-0” is 0, and is written as such.
                if (min..=max).contains(&number) {
                    Ok(Value::Decimal(number + 0.0))
                } else {
                    Err(out())
                }
            }
            ValueForm::Quality => {
                let number = decimal(word.text).ok_or_else(bad)?;
                let same = |quality: &&Quality| (quality.as_number() - number).abs() < 1e-9;
                self.profile
                    .qualities
                    .iter()
                    .find(same)
                    .map(|quality| Value::Quality(*quality))
                    .ok_or_else(out)
            }
            ValueForm::Ratio => {
                let (width, height) = word.text.split_once(':').ok_or_else(bad)?;
                let width = whole(width).ok_or_else(bad)?;
                let height = whole(height).ok_or_else(bad)?;
                let sides = width.fitting().zip(height.fitting());
                let ratio = sides
                    .and_then(|(width, height)| AspectRatio::new(width, height))
                    .ok_or_else(out)?;
                let fits = self
                    .profile
                    .ratio_limit
                    .is_none_or(|limit| ratio.within(limit));
                if fits {
                    Ok(Value::Ratio(ratio))
                } else {
                    Err(out())
                }
            }
            ValueForm::Word(words) => {
                let known = words
                    .iter()
                    .find(|known| known.eq_ignore_ascii_case(word.text));
                known
                    .map(|known| Value::Word((*known).to_owned()))
                    .ok_or_else(bad)
            }
            ValueForm::Version => {
                let digits = word
                    .text
                    .chars()
                    .all(|character| character.is_ascii_digit() || character == '.');
                let number = decimal(word.text).filter(|_| digits).ok_or_else(bad)?;
                if (1.0..100.0).contains(&number) {
                    Ok(Value::Word(word.text.to_owned()))
                } else {
                    Err(out())
                }
            }
            ValueForm::Flag | ValueForm::List | ValueForm::Pictures | ValueForm::Styles => {
                Err(bad())
            }
        }
    }

    fn list(&self) -> Result<Value, ParseError> {
        if let Some(word) = self.values.iter().find(|word| word.text.contains("::")) {
            return Err(self.error(
                ErrorCode::BadValue,
                *word,
                "takes words without weights, separated by commas",
            ));
        }
        let span = self.values_span().ok_or_else(|| self.missing())?;
        let items: Vec<String> = span
            .of(self.text)
            .split(',')
            .map(super::weight::collapsed)
            .filter(|item| !item.is_empty())
            .collect();
        if let Some(item) = items
            .iter()
            .find(|item| words(item).iter().any(|word| word.name.is_some()))
        {
            let message = format!(
                "--{} {}; put a space before {}",
                self.rule.name,
                self.expectation(ValueForm::List),
                quoted(item)
            );
            let error =
                ParseError::new(ErrorCode::BadValue, span, message).parameter(self.rule.name);
            return Err(error.value(span.of(self.text)));
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
            Some((name, weight)) => {
                let weight = decimal(weight).filter(|weight| *weight > 0.0 && *weight <= 1000.0);
                let problem = "takes weights above 0 and up to 1000 behind “::”";
                (
                    name,
                    weight.ok_or_else(|| self.error(ErrorCode::BadValue, word, problem))?,
                )
            }
            None => (word.text, 1.0),
        };
        let source = if styles && name.eq_ignore_ascii_case("random") {
            ReferenceSource::Random
        } else if let Some(code) = whole(name).filter(|_| styles) {
            let problem = format!("takes style numbers from 0 to {}", u32::MAX);
            ReferenceSource::Code(
                code.fitting()
                    .ok_or_else(|| self.error(ErrorCode::OutOfRange, word, &problem))?,
            )
        } else {
            let url = picture_url(name);
            ReferenceSource::Picture(url.map_err(|problem| {
                let also = if styles {
                    ", a style number or “random”"
                } else {
                    ""
                };
                let problem = format!("takes picture addresses{also}; an address {problem}");
                self.error(ErrorCode::BadUrl, word, &problem)
            })?)
        };
        Ok(Reference { source, weight })
    }

    /// What the parameter takes, as the middle of a sentence.
    fn expectation(&self, form: ValueForm) -> String {
        match form {
            ValueForm::Whole { min, max } => format!("takes a whole number from {min} to {max}"),
            ValueForm::Decimal { min, max } => format!("takes a number from {min} to {max}"),
            ValueForm::Quality => {
                let allowed: Vec<_> = self
                    .profile
                    .qualities
                    .iter()
                    .map(Quality::to_string)
                    .collect();
                format!("takes one of {}", allowed.join(", "))
            }
            ValueForm::Ratio => {
                let numbers = "takes two whole numbers such as 16:9";
                match self.profile.ratio_limit {
                    Some(limit) => format!(
                        "{numbers}, from 1:{limit} to {limit}:1 in {}",
                        self.profile.name
                    ),
                    None => format!("{numbers}, each from 1 to {}", AspectRatio::MAX),
                }
            }
            ValueForm::Word(words) => format!("takes {}", words.join(" or ")),
            ValueForm::Version => "takes a version such as 6 or 6.1".to_owned(),
            ValueForm::Flag => "takes no value".to_owned(),
            ValueForm::List => "takes words, separated by commas".to_owned(),
            ValueForm::Pictures => "takes picture addresses".to_owned(),
            ValueForm::Styles => "takes picture addresses, style numbers or “random”".to_owned(),
        }
    }

    /// Text between or behind parameters belongs to none of them, and is never dropped.
    fn no_text_behind(&self, values: usize) -> Result<(), ParseError> {
        let Some(word) = self.values.get(values) else {
            return Ok(());
        };
        let problem = match values {
            0 => "takes no value, and text stands before all parameters",
            _ => "takes one value, and text stands before all parameters",
        };
        Err(self.error(ErrorCode::BadValue, *word, problem))
    }

    fn values_span(&self) -> Option<Span> {
        let (first, last) = (self.values.first()?, self.values.last()?);
        Some(Span::new(first.span.start, last.span.end))
    }

    fn missing(&self) -> ParseError {
        let message = format!(
            "--{} {}",
            self.rule.name,
            self.expectation(self.profile.form(self.rule.parameter))
        );
        ParseError::new(ErrorCode::MissingValue, self.name_span, message).parameter(self.rule.name)
    }

    fn bad(&self, problem: &str) -> ParseError {
        let message = format!("--{} {problem}", self.rule.name);
        ParseError::new(ErrorCode::BadValue, self.name_span, message).parameter(self.rule.name)
    }

    fn error(&self, code: ErrorCode, word: Word<'_>, problem: &str) -> ParseError {
        let message = format!("--{} {problem}, not {}", self.rule.name, quoted(word.text));
        ParseError::new(code, word.span, message)
            .parameter(self.rule.name)
            .value(word.text)
    }
}
