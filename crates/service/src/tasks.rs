//! Owned tasks: named, joined at shutdown, their panics noticed.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::task::TaskTracker;

use crate::{Shutdown, metric};

/// How a task let the process down.
#[derive(Debug, Clone, thiserror::Error)]
#[error("task `{task}` {reason}")]
pub struct TaskFailure {
    /// The task's name.
    pub task: &'static str,
    /// What happened, as the end of a sentence.
    pub reason: String,
    /// The task ended without an error, which is often the mark that another's failure leaves.
    quiet: bool,
}

/// All tasks of a process, or of one part of it.
///
/// A task that fails, panics or ends before draining began starts the drain and makes the process exit with 1. Clones
/// share the set.
#[derive(Clone)]
pub struct TaskSet {
    inner: Arc<Inner>,
}

struct Inner {
    tracker: TaskTracker,
    shutdown: Shutdown,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    running: BTreeMap<u64, &'static str>,
    failure: Option<TaskFailure>,
}

impl std::fmt::Debug for TaskSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskSet")
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

impl TaskSet {
    /// An empty set whose tasks stop with `shutdown`.
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            inner: Arc::new(Inner {
                tracker: TaskTracker::new(),
                shutdown,
                state: Mutex::default(),
            }),
        }
    }

    /// Starts a task that is meant to live until draining begins. Ending earlier, even with `Ok`, counts as a failure.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.start(name, task, false);
    }

    /// Starts a task that may end at any time. Only an error or a panic counts as a failure.
    pub fn spawn_finite<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.start(name, task, true);
    }

    /// Names of the tasks that have not ended, oldest first.
    pub fn running(&self) -> Vec<&'static str> {
        self.state().running.values().copied().collect()
    }

    /// The first failure, if any task has failed. An error or a panic goes before a task that ended without one: whoever
    /// reads what a failing task sent ends with it, and may well be noticed first.
    pub fn failure(&self) -> Option<TaskFailure> {
        self.state().failure.clone()
    }

    /// Takes no more interest in new tasks and waits until all have ended, at most `limit`. Returns the names of those
    /// that have not.
    pub async fn join(&self, limit: Duration) -> Vec<&'static str> {
        self.inner.tracker.close();
        // The wait borrows nothing that a cancelled wait could lose.
        let _ = tokio::time::timeout(limit, self.inner.tracker.wait()).await;
        self.running()
    }

    fn start<F>(&self, name: &'static str, task: F, may_end: bool)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let id = {
            let mut state = self.state();
            state.next += 1;
            let id = state.next;
            state.running.insert(id, name);
            id
        };
        let handle = self.inner.tracker.spawn(task);
        let set = self.clone();
        self.inner.tracker.spawn(async move {
            let outcome = handle.await;
            let early = !may_end && !set.inner.shutdown.is_draining();
            set.ended(id, failure(name, outcome, early));
        });
    }

    fn ended(&self, id: u64, failure: Option<TaskFailure>) {
        let mut state = self.state();
        state.running.remove(&id);
        let Some(failure) = failure else { return };
        let task = failure.task;
        tracing::error!(task, "{failure}; draining");
        metrics::counter!(metric::TASK_FAILURES, "task" => task).increment(1);
        let known = state.failure.as_ref();
        if known.is_none_or(|known| known.quiet && !failure.quiet) {
            state.failure = Some(failure);
        }
        drop(state);
        self.inner.shutdown.drain();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(
    task: &'static str,
    outcome: Result<anyhow::Result<()>, JoinError>,
    early: bool,
) -> Option<TaskFailure> {
    let (reason, quiet) = match outcome {
        Ok(Ok(())) if early => ("ended although nothing asked it to".into(), true),
        Ok(Ok(())) => return None,
        Ok(Err(error)) => (format!("failed: {error:#}"), false),
        Err(error) if error.is_panic() => (format!("panicked: {}", panic_text(error)), false),
        Err(_) => ("was cancelled".into(), false),
    };
    Some(TaskFailure {
        task,
        reason,
        quiet,
    })
}

/// The message a panic carried.
pub(crate) fn panic_text(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "no message".into();
    };
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_panicking_task_starts_the_drain_and_is_named() {
        let shutdown = Shutdown::new();
        let tasks = TaskSet::new(shutdown.clone());
        tasks.spawn("painter", async { panic!("no colour left") });
        shutdown.soft().cancelled().await;
        assert!(tasks.join(LIMIT).await.is_empty());
        let failure = tasks.failure().expect("the panic is recorded");
        assert_eq!(
            (failure.task, failure.reason.as_str()),
            ("painter", "panicked: no colour left")
        );
    }

    #[tokio::test]
    async fn a_task_that_ends_early_fails_and_a_finite_one_does_not() {
        let tasks = TaskSet::new(Shutdown::new());
        tasks.spawn_finite("once", async { Ok(()) });
        assert!(tasks.join(LIMIT).await.is_empty());
        assert!(tasks.failure().is_none());
        tasks.spawn("loop", async { Ok(()) });
        assert!(tasks.join(LIMIT).await.is_empty());
        assert_eq!(tasks.failure().map(|failure| failure.task), Some("loop"));
    }

    #[tokio::test]
    async fn an_error_is_told_and_not_the_quiet_end_that_it_caused() {
        let tasks = TaskSet::new(Shutdown::new());
        let (sent, mut received) = tokio::sync::mpsc::channel::<()>(1);
        let (noticed, reader_was_noticed) = tokio::sync::oneshot::channel();
        tasks.spawn("reader", async move {
            assert!(received.recv().await.is_none());
            Ok(())
        });
        tasks.spawn("writer", async move {
            drop(sent);
            reader_was_noticed.await?;
            anyhow::bail!("no ink")
        });
        while tasks.running() != ["writer"] {
            tokio::task::yield_now().await;
        }
        noticed.send(()).expect("the writer waits for it");
        assert!(tasks.join(LIMIT).await.is_empty());
        assert_eq!(tasks.failure().map(|failure| failure.task), Some("writer"));
    }

    #[tokio::test]
    async fn a_task_that_ends_while_draining_is_fine() {
        let shutdown = Shutdown::new();
        let tasks = TaskSet::new(shutdown.clone());
        let token = shutdown.soft().clone();
        tasks.spawn("loop", async move {
            token.cancelled().await;
            Ok(())
        });
        shutdown.drain();
        assert!(tasks.join(LIMIT).await.is_empty());
        assert!(tasks.failure().is_none());
    }

    #[tokio::test]
    async fn a_task_that_does_not_stop_is_named() {
        let tasks = TaskSet::new(Shutdown::new());
        tasks.spawn("stubborn", std::future::pending());
        assert_eq!(tasks.join(Duration::from_millis(1)).await, ["stubborn"]);
    }
}
