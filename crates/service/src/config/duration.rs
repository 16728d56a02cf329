//! Durations as people write them: `250ms`, `5s`, `2m`, `1h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// Reads a duration with its unit.
///
/// # Errors
/// Text without a whole number followed by `ms`, `s`, `m` or `h`, or too large for a [`Duration`].
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let refuse = || {
        format!(
            "`{text}` is no duration: write a whole number with a unit, such as 250ms, 5s, 2m or 1h"
        )
    };
    let number: u64 = number.parse().map_err(|_| refuse())?;
    let millis_each = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(refuse()),
    };
    number
        .checked_mul(millis_each)
        .map(Duration::from_millis)
        .ok_or_else(refuse)
}

/// For `#[serde(with = "easel_service::config::duration")]`.
///
/// # Errors
/// As [`parse`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(parse("1h"), Ok(Duration::from_hours(1)));
        for bad in [
            "",
            "5",
            "s",
            "5 parsecs",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "9999999999999999h",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
