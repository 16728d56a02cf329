//! What happens after a failure (G6): first try + 4 retries after 1, 2, 4 and 8 s with jitter.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tries of one job, the first included.
pub const MAX_ATTEMPTS: u32 = 5;

/// A job is given up when this many node starts died while they had it.
pub const MAX_NODE_DEATHS: u32 = 2;

/// Longest share of a pause that jitter may add.
const JITTER: f64 = 0.25;

/// The last try at a job's own size: if memory is short in it too, the job is drawn smaller, where it may be.
///
/// A first one is repeated, because another node may have more, or its neighbours there may be done.
pub const TRIES_AT_FULL_SIZE: u32 = 2;

/// What kind of thing went wrong. The reporter decides; the loop obeys.
///
/// It travels as fields beside others. [`Self::Memory`] is `retryable` to processes that know no better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Told", from = "Told")]
pub enum FailureKind {
    /// Another try may succeed: a hung step, a broken file, a model that could not be loaded.
    Retryable,
    /// The pictures need more memory than there was, however few at once. Another try may succeed, and so may a smaller picture.
    Memory,
    /// No try can succeed: the spec asks for what the model cannot do.
    Fatal,
    /// The node or the broker went away, or the node is being drained. Uses up no attempt.
    Infrastructure,
    /// The engine stopped with the job on it. Uses up no attempt, but counts as the death of a node: a job that brought
    /// [`MAX_NODE_DEATHS`] of them down is given up.
    Crash,
}

/// A [`FailureKind`] as it travels.
#[derive(Serialize, Deserialize)]
struct Told {
    kind: ToldKind,
    /// Whether memory was the reason; known since there is [`FailureKind::Memory`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    memory: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ToldKind {
    Retryable,
    Fatal,
    Infrastructure,
    Crash,
}

impl From<FailureKind> for Told {
    fn from(kind: FailureKind) -> Self {
        let memory = kind == FailureKind::Memory;
        let kind = match kind {
            FailureKind::Retryable | FailureKind::Memory => ToldKind::Retryable,
            FailureKind::Fatal => ToldKind::Fatal,
            FailureKind::Infrastructure => ToldKind::Infrastructure,
            FailureKind::Crash => ToldKind::Crash,
        };
        Self { kind, memory }
    }
}

impl From<Told> for FailureKind {
    fn from(told: Told) -> Self {
        match told.kind {
            ToldKind::Retryable if told.memory => Self::Memory,
            ToldKind::Retryable => Self::Retryable,
            ToldKind::Fatal => Self::Fatal,
            ToldKind::Infrastructure => Self::Infrastructure,
            ToldKind::Crash => Self::Crash,
        }
    }
}

/// What to do with a job whose try ended badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Wait in the queue again.
    Requeue {
        /// The attempt number that the next lease gets.
        attempt: u32,
        /// How long the job is not to be leased.
        pause: Duration,
    },
    /// End as failed.
    GiveUp,
}

/// Decides on the failure of try number `attempt` (counted from 1). `jitter` is uniform in `[0, 1)`.
pub fn after_failure(kind: FailureKind, attempt: u32, jitter: f64) -> AfterFailure {
    match kind {
        FailureKind::Fatal => AfterFailure::GiveUp,
        FailureKind::Infrastructure | FailureKind::Crash => AfterFailure::Requeue {
            attempt,
            pause: Duration::ZERO,
        },
        FailureKind::Retryable | FailureKind::Memory if attempt >= MAX_ATTEMPTS => {
            AfterFailure::GiveUp
        }
        FailureKind::Retryable | FailureKind::Memory => {
            let base = f64::from(1_u32 << attempt.saturating_sub(1).min(3));
            let pause = Duration::from_secs_f64(base * (1.0 + JITTER * jitter.clamp(0.0, 1.0)));
            AfterFailure::Requeue {
                attempt: attempt + 1,
                pause,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_retries_after_one_two_four_and_eight_seconds() {
        let pauses: Vec<_> = (1..=MAX_ATTEMPTS)
            .map(
                |attempt| match after_failure(FailureKind::Retryable, attempt, 0.0) {
                    AfterFailure::Requeue { pause, .. } => Some(pause.as_secs()),
                    AfterFailure::GiveUp => None,
                },
            )
            .collect();
        assert_eq!(pauses, [Some(1), Some(2), Some(4), Some(8), None]);
    }

    #[test]
    fn jitter_only_lengthens_a_pause_and_by_a_quarter_at_most() {
        let AfterFailure::Requeue { pause, .. } = after_failure(FailureKind::Retryable, 4, 0.999)
        else {
            panic!("the fourth try is not the last");
        };
        assert!(pause > Duration::from_secs(8) && pause <= Duration::from_secs(10));
    }

    #[test]
    fn an_older_reader_takes_a_lack_of_memory_for_something_to_try_again() {
        let json = serde_json::to_value(FailureKind::Memory).unwrap();
        assert_eq!(json["kind"], "retryable");
        let all = [
            FailureKind::Retryable,
            FailureKind::Memory,
            FailureKind::Fatal,
            FailureKind::Infrastructure,
            FailureKind::Crash,
        ];
        for kind in all {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(serde_json::from_value::<FailureKind>(json).unwrap(), kind);
        }
    }

    #[test]
    fn losing_a_node_uses_up_no_attempt() {
        let after = after_failure(FailureKind::Infrastructure, MAX_ATTEMPTS, 0.5);
        assert_eq!(
            after,
            AfterFailure::Requeue {
                attempt: MAX_ATTEMPTS,
                pause: Duration::ZERO
            }
        );
    }
}
