//! Hints that jobs wait: their rows are read together, as many as were hinted at while the last were read.

use std::collections::HashMap;
use std::time::Duration;

use easel_broker::Action;
use easel_domain::JobId;
use easel_domain::message::{JobHint, JobHintKind};
use easel_service::chain;
use easel_store::StoreError;
use easel_store::waiting::WaitingJob;
use tokio::sync::{mpsc, oneshot};

use crate::coordinator::Input;
use crate::lanes::Office;
use crate::term::TermEnd;

/// Rows that share a statement at most.
const AT_ONCE: usize = 64;
/// A hint that could not be looked up is looked up again after this.
const PAUSE: Duration = Duration::from_secs(1);

/// What a row says.
#[derive(Debug)]
enum Seen {
    Waits(Box<WaitingJob>),
    /// It ended, or belongs to another lane, or is not there.
    Not,
    Unreadable(StoreError),
    /// The database did not say.
    Unknown,
}

/// A job that somebody wants to know of.
#[derive(Debug)]
pub(crate) struct Look {
    job_id: JobId,
    reply: oneshot::Sender<Seen>,
}

/// A hint is acked once its job is in the coordinator's hands or found not to wait: the rows keep everything else.
pub(crate) async fn take(
    looks: mpsc::Sender<Look>,
    inputs: mpsc::Sender<Input>,
    hint: JobHint,
) -> Vec<Action> {
    let job_id = hint.job_id;
    let input = match hint.what {
        JobHintKind::CancelRequested => Input::CancelRequested(job_id),
        JobHintKind::Submitted => match look(&looks, job_id).await {
            Seen::Waits(job) => Input::Waiting(job),
            Seen::Not => return Action::ack(),
            Seen::Unreadable(error) => {
                tracing::error!(job.id = %job_id, "job {job_id} cannot be read: {error}");
                return vec![Action::DeadLetter("corrupt job row")];
            }
            Seen::Unknown => return vec![Action::RetryLater(PAUSE)],
        },
    };
    // A closed inbox means that the term is over: the next leader reads the row.
    let _ = inputs.send(input).await;
    Action::ack()
}

async fn look(looks: &mpsc::Sender<Look>, job_id: JobId) -> Seen {
    let (reply, answer) = oneshot::channel();
    if looks.send(Look { job_id, reply }).await.is_err() {
        return Seen::Unknown;
    }
    answer.await.unwrap_or(Seen::Unknown)
}

/// Reads rows until nobody can ask any more.
pub(crate) async fn run(office: Office, mut inbox: mpsc::Receiver<Look>) -> TermEnd {
    let (region, pool) = (&office.leadership.region, &office.leadership.pool);
    let mut batch = Vec::with_capacity(AT_ONCE);
    while inbox.recv_many(&mut batch, AT_ONCE).await > 0 {
        let jobs: Vec<JobId> = batch.iter().map(|look| look.job_id).collect();
        let read = office.store.waiting_jobs_among(region, pool, &jobs).await;
        let mut seen: Option<HashMap<JobId, Seen>> = match read {
            Ok(page) => {
                let waits = page.jobs.into_iter();
                let waits = waits.map(|job| (job.job_id, Seen::Waits(Box::new(job))));
                let unreadable = page.unreadable.into_iter();
                let unreadable = unreadable.map(|job| (job.job_id, Seen::Unreadable(job.error)));
                Some(waits.chain(unreadable).collect())
            }
            Err(error) => {
                tracing::warn!(
                    "cannot look up {} jobs: {error}",
                    jobs.len(),
                    error = chain(&error)
                );
                None
            }
        };
        for Look { job_id, reply } in batch.drain(..) {
            let found = match &mut seen {
                // Of a job that was hinted at twice, one answer is enough.
                Some(seen) => seen.remove(&job_id).unwrap_or(Seen::Not),
                None => Seen::Unknown,
            };
            let _ = reply.send(found);
        }
    }
    TermEnd::Drained
}
