//! One term of office: the tasks that run while this process leads, and their common end.

use std::fmt;
use std::time::Duration;

use easel_broker::{Action, Consumer, Delivery, Subscription};
use easel_domain::message::{JobHint, JobHintKind};
use easel_domain::tier::ServiceClass;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::marks::MarkWriter;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::coordinator::{self, Input};
use crate::ends::Ends;
use crate::lanes::Office;
use crate::{ends, live, relay, reports};

/// Inputs that may wait for the coordinator. Beyond it, the consumers wait and the broker keeps the rest.
const INBOX: usize = 1_024;
const HINT_PREFETCH: u16 = 200;
const HINT_CONCURRENCY: usize = 4;
/// A hint that could not be looked up is looked up again after this.
const HINT_PAUSE: Duration = Duration::from_secs(1);

/// Why a term ended.
#[derive(Debug)]
pub(crate) enum TermEnd {
    /// The process drains.
    Drained,
    /// Another process leads, or this one could not renew its lease in time.
    Lost,
    /// A task failed in a way that it could not carry on from.
    Failed(String),
}

impl fmt::Display for TermEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained => f.write_str("draining"),
            Self::Lost => f.write_str("leadership is lost"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// Leads until the drain begins or leadership is lost. When it returns, nothing of the term runs any more.
pub(crate) async fn serve(office: Office, marks: MarkWriter, drain: &CancellationToken) -> TermEnd {
    let (ends, ending) = ends::channel();
    let (inputs, inbox) = mpsc::channel(INBOX);
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_lead(office.clone()));
    tasks.spawn(coordinator::run(office.clone(), inbox));
    tasks.spawn(relay::run(office.clone()));
    tasks.spawn(live::echo(office.clone()));
    tasks.spawn(ends::run(office.clone(), ending));
    tasks.spawn(async move {
        marks.run().await;
        TermEnd::Drained
    });
    let consumers = start_consumers(&office, &inputs, &ends);
    let end = tokio::select! {
        () = drain.cancelled() => TermEnd::Drained,
        ended = tasks.join_next() => match ended {
            Some(Ok(end)) => end,
            Some(Err(error)) => TermEnd::Failed(format!("a task panicked: {error}")),
            None => TermEnd::Lost,
        },
    };
    for consumer in consumers {
        consumer.stop().await;
    }
    tasks.shutdown().await;
    end
}

fn start_consumers(office: &Office, inputs: &mpsc::Sender<Input>, ends: &Ends) -> Vec<Consumer> {
    let lane = office.settings.lane();
    let names = office.broker.names();
    let mut consumers: Vec<Consumer> = ServiceClass::ALL
        .into_iter()
        .map(|class| {
            let (office, inputs) = (office.clone(), inputs.clone());
            let queue = Subscription::new(names.jobs(&lane, class), HINT_PREFETCH)
                .concurrency(HINT_CONCURRENCY);
            let broker = office.broker.clone();
            broker.consume(queue, move |hint: Delivery<JobHint>| {
                take_hint(office.clone(), inputs.clone(), hint.body)
            })
        })
        .collect();
    consumers.push(live::consume(office.clone(), inputs.clone()));
    consumers.push(reports::consume(
        office.clone(),
        inputs.clone(),
        ends.clone(),
    ));
    consumers
}

/// A hint is acked once its job is in the coordinator's hands or found not to wait: the rows keep everything else.
async fn take_hint(office: Office, inputs: mpsc::Sender<Input>, hint: JobHint) -> Vec<Action> {
    let input = match hint.what {
        JobHintKind::CancelRequested => Some(Input::CancelRequested(hint.job_id)),
        JobHintKind::Submitted => {
            let (region, pool) = (&office.leadership.region, &office.leadership.pool);
            match office.store.waiting_job(region, pool, hint.job_id).await {
                Ok(job) => job.map(|job| Input::Waiting(Box::new(job))),
                Err(StoreError::Corrupt { what, .. }) => {
                    tracing::error!(job.id = %hint.job_id, "stored {what} of job {} is not valid", hint.job_id);
                    return vec![Action::DeadLetter("corrupt job row")];
                }
                Err(error) => {
                    tracing::warn!(job.id = %hint.job_id, "cannot look up job {}: {error}", hint.job_id, error = chain(&error));
                    return vec![Action::RetryLater(HINT_PAUSE)];
                }
            }
        }
    };
    if let Some(input) = input {
        // A closed inbox means that the term is over: the next leader reads the row.
        let _ = inputs.send(input).await;
    }
    Action::ack()
}

/// Renews the lead three times a term. A term that could not be renewed is over before anybody can take the lead.
async fn keep_lead(office: Office) -> TermEnd {
    let term = office.settings.leadership_term;
    let mut ticks = tokio::time::interval(term / 3);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut renewed_at = tokio::time::Instant::now();
    loop {
        ticks.tick().await;
        let asked_at = tokio::time::Instant::now();
        match office
            .store
            .renew_leadership(&office.leadership, term)
            .await
        {
            Ok(()) => renewed_at = asked_at,
            Err(StoreError::LeadershipLost) => return TermEnd::Lost,
            Err(error) => tracing::warn!("cannot renew leadership: {error}", error = chain(&error)),
        }
        if renewed_at.elapsed() >= term {
            return TermEnd::Lost;
        }
    }
}
