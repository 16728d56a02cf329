//! What a REST call can come back with instead of its answer.

use std::time::Duration;

/// Discord's error codes that somebody branches on.
pub mod code {
    /// The channel is gone.
    pub const UNKNOWN_CHANNEL: u32 = 10_003;
    /// The message is gone, or only its interaction's token may touch it.
    pub const UNKNOWN_MESSAGE: u32 = 10_008;
    /// The interaction's token is unknown.
    pub const UNKNOWN_WEBHOOK: u32 = 10_015;
    /// Answered too late.
    pub const UNKNOWN_INTERACTION: u32 = 10_062;
    /// An old message was edited too often.
    pub const OLD_MESSAGE_EDITS: u32 = 30_046;
    /// The files are too large for where they are sent.
    pub const TOO_LARGE: u32 = 40_005;
    /// The interaction has an answer already.
    pub const ALREADY_ANSWERED: u32 = 40_060;
    /// The bot may not see the channel.
    pub const MISSING_ACCESS: u32 = 50_001;
    /// The member takes no direct messages.
    pub const CLOSED_DMS: u32 = 50_007;
    /// The bot may not do that there.
    pub const MISSING_PERMISSIONS: u32 = 50_013;
    /// The interaction's token is dead.
    pub const INVALID_WEBHOOK_TOKEN: u32 = 50_027;
    /// The thread is archived.
    pub const ARCHIVED_THREAD: u32 = 50_083;
    /// Bot and member share no guild.
    pub const NO_MUTUAL_GUILD: u32 = 50_278;
}

/// Why a call has no answer. Texts name routes and codes, never tokens or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// Discord said no.
    #[error("{route}: Discord answered {status} (code {code}: {message})")]
    Refused {
        /// Which call.
        route: &'static str,
        /// HTTP status.
        status: u16,
        /// Discord's code; 0 if there was none.
        code: u32,
        /// Discord's words.
        message: String,
    },
    /// A rate limit lasts longer than the call may wait.
    #[error("{route}: rate limited for another {retry_after:?}")]
    Limited {
        /// Which call.
        route: &'static str,
        /// How long the limit lasts.
        retry_after: Duration,
    },
    /// Discord failed, or could not be reached, each time.
    #[error("{route}: no answer after {tries} tries: {reason}")]
    Unavailable {
        /// Which call.
        route: &'static str,
        /// How often it was tried.
        tries: u32,
        /// Whether there was a connection at the last try.
        connected: bool,
        /// The last reason.
        reason: String,
    },
    /// The answer cannot be read.
    #[error("{route}: the answer is not what Discord documents: {reason}")]
    Garbage {
        /// Which call.
        route: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// So many calls were refused lately that none is sent.
    #[error("{route}: not sent, too many refusals lately; next in {pause:?}")]
    Paused {
        /// Which call.
        route: &'static str,
        /// How long.
        pause: Duration,
    },
}

impl RestError {
    /// Discord's code, if it gave one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Limited { .. }
            | Self::Unavailable { .. }
            | Self::Garbage { .. }
            | Self::Paused { .. } => None,
        }
    }

    /// Whether the interaction's token will never work again. Any 401 and 404 there is final.
    pub fn is_dead_token(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => {
                matches!(status, 401 | 404)
                    && *code != code::UNKNOWN_MESSAGE
                    && *code != code::UNKNOWN_CHANNEL
            }
            Self::Limited { .. }
            | Self::Unavailable { .. }
            | Self::Garbage { .. }
            | Self::Paused { .. } => false,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => {
                *status >= 500 || (*status == 429 && *code != code::OLD_MESSAGE_EDITS)
            }
            Self::Limited { .. }
            | Self::Unavailable { .. }
            | Self::Garbage { .. }
            | Self::Paused { .. } => true,
        }
    }

    /// Whether the message was larger than its channel takes.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => *status == 413 || *code == code::TOO_LARGE,
            Self::Limited { .. }
            | Self::Unavailable { .. }
            | Self::Garbage { .. }
            | Self::Paused { .. } => false,
        }
    }

    /// The shortest sensible pause before another try.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Limited { retry_after, .. } => Some(*retry_after),
            Self::Paused { pause, .. } => Some(*pause),
            Self::Refused { .. } | Self::Unavailable { .. } | Self::Garbage { .. } => None,
        }
    }
}
