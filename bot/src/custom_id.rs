//! What a button carries: `v1:<action>:<job>:<index>`. A click needs nothing but the database.

use std::fmt;
use std::str::FromStr;

use easel_domain::JobId;

use crate::intake::OPENS;

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ButtonAction {
    /// U1–U4, and again under an enlarged picture: one picture, larger.
    Upscale,
    /// One picture, larger, with its details drawn anew.
    UpscaleCreative,
    /// V1–V4: the same words, the picture's noise gently changed.
    Vary,
    /// As V, and less.
    VarySubtle,
    /// As V, and more.
    VaryStrong,
    /// 🔄: the same words, new seeds.
    Reroll,
    /// More around the picture; the index is by how many percent of its size.
    Zoom,
    /// A form that asks by how much, and for words.
    ZoomForm,
    /// The picture goes on at one side: left, right, up or down.
    Pan,
    /// The picture goes on until it is square.
    Square,
    /// The choice of a part to paint anew; the index holds the cells that are chosen.
    Region,
    /// Paints the chosen cells anew.
    RegionDraw,
    /// A form with the words.
    Remix,
    /// ❌: stop.
    Cancel,
    /// The finished picture that its message could not carry; with index 1, the newest state in the same message.
    Fetch,
    /// The same again, as a new job: after a failure, or in spite of a twin that still runs.
    Again,
    /// Runs several jobs that were proposed.
    RunSeveral,
    /// Takes the proposal of several jobs back.
    DropSeveral,
    /// The page of older jobs; the index is the number of the search, as with the next three.
    Older,
    /// The page of newer jobs.
    Newer,
    /// One job of a list.
    Detail,
    /// The list again, from this job on.
    Listed,
    /// The very same pictures once more.
    Exact,
    /// ⭐: a favourite.
    Star,
    /// The star taken back.
    Unstar,
    /// ✉️: the pictures by direct message.
    Mail,
    /// What was sent by direct message; the row is that of the sending.
    Mailed,
    /// ❌ of a result: asks first (0), then deletes it (1).
    Delete,
    /// One of the member's settings; the index says which, and there is no job.
    Setting,
    /// A shorter prompt that `/shorten` has proposed, counted from 0.
    Shorter,
    /// A prompt that `/describe` has found, counted from 0.
    Described,
    /// All of them.
    DescribedAll,
}

impl ButtonAction {
    /// Every action.
    pub const ALL: [Self; 32] = [
        Self::Upscale,
        Self::UpscaleCreative,
        Self::Vary,
        Self::VarySubtle,
        Self::VaryStrong,
        Self::Reroll,
        Self::Zoom,
        Self::ZoomForm,
        Self::Pan,
        Self::Square,
        Self::Region,
        Self::RegionDraw,
        Self::Remix,
        Self::Cancel,
        Self::Fetch,
        Self::Again,
        Self::RunSeveral,
        Self::DropSeveral,
        Self::Older,
        Self::Newer,
        Self::Detail,
        Self::Listed,
        Self::Exact,
        Self::Star,
        Self::Unstar,
        Self::Mail,
        Self::Mailed,
        Self::Delete,
        Self::Setting,
        Self::Shorter,
        Self::Described,
        Self::DescribedAll,
    ];

    /// Whether the button stands under the message of a job, whose id it carries.
    pub fn is_of_a_job(self) -> bool {
        match self {
            Self::Upscale
            | Self::UpscaleCreative
            | Self::Vary
            | Self::VarySubtle
            | Self::VaryStrong
            | Self::Reroll
            | Self::Zoom
            | Self::ZoomForm
            | Self::Pan
            | Self::Square
            | Self::Region
            | Self::RegionDraw
            | Self::Remix
            | Self::Cancel
            | Self::Fetch
            | Self::Again
            | Self::Exact
            | Self::Shorter
            | Self::Described
            | Self::DescribedAll
            | Self::Star
            | Self::Unstar
            | Self::Mail
            | Self::Delete => true,
            Self::RunSeveral
            | Self::DropSeveral
            | Self::Older
            | Self::Newer
            | Self::Detail
            | Self::Listed
            | Self::Mailed
            | Self::Setting => false,
        }
    }

    /// The name in the id, also for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upscale => "upscale",
            Self::UpscaleCreative => "creative",
            Self::Vary => "vary",
            Self::VarySubtle => "subtle",
            Self::VaryStrong => "strong",
            Self::Reroll => "reroll",
            Self::Zoom => "zoom",
            Self::ZoomForm => "zoom_form",
            Self::Pan => "pan",
            Self::Square => "square",
            Self::Region => "region",
            Self::RegionDraw => "region_draw",
            Self::Remix => "remix",
            Self::Cancel => "cancel",
            Self::Fetch => "fetch",
            Self::Again => "again",
            Self::RunSeveral => "run",
            Self::DropSeveral => "drop",
            Self::Older => "older",
            Self::Newer => "newer",
            Self::Detail => "detail",
            Self::Listed => "listed",
            Self::Exact => "exact",
            Self::Star => "star",
            Self::Unstar => "unstar",
            Self::Mail => "mail",
            Self::Mailed => "mailed",
            Self::Delete => "delete",
            Self::Setting => "setting",
            Self::Shorter => "shorter",
            Self::Described => "described",
            Self::DescribedAll => "described_all",
        }
    }
}

/// A button's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomId {
    /// What it does.
    pub action: ButtonAction,
    /// The job whose message it hangs under, or the row that its action is about.
    pub job: JobId,
    /// The picture, counted from 0, or what the action says; 0 where nothing is meant.
    pub index: u32,
}

impl CustomId {
    /// Whether it stands under messages alone that nobody but their member sees: its press turns that message into another.
    pub fn turns_a_whisper(self) -> bool {
        match self.action {
            ButtonAction::RunSeveral
            | ButtonAction::DropSeveral
            | ButtonAction::Older
            | ButtonAction::Newer
            | ButtonAction::Detail
            | ButtonAction::Listed
            | ButtonAction::Unstar
            | ButtonAction::Setting => true,
            ButtonAction::Region => self.index != OPENS,
            ButtonAction::Delete => self.index != 0,
            ButtonAction::Upscale
            | ButtonAction::UpscaleCreative
            | ButtonAction::Vary
            | ButtonAction::VarySubtle
            | ButtonAction::VaryStrong
            | ButtonAction::Reroll
            | ButtonAction::Zoom
            | ButtonAction::ZoomForm
            | ButtonAction::Pan
            | ButtonAction::Square
            | ButtonAction::RegionDraw
            | ButtonAction::Remix
            | ButtonAction::Cancel
            | ButtonAction::Fetch
            | ButtonAction::Again
            | ButtonAction::Exact
            | ButtonAction::Star
            | ButtonAction::Mail
            | ButtonAction::Mailed
            | ButtonAction::Shorter
            | ButtonAction::Described
            | ButtonAction::DescribedAll => false,
        }
    }
}

/// Text that is no [`CustomId`] of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a button of this version")]
pub struct NotOurs;

impl fmt::Display for CustomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1:{}:{}:{}", self.action.as_str(), self.job, self.index)
    }
}

impl FromStr for CustomId {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or(NotOurs);
        if next()? != "v1" {
            return Err(NotOurs);
        }
        let action = next()?;
        let action = ButtonAction::ALL
            .into_iter()
            .find(|known| known.as_str() == action)
            .ok_or(NotOurs)?;
        let job = next()?.parse().map_err(|_| NotOurs)?;
        let index = next()?.parse().map_err(|_| NotOurs)?;
        match parts.next() {
            None => Ok(Self { action, job, index }),
            Some(_) => Err(NotOurs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn an_id_is_short_enough_for_a_button() {
        let id = CustomId {
            action: ButtonAction::Upscale,
            job: JobId(Uuid::max()),
            index: u32::MAX,
        };
        assert!(id.to_string().len() <= 100);
    }

    #[test]
    fn strange_ids_are_refused() {
        let job = Uuid::nil();
        let texts = [
            "",
            "v1",
            "v2:vary:x:0",
            "v1:paint:x:0",
            "v1:vary:x:0",
            "v1:vary::0",
        ];
        for text in texts.map(str::to_owned).into_iter().chain([
            format!("v1:vary:{job}:-1"),
            format!("v1:vary:{job}:0:0"),
            format!("v1:vary:{job}"),
        ]) {
            assert_eq!(text.parse::<CustomId>(), Err(NotOurs), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_reads_back(action in 0..ButtonAction::ALL.len(), job: u128, index: u32) {
            let id = CustomId { action: ButtonAction::ALL[action], job: JobId(Uuid::from_u128(job)), index };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_panics(text in ".{0,120}") {
            let _ = text.parse::<CustomId>();
        }
    }
}
