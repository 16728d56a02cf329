//! Work that is done beside the device: while it is thought about on a thread of its own, steps go on.

use std::time::Duration;

use easel_domain::spec::Answer;

use super::job::tell;
use super::{Submission, Ticker, failed};
use crate::engine::model::{Model, ModelError, Thought};
use crate::engine::{EngineEvent, EngineWork, EventSink, Timings};

/// A job that is thought about elsewhere.
pub struct Away {
    key: u64,
    /// Nobody, once it was cancelled: what thinks is not interrupted.
    events: Option<EventSink>,
    at: Duration,
    began: Duration,
}

impl<M: Model> Ticker<M> {
    /// What is to be thought about now; the caller sees to it and says what came of it.
    pub fn next_thought(&mut self) -> Option<(u64, Thought)> {
        self.thought.take()
    }

    /// Whether this has to wait for what is being thought about: one thing at a time, so that jobs wait where they are
    /// counted and can be cancelled.
    pub(super) fn must_wait_for_thought(&self, work: &EngineWork) -> bool {
        matches!(work, EngineWork::Describe { .. }) && self.away.is_some()
    }

    pub(super) fn think(&mut self, submission: Submission, thought: Thought, began: Duration) {
        let key = submission.request.key;
        self.away = Some(Away {
            key,
            events: Some(submission.events),
            at: submission.at,
            began,
        });
        self.thought = Some((key, thought));
    }

    /// A thought has ended.
    pub fn thought_of(&mut self, key: u64, outcome: Result<Answer, ModelError>) {
        self.stirred = true;
        let Some(away) = self.away.take_if(|away| away.key == key) else {
            return;
        };
        let Some(mut events) = away.events else {
            return;
        };
        let event = match outcome {
            Ok(answer) => EngineEvent::Answered {
                key,
                answer,
                timings: Timings {
                    wait: away.began.saturating_sub(away.at),
                    denoise: self.now().saturating_sub(away.began),
                    ..Timings::default()
                },
            },
            Err(error) => failed(key, &error),
        };
        tell(&mut events, event);
    }

    /// Tells who waits for a thought that nothing will come of it.
    pub(super) fn cancel_thought(&mut self, key: u64) {
        let away = self.away.as_mut().filter(|away| away.key == key);
        if let Some(mut events) = away.and_then(|away| away.events.take()) {
            tell(&mut events, EngineEvent::Cancelled { key });
        }
    }

    /// Whoever waits for a thought.
    pub(super) fn thinking(&self) -> Option<u64> {
        let away = self.away.as_ref()?;
        away.events.is_some().then_some(away.key)
    }
}
