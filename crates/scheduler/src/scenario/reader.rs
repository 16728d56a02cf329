//! TOML with the line of each key, so that an error can point at it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::BadInput;

/// Largest amount of anything: as seconds thirty years, so that sums of them stay within what a clock can tell.
pub(super) const MOST: f64 = 1e9;

/// The text that is read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl<'a> Source<'a> {
    pub fn error(&self, at: usize, key: impl Into<String>, message: impl Into<String>) -> BadInput {
        let before = self.text.get(..at).unwrap_or(self.text);
        BadInput {
            file: self.file.into(),
            line: before.matches('\n').count() + 1,
            key: key.into(),
            message: message.into(),
        }
    }

    /// Reads the whole text.
    pub fn document(&self) -> Result<Spanned<DeTable<'a>>, BadInput> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line_start = self.text[..at.min(self.text.len())]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            let line = self.text[line_start..].lines().next().unwrap_or_default();
            let key = line.split(['=', '#']).next().unwrap_or_default().trim();
            self.error(at, key, error.message())
        })
    }
}

/// A table, and which of its keys have been asked for.
pub(super) struct Table<'s, 'a> {
    source: Source<'a>,
    name: String,
    at: usize,
    entries: &'s DeTable<'a>,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'s, 'a> Table<'s, 'a> {
    pub fn new(source: Source<'a>, name: &str, at: usize, entries: &'s DeTable<'a>) -> Self {
        Self {
            source,
            name: name.into(),
            at,
            entries,
            known: RefCell::default(),
        }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.into()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    pub fn get(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'a>>> {
        self.known.borrow_mut().insert(key);
        self.entries
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map(|(_, value)| value)
    }

    /// Where a key is, or where its table begins.
    fn place(&self, key: &str) -> usize {
        self.entries
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map_or(self.at, |(name, _)| name.span().start)
    }

    pub fn error(&self, key: &str, message: impl Into<String>) -> BadInput {
        self.source
            .error(self.place(key), self.path(key), message.into())
    }

    pub fn missing(&self, key: &'static str) -> BadInput {
        self.error(key, "is missing")
    }

    pub fn text(&self, key: &'static str) -> Result<Option<&'s str>, BadInput> {
        match self.get(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text.as_ref())),
            Some(_) => Err(self.error(key, "must be text in quotes")),
        }
    }

    pub fn flag(&self, key: &'static str) -> Result<Option<bool>, BadInput> {
        match self.get(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.error(key, "must be true or false")),
        }
    }

    pub fn number(&self, key: &'static str) -> Result<Option<f64>, BadInput> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = as_number(value.get_ref());
        number
            .map(Some)
            .ok_or_else(|| self.error(key, "must be a number"))
    }

    fn bounded(&self, key: &'static str) -> Result<Option<f64>, BadInput> {
        match self.number(key)? {
            Some(number) if number > MOST => {
                Err(self.error(key, format!("is {number}: use {MOST} at most")))
            }
            other => Ok(other),
        }
    }

    /// A number that is 0 or more.
    pub fn amount(&self, key: &'static str) -> Result<Option<f64>, BadInput> {
        match self.bounded(key)? {
            Some(number) if number < 0.0 => Err(self.error(
                key,
                format!("is {number}: it cannot be negative, use 0 or more"),
            )),
            other => Ok(other),
        }
    }

    /// A number above 0.
    pub fn positive(&self, key: &'static str) -> Result<Option<f64>, BadInput> {
        match self.bounded(key)? {
            Some(number) if number <= 0.0 => {
                Err(self.error(key, format!("is {number}: it must be above 0")))
            }
            other => Ok(other),
        }
    }

    /// A whole number from `least` to about four billion.
    pub fn whole(&self, key: &'static str, least: u32) -> Result<Option<u32>, BadInput> {
        match self.number(key)? {
            None => Ok(None),
            Some(number)
                if number.fract() == 0.0
                    && (f64::from(least)..=f64::from(u32::MAX)).contains(&number) =>
            {
                Ok(Some(number as u32))
            }
            Some(number) => Err(self.error(
                key,
                format!("is {number}: it must be a whole number of {least} or more"),
            )),
        }
    }

    /// The numbers of a list.
    pub fn numbers(&self, key: &'static str) -> Result<Option<Vec<f64>>, BadInput> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let DeValue::Array(list) = value.get_ref() else {
            return Err(self.error(key, "must be a list of numbers"));
        };
        list.iter()
            .map(|value| {
                as_number(value.get_ref()).ok_or_else(|| {
                    self.source.error(
                        value.span().start,
                        self.path(key),
                        "must be a list of numbers",
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Numbers by name, each with the place of its name and an error that points at it.
    pub fn map(&self, key: &'static str) -> Result<Vec<(&'s str, usize, f64)>, BadInput> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Table(entries) = value.get_ref() else {
            return Err(self.error(key, "must be a table, such as { name = 1.5 }"));
        };
        entries
            .iter()
            .map(|(name, value)| {
                let at = name.span().start;
                let number = as_number(value.get_ref())
                    .filter(|number| *number <= MOST)
                    .ok_or_else(|| {
                        let message = format!("must be a number of {MOST} at most");
                        self.error_at(at, key, name.get_ref(), message)
                    })?;
                Ok((name.get_ref().as_ref(), at, number))
            })
            .collect()
    }

    pub fn error_at(
        &self,
        at: usize,
        key: &str,
        inner: &str,
        message: impl Into<String>,
    ) -> BadInput {
        let key = format!("{}.{inner}", self.path(key));
        self.source.error(at, key, message)
    }

    /// The tables of a list of tables.
    pub fn tables(&self, key: &'static str) -> Result<Vec<Table<'s, 'a>>, BadInput> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let wrong = || self.error(key, format!("must be a list of tables: write [[{key}]]"));
        let DeValue::Array(list) = value.get_ref() else {
            return Err(wrong());
        };
        list.iter()
            .map(|value| match value.get_ref() {
                DeValue::Table(entries) => {
                    Ok(Table::new(self.source, key, value.span().start, entries))
                }
                _ => Err(wrong()),
            })
            .collect()
    }

    /// Refuses keys that nobody asked for.
    pub fn finish(&self) -> Result<(), BadInput> {
        let known = self.known.borrow();
        let unknown = self
            .entries
            .keys()
            .filter(|name| !known.contains(name.get_ref().as_ref()))
            .min_by_key(|name| name.span().start);
        match unknown {
            None => Ok(()),
            Some(name) => {
                let names: Vec<&str> = known.iter().copied().collect();
                Err(self.source.error(
                    name.span().start,
                    self.path(name.get_ref()),
                    format!("is not known here; known are {}", names.join(", ")),
                ))
            }
        }
    }
}

/// A real number; infinities and NaN are none.
fn as_number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64
        }
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}
