//! What members do to get a job.

use serde::{Deserialize, Serialize};

/// What the member did to get this job; stored with it and shown in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `/imagine`.
    Imagine,
    /// 🔄: the same words, new seeds.
    Reroll,
    /// V1–V4: the same words, the parent's noise gently changed.
    Vary,
    /// The same words, the parent's noise changed a lot.
    VaryStrong,
    /// The same words, a part of the picture painted anew.
    VaryRegion,
    /// U1–U4: one picture, larger.
    Upscale,
    /// One picture, larger, with its details drawn anew.
    UpscaleCreative,
    /// The picture smaller, with more around it.
    ZoomOut,
    /// The picture continued towards one side.
    Pan,
    /// The picture continued until it is as wide as it is high.
    Square,
    /// The picture's noise under other words.
    Remix,
    /// `/blend`: a mixture of pictures.
    Blend,
    /// `/shorten`: how much each of the words counts.
    Shorten,
    /// `/describe`: prompts that fit a picture.
    Describe,
}

impl Action {
    /// Every action, for tables and checks.
    pub const ALL: [Self; 14] = [
        Self::Imagine,
        Self::Reroll,
        Self::Vary,
        Self::VaryStrong,
        Self::VaryRegion,
        Self::Upscale,
        Self::UpscaleCreative,
        Self::ZoomOut,
        Self::Pan,
        Self::Square,
        Self::Remix,
        Self::Blend,
        Self::Shorten,
        Self::Describe,
    ];

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imagine => "imagine",
            Self::Reroll => "reroll",
            Self::Vary => "vary",
            Self::VaryStrong => "vary_strong",
            Self::VaryRegion => "vary_region",
            Self::Upscale => "upscale",
            Self::UpscaleCreative => "upscale_creative",
            Self::ZoomOut => "zoom_out",
            Self::Pan => "pan",
            Self::Square => "square",
            Self::Remix => "remix",
            Self::Blend => "blend",
            Self::Shorten => "shorten",
            Self::Describe => "describe",
        }
    }

    /// The action of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_own_name() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.as_str()), Some(action));
        }
    }
}
