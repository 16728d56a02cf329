//! What can be wrong with a prompt, as data: programs and translations go by this, [`Display`](fmt::Display) says it
//! in English.

use std::fmt;

use super::parameter::Parameter;
pub use super::retired::Offer;
pub use super::wanted::{Wanted, listed, shortest};

/// What is wrong, with everything that a sentence about it needs. Text that was typed is cut to a quotable length.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "each field is explained by its variant and its name"
)]
pub enum Problem {
    /// More characters than a prompt may have.
    TooLong { characters: usize, most: usize },
    /// A control character, which no keyboard types and no database keeps.
    ControlCharacter(char),
    /// Braces in braces in braces.
    TooDeep { most: usize },
    /// `{` without `}`, or `}` without `{`.
    Unpaired { brace: char },
    /// Permutations and repeats together; `None` stands for more than can be counted.
    TooManyJobs { jobs: Option<u64>, most: u64 },
    /// The plan runs one job at a time.
    OneJobOnly,
    /// `--relax` beside permutations.
    RelaxedPermutations,
    /// Nothing to draw.
    Empty,
    /// One picture and no words.
    OnePictureAlone,
    /// No parameter of this name.
    UnknownName { name: String, hint: Hint },
    /// Dashes without a name.
    NoName,
    /// The parameter exists, but not in this version.
    NotInVersion {
        parameter: Parameter,
        profile: &'static str,
        instead: Option<Parameter>,
    },
    /// The same parameter again.
    Twice(Parameter),
    /// Two parameters that exclude each other, in the order in which they were typed.
    Exclusive(Parameter, Parameter),
    /// A value is missing.
    Missing {
        parameter: Parameter,
        wanted: Wanted,
    },
    /// A value of the wrong form or out of range; with a right one that looks like it, if there is one.
    Unwanted {
        parameter: Parameter,
        wanted: Wanted,
        typed: String,
        meant: Option<String>,
    },
    /// Text behind a parameter that takes none, or no more.
    TextBehind {
        parameter: Parameter,
        takes_value: bool,
        typed: String,
    },
    /// A parameter inside the list of another, without the space that would set it apart.
    GluedToList { parameter: Parameter, typed: String },
    /// An address that cannot be a picture's; with the parameter that it belongs to, if any.
    Address {
        parameter: Option<Parameter>,
        typed: String,
        fault: AddressFault,
    },
    /// An address behind text.
    LateAddress(String),
    /// `::` in a version without parts.
    NoParts { profile: &'static str },
    /// `::` without text before it.
    PartWithoutText,
    /// Something like a number behind `::` that is none.
    WeightForm(String),
    /// A weight beyond the largest, either way.
    WeightRange { typed: String, most: f64 },
    /// A parameter glued to `::`.
    GluedToPart(String),
    /// A parameter with one hyphen, or with a space behind its dashes: as typed, and its name.
    Misspelt { typed: String, name: String },
    /// The weights add up to nothing.
    WeightSum,
    /// Among parameters that a member wants to keep, something that is none.
    NoParameter(String),
    /// A parameter that can only be typed.
    NotKept(Parameter),
    /// More characters than can be kept for a member.
    TooMuchKept { characters: usize, most: usize },
}

/// What the author of an unknown name probably meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// A known name with its value glued to it.
    Space(&'static str),
    /// A name that looks like it.
    Nearest(&'static str),
    /// A parameter that does what this one did in other versions of MidJourney.
    Instead(&'static str),
    /// Something else that does its work.
    Offer(Offer),
    /// No idea.
    None,
}

/// What is wrong with a picture's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFault {
    /// It is none.
    Invalid,
    /// Neither http nor https.
    Scheme,
    /// It holds a user name or a password, or no host.
    Credentials,
    /// The path does not end like a picture's.
    Suffix,
}

impl fmt::Display for Problem {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { characters, most } => {
                write!(
                    f,
                    "a prompt has at most {most} characters, this one has {characters}"
                )
            }
            Self::ControlCharacter(character) => write!(
                f,
                "the prompt holds the control character U+{:04X}, which cannot be drawn; remove it",
                u32::from(*character)
            ),
            Self::TooDeep { most } => write!(f, "braces may nest {most} deep, not deeper"),
            Self::Unpaired { brace } => write!(
                f,
                "“{brace}” has no “{}”; write “\\{brace}” for the character itself",
                partner(*brace)
            ),
            Self::TooManyJobs {
                jobs: Some(jobs),
                most,
            } => {
                write!(
                    f,
                    "this makes at least {jobs} jobs; your plan allows {most} for one prompt"
                )
            }
            Self::TooManyJobs { jobs: None, most } => {
                write!(
                    f,
                    "this makes far too many jobs; your plan allows {most} for one prompt"
                )
            }
            Self::OneJobOnly => f.write_str(
                "your plan runs one job for one prompt: no permutations and no --repeat",
            ),
            Self::RelaxedPermutations => {
                f.write_str("--relax runs one job at a time, without permutations")
            }
            Self::Empty => f.write_str("describe what the picture should show"),
            Self::OnePictureAlone => {
                f.write_str("one picture needs text beside it, or a second picture")
            }
            Self::UnknownName { name, hint } => write!(f, "there is no parameter “--{name}”{hint}"),
            Self::NoName => f.write_str("“--” names no parameter; write its name right behind it"),
            Self::NotInVersion {
                parameter,
                profile,
                instead,
            } => {
                write!(f, "--{parameter} does not exist in {profile}")?;
                instead.map_or(Ok(()), |other| write!(f, "; use --{other} there"))
            }
            Self::Twice(parameter) => write!(f, "--{parameter} is given twice"),
            Self::Exclusive(first, second) => {
                write!(f, "--{first} and --{second} exclude each other")
            }
            Self::Missing { parameter, wanted } => write!(f, "--{parameter} {wanted}"),
            Self::Unwanted {
                parameter,
                wanted,
                typed,
                meant,
            } => {
                write!(f, "--{parameter} {wanted}, not “{typed}”")?;
                let Some(meant) = meant else { return Ok(()) };
                write!(f, "; write “{meant}”")
            }
            Self::TextBehind {
                parameter,
                takes_value,
                typed,
            } => {
                let takes = if *takes_value { "one" } else { "no" };
                write!(
                    f,
                    "--{parameter} takes {takes} value, and text stands before all parameters, not behind like “{typed}”"
                )
            }
            Self::GluedToList { parameter, typed } => write!(
                f,
                "--{parameter} {}; put a space before “{typed}”",
                Wanted::List
            ),
            Self::Address {
                parameter: None,
                typed,
                fault,
            } => {
                write!(f, "the picture address “{typed}” {fault}")
            }
            Self::Address {
                parameter: Some(parameter),
                typed,
                fault,
            } => {
                let wanted = if *parameter == Parameter::StyleReference {
                    Wanted::Styles
                } else {
                    Wanted::Pictures
                };
                write!(f, "--{parameter} {wanted}; “{typed}” {fault}")
            }
            Self::LateAddress(typed) => {
                write!(
                    f,
                    "picture addresses stand before the text; “{typed}” does not"
                )
            }
            Self::NoParts { profile } => {
                write!(
                    f,
                    "prompts of several parts (“::”) do not exist in {profile}"
                )
            }
            Self::PartWithoutText => {
                f.write_str("“::” needs text before it, as in “hot::2 dog::1”")
            }
            Self::WeightForm(typed) => write!(
                f,
                "the weight behind “::” is “{typed}”; write a number such as 2 or -.5, then a space before more text"
            ),
            Self::WeightRange { typed, most } => {
                write!(f, "weights go from -{most} to {most}, not “{typed}”")
            }
            Self::GluedToPart(typed) => write!(f, "put a space before “{typed}”"),
            Self::Misspelt { typed, name } => {
                write!(
                    f,
                    "write “--{name}” where “{typed}” is meant as a parameter"
                )
            }
            Self::WeightSum => f.write_str("the weights of all parts must add up to more than 0"),
            Self::NoParameter(typed) => write!(
                f,
                "only parameters can be kept, such as --ar 3:2; “{typed}” is none"
            ),
            Self::NotKept(parameter) => {
                write!(f, "--{parameter} cannot be kept; type it where you want it")
            }
            Self::TooMuchKept { characters, most } => write!(
                f,
                "at most {most} characters can be kept, these are {characters}"
            ),
        }
    }
}

/// The other brace of a pair.
pub fn partner(brace: char) -> char {
    match brace {
        '{' => '}',
        '\u{ff5b}' => '\u{ff5d}',
        '\u{ff5d}' => '\u{ff5b}',
        _ => '{',
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(name) => write!(f, "; put a space after --{name}"),
            Self::Nearest(name) => write!(f, "; did you mean --{name}?"),
            Self::Instead(name) => write!(f, "; use --{name} instead"),
            Self::Offer(offer) => write!(f, "; {offer}"),
            Self::None => Ok(()),
        }
    }
}

impl fmt::Display for AddressFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "is not a valid address",
            Self::Scheme => "must begin with https:// or http://",
            Self::Credentials => "must not contain a user name or a password",
            Self::Suffix => "must be the direct address of a .png, .gif, .webp, .jpg or .jpeg file",
        })
    }
}

/// Typed text, cut to a length that fits a sentence.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
