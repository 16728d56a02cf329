//! The life of a job.
//!
//! ```text
//! queued ─> leased ─> (running) ─> finishing ─> completed
//!   │ ^        │          │            │  └───> held ─> completed | rejected
//!   │ └── lease lost or retryable failure
//!   └──> cancelled · shed · rejected · failed
//! ```
//!
//! `running` is an observation, not a gate, so it is no state here: a leased job that reports progress is running.
//! The same table guards each transition in SQL.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Durable and waiting for a node.
    Queued,
    /// A node holds its lease.
    Leased,
    /// Its pictures are being uploaded.
    Finishing,
    /// A moderator must look before anything is shown.
    Held,
    /// Shown, charged.
    Completed,
    /// Gave up after the last try.
    Failed,
    /// The member did not want it any more.
    Cancelled,
    /// Policy said no.
    Rejected,
    /// Dropped under load.
    Shed,
}

/// A change that the table does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job cannot go from {from} to {to}")]
pub struct InvalidTransition {
    /// Where the job is.
    pub from: JobState,
    /// Where it was to go.
    pub to: JobState,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Leased,
        Self::Finishing,
        Self::Held,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Rejected,
        Self::Shed,
    ];

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Finishing => "finishing",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Shed => "shed",
        }
    }

    /// The state of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The states that a job may go to from here.
    pub fn successors(self) -> &'static [Self] {
        match self {
            Self::Queued => &[
                Self::Leased,
                Self::Cancelled,
                Self::Shed,
                Self::Rejected,
                Self::Failed,
            ],
            Self::Leased => &[
                Self::Queued,
                Self::Finishing,
                Self::Cancelled,
                Self::Rejected,
                Self::Failed,
            ],
            Self::Finishing => &[
                Self::Queued,
                Self::Completed,
                Self::Held,
                Self::Rejected,
                Self::Failed,
            ],
            Self::Held => &[Self::Completed, Self::Rejected],
            Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected | Self::Shed => &[],
        }
    }

    /// Whether nothing comes after it.
    pub fn is_end(self) -> bool {
        self.successors().is_empty()
    }

    /// The state after the change.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] when the table does not allow it.
    pub fn advance(self, to: Self) -> Result<Self, InvalidTransition> {
        if self.successors().contains(&to) {
            Ok(to)
        } else {
            Err(InvalidTransition { from: self, to })
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a job ended without its pictures: a closed set for metrics and texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The member or a moderator cancelled it.
    CancelledByUser,
    /// Every try failed.
    AttemptsExhausted,
    /// The node said that no try can succeed.
    Unrenderable,
    /// The image check blocked every picture.
    PicturesBlocked,
    /// Nobody serves the model any more.
    ModelGone,
    /// Dropped under load.
    Overload,
    /// Too many nodes died while they had it.
    NodesDied,
    /// It needed more memory than any node had that tried.
    OutOfMemory,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::CancelledByUser,
        Self::AttemptsExhausted,
        Self::Unrenderable,
        Self::PicturesBlocked,
        Self::ModelGone,
        Self::Overload,
        Self::NodesDied,
        Self::OutOfMemory,
    ];

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CancelledByUser => "cancelled_by_user",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Unrenderable => "unrenderable",
            Self::PicturesBlocked => "pictures_blocked",
            Self::ModelGone => "model_gone",
            Self::Overload => "overload",
            Self::NodesDied => "nodes_died",
            Self::OutOfMemory => "out_of_memory",
        }
    }

    /// The reason of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_of_allowed_transitions_is_the_one_in_the_picture() {
        let allowed: Vec<String> = JobState::ALL
            .iter()
            .map(|from| {
                let to: Vec<_> = from
                    .successors()
                    .iter()
                    .map(|state| state.as_str())
                    .collect();
                format!("{from}: {}", to.join(" "))
            })
            .collect();
        assert_eq!(
            allowed,
            [
                "queued: leased cancelled shed rejected failed",
                "leased: queued finishing cancelled rejected failed",
                "finishing: queued completed held rejected failed",
                "held: completed rejected",
                "completed: ",
                "failed: ",
                "cancelled: ",
                "rejected: ",
                "shed: ",
            ]
        );
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.as_str()), Some(state));
        }
        for reason in EndReason::ALL {
            assert_eq!(EndReason::from_name(reason.as_str()), Some(reason));
        }
    }

    proptest! {
        #[test]
        fn an_ended_job_stays_ended(walk in prop::collection::vec(0..JobState::ALL.len(), 0..40)) {
            let mut state = JobState::Queued;
            let mut ended = None;
            for to in walk {
                if let Ok(next) = state.advance(JobState::ALL[to]) {
                    prop_assert!(ended.is_none());
                    state = next;
                    if state.is_end() {
                        ended = Some(state);
                    }
                }
            }
            prop_assert!(ended.is_none_or(|end| end == state));
        }

        #[test]
        fn a_job_is_completed_only_after_finishing(walk in prop::collection::vec(0..JobState::ALL.len(), 0..40)) {
            let mut state = JobState::Queued;
            let mut finished = false;
            for to in walk {
                if let Ok(next) = state.advance(JobState::ALL[to]) {
                    finished |= next == JobState::Finishing;
                    state = next;
                }
            }
            prop_assert!(state != JobState::Completed || finished);
        }
    }
}
