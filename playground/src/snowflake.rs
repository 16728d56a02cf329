//! Discord's ids: 64 bits, time in the upper 42, written as decimal strings in JSON.
//!
//! One type serves every kind of id here, unlike in the product: the stand-in speaks a protocol in which an id's kind
//! is decided by where it stands (options, mentions and resolved data mix them freely).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;

/// The first millisecond that a snowflake can express: 2015-01-01T00:00:00Z.
const EPOCH_MS: i128 = 1_420_070_400_000;

/// An id as Discord writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snowflake(pub u64);

impl Snowflake {
    /// The smallest id of the millisecond `at`.
    pub fn first_at(at: OffsetDateTime) -> Self {
        let millis = at.unix_timestamp_nanos() / 1_000_000 - EPOCH_MS;
        Self(u64::try_from(millis).unwrap_or(0) << 22)
    }

    /// The instant at which the id was drawn, in milliseconds.
    pub fn created_at(self) -> OffsetDateTime {
        let millis = i128::from(self.0 >> 22) + EPOCH_MS;
        OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The id that a JSON value holds, as a string or (as some clients send it) a number.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => text.parse().ok(),
            serde_json::Value::Number(number) => number.as_u64().map(Self),
            _ => None,
        }
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&value).ok_or_else(|| serde::de::Error::custom("expected a snowflake"))
    }
}

/// Draws ids that grow with time and never repeat.
#[derive(Debug, Default)]
pub(crate) struct SnowflakeSource {
    last: u64,
}

impl SnowflakeSource {
    pub(crate) fn draw(&mut self, now: OffsetDateTime) -> Snowflake {
        self.last = Snowflake::first_at(now).0.max(self.last + 1);
        Snowflake(self.last)
    }

    /// The youngest id so far.
    pub(crate) fn last_drawn(&self) -> Snowflake {
        Snowflake(self.last)
    }

    /// Never draw `id` or an earlier one again.
    pub(crate) fn skip_past(&mut self, id: Snowflake) {
        self.last = self.last.max(id.0);
    }
}

/// A timestamp as Discord writes it.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.microsecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_stands_still() {
        let mut source = SnowflakeSource::default();
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let (first, second) = (source.draw(now), source.draw(now));
        assert!(first < second);
        assert_eq!(first.created_at(), now);
    }
}
