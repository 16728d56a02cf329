//! Names of parameters that MidJourney has or had and Easel has not, with what does their work here.

use std::fmt;

use super::parameter::{Parameter, rule_named};
use super::problem::Hint;

/// What Easel has in place of parameters that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The buttons under a picture.
    Upscale,
    /// No films, but a message that shows the picture while it is drawn.
    Film,
    /// `/prefer suffix`, for what a member wants in every prompt.
    Suffix,
    /// Models of its own.
    OwnModels,
    /// An address before the text, or an upload.
    StartPicture,
    /// `/help`.
    Help,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upscale => {
                "pictures are made larger by the buttons U1 to U4 and those under the large picture"
            }
            Self::Film => {
                "there are no films here, but the message shows the picture while it is drawn"
            }
            Self::Suffix => "what all your prompts should have is kept with /prefer suffix",
            Self::OwnModels => "Easel draws with models of its own",
            Self::StartPicture => {
                "a picture to start from is uploaded, or its address stands before the text"
            }
            Self::Help => "the command /help says what there is",
        })
    }
}

/// A name, and what to say to whoever types it.
const RETIRED: &[(&str, Hint)] = &[
    ("width", Hint::Instead("ar")),
    ("height", Hint::Instead("ar")),
    ("h", Hint::Instead("ar")),
    ("size", Hint::Instead("ar")),
    ("ratio", Hint::Instead("ar")),
    ("aspectratio", Hint::Instead("ar")),
    ("aspect-ratio", Hint::Instead("ar")),
    ("aspect_ratio", Hint::Instead("ar")),
    ("hd", Hint::Instead("quality")),
    ("hq", Hint::Instead("quality")),
    ("steps", Hint::Instead("quality")),
    ("fastest", Hint::Instead("turbo")),
    ("negative", Hint::Instead("no")),
    ("neg", Hint::Instead("no")),
    ("count", Hint::Instead("repeat")),
    ("sameseed", Hint::Instead("seed")),
    ("creative", Hint::Instead("stylize")),
    ("private", Hint::Instead("stealth")),
    ("imageweight", Hint::Instead("iw")),
    ("image-weight", Hint::Instead("iw")),
    ("image_weight", Hint::Instead("iw")),
    ("uplight", Hint::Offer(Offer::Upscale)),
    ("upbeta", Hint::Offer(Offer::Upscale)),
    ("upanime", Hint::Offer(Offer::Upscale)),
    ("upscale", Hint::Offer(Offer::Upscale)),
    ("motion", Hint::Offer(Offer::Film)),
    ("loop", Hint::Offer(Offer::Film)),
    ("end", Hint::Offer(Offer::Film)),
    ("bs", Hint::Offer(Offer::Film)),
    ("animate", Hint::Offer(Offer::Film)),
    ("p", Hint::Offer(Offer::Suffix)),
    ("profile", Hint::Offer(Offer::Suffix)),
    ("personalize", Hint::Offer(Offer::Suffix)),
    ("personalise", Hint::Offer(Offer::Suffix)),
    ("moodboard", Hint::Offer(Offer::Suffix)),
    ("test", Hint::Offer(Offer::OwnModels)),
    ("testp", Hint::Offer(Offer::OwnModels)),
    ("beta", Hint::Offer(Offer::OwnModels)),
    ("vibe", Hint::Offer(Offer::OwnModels)),
    ("newclip", Hint::Offer(Offer::OwnModels)),
    ("nostretch", Hint::Offer(Offer::OwnModels)),
    ("old", Hint::Offer(Offer::OwnModels)),
    ("model", Hint::Offer(Offer::OwnModels)),
    ("dref", Hint::Offer(Offer::StartPicture)),
    ("dw", Hint::Offer(Offer::StartPicture)),
    ("iref", Hint::Offer(Offer::StartPicture)),
    ("image", Hint::Offer(Offer::StartPicture)),
    ("help", Hint::Offer(Offer::Help)),
];

/// Whether the name is that of a retired parameter.
pub(super) fn is_retired(typed: &str) -> bool {
    hint_for(typed).is_some()
}

/// What does the work of a retired parameter, where the version at hand has that.
pub(super) fn instead_of(typed: &str, allowed: impl Fn(Parameter) -> bool) -> Option<Hint> {
    hint_for(typed).filter(|hint| match hint {
        Hint::Instead(name) => rule_named(name).is_some_and(|rule| allowed(rule.parameter)),
        _ => true,
    })
}

fn hint_for(typed: &str) -> Option<Hint> {
    RETIRED
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(typed))
        .map(|(_, hint)| *hint)
}

/// What a version has in place of a parameter that other versions have.
pub(super) fn counterpart(parameter: Parameter) -> Option<Parameter> {
    match parameter {
        Parameter::CharacterReference => Some(Parameter::OmniReference),
        Parameter::CharacterWeight => Some(Parameter::OmniWeight),
        Parameter::OmniReference => Some(Parameter::CharacterReference),
        Parameter::OmniWeight => Some(Parameter::CharacterWeight),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_names_are_none_of_todays_and_lead_to_one_or_to_what_easel_offers() {
        for (name, hint) in RETIRED {
            assert!(rule_named(name).is_none(), "{name}");
            assert_eq!(instead_of(&name.to_uppercase(), |_| true), Some(*hint));
            assert!(
                match hint {
                    Hint::Instead(instead) => rule_named(instead).is_some(),
                    Hint::Offer(_) => true,
                    _ => false,
                },
                "{name}"
            );
        }
        assert_eq!(instead_of("hd", |_| false), None);
        assert_eq!(
            instead_of("p", |_| false),
            Some(Hint::Offer(Offer::Suffix)),
            "what is no parameter is in every version"
        );
    }
}
