//! What the parameters take, as sentences say it.

use std::fmt;

use super::value::Quality;

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "min and max are the bounds, both included")]
pub enum Wanted {
    /// A whole number.
    Whole { min: u32, max: u32 },
    /// A number, fractions allowed.
    Decimal { min: f64, max: f64 },
    /// One of these.
    Qualities(&'static [Quality]),
    /// `16:9`; with the largest ratio of the sides where a version has one.
    Ratio {
        limit: Option<u32>,
        profile: &'static str,
    },
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these versions.
    Versions(&'static [&'static str]),
    /// Words with commas between.
    List,
    /// Words with commas between, and no weights.
    Unweighted,
    /// Addresses of pictures.
    Pictures,
    /// Addresses of pictures, style numbers or `random`.
    Styles,
    /// A style number: any that fits 32 bits.
    StyleNumber,
    /// A weight behind a reference's `::`.
    ReferenceWeight { max: f64 },
    /// Nothing.
    Nothing,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { min, max } => write!(f, "takes a whole number from {min} to {max}"),
            Self::Decimal { min, max } => write!(f, "takes a number from {min} to {max}"),
            Self::Qualities(allowed) => write!(f, "takes one of {}", listed(allowed)),
            Self::Ratio {
                limit: Some(limit),
                profile,
            } => write!(
                f,
                "takes two whole numbers such as 16:9, from 1:{limit} to {limit}:1 in {profile}"
            ),
            Self::Ratio { limit: None, .. } => {
                f.write_str("takes two whole numbers above 0, such as 16:9")
            }
            Self::Words(words) => write!(f, "takes {}", words.join(" or ")),
            Self::Versions(versions) => {
                write!(
                    f,
                    "takes one of the versions {}",
                    listed(&shortest(versions))
                )
            }
            Self::List => f.write_str("takes words, separated by commas"),
            Self::Unweighted => f.write_str("takes words without weights, separated by commas"),
            Self::Pictures => f.write_str("takes picture addresses"),
            Self::Styles => f.write_str("takes picture addresses, style numbers or “random”"),
            Self::StyleNumber => write!(f, "takes style numbers from 0 to {}", u32::MAX),
            Self::ReferenceWeight { max } => {
                write!(f, "takes weights above 0 and up to {max} behind “::”")
            }
            Self::Nothing => f.write_str("takes no value"),
        }
    }
}

/// Versions as they are called: 6 and not 6.0, which is the same one.
pub fn shortest(versions: &[&'static str]) -> Vec<&'static str> {
    let called = |version: &&&str| !version.ends_with(".0");
    versions.iter().filter(called).copied().collect()
}

/// Items with commas between.
pub fn listed(items: &[impl fmt::Display]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}
