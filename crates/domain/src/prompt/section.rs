//! The parameters of one prompt: names, repetitions and exclusions.

mod argument;

use super::parameter::{Parameter, ParameterRule, ValueForm, nearest_name, rule_named};
use super::params::{Params, Value};
use super::problem::{Hint, Problem, cut};
use super::profile::PromptProfile;
use super::retired::{counterpart, instead_of};
use super::span::{ErrorCode, ParseError, Span};
use super::token::Word;
use argument::Argument;

/// What the parameters say.
pub(super) struct Section {
    pub(super) params: Params,
    pub(super) negative: Vec<String>,
    /// Where the value of `--repeat` stands.
    pub(super) repeat: Option<Span>,
    /// Where `--relax` stands.
    pub(super) relax: Option<Span>,
}

/// The rules that `words` are read by: those of the version that they name, or else `profile`'s.
pub(super) fn profile_named_in(words: &[Word<'_>], profile: &PromptProfile) -> PromptProfile {
    let named = words.windows(2).find_map(|pair| {
        let (name, _) = pair[0].name?;
        let value = pair[1].name.is_none().then_some(pair[1].text)?;
        match rule_named(name)?.parameter {
            Parameter::Version => PromptProfile::of_version(value),
            Parameter::Niji => PromptProfile::of_niji(value),
            _ => None,
        }
    });
    named.unwrap_or(*profile)
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
                // The table's forms and the fields of `Params` agree; a test sets each parameter.
                let set = section.params.set(rule.parameter, value);
                debug_assert!(set.is_some(), "--{} has no field for its value", rule.name);
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
    let unknown = |problem| ParseError::new(ErrorCode::UnknownParameter, span, problem);
    if name.is_empty() {
        return Err(unknown(Problem::NoName));
    }
    match rule_named(name) {
        Some(rule) if profile.knows(rule.parameter) => Ok(rule),
        Some(rule) => Err(unknown(Problem::NotInVersion {
            parameter: rule.parameter,
            profile: profile.name,
            instead: counterpart(rule.parameter).filter(|other| profile.knows(*other)),
        })
        .parameter(name)),
        None => Err(unknown(Problem::UnknownName {
            name: cut(name),
            hint: hint(name, profile),
        })
        .parameter(name)),
    }
}

fn hint(name: &str, profile: &PromptProfile) -> Hint {
    let allowed = |parameter| profile.knows(parameter);
    if let Some(instead) = instead_of(name, allowed) {
        return instead;
    }
    let letters = name
        .split(|character: char| !character.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    if let Some(rule) = rule_named(letters).filter(|rule| allowed(rule.parameter)) {
        let glued = rule
            .names()
            .find(|known| known.eq_ignore_ascii_case(letters))
            .unwrap_or(rule.name);
        // “--tile.” ends a sentence; a space before the full stop would only move the mistake.
        let holds_value = name[letters.len()..].contains(char::is_alphanumeric);
        return if holds_value {
            Hint::Space(glued)
        } else {
            Hint::Nearest(glued)
        };
    }
    nearest_name(name, allowed).map_or(Hint::None, Hint::Nearest)
}

fn check_company(rule: &ParameterRule, span: Span, seen: &[Parameter]) -> Result<(), ParseError> {
    if seen.contains(&rule.parameter) && rule.form != ValueForm::List {
        let problem = Problem::Twice(rule.parameter);
        return Err(ParseError::new(ErrorCode::Duplicate, span, problem).parameter(rule.name));
    }
    if let Some(other) = seen.iter().find(|other| rule.excludes.contains(other)) {
        let problem = Problem::Exclusive(*other, rule.parameter);
        return Err(ParseError::new(ErrorCode::Conflict, span, problem).parameter(rule.name));
    }
    Ok(())
}
